"""From a question to an answer, step by step, over one snapshot."""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from study_bot.answering import refusals
from study_bot.answering.citations import CitationBook, verified
from study_bot.answering.confidence import GateEvidence, gate_features, unseen_share
from study_bot.answering.events import AnswerEvent, AnswerReady, HitsEvent, StageEvent, StatementEvent
from study_bot.answering.exact import ArticleKey, article_groups, select_article
from study_bot.answering.extractive import Selection, compose, read, select
from study_bot.answering.learned import LearnedAnswering, load_learned
from study_bot.answering.notices import notices_of
from study_bot.answering.reader import reader_question
from study_bot.answering.structure import StructureAnswers
from study_bot.answering.terms import QuestionTerms, content_words, question_terms
from study_bot.errors import QuestionError
from study_bot.index.store import Snapshot
from study_bot.library.catalog import validity
from study_bot.retrieval.query import Query
from study_bot.retrieval.retriever import Retrieval, Retriever
from study_bot.settings import Settings
from study_bot.text import find_dates, normalise_line
from study_bot.types import (
    Answer,
    DocumentKind,
    Filters,
    Hit,
    Latency,
    Passage,
    RefusalReason,
    Statement,
    Turn,
    Version,
    VersionStatus,
)

DOUBTFUL = "把握不大：以下是文献库中最接近的原文，可能没有直接回答这个问题，请核对后再用。"
"""Remark beside an answer that may well be beside the point."""


