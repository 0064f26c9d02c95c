"""Exact articles first, then dense and keyword search together, over one snapshot."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from study_bot.index.articles import ArticleTable
from study_bot.index.embedding import Encoder
from study_bot.index.tokens import Tokenizer
from study_bot.library.passages import embedding_text
from study_bot.retrieval.eligibility import Eligibility, Eligible
from study_bot.retrieval.exact import FoundArticle, look_up
from study_bot.retrieval.fusion import Ranking, dense_share, ranking, vocabulary_coverage, weighted_z_fusion
from study_bot.retrieval.query import Query, understand
from study_bot.retrieval.selection import SameTexts, Selected, select
from study_bot.settings import Settings
from study_bot.types import DocumentKind, Filters, Hit, Passage, Version, VersionStatus

LAW_BONUS = 1.0
"""Added to the fused score, in standard deviations, where the question names the passage's document."""

_COVERING = 3
"""The best passages of the keyword list that are looked at for the question's vocabulary."""


class DenseSearch(Protocol):
    """What is needed of a dense index."""

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows, each (n, k), best first, padded with row -1."""
        ...


class SparseSearch(Protocol):
    """What is needed of a keyword index."""

    def search(
        self, tokens: Sequence[str], k: int, allowed: NDArray[np.bool_] | None = None
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
class RetrievalLatency:
    """Milliseconds of each step; `total` includes the looking up of articles and everything else."""

    encode: float = 0.0
    dense: float = 0.0
    sparse: float = 0.0
    fuse: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found. `hits` are best first: the passages of the articles named, each article whole, then the others.

    `found` tells of those articles where they are and whether they are in force. `as_of` is the day validity was
    judged on. `duplicates` gives by passage id other passages with the same text that were left out.
    """

    query: Query
    hits: tuple[Hit, ...]
    found: tuple[FoundArticle, ...]
    as_of: dt.date
    latency: RetrievalLatency
    duplicates: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Lists:
    """The two lists of candidates and what became of them."""

    dense: Ranking
    sparse: Ranking
    fused: Ranking


