"""The query adapter and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import LearnedFileError
from study_bot.index.vectors import unit_rows
from study_bot.retrieval.adapter import AdapterCard, QueryAdapter, load_adapter

CARD = AdapterCard(
    model="abc", created="2026-11-24", data={"stard": 10}, metrics={"stard R@10": 0.5}, recipe={"steps": 3}
)


def adapter(weight: np.ndarray, card: AdapterCard = CARD) -> QueryAdapter:
    return QueryAdapter(weight.astype(np.float32), card)


def vectors(count: int, dimension: int = 6, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, dimension)), dimension)


def test_a_matrix_of_zeros_changes_nothing():
    asked = vectors(5)
    np.testing.assert_allclose(adapter(np.zeros((6, 6))).transform(asked), asked, atol=1e-7)


@given(st.integers(0, 999), st.integers(1, 5), st.floats(0, 3))
def test_adapted_vectors_have_length_one(seed: int, count: int, size: float):
    weight = size * np.random.default_rng(seed + 1).standard_normal((6, 6))
    adapted = adapter(weight).transform(vectors(count, seed=seed))
    assert adapted.shape == (count, 6)
    assert adapted.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(adapted, axis=1), 1, atol=1e-5)


def test_the_map_is_added_to_the_vector():
    """A question along the first axis is moved half-way to the second."""
    weight = np.zeros((2, 2))
    weight[0, 1] = 1
    moved = adapter(weight).transform(np.array([[1, 0], [0, 1]], np.float32))
    np.testing.assert_allclose(moved, [[0.5**0.5, 0.5**0.5], [0, 1]], atol=1e-6)


def test_no_questions():
    assert adapter(np.zeros((6, 6))).transform(np.zeros((0, 6), np.float32)).shape == (0, 6)


@pytest.mark.parametrize("shape", [(2, 5), (6,), (1, 7)])
def test_vectors_of_another_width_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="dimension 6"):
        adapter(np.zeros((6, 6))).transform(np.zeros(shape, np.float32))


@pytest.mark.parametrize("weight", [np.zeros((2, 3)), np.zeros(4), np.full((2, 2), np.nan), np.diag([np.inf, 1])])
def test_only_square_matrices_of_numbers(weight: np.ndarray):
    with pytest.raises(ValueError, match="an adapter"):
        adapter(weight)


def test_it_fits_the_model_it_was_learned_on():
    learned = adapter(np.zeros((6, 6)))
    assert learned.fits("abc", 6)
    assert not learned.fits("abd", 6)
    assert not learned.fits("abc", 7)


def test_saved_and_read_again(tmp_path: Path):
    """To half precision; card and all; nothing else is left in the folder, which is made if need be."""
    weight = np.random.default_rng(0).standard_normal((6, 6)) / 10
    path = tmp_path / "new" / "adapter.safetensors"
    adapter(weight).save(path)
    loaded = load_adapter(path)
    assert loaded.card == CARD
    assert loaded.weight.dtype == np.float32
    np.testing.assert_allclose(loaded.weight, weight, rtol=1e-3, atol=1e-4)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_file_is_small(tmp_path: Path):
    adapter(np.zeros((384, 384))).save(tmp_path / "a")
    assert (tmp_path / "a").stat().st_size < 300_000


def test_a_file_that_is_written_over_is_whole_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "adapter.safetensors"
    adapter(np.zeros((6, 6))).save(path)
    before = path.read_bytes()

    def full(draft: Path, content: bytes) -> int:
        with draft.open("wb") as file:
            file.write(content[:20])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        adapter(np.ones((6, 6))).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "foreign", "format", "card", "shape"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, damage: str):
    from safetensors.numpy import save_file

    path = tmp_path / "adapter.safetensors"
    if damage == "format":
        adapter(np.zeros((6, 6)), AdapterCard(model="abc", created="2026-11-24", format=99)).save(path)
    else:
        adapter(np.zeros((6, 6))).save(path)
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        path.write_text("not an adapter")
    elif damage == "card":
        save_file({"weight": np.zeros((6, 6), np.float16)}, path)
    elif damage == "shape":
        card = '{"model": "abc", "created": "2026-11-24"}'
        save_file({"weight": np.zeros((6, 5), np.float16)}, path, metadata={"card": card})
    with pytest.raises(LearnedFileError, match=r"adapter\.safetensors 无法读取.*study-bot train adapter"):
        load_adapter(path)