class Answerer:
    """Answers questions from one snapshot. Holds no state of a conversation: safe for many threads at once."""

    def __init__(
        self, snapshot: Snapshot, retriever: Retriever, settings: Settings, learned: LearnedAnswering | None = None
    ) -> None:
        """Get ready for one snapshot.

        :param learned: reader and gate; None = as the settings say.
        :raises LearnedFileError: a learned file cannot be used.
        """
        self._snapshot, self._retriever, self._settings = snapshot, retriever, settings
        self._learned = learned or load_learned(settings.learned_dir, snapshot.manifest.model)
        self._structure = StructureAnswers(snapshot, retriever)
        self._versions_of_document: dict[str, list[Version]] = defaultdict(list)
        for version in snapshot.versions:
            self._versions_of_document[version.doc_id].append(version)

    def events(
        self, question: str, *, filters: Filters, conversation: Sequence[Turn], today: dt.date
    ) -> Iterator[AnswerEvent]:
        """The steps of answering; the last event is always AnswerReady.

        :raises QuestionError: the question is empty or too long.
        """
        started = time.perf_counter()
        question = checked_question(question, self._settings.max_question_chars)
        yield StageEvent("understanding")
        query = self._retriever.understand(question, today, conversation)
        yield StageEvent("retrieving")
        retrieval = self._retriever.retrieve(query, filters, self._settings.top_k, today=today)
        retrieved = time.perf_counter()
        yield HitsEvent(retrieval.hits)
        yield StageEvent("answering")
        answer = self._answer(query, retrieval, filters, today)
        for statement in answer.statements:
            yield StatementEvent(statement)
        ended = time.perf_counter()
        latency = Latency(
            encode=retrieval.latency.encode,
            retrieve=1000 * (retrieved - started),
            answer=1000 * (ended - retrieved),
            total=1000 * (ended - started),
        )
        yield AnswerReady(replace(answer, latency=latency, build_id=self._snapshot.build_id))

    def _answer(self, query: Query, retrieval: Retrieval, filters: Filters, today: dt.date) -> Answer:
        hits = retrieval.hits
        groups = article_groups(hits)
        if not groups and (refused := self._refuse_reference(query, hits)) is not None:
            return refused
        if query.unknown_laws and not groups:
            hits = tuple(hit for hit in hits if _mentions(hit.passage, query.unknown_laws))
            if not hits:
                return refusals.law_not_found(query.question, query.unknown_laws, retrieval.hits[:3])
        if not groups:
            hits = _of_the_years(hits, query.search_text)
        if not hits:
            return refusals.not_in_library(query.question, retrieval.hits[:3], 0.0)
        if (built := self._structure.answer(query, hits, filters, retrieval.as_of)) is not None:
            return self._compose(query, hits, built.selections, 1.0, built.notices, filters, today)
        reading = self.reading(hits, query, retrieval.signals)
        sure = 1.0 if groups else self._learned.gate.probability(self.gate_features(reading))
        if sure < self.threshold:
            return self._refusal(query, hits, filters, today, reading, sure)
        notices = [refusals.missing_article(r) for r in query.unresolved if r.doc_ids]
        if sure < self._learned.gate.caution:
            notices.append(DOUBTFUL)
        if groups:
            selections = self._exact_selections(groups, query, notices)
        else:
            selections = self._selections(hits, query, reading, filters.as_of or query.as_of, today)
        return self._compose(query, hits, selections, sure, notices, filters, today)

    def _refusal(
        self,
        query: Query,
        hits: tuple[Hit, ...],
        filters: Filters,
        today: dt.date,
        reading: GateEvidence,
        sure: float,
    ) -> Answer:
        """Why the gate let nothing through: the question says nothing, only versions out of force answer it, or nothing
        in the library does."""
        if not reading.question.terms.weights:
            return refusals.unclear(query.question)
        if not filters.include_inactive:
            everything = replace(filters, include_inactive=True)
            wider = self._retriever.retrieve(query, everything, self._settings.top_k, today=today)
            day = filters.as_of or query.as_of or today
            if wider.hits and self._is_out_of_force(wider.hits[0], day):
                gate = self._learned.gate
                if gate.probability(self.gate_features(self.reading(wider.hits, query, wider.signals))) >= gate.caution:
                    return refusals.not_in_force(query.question, wider.hits)
        return refusals.not_in_library(query.question, hits, sure)

    def _is_out_of_force(self, hit: Hit, day: dt.date) -> bool:
        status = validity(self._snapshot.version(hit.passage.version_id), day)
        return status in (VersionStatus.AMENDED, VersionStatus.REPEALED, VersionStatus.NOT_YET)

    def reading(self, hits: Sequence[Hit], query: Query, signals: Sequence[float]) -> GateEvidence:
        """What the reader makes of the hits, for the gate and for the choice of what to quote."""
        terms = self._terms(content_words(query.search_text))
        question = reader_question(query.search_text, terms)
        pieces = read(hits, question, self._learned.reader, self._tokens, self._retriever.tags)
        known = [token for token in terms.weights if self._snapshot.sparse.document_frequency(token)]
        return GateEvidence(hits, question, pieces, signals, unseen_share(terms, known))

    def gate_features(self, reading: GateEvidence) -> NDArray[np.float64]:
        """What the gate weighs, in the order of GATE_FEATURES."""
        return gate_features(reading, self._tokens)

    @property
    def threshold(self) -> float:
        """Probability (0..1) below which the answer is a refusal: the site's own setting, else the gate's."""
        own = self._settings.refuse_below
        return self._learned.gate.threshold if own is None else own

    def _selections(
        self, hits: tuple[Hit, ...], query: Query, reading: GateEvidence, as_of: dt.date | None, today: dt.date
    ) -> list[Selection]:
        chosen = self._of_the_day(hits, as_of, today)
        if chosen != hits:
            reading = self.reading(chosen, query, reading.signals)
        if query.wants_list and (table := self._structure.table(query, chosen)):
            return table
        selected = select(chosen, reading.pieces, self._learned.reader.price)
        return self._structure.whole_lists(selected, reading.question.things)

    def _of_the_day(self, hits: tuple[Hit, ...], as_of: dt.date | None, today: dt.date) -> tuple[Hit, ...]:
        """For a question of another day, the hits known to be in force then, if there are any: notes and tables of
        another time must not stand beside them."""
        if as_of is None or as_of == today:
            return hits
        known = tuple(
            h for h in hits if validity(self._snapshot.version(h.passage.version_id), as_of) is VersionStatus.IN_FORCE
        )
        return known or hits

    def _refuse_reference(self, query: Query, hits: tuple[Hit, ...]) -> Answer | None:
        """A refusal if articles are named and none of them can be given."""
        own = [r for r in query.references if not r.carried]
        if not own:
            return None
        if query.unknown_laws and not any(r.doc_ids for r in own):
            return refusals.law_not_found(query.question, query.unknown_laws, hits[:3])
        if all(not r.reference.law and not r.doc_ids for r in own):
            return refusals.which_law(query.question, query)
        missing = [r for r in own if r.doc_ids and not r.exists]
        return refusals.article_not_found(query.question, missing, ()) if len(missing) == len(own) else None

    def _exact_selections(
        self, groups: Mapping[ArticleKey, Sequence[Passage]], query: Query, notices: list[str]
    ) -> list[Selection]:
        """The articles named, whole or the parts asked for; remarks on parts they lack go to `notices`."""
        selections: list[Selection] = []
        for (version_id, article), parts in groups.items():
            doc_id = parts[0].doc_id
            named = [r for r in query.references if r.reference.article == article and doc_id in r.doc_ids]
            text = self._snapshot.text(version_id).text[parts[0].start : parts[-1].end]
            chosen, remarks = select_article(parts, [r.reference for r in named], text)
            selections += chosen
            notices += remarks
        return selections

    def _compose(
        self,
        query: Query,
        hits: tuple[Hit, ...],
        selections: Sequence[Selection],
        sure: float,
        notices: Sequence[str],
        filters: Filters,
        today: dt.date,
    ) -> Answer:
        book = CitationBook(self._snapshot.version)
        drafted = compose(selections, book, self._containing)
        passages = {s.passage.passage_id: s.passage for s in selections}
        for citation in book.citations:
            if citation.passage_id not in passages:
                home = self._containing(citation.version_id, citation.start, citation.end)
                if home is not None:
                    passages[home.passage_id] = home
        statements, citations = verified(drafted, book.citations, passages.values(), self._text_of)
        if not citations:
            message = "找到的内容未能通过原文核对，因此不作回答。请管理员重新建立索引。"
            return refusals.refusal(query.question, RefusalReason.NOT_IN_LIBRARY, message, hits)
        as_of = filters.as_of or query.as_of
        remarks = notices_of(citations, self._snapshot.version, self._siblings, as_of, today)
        return Answer(
            question=query.question,
            statements=_without_repeated_headings(statements),
            citations=citations,
            hits=hits,
            notices=(*notices, *remarks),
            confidence=sure,
        )

    def _terms(self, text: str) -> QuestionTerms:
        sparse = self._snapshot.sparse
        return question_terms(self._tokens(text), sparse.document_frequency, len(self._snapshot.passages))

    def _tokens(self, text: str) -> list[str]:
        return self._retriever.tokens(text)

    def _containing(self, version_id: str, start: int, end: int) -> Passage | None:
        for row in self._snapshot.rows_of(version_id):
            passage = self._snapshot.passages[row]
            if passage.start <= start and end <= passage.end:
                return passage
        return None

    def _text_of(self, passage: Passage, start: int, end: int) -> str | None:
        return self._snapshot.text(passage.version_id).text[start:end]

    def _siblings(self, version: Version) -> list[Version]:
        if version.kind is DocumentKind.BEIR:
            return []
        return [v for v in self._versions_of_document[version.doc_id] if v.version_id != version.version_id]


