"""The simpler searches, over real indexes of three rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from study_bot.evaluation.baselines import dense_only, reciprocal_ranks, sparse_only
from study_bot.index.dense import DenseIndex
from study_bot.index.sparse import SparseIndex
from study_bot.index.tokens import Tokenizer
from study_bot.retrieval.adapter import AdapterCard, QueryAdapter
from tests.evaluation.samples import make_passage

TEXTS = ("值班员每日交接班", "记录保存二年", "离岗应当报告")


class OneHot:
    """An encoder that goes by the digit a question begins with."""

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[[int(text[0]) for text in texts]]


@pytest.fixture
def snapshot() -> Any:
    return SimpleNamespace(
        passages=tuple(make_passage(f"p{n}", f"d{n}", text=text) for n, text in enumerate(TEXTS)),
        dense=DenseIndex.from_vectors(np.eye(3, dtype=np.float32)),
        sparse=SparseIndex.from_tokens([Tokenizer().tokens(text) for text in TEXTS]),
    )


def test_dense_list_alone(snapshot: Any) -> None:
    found = dense_only(snapshot, OneHot())(["2", "0"], 10)  # type: ignore[arg-type]
    assert [hits[0].passage.passage_id for hits in found] == ["p2", "p0"]
    assert [len(hits) for hits in found] == [3, 3]
    assert (found[0][0].score, found[0][0].dense, found[0][0].sparse) == (1.0, 1.0, None)


def test_sparse_list_alone(snapshot: Any) -> None:
    found = sparse_only(snapshot)(["记录保存多久", "无关"], 2)
    assert [hit.passage.passage_id for hit in found[0]] == ["p1"]
    assert found[0][0].score == found[0][0].sparse > 0
    assert found[1] == []


def test_dense_list_after_the_adapter(snapshot: Any) -> None:
    """One that turns every question towards the row after its own."""
    turn = QueryAdapter(9 * np.roll(np.eye(3, dtype=np.float32), 1, axis=1), AdapterCard("one-hot", "2026-11-24"))
    found = dense_only(snapshot, OneHot(), turn)(["2", "0"], 10)  # type: ignore[arg-type]
    assert [hits[0].passage.passage_id for hits in found] == ["p0", "p1"]
    assert found[0][0].adapted == found[0][0].score > 0.9
    assert found[0][0].dense is None


def test_lists_put_together_by_ranks(snapshot: Any) -> None:
    """First of the vectors and nothing else; second of the vectors and first of the keywords."""
    (hits,) = reciprocal_ranks(snapshot, OneHot())(["2 离岗 记录保存"], 3)  # type: ignore[arg-type]
    scores = {hit.passage.passage_id: hit for hit in hits}
    assert [hit.passage.passage_id for hit in hits] == ["p2", "p1", "p0"]
    assert scores["p2"].score == pytest.approx(1 / 61 + 1 / 62)
    assert scores["p1"].score == pytest.approx(1 / 61 + 1 / 63)
    assert scores["p0"].score == pytest.approx(1 / 62)
    assert (scores["p2"].dense, scores["p0"].sparse) == (1, None)
    assert scores["p1"].sparse > scores["p2"].sparse > 0


def test_lists_put_together_are_cut(snapshot: Any) -> None:
    (hits,) = reciprocal_ranks(snapshot, OneHot())(["2 记录保存"], 1)  # type: ignore[arg-type]
    assert [hit.passage.passage_id for hit in hits] == ["p1"]
    assert reciprocal_ranks(snapshot, OneHot())([], 5) == []  # type: ignore[arg-type]
