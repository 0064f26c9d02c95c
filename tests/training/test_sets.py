from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from study_bot.errors import DatasetError, NoIndexError, SnapshotError
from study_bot.index.builder import build_index
from study_bot.index.embedding_cache import EmbeddingCache
from study_bot.training.examples import examples_of
from study_bot.training.pairs import cached_vectors, pairs_of, question_vectors, self_pairs
from study_bot.training.sets import SetSource, TrainingSet, open_sets, parse_source
from tests.index.builder_fakes import RULE_TITLE, SETTINGS, TODAY, FakeEncoder, rule_text

QUOTES = {1: "值守人员每晚第1次巡查", 2: "值守人员每晚第2次巡查"}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """An index of one rule, and beside it a set whose golds are named by evidence."""
    source = tmp_path / "文献"
    source.mkdir()
    (source / "规定.txt").write_text(rule_text(8), encoding="utf-8")
    build_index([source], tmp_path / "index", SETTINGS, FakeEncoder(), today=TODAY)  # type: ignore[arg-type]
    return tmp_path


def write_set(folder: Path, records: list[dict[str, object]]) -> Path:
    folder.mkdir()
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "queries.jsonl").write_text(lines, encoding="utf-8")
    return folder


def case(number: int, text: str, *, article: str | None = None, quote: str = "", **more: object) -> dict[str, object]:
    evidence = [{"title": RULE_TITLE, "version": None, "article": article, "quote": quote}]
    return {"_id": f"q{number}", "text": text, "metadata": {"split": "dev", "evidence": evidence, **more}}


@pytest.fixture
def opened(library: Path) -> TrainingSet:
    folder = write_set(
        library / "cases",
        [
            case(1, "请问夜里第一回巡查要做什么？", quote=QUOTES[1]),
            case(2, f"{RULE_TITLE}第二条的内容是什么", article="第二条"),
            case(3, "那第二回呢", quote=QUOTES[2], conversation=[{"question": "夜里第一回巡查做什么", "answer": "…"}]),
        ],
    )
    (found,) = open_sets([SetSource(folder, "dev", library / "index")], FakeEncoder(), TODAY, lambda line: None)
    return found


def test_questions_are_understood_as_in_retrieval(opened: TrainingSet) -> None:
    first, named, following = opened.questions
    assert first.query.search_text == "夜里第一回巡查要做什么"
    passages = opened.library.snapshot.passages
    assert [QUOTES[1] in passages[row].text for row in first.rows] == [True]
    assert named.is_looked_up
    assert not first.is_looked_up
    assert following.query.follow_up
    assert "巡查" in following.query.search_text


def test_what_is_looked_up_trains_no_adapter_and_stands_before_the_candidates(opened: TrainingSet) -> None:
    encoder = FakeEncoder()
    vectors = question_vectors(opened, encoder)
    pairs = pairs_of(opened, vectors)
    assert pairs.ids == ("q1", "q3")
    assert np.array_equal(pairs.vectors, vectors[[0, 2]])
    examples = examples_of(opened, vectors, None, candidates=10)
    assert len(examples) == 3
    assert examples.exact[1]
    start, end = examples.starts[1:3]
    assert not set(examples.exact[1]) & set(examples.rows[start:end].tolist())
    assert examples.measures(np.zeros(len(examples.rows)))[1, 0] == 1
    assert examples.right[: examples.starts[1]].sum() == 1


def test_questions_are_encoded_once(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    class Counting(FakeEncoder):
        def encode_queries(self, texts: list[str]) -> np.ndarray:
            asked.append(list(texts))
            return super().encode_queries(texts)

    cache = EmbeddingCache(tmp_path / "questions.sqlite")
    first = cached_vectors(["甲乙", "丙丁", "甲乙"], Counting(), cache)
    again = cached_vectors(["丙丁", "戊己"], Counting(), cache)
    assert asked == [["甲乙", "丙丁"], ["戊己"]]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], again[0])
    assert cached_vectors(["甲乙"], Counting("another model"), cache).shape == (1, 32)
    assert len(asked) == 3
    assert cached_vectors([], Counting(), cache).shape == (0, 32)


def test_sentences_of_the_library_are_paired_with_their_own_passage(library: Path, opened: TrainingSet) -> None:
    found = self_pairs(opened.library, FakeEncoder(), 3, seed=1, weight=0.1)
    passages = opened.library.snapshot.passages
    assert len(found) <= 3
    for text, (row,) in zip(found.texts, found.positives, strict=True):
        assert text in passages[row].text
        assert text != passages[row].text


@pytest.mark.parametrize(
    ("text", "directory", "split", "index"),
    [
        ("a/b", "a/b", "dev", "main"),
        ("a/b@train", "a/b", "train", "main"),
        ("a/b=ix", "a/b", "dev", "ix"),
        ("a/b@train=ix/c", "a/b", "train", "ix/c"),
    ],
)
def test_sources(text: str, directory: str, split: str, index: str) -> None:
    assert parse_source(text, Path("main")) == SetSource(Path(directory), split, Path(index))


def test_a_folder_may_have_the_signs_in_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a@b=c").mkdir()
    assert parse_source("a@b=c", Path("main")).directory == Path("a@b=c")
    assert parse_source("a@b=c=ix", Path("main")) == SetSource(Path("a@b=c"), "dev", Path("ix"))
    assert parse_source("a@b=c@test=ix", None) == SetSource(Path("a@b=c"), "test", Path("ix"))


def test_an_index_must_be_named() -> None:
    with pytest.raises(DatasetError, match="--index"):
        parse_source("a/b", None)


def test_what_is_missing_is_named(library: Path) -> None:
    good = write_set(library / "good", [case(1, "夜里第一回巡查做什么", quote=QUOTES[1])])
    encoder: Callable[[], FakeEncoder] = FakeEncoder
    with pytest.raises(NoIndexError, match="study-bot index build"):
        open_sets([SetSource(good, "dev", library / "nowhere")], encoder(), TODAY, lambda line: None)
    with pytest.raises(SnapshotError, match="向量模型已更换"):
        open_sets([SetSource(good, "dev", library / "index")], FakeEncoder("other"), TODAY, lambda line: None)
    with pytest.raises(DatasetError, match="good 给出了两次"):
        open_sets([SetSource(good, "dev", library / "index")] * 2, encoder(), TODAY, lambda line: None)
    strange = write_set(library / "strange", [{"_id": "q", "text": "什么"}])
    (strange / "qrels").mkdir()
    (strange / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq\tnone\t1\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="strange 的正确文档都不在索引"):
        open_sets([SetSource(strange, "dev", library / "index")], encoder(), TODAY, lambda line: None)