def checked_question(question: str, limit: int) -> str:
    """The question in one clean line.

    :raises QuestionError: it is empty or longer than `limit` characters.
    """
    clean = normalise_line(question)
    if not clean:
        raise QuestionError("请输入问题。")
    if len(clean) > limit:
        raise QuestionError(f"问题太长（{len(clean)}字，最多{limit}字）。请缩短后再问。")
    return clean


def _of_the_years(hits: tuple[Hit, ...], search_text: str) -> tuple[Hit, ...]:
    """If the question speaks of a year (2027年的计划), the hits whose document speaks of it too: a plan of another year
    answers another question."""
    years = {f"{found.date.year}" for found in find_dates(search_text)}
    if not years:
        return hits
    return tuple(hit for hit in hits if all(year in f"{hit.passage.title}{hit.passage.text}" for year in years))


def _mentions(passage: Passage, laws: Sequence[str]) -> bool:
    return any(law.strip("《》") in passage.text or law.strip("《》") in passage.title for law in laws)


def _without_repeated_headings(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """A connective that repeats the one before it (with quotes between) is said once."""
    kept: list[Statement] = []
    heading = None
    for statement in statements:
        if statement.connective:
            if statement.text == heading:
                continue
            heading = statement.text
        kept.append(statement)
    return tuple(kept)