class Retriever:
    """Answers queries from one snapshot. Holds no state of a conversation: safe for many threads at once."""

    def __init__(self, snapshot: Searchable, encoder: Encoder, settings: Settings) -> None:
        self._snapshot, self._encoder, self._settings = snapshot, encoder, settings
        self._tokenizer = Tokenizer()
        self._eligibility = Eligibility(snapshot.versions, snapshot.passages, snapshot.articles)
        self._same = SameTexts(snapshot.passages)
        self._versions = {version.version_id: version for version in snapshot.versions}

    def tokens(self, text: str) -> list[str]:
        """The words keyword search makes of a text."""
        return self._tokenizer.tokens(text)

    def retrieve(self, query: Query, filters: Filters, k: int, *, today: dt.date | None = None) -> Retrieval:
        """The best `k` passages for a query; more only where the articles it names have more parts.

        :param filters: the asker's limits; its day goes before that of the question.
        :param today: the day that counts when neither names one; None = the computer's.
        """
        started = time.perf_counter()
        vectors = self._encoder.encode_queries([query.search_text])
        encoded = time.perf_counter()
        day = filters.as_of or query.as_of or today or dt.date.today()
        eligible = self._eligibility.eligible(query, filters, day)
        found = self._look_up(query, eligible, day)
        before_search = time.perf_counter()
        dense = self._dense(vectors, k, eligible)[0]
        after_dense = time.perf_counter()
        words = self.tokens(query.search_text)
        sparse = self._sparse(words, k, eligible)
        after_sparse = time.perf_counter()
        lists = self._fuse(query, words, dense, sparse)
        exact = _exact_rows(found)
        selected = select(
            lists.fused.rows.tolist(),
            max(k - len(exact), 0),
            self._snapshot.passages,
            self._same,
            lambda row: self._preference(row, day),
            taken=exact,
        )
        hits = self._hits(exact, selected.rows, lists)
        ended = time.perf_counter()
        return Retrieval(
            query=query,
            hits=hits,
            found=found,
            as_of=day,
            latency=RetrievalLatency(
                encode=1000 * (encoded - started),
                dense=1000 * (after_dense - before_search),
                sparse=1000 * (after_sparse - after_dense),
                fuse=1000 * (ended - after_sparse),
                total=1000 * (ended - started),
            ),
            duplicates=self._duplicates(selected),
        )

    def retrieve_many(
        self,
        questions: Sequence[str],
        k: int,
        *,
        filters: Filters | None = None,
        today: dt.date | None = None,
    ) -> list[tuple[Hit, ...]]:
        """Up to `k` hits for each question, for measuring: nothing is left out as a repetition.

        :param filters: None = all versions, in force or not, because the judgements of a set know nothing of validity;
            of an article named in a question the one in force still comes first.
        """
        filters = filters or Filters(include_inactive=True)
        today = today or dt.date.today()
        queries = [understand(question, self._snapshot.articles, today) for question in questions]
        vectors = self._encoder.encode_queries([query.search_text for query in queries])
        days = [filters.as_of or query.as_of or today for query in queries]
        masks = [self._eligibility.eligible(query, filters, day) for query, day in zip(queries, days, strict=True)]
        dense = self._dense_batch(vectors, k, masks)
        results = []
        for query, day, eligible, near in zip(queries, days, masks, dense, strict=True):
            found = self._look_up(query, eligible, day)
            words = self.tokens(query.search_text)
            lists = self._fuse(query, words, near, self._sparse(words, k, eligible))
            exact = _exact_rows(found)
            named = set(exact)
            others = [row for row in lists.fused.rows.tolist() if row not in named]
            results.append(self._hits(exact, others, lists)[:k])
        return results

    def _look_up(self, query: Query, eligible: Eligible, day: dt.date) -> tuple[FoundArticle, ...]:
        articles, passages = self._snapshot.articles, self._snapshot.passages
        return look_up(query.references, articles, self._eligibility, eligible, passages, day)

    def _candidates(self, k: int) -> int:
        return max(1, min(max(self._settings.candidates, k), len(self._snapshot.passages)))

    def _dense(self, vectors: NDArray[np.float32], k: int, eligible: Eligible) -> list[Ranking]:
        scores, rows = self._snapshot.dense.search(vectors, self._candidates(k), eligible.rows)
        return [ranking(r, s) for r, s in zip(rows, scores, strict=True)]

    def _dense_batch(self, vectors: NDArray[np.float32], k: int, masks: Sequence[Eligible]) -> list[Ranking]:
        """One search for all questions that see every passage, one each for the others."""
        results: dict[int, Ranking] = {}
        together = [i for i, mask in enumerate(masks) if mask.rows is None]
        if together:
            results.update(zip(together, self._dense(vectors[together], k, masks[together[0]]), strict=True))
        for i, mask in enumerate(masks):
            if mask.rows is not None:
                results[i] = self._dense(vectors[i : i + 1], k, mask)[0]
        return [results[i] for i in range(len(masks))]

    def _sparse(self, words: Sequence[str], k: int, eligible: Eligible) -> Ranking:
        scores, rows = self._snapshot.sparse.search(words, self._candidates(k), eligible.rows)
        return ranking(rows, scores)

    def _fuse(self, query: Query, words: Sequence[str], dense: Ranking, sparse: Ranking) -> _Lists:
        passages = self._snapshot.passages
        best = [self.tokens(embedding_text(passages[row])) for row in sparse.rows[:_COVERING]]
        coverage = vocabulary_coverage(words, best, self._snapshot.sparse.document_frequency, len(passages))
        share = dense_share(coverage)
        fused = weighted_z_fusion((dense, sparse), (share, 1 - share))
        if query.doc_ids and fused.rows.size:
            named = self._eligibility.rows_of_documents(query.doc_ids)[fused.rows]
            order = np.lexsort((fused.rows, -(scores := fused.scores + LAW_BONUS * named)))
            fused = Ranking(fused.rows[order], scores[order])
        return _Lists(dense, sparse, fused)

    def _preference(self, row: int, day: dt.date) -> tuple[object, ...]:
        """Of equal texts: in force before the rest, statutes before what quotes them."""
        version = self._versions[self._snapshot.passages[row].version_id]
        in_force = self._eligibility.status(version.version_id, day) is VersionStatus.IN_FORCE
        return not in_force, version.kind is not DocumentKind.STATUTE

    def _hits(self, exact: Sequence[int], others: Sequence[int], lists: _Lists) -> tuple[Hit, ...]:
        dense = dict(zip(lists.dense.rows.tolist(), lists.dense.scores.tolist(), strict=True))
        sparse = dict(zip(lists.sparse.rows.tolist(), lists.sparse.scores.tolist(), strict=True))
        fused = dict(zip(lists.fused.rows.tolist(), lists.fused.scores.tolist(), strict=True))
        top = max(fused.values(), default=0.0)
        passages = self._snapshot.passages
        return (
            *(
                Hit(passages[row], top + len(exact) - place, dense.get(row), sparse.get(row), exact=True)
                for place, row in enumerate(exact)
            ),
            *(Hit(passages[row], fused[row], dense.get(row), sparse.get(row)) for row in others),
        )

    def _duplicates(self, selected: Selected) -> dict[str, tuple[Passage, ...]]:
        passages = self._snapshot.passages
        return {
            passages[row].passage_id: tuple(passages[other] for other in others)
            for row, others in selected.duplicates.items()
        }


def _exact_rows(found: Sequence[FoundArticle]) -> list[int]:
    return list(dict.fromkeys(row for article in found for row in article.rows))
