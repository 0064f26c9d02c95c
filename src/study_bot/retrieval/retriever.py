"""Exact articles first, then dense and keyword search together, over one snapshot."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from study_bot.index.embedding import Encoder
from study_bot.library.passages import embedding_text
from study_bot.retrieval.eligibility import Eligibility, Eligible
from study_bot.retrieval.exact import FoundArticle, look_up
from study_bot.retrieval.features import QUESTION_FEATURES, question_features
from study_bot.retrieval.fusion import Ranking
from study_bot.retrieval.hybrid import Candidates, HybridSearch, Searchable
from study_bot.retrieval.learned import LearnedRetrieval, load_learned
from study_bot.retrieval.query import Query, understand
from study_bot.retrieval.rerank import Reranking, in_force_first, reordered
from study_bot.retrieval.selection import SameTexts, Selected, select
from study_bot.retrieval.verbatim import moved_first, quoted_rows
from study_bot.retrieval.wording import Wording
from study_bot.settings import Settings
from study_bot.types import DocumentKind, Filters, Hit, Passage, QuestionContext, Turn, Version, VersionStatus


@dataclass(frozen=True, slots=True)
class RetrievalLatency:
    """Milliseconds of each step; `order` is that of quotations and of the re-ranker, `total` includes the looking up of
    articles and everything else."""

    encode: float = 0.0
    dense: float = 0.0
    sparse: float = 0.0
    fuse: float = 0.0
    order: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found. `hits` are best first: the passages of the articles named, each article whole, then the others.

    `signals` describes the search as a whole, in the order of QUESTION_FEATURES (all zero where nothing was found).
    `found` tells of those articles where they are and whether they are in force. `as_of` is the day validity was
    judged on. `duplicates` gives by passage id other passages with the same text that were left out.
    """

    query: Query
    hits: tuple[Hit, ...]
    found: tuple[FoundArticle, ...]
    as_of: dt.date
    latency: RetrievalLatency
    duplicates: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)
    signals: tuple[float, ...] = (0.0,) * len(QUESTION_FEATURES)


