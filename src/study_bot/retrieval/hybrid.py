"""Dense and keyword search over one snapshot, and their fusion."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from study_bot.index.articles import ArticleTable
from study_bot.index.tokens import Tokenizer
from study_bot.library.passages import embedding_text
from study_bot.retrieval.fusion import (
    Ranking,
    dense_share,
    merged,
    ordered,
    ranking,
    vocabulary_coverage,
    weighted_z_fusion,
)
from study_bot.types import Passage, Version

Mask = NDArray[np.bool_]

LAW_BONUS = 2.0
"""Added to the fused score, in standard deviations, of passages of a document that the question names."""

_COVERING = 3
"""The best passages of the keyword list that are looked at for the question's vocabulary."""


class DenseSearch(Protocol):
    """What is needed of a dense index."""

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: Mask | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows, each (n, k), best first, padded with row -1."""
        ...


class SparseSearch(Protocol):
    """What is needed of a keyword index."""

    def search(
        self, tokens: Sequence[str], k: int, allowed: Mask | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores above 0 and rows, best first."""
        ...

    def document_frequency(self, token: str) -> int:
        """Number of rows that have the token."""
        ...


class Searchable(Protocol):
    """The parts of a snapshot that retrieval reads."""

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions."""
        ...

    @property
    def passages(self) -> tuple[Passage, ...]:
        """All passages; a row is a position here."""
        ...

    @property
    def dense(self) -> DenseSearch:
        """The dense index."""
        ...

    @property
    def sparse(self) -> SparseSearch:
        """The keyword index."""
        ...

    @property
    def articles(self) -> ArticleTable:
        """The article table."""
        ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """What each list found and what came of both. Times are milliseconds."""

    dense: Ranking
    sparse: Ranking
    fused: Ranking
    dense_ms: float
    sparse_ms: float
    fuse_ms: float


class HybridSearch:
    """Searches one snapshot. Holds no state of a question: safe for many threads at once."""

    def __init__(self, snapshot: Searchable, candidates: int) -> None:
        """`candidates` is the least length of each list."""
        self._snapshot, self._candidates = snapshot, candidates
        self._tokenizer = Tokenizer()

    def tokens(self, text: str) -> list[str]:
        """The words keyword search makes of a text."""
        return self._tokenizer.tokens(text)

    def nearest(self, vectors: NDArray[np.float32], k: int, allowed: Mask | None) -> list[Ranking]:
        """Dense lists of several questions that may see the same rows (None = all), at least `k` long."""
        scores, rows = self._snapshot.dense.search(vectors, self._length(k), allowed)
        return [ranking(r, s) for r, s in zip(rows, scores, strict=True)]

    def search(
        self,
        vector: NDArray[np.float32],
        keywords: str,
        k: int,
        allowed: Mask | None,
        named: Mask | None,
        near: Ranking | None = None,
    ) -> Candidates:
        """Both lists and their fusion for one question, at least `k` candidates of each.

        :param vector: of the question, one-dimensional.
        :param allowed: rows that may be found; None = all.
        :param named: rows of the documents the question names, which get own lists and `LAW_BONUS`; None = none.
        :param near: the dense list, if it is known already.
        """
        own = None if named is None else named if allowed is None else named & allowed
        started = time.perf_counter()
        dense = near if near is not None else self.nearest(vector[np.newaxis], k, allowed)[0]
        if own is not None:
            dense = merged([dense, self.nearest(vector[np.newaxis], k, own)[0]])
        after_dense = time.perf_counter()
        words = self.tokens(keywords)
        sparse = self._matching(words, k, allowed)
        if own is not None:
            sparse = merged([sparse, self._matching(words, k, own)])
        after_sparse = time.perf_counter()
        fused = self._fuse(words, dense, sparse, named)
        ended = time.perf_counter()
        return Candidates(
            dense=dense,
            sparse=sparse,
            fused=fused,
            dense_ms=1000 * (after_dense - started),
            sparse_ms=1000 * (after_sparse - after_dense),
            fuse_ms=1000 * (ended - after_sparse),
        )

    def _length(self, k: int) -> int:
        return max(1, min(max(self._candidates, k), len(self._snapshot.passages)))

    def _matching(self, words: Sequence[str], k: int, allowed: Mask | None) -> Ranking:
        scores, rows = self._snapshot.sparse.search(words, self._length(k), allowed)
        return ranking(rows, scores)

    def _fuse(self, words: Sequence[str], dense: Ranking, sparse: Ranking, named: Mask | None) -> Ranking:
        passages = self._snapshot.passages
        best = [self.tokens(embedding_text(passages[row])) for row in sparse.rows[:_COVERING]]
        coverage = vocabulary_coverage(words, best, self._snapshot.sparse.document_frequency, len(passages))
        share = dense_share(coverage)
        fused = weighted_z_fusion((dense, sparse), (share, 1 - share))
        return fused if named is None else ordered(fused.rows, fused.scores + LAW_BONUS * named[fused.rows])
