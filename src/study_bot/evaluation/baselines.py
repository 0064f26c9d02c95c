"""Simpler searches, to see what the learned ranking and the look-up of articles add. Nothing is filtered, the question
is taken as it is written, without the turns and the day it is put with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from study_bot.types import Hit, QuestionContext

if TYPE_CHECKING:
    from study_bot.evaluation.runner import SearchMany
    from study_bot.index.dense import Rows
    from study_bot.index.embedding import Encoder
    from study_bot.index.store import Snapshot
    from study_bot.index.vectors import Vectors
    from study_bot.retrieval.adapter import QueryAdapter


def dense_only(snapshot: Snapshot, encoder: Encoder, adapter: QueryAdapter | None = None) -> SearchMany:
    """Search by vectors alone; scores are cosines.

    :param adapter: what the questions' vectors go through first; None = as the encoder gives them.
    """

    def search_many(texts: Sequence[str], top_k: int, contexts: Sequence[QuestionContext] = ()) -> list[list[Hit]]:
        vectors = encoder.encode_queries(texts)
        found = snapshot.dense.search(vectors if adapter is None else adapter.transform(vectors), top_k)
        return [
            [
                Hit(
                    snapshot.passages[row],
                    score,
                    dense=score if adapter is None else None,
                    adapted=None if adapter is None else score,
                )
                for score, row in zip(scores.tolist(), rows.tolist(), strict=True)
                if row >= 0
            ]
            for scores, rows in zip(*found, strict=True)
        ]

    return search_many


def sparse_only(snapshot: Snapshot) -> SearchMany:
    """Search by words alone; scores are those of BM25."""
    from study_bot.index.tokens import Tokenizer

    tokenizer = Tokenizer()

    def search(question: str, k: int) -> list[Hit]:
        scores, rows = snapshot.sparse.search(tokenizer.tokens(question), k)
        return [
            Hit(snapshot.passages[row], score, sparse=score)
            for score, row in zip(scores.tolist(), rows.tolist(), strict=True)
        ]

    def search_many(texts: Sequence[str], top_k: int, contexts: Sequence[QuestionContext] = ()) -> list[list[Hit]]:
        return [search(text, top_k) for text in texts]

    return search_many


def reciprocal_ranks(snapshot: Snapshot, encoder: Encoder) -> SearchMany:
    """The lists of vectors and of words, each `k` long, put together by their ranks alone; nothing in it is learned."""
    from study_bot.index.tokens import Tokenizer
    from study_bot.retrieval.fusion import ranking, reciprocal_rank_fusion

    tokenizer = Tokenizer()

    def search_many(texts: Sequence[str], top_k: int, contexts: Sequence[QuestionContext] = ()) -> list[list[Hit]]:
        near = zip(*snapshot.dense.search(encoder.encode_queries(texts), top_k), strict=True)
        return [fused(text, scores, rows, top_k) for text, (scores, rows) in zip(texts, near, strict=True)]

    def fused(question: str, near: Vectors, near_rows: Rows, k: int) -> list[Hit]:
        words, word_rows = snapshot.sparse.search(tokenizer.tokens(question), k)
        lists = [ranking(near_rows, near), ranking(word_rows, words)]
        both = reciprocal_rank_fusion(lists, (1.0, 1.0))
        dense, sparse = (dict(zip(one.rows.tolist(), one.scores.tolist(), strict=True)) for one in lists)
        return [
            Hit(snapshot.passages[row], score, dense=dense.get(row), sparse=sparse.get(row))
            for row, score in zip(both.rows[:k].tolist(), both.scores[:k].tolist(), strict=True)
        ]

    return search_many