class Retriever:
    """Answers queries from one snapshot. Holds no state of a conversation: safe for many threads at once."""

    def __init__(
        self,
        snapshot: Searchable,
        encoder: Encoder,
        settings: Settings,
        learned: LearnedRetrieval | None = None,
        reranking: Reranking | None = None,
    ) -> None:
        """Get ready for one snapshot.

        :param learned: adapter and ranking; None = as the settings say.
        :param reranking: second look at the best candidates; None = none, whatever the settings say.
        :raises LearnedFileError: a learned file cannot be used.
        """
        self._snapshot, self._encoder = snapshot, encoder
        if learned is None:
            learned = load_learned(
                settings.learned_dir, encoder.fingerprint, encoder.dimension, adapter=settings.query_adapter
            )
        self._reranking = reranking
        self._search = HybridSearch(snapshot, learned, settings.candidates)
        self._eligibility = Eligibility(snapshot.versions, snapshot.passages, snapshot.articles)
        self._wording = Wording(snapshot.sparse.document_frequency)
        self._same = SameTexts(snapshot.passages)
        self._versions = {version.version_id: version for version in snapshot.versions}

    def understand(self, question: str, today: dt.date, conversation: Sequence[Turn] = ()) -> Query:
        """Read a question in the light of the library; see `query.understand`."""
        return understand(question, self._snapshot.articles, today, conversation, self._wording)

    def tokens(self, text: str) -> list[str]:
        """The words keyword search makes of a text."""
        return self._search.tokens(text)

    def words(self, text: str) -> list[str]:
        """The words of a text, without the character pairs that keyword search uses besides."""
        return self._search.words(text)

    def tags(self, text: str) -> set[str]:
        """Part-of-speech tags that occur in a text."""
        return self._search.tags(text)

    def versions_named(self, query: Query, filters: Filters, day: dt.date) -> tuple[Version, ...]:
        """The versions of the documents a query names that may answer it, those in force first, then the newest."""
        eligible = self._eligibility.eligible(query, filters, day)
        named = self._snapshot.articles.versions_of(query.doc_ids)
        chosen = [version for version in named if eligible.versions[self._eligibility.index_of(version)]]
        return tuple(self._versions[version] for version in self._eligibility.newest_first(chosen, day))

    def retrieve(
        self,
        query: Query,
        filters: Filters,
        k: int,
        *,
        today: dt.date | None = None,
        without: NDArray[np.bool_] | None = None,
    ) -> Retrieval:
        """The best `k` passages for a query; more only where the articles it names have more parts.

        :param filters: the asker's limits; its day goes before that of the question.
        :param today: the day that counts when neither names one; None = the computer's.
        :param without: mask of passages that are left out of the search, to learn what the library would show without
            them; None = none.
        """
        started = time.perf_counter()
        vectors = self._encoder.encode_queries([query.search_text])
        encoded = time.perf_counter()
        day = filters.as_of or query.as_of or today or dt.date.today()
        eligible = self._eligibility.eligible(query, filters, day)
        found = self._look_up(query, eligible, day)
        vector = self._search.adapted(vectors)[0]
        allowed = eligible.rows
        if without is not None:
            allowed = ~without if allowed is None else allowed & ~without
        lists = self._search.search(vector, _keywords(query), k, allowed, self._named(query))
        exact = _exact_rows(found)
        searched = time.perf_counter()
        lists = self._in_order(query, lists, exact, k, day)
        ordered = time.perf_counter()
        selected = select(
            lists.ranked.rows.tolist(),
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
                order=1000 * (ordered - searched),
                total=1000 * (ended - started),
            ),
            duplicates=self._duplicates(selected),
            signals=tuple(question_features(lists.evidence).tolist()),
        )

    def retrieve_many(
        self,
        questions: Sequence[str],
        k: int,
        *,
        contexts: Sequence[QuestionContext] = (),
        filters: Filters | None = None,
        today: dt.date | None = None,
    ) -> list[tuple[Hit, ...]]:
        """Up to `k` hits for each question, for measuring: nothing is left out as a repetition.

        :param contexts: what each question is put with, in their order; empty = nothing.
        :param filters: None = all versions, in force or not, because the judgements of a set know nothing of validity;
            of an article named in a question the one in force still comes first. A question put of a day is answered
            from the versions of that day.
        :raises ValueError: there are contexts, but not one for each question.
        """
        today = today or dt.date.today()
        contexts = contexts or (QuestionContext(),) * len(questions)
        queries = [
            self.understand(question, today, context.conversation)
            for question, context in zip(questions, contexts, strict=True)
        ]
        vectors = self._encoder.encode_queries([query.search_text for query in queries])
        results = []
        for query, vector, context in zip(queries, self._search.adapted(vectors), contexts, strict=True):
            own = filters or Filters(as_of=context.as_of, include_inactive=context.as_of is None)
            day = own.as_of or query.as_of or today
            eligible = self._eligibility.eligible(query, own, day)
            found = self._look_up(query, eligible, day)
            lists = self._search.search(vector, _keywords(query), k, eligible.rows, self._named(query))
            exact = _exact_rows(found)
            lists = self._in_order(query, lists, exact, k, day)
            named = set(exact)
            others = [row for row in lists.ranked.rows.tolist() if row not in named]
            results.append(self._hits(exact, others, lists)[:k])
        return results

    def _look_up(self, query: Query, eligible: Eligible, day: dt.date) -> tuple[FoundArticle, ...]:
        articles, passages = self._snapshot.articles, self._snapshot.passages
        return look_up(query.references, articles, self._eligibility, eligible, passages, day)

    def _in_order(self, query: Query, lists: Candidates, exact: Sequence[int], k: int, day: dt.date) -> Candidates:
        """The candidates with quoted passages first, and the next ones as the re-ranker puts them, if there is one."""
        quoted = quoted_rows(lists, (query.search_text, _keywords(query)), self._snapshot.passages)
        ranked = moved_first(lists.ranked, quoted)
        if self._reranking is not None and len(exact) < k:
            ranked = self._reranked(self._reranking, query, ranked, quoted.union(exact), day)
        return lists if ranked is lists.ranked else replace(lists, ranked=ranked)

    def _reranked(self, reranking: Reranking, query: Query, ranked: Ranking, fixed: Set[int], day: dt.date) -> Ranking:
        """:param fixed: rows that keep their places."""
        places = [place for place, row in enumerate(ranked.rows.tolist()) if row not in fixed][: reranking.top_n]
        passages = [self._snapshot.passages[row] for row in ranked.rows[places].tolist()]
        question = query.search_text if query.follow_up else query.question
        order = reranking.order(question, [embedding_text(passage) for passage in passages])
        if order is None:
            return ranked
        laws = [self._snapshot.articles.law_key(passage.doc_id) for passage in passages]
        in_force = [self._eligibility.status(passage.version_id, day) is VersionStatus.IN_FORCE for passage in passages]
        return reordered(ranked, places, in_force_first(order, laws, in_force))

    def _named(self, query: Query) -> NDArray[np.bool_] | None:
        return self._eligibility.rows_of_documents(query.doc_ids) if query.doc_ids else None

    def _preference(self, row: int, day: dt.date) -> tuple[object, ...]:
        """Of equal texts: in force before the rest, statutes before what quotes them."""
        version = self._versions[self._snapshot.passages[row].version_id]
        in_force = self._eligibility.status(version.version_id, day) is VersionStatus.IN_FORCE
        return not in_force, version.kind is not DocumentKind.STATUTE

    def _hits(self, exact: Sequence[int], others: Sequence[int], lists: Candidates) -> tuple[Hit, ...]:
        place = {row: i for i, row in enumerate(lists.rows.tolist())}
        score = dict(zip(lists.ranked.rows.tolist(), lists.ranked.scores.tolist(), strict=True))
        top = max(score.values(), default=0.0)
        return (
            *(self._hit(row, top + len(exact) - n, place.get(row), lists, exact=True) for n, row in enumerate(exact)),
            *(self._hit(row, score[row], place[row], lists) for row in others),
        )

    def _hit(self, row: int, score: float, place: int | None, lists: Candidates, *, exact: bool = False) -> Hit:
        """:param place: of the row among the candidates, None = it was looked up only."""
        if place is None:
            return Hit(self._snapshot.passages[row], score, exact=exact)
        return Hit(
            self._snapshot.passages[row],
            score,
            dense=float(lists.evidence.dense[place]),
            adapted=float(lists.evidence.adapted[place]),
            sparse=float(lists.sparse[place]) or None,
            exact=exact,
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
