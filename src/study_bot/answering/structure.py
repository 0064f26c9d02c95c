"""Answers that follow from how a text is built, where no search need guess: the dates of a law, a chapter, a table."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from study_bot.answering.chapters import asked_chapter, select_chapter
from study_bot.answering.extractive import Selection, select_table
from study_bot.answering.law_dates import asked_date, select_dates
from study_bot.answering.terms import QuestionTerms, content_words, question_terms
from study_bot.index.store import Snapshot
from study_bot.retrieval.followup import without_spans
from study_bot.retrieval.lists import announces
from study_bot.retrieval.query import Query
from study_bot.retrieval.retriever import Retriever
from study_bot.types import DocumentKind, Filters, Hit, Passage, PassageKind, Version

MAX_DATED_VERSIONS = 3
"""Versions whose dates are told where a question asks for old and new."""

CHAPTER_VERSIONS = 2
"""Texts whose chapters are compared with a question."""

TABLE_COVERED = 0.9
"""Share of a question's vocabulary that a table with its title must hold to be the answer."""

CHAPTER = "这是整章的内容，以下为各条的开头，全文请打开原文。"
"""Remark beside an answer that is a chapter."""


@dataclass(frozen=True, slots=True)
class Structured:
    """What to quote, and remarks to it."""

    selections: Sequence[Selection]
    notices: tuple[str, ...] = ()


class StructureAnswers:
    """Finds such answers in one snapshot. Holds no state of a question: safe for many threads at once."""

    def __init__(self, snapshot: Snapshot, retriever: Retriever) -> None:
        self._snapshot, self._retriever = snapshot, retriever

    def answer(self, query: Query, hits: Sequence[Hit], filters: Filters, day: dt.date) -> Structured | None:
        """The answer if the question is of such a kind, else None: then it is for the reader and the gate.

        :param hits: what search found.
        :param day: the day validity is judged on.
        """
        if query.references or query.unknown_laws:
            return None
        if dates := self._dates(query, filters, day):
            return Structured(dates)
        if not query.wants_list:
            return None
        if query.doc_ids:  # what stands in another text is no answer to what is asked of this one
            hits = [hit for hit in hits if hit.passage.doc_id in query.doc_ids]
        if chapter := self._chapter(query, hits):
            return Structured(chapter, (CHAPTER,))
        if rows := self.table(query, hits):
            return Structured(rows) if self._is_spoken_of(query, rows) else None
        return None

    def table(self, query: Query, hits: Sequence[Hit]) -> list[Selection]:
        """The rows a question for a list asks for, if most of what was found stands in one table."""
        terms = self._terms(self._retriever.tokens(content_words(query.search_text)))
        return select_table(hits, terms, self._retriever.tokens, self._table_of)

    def whole_lists(self, selections: Sequence[Selection], things: str) -> list[Selection]:
        """With every part of a long article that announces the list that is asked for: a list cut short misleads.

        :param things: as of `asked_things`; "" = no list is asked for.
        """
        whole: dict[str, Selection] = {}
        for selection in selections:
            passage = selection.passage
            parts = [passage]
            if passage.kind is PassageKind.ARTICLE_PART and announces(f"{passage.lead}\n{passage.text}", things):
                version = self._snapshot.version(passage.version_id)
                parts = [part for part in self._passages_of(version) if part.article == passage.article]
            for part in parts:
                own = selection if part is passage and len(parts) == 1 else Selection(part, ((0, len(part.text)),))
                whole.setdefault(part.passage_id, own)
        return list(whole.values())

    def _dates(self, query: Query, filters: Filters, day: dt.date) -> list[Selection]:
        """For a question that only asks since when the law it names holds: what the law says of that."""
        asked = asked_date(self._without_laws(query.search_text)) if query.doc_ids else None
        if asked is None:
            return []
        versions = self._retriever.versions_named(query, filters, day)
        return [
            selection
            for version in versions[: MAX_DATED_VERSIONS if query.wants_history else 1]
            for selection in select_dates(self._passages_of(version), asked, is_dated=version.effective is not None)
        ]

    def _chapter(self, query: Query, hits: Sequence[Hit]) -> list[Selection]:
        """How the articles begin of a chapter headed with what is asked, in the texts that search found most of."""
        question = self._without_laws(query.search_text)
        found = Counter(hit.passage.version_id for hit in hits)
        for version_id, _ in found.most_common(CHAPTER_VERSIONS):
            version = self._snapshot.version(version_id)
            if version.kind is not DocumentKind.STATUTE:
                continue
            chapter = asked_chapter(question, self._snapshot.text(version_id).root)
            if chapter is not None:
                return select_chapter(chapter, self._passages_of(version))
        return []

    def _is_spoken_of(self, query: Query, rows: Sequence[Selection]) -> bool:
        """Whether the question speaks of nothing that the table with its title lacks, single characters left aside."""
        titles = [rows[0].passage.title, *rows[0].passage.locator.breadcrumb, rows[0].passage.locator.place.sheet or ""]
        held = self._retriever.words("\n".join((*titles, *(row.passage.text for row in rows))))
        asked = self._terms(word for word in self._retriever.words(content_words(query.search_text)) if len(word) > 1)
        return bool(asked.weights) and asked.coverage(held) >= TABLE_COVERED

    def _terms(self, tokens: Iterable[str]) -> QuestionTerms:
        return question_terms(tokens, self._snapshot.sparse.document_frequency, len(self._snapshot.passages))

    def _without_laws(self, text: str) -> str:
        return without_spans(text, [(m.start, m.end) for m in self._snapshot.articles.find_laws(text)])

    def _passages_of(self, version: Version) -> list[Passage]:
        rows = self._snapshot.rows_of(version.version_id)
        return sorted((self._snapshot.passages[row] for row in rows), key=lambda passage: passage.start)

    def _table_of(self, passage: Passage) -> list[Passage]:
        rows = (self._snapshot.passages[row] for row in self._snapshot.rows_of(passage.version_id))
        sheet = passage.locator.place.sheet
        return [p for p in rows if p.kind is passage.kind and p.locator.place.sheet == sheet]
