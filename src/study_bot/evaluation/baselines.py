"""Each list of candidates by itself, to see what fusion and article look-up add. Nothing is filtered, the question
is taken as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from study_bot.types import Hit

if TYPE_CHECKING:
    from study_bot.evaluation.runner import SearchMany
    from study_bot.index.embedding import Encoder
    from study_bot.index.store import Snapshot


def dense_only(snapshot: Snapshot, encoder: Encoder) -> SearchMany:
    """Search by vectors alone; scores are cosines."""

    def search_many(questions: Sequence[str], k: int) -> list[list[Hit]]:
        found = snapshot.dense.search(encoder.encode_queries(questions), k)
        return [
            [
                Hit(snapshot.passages[row], score, dense=score)
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

    return lambda questions, k: [search(question, k) for question in questions]
