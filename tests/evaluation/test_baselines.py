"""The two lists by themselves, over real indexes of three rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from study_bot.evaluation.baselines import dense_only, sparse_only
from study_bot.index.dense import DenseIndex
from study_bot.index.sparse import SparseIndex
from study_bot.index.tokens import Tokenizer
from tests.evaluation.samples import make_passage

TEXTS = ("值班员每日交接班", "记录保存二年", "离岗应当报告")


class OneHot:
    """An encoder that knows three questions by heart."""

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[[int(text) for text in texts]]


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
