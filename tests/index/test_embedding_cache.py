"""The vector cache: round trips, pruning, damage, threads and processes."""

from __future__ import annotations

import multiprocessing
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from study_bot.errors import SnapshotError
from study_bot.index.embedding_cache import EmbeddingCache, text_hash


def _vectors(count: int, start: int = 0, dimension: int = 8) -> dict[str, np.ndarray]:
    random = np.random.default_rng(start)
    return {text_hash(f"文本{start + i}"): random.standard_normal(dimension).astype(np.float32) for i in range(count)}


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "缓存" / "embeddings.sqlite")


def test_what_was_put_comes_back_exactly(cache: EmbeddingCache) -> None:
    """In any number, also with keys unknown or asked for twice."""
    vectors = _vectors(1203)
    cache.put_many("model", vectors)
    found = cache.get_many("model", [*vectors, *vectors, "unknown"])
    assert found.keys() == vectors.keys()
    for key, vector in vectors.items():
        assert found[key].dtype == np.float32
        np.testing.assert_array_equal(found[key], vector)
    assert cache.size() == 1203


def test_models_do_not_mix(cache: EmbeddingCache) -> None:
    vectors = _vectors(3)
    cache.put_many("a", vectors)
    assert cache.get_many("b", vectors) == {}
    cache.put_many("b", {key: -vector for key, vector in vectors.items()})
    np.testing.assert_array_equal(cache.get_many("a", vectors)[text_hash("文本1")], vectors[text_hash("文本1")])
    assert cache.size() == 6


def test_nothing_asked_nothing_found(cache: EmbeddingCache) -> None:
    cache.put_many("model", {})
    assert cache.get_many("model", []) == {}
    assert cache.size() == 0


def test_a_vector_put_again_is_replaced(cache: EmbeddingCache) -> None:
    cache.put_many("model", {"k": np.ones(4, np.float32)})
    cache.put_many("model", {"k": np.zeros(4, np.float64)})
    np.testing.assert_array_equal(cache.get_many("model", ["k"])["k"], np.zeros(4))
    assert cache.size() == 1


def test_it_survives_reopening(cache: EmbeddingCache) -> None:
    cache.put_many("model", _vectors(5))
    assert EmbeddingCache(cache.path).get_many("model", _vectors(5)).keys() == _vectors(5).keys()


def test_prune_keeps_what_is_named_and_shrinks_the_file(cache: EmbeddingCache) -> None:
    cache.put_many("old", _vectors(50))
    cache.put_many("model", _vectors(3000, dimension=64))
    before = cache.path.stat().st_size
    kept = list(_vectors(3000))[:10]
    assert cache.prune({"model": [*kept, "never stored"]}) == 3040
    assert cache.get_many("model", _vectors(3000)).keys() == set(kept)
    assert cache.size() == 10
    assert cache.path.stat().st_size < before / 4
    assert cache.prune({}) == 10


@pytest.mark.parametrize("damage", ["overwrite", "cut", "garbage inside", "other layout"])
def test_a_damaged_file_is_moved_aside(cache: EmbeddingCache, damage: str) -> None:
    """At the next call of a cache that is open, and when it is opened."""
    vectors = _vectors(400)
    cache.put_many("model", vectors)
    content = cache.path.read_bytes()
    if damage == "overwrite":
        cache.path.write_bytes(b"this is no database" * 100)
    elif damage == "cut":
        cache.path.write_bytes(content[: len(content) // 2])
    elif damage == "garbage inside":
        cache.path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    else:
        connection = sqlite3.connect(cache.path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
    assert cache.get_many("model", vectors) == {}
    assert cache.path.with_name("embeddings.sqlite.damaged").exists()
    EmbeddingCache(cache.path).put_many("model", vectors)
    assert len(cache.get_many("model", vectors)) == 400


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SnapshotError, match=r"向量缓存 .*embeddings\.sqlite 无法读写"):
        EmbeddingCache(tmp_path / "file" / "embeddings.sqlite")


def test_threads(cache: EmbeddingCache) -> None:
    def work(number: int) -> int:
        mine = _vectors(100, start=number * 1000)
        cache.put_many("model", mine)
        return len(cache.get_many("model", mine))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == [100] * 16
    assert cache.size() == 1600


def test_processes(tmp_path: Path) -> None:
    """That open, fill and read one file at the same moment."""
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(4), context.Queue()

    def work(number: int) -> None:
        start.wait()
        cache = EmbeddingCache(tmp_path / "embeddings.sqlite")
        for part in range(5):
            cache.put_many("model", _vectors(20, start=number * 1000 + part * 20))
        results.put(len(cache.get_many("model", _vectors(20, start=number * 1000))))

    processes = [context.Process(target=work, args=(number,)) for number in range(4)]
    for process in processes:
        process.start()
    assert [results.get(timeout=60) for _ in processes] == [20] * 4
    for process in processes:
        process.join()
    assert EmbeddingCache(tmp_path / "embeddings.sqlite").size() == 400
