"""Dense and keyword search over one snapshot, and one ranking of what they find."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from study_bot.index.articles import ArticleTable
from study_bot.retrieval.candidates import CandidateFacts
from study_bot.retrieval.features import Evidence
from study_bot.retrieval.fusion import Ranking, ordered, ranking
from study_bot.retrieval.learned import LearnedRetrieval
from study_bot.types import Passage, Version

Mask = NDArray[np.bool_]
Vector = NDArray[np.float32]

LAW_BONUS = 3.0
"""Added to the score of passages of a document that the question names: they are e^3, about twenty times, likelier."""


class DenseSearch(Protocol):
    """What is needed of a dense index."""

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: Mask | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows, each (n, k), best first, padded with row -1."""
        ...

    def rows(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of the given rows, (n, dimension)."""
        ...


class SparseSearch(Protocol):
    """What is needed of a keyword index."""

    def search(
        self, tokens: Sequence[str], k: int, allowed: Mask | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores above 0 and rows, best first."""
        ...

    def contributions(self, tokens: Sequence[str], rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """What each token adds to the score of each row, (tokens, rows)."""
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


@dataclass(frozen=True, slots=True, eq=False)
class QuestionVectors:
    """A question's vector as the encoder gives it and after the adapter, each (dimension,); the same without one."""

    plain: Vector
    adapted: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What was found for one question.

    `ranked` holds every candidate, best first; scores are log-likelihoods up to a constant of the question. `rows` are
    the candidates in ascending order, and `evidence` and the scores of the lists are in that order; `sparse` is 0 where
    no word is shared. Times are milliseconds.
    """

    ranked: Ranking
    rows: NDArray[np.int64]
    evidence: Evidence
    sparse: NDArray[np.float64]
    dense_ms: float = 0.0
    sparse_ms: float = 0.0
    fuse_ms: float = 0.0


class HybridSearch:
    """Searches one snapshot. Holds no state of a question: safe for many threads at once."""

    def __init__(self, snapshot: Searchable, learned: LearnedRetrieval, candidates: int) -> None:
        """`candidates` is the least length of each list."""
        self._snapshot, self._learned, self._candidates = snapshot, learned, candidates
        self._facts = CandidateFacts(snapshot.passages, snapshot.sparse)

    def tokens(self, text: str) -> list[str]:
        """The words keyword search makes of a text."""
        return self._facts.tokens(text)

    def words(self, text: str) -> list[str]:
        """The words of a text, without the character pairs."""
        return self._facts.words(text)

    def tags(self, text: str) -> set[str]:
        """Part-of-speech tags that occur in a text."""
        return self._facts.tags(text)

    def adapted(self, vectors: NDArray[np.float32]) -> list[QuestionVectors]:
        """Questions' vectors, (n, dimension), with what the adapter makes of them."""
        adapter = self._learned.adapter
        if adapter is None:
            return [QuestionVectors(vector, vector) for vector in vectors]
        return [QuestionVectors(*both) for both in zip(vectors, adapter.transform(vectors), strict=True)]

    def search(
        self, vectors: QuestionVectors, keywords: str, k: int, allowed: Mask | None, named: Mask | None
    ) -> Candidates:
        """At least `k` candidates of each list, ranked together.

        :param allowed: rows that may be found; None = all.
        :param named: rows of the documents the question names, which get own lists and `LAW_BONUS`; None = none.
        """
        own = None if named is None else named if allowed is None else named & allowed
        started = time.perf_counter()
        found = [*self._near(vectors, k, allowed), *([] if own is None else self._near(vectors, k, own))]
        after_dense = time.perf_counter()
        question = self._facts.question(keywords)
        words = question.repeated
        found += [self._matching(words, k, allowed), *([] if own is None else [self._matching(words, k, own)])]
        after_sparse = time.perf_counter()
        rows = self._united(found)
        near = self._snapshot.dense.rows(rows)
        evidence = self._facts.evidence(question, rows, near, vectors.plain, vectors.adapted, named)
        scores = self._learned.ranking.scores(evidence)
        ended = time.perf_counter()
        return Candidates(
            ranked=ordered(rows, scores + LAW_BONUS * evidence.named),
            rows=rows,
            evidence=evidence,
            sparse=evidence.contributions.sum(axis=0),
            dense_ms=1000 * (after_dense - started),
            sparse_ms=1000 * (after_sparse - after_dense),
            fuse_ms=1000 * (ended - after_sparse),
        )

    def _near(self, vectors: QuestionVectors, k: int, allowed: Mask | None) -> list[Ranking]:
        """The list of the plain vector and, where it is another, that of the adapted one."""
        both = [vectors.adapted] if vectors.plain is vectors.adapted else [vectors.adapted, vectors.plain]
        scores, rows = self._snapshot.dense.search(np.stack(both), self._length(k), allowed)
        return [ranking(r, s) for r, s in zip(rows, scores, strict=True)]

    def _united(self, lists: Sequence[Ranking]) -> NDArray[np.int64]:
        """The rows of all lists, each once, in ascending order."""
        found = np.zeros(len(self._snapshot.passages), np.bool_)
        for one in lists:
            found[one.rows] = True
        return np.flatnonzero(found)

    def _length(self, k: int) -> int:
        return max(1, min(max(self._candidates, k), len(self._snapshot.passages)))

    def _matching(self, words: Sequence[str], k: int, allowed: Mask | None) -> Ranking:
        scores, rows = self._snapshot.sparse.search(words, self._length(k), allowed)
        return ranking(rows, scores)
