"""Exact articles first, then dense and keyword search together, over one snapshot."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from study_bot.index.embedding import Encoder
from study_bot.retrieval.eligibility import Eligibility, Eligible
from study_bot.retrieval.exact import FoundArticle, look_up
from study_bot.retrieval.fusion import Ranking
from study_bot.retrieval.hybrid import Candidates, HybridSearch, Searchable
from study_bot.retrieval.query import Query, understand
from study_bot.retrieval.selection import SameTexts, Selected, select
from study_bot.settings import Settings
from study_bot.types import DocumentKind, Filters, Hit, Passage, VersionStatus


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


class Retriever:
    """Answers queries from one snapshot. Holds no state of a conversation: safe for many threads at once."""

    def __init__(self, snapshot: Searchable, encoder: Encoder, settings: Settings) -> None:
        self._snapshot, self._encoder = snapshot, encoder
        self._search = HybridSearch(snapshot, settings.candidates)
        self._eligibility = Eligibility(snapshot.versions, snapshot.passages, snapshot.articles)
        self._same = SameTexts(snapshot.passages)
        self._versions = {version.version_id: version for version in snapshot.versions}

    def tokens(self, text: str) -> list[str]:
        """The words keyword search makes of a text."""
        return self._search.tokens(text)

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
        lists = self._search.search(vectors[0], _keywords(query), k, eligible.rows, self._named(query))
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
                dense=lists.dense_ms,
                sparse=lists.sparse_ms,
                fuse=lists.fuse_ms,
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
        for query, vector, day, eligible, near in zip(queries, vectors, days, masks, dense, strict=True):
            found = self._look_up(query, eligible, day)
            lists = self._search.search(vector, _keywords(query), k, eligible.rows, self._named(query), near)
            exact = _exact_rows(found)
            named = set(exact)
            others = [row for row in lists.fused.rows.tolist() if row not in named]
            results.append(self._hits(exact, others, lists)[:k])
        return results

    def _look_up(self, query: Query, eligible: Eligible, day: dt.date) -> tuple[FoundArticle, ...]:
        articles, passages = self._snapshot.articles, self._snapshot.passages
        return look_up(query.references, articles, self._eligibility, eligible, passages, day)

    def _named(self, query: Query) -> NDArray[np.bool_] | None:
        return self._eligibility.rows_of_documents(query.doc_ids) if query.doc_ids else None

    def _dense_batch(self, vectors: NDArray[np.float32], k: int, masks: Sequence[Eligible]) -> list[Ranking]:
        """One search for all questions that see every passage, one each for the others."""
        results: dict[int, Ranking] = {}
        together = [i for i, mask in enumerate(masks) if mask.rows is None]
        if together:
            results.update(zip(together, self._search.nearest(vectors[together], k, None), strict=True))
        for i, mask in enumerate(masks):
            if mask.rows is not None:
                results[i] = self._search.nearest(vectors[i : i + 1], k, mask.rows)[0]
        return [results[i] for i in range(len(masks))]

    def _preference(self, row: int, day: dt.date) -> tuple[object, ...]:
        """Of equal texts: in force before the rest, statutes before what quotes them."""
        version = self._versions[self._snapshot.passages[row].version_id]
        in_force = self._eligibility.status(version.version_id, day) is VersionStatus.IN_FORCE
        return not in_force, version.kind is not DocumentKind.STATUTE

    def _hits(self, exact: Sequence[int], others: Sequence[int], lists: Candidates) -> tuple[Hit, ...]:
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


def _keywords(query: Query) -> str:
    return query.keywords or query.search_text


def _exact_rows(found: Sequence[FoundArticle]) -> list[int]:
    return list(dict.fromkeys(row for article in found for row in article.rows))
