"""An answer in the library's own words: which spans of which passages answer the question, in reading order.

Articles are given whole when they are short or asked for; of longer ones the 款 that bear on the question, lists
always complete; of prose the best sentences; of tables the row. All of it is pure: hits in, selections out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from study_bot.answering.citations import CitationBook
from study_bot.answering.terms import QuestionTerms, Tokens
from study_bot.answering.units import Unit, merge_spans, units_of
from study_bot.text import article_label, short_title
from study_bot.types import Hit, Passage, PassageKind, Statement, Version, VersionStatus

MAX_PASSAGES = 3
"""Passages quoted for a question that names no article."""

WHOLE_ARTICLE_CHARS = 320
"""A shorter article is quoted whole."""

UNIT_SHARE = 0.75
"""A further unit of a passage is quoted if it covers this share of what the best one covers."""

PASSAGE_SHARE = 0.8
"""A further passage is quoted if its best unit covers this share of what the best unit of all covers."""

MAX_PROSE_UNITS = 3
"""Sentences quoted from one prose passage."""

MAX_TABLE_ROWS = 60
"""Rows listed when a question asks for a whole table."""

TABLE_ROW_SHARE = 0.8
"""A list is narrowed to the rows that cover this share of what the best row covers of the telling words."""

RANK_WEIGHT = 0.5
"""Weight of a passage's place among the hits (0..1) beside the coverage of its best unit (0..1)."""

FORM_FACTOR = 0.6
"""What is left of a unit's coverage if it lacks the form the answer must have (a day, a number, a body)."""

CONSIDERED_HITS = 8
"""Hits whose units are scored."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Spans of one passage's text to quote, sorted, not overlapping."""

    passage: Passage
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Scored:
    unit: Unit
    coverage: float


def select(
    hits: Sequence[Hit],
    terms: QuestionTerms,
    tokens: Tokens,
    *,
    expected: re.Pattern[str] | None = None,
    table_of: Callable[[Passage], Sequence[Passage]] | None = None,
) -> list[Selection]:
    """Spans that answer, best passage first.

    A passage counts by its place among the hits and by its best unit; a unit by the share of the question it covers.

    :param hits: retrieved passages, best first.
    :param expected: what the words of the answer contain, None = unknown; units without it count less.
    :param table_of: given for a question that asks for a list: the rows of the table a row stands in, in order.
    :return: empty only if `hits` is empty.
    """
    considered = hits[:CONSIDERED_HITS]
    if not considered:
        return []
    if table_of is not None and (table := _whole_table(considered, terms, tokens, table_of)):
        return table
    scored = [_score(hit.passage, terms, tokens, expected) for hit in considered]
    weights = [
        RANK_WEIGHT * place + max(s.coverage for s in units)
        for place, units in zip(_places(considered), scored, strict=True)
    ]
    order = sorted(range(len(considered)), key=lambda i: -weights[i])
    chosen = [i for i in order if weights[i] >= PASSAGE_SHARE * weights[order[0]]][:MAX_PASSAGES]
    return [Selection(considered[i].passage, _spans(considered[i].passage, scored[i])) for i in chosen]


def _places(hits: Sequence[Hit]) -> list[float]:
    """Scores of the hits scaled to 0..1, best 1."""
    low, high = min(h.score for h in hits), max(h.score for h in hits)
    return [(h.score - low) / (high - low) if high > low else 1.0 for h in hits]


def _score(passage: Passage, terms: QuestionTerms, tokens: Tokens, expected: re.Pattern[str] | None) -> list[_Scored]:
    heading = tokens(" ".join((short_title(passage.title), *passage.locator.breadcrumb)))
    asked = terms.without(heading) if terms.without(heading).total else terms
    share = asked.total / terms.total if terms.total else 0.0
    base = 1.0 - share
    scored = []
    for unit in units_of(passage):
        words = " ".join(passage.text[start:end] for start, end in unit.spans)
        fit = 1.0 if expected is None or expected.search(words) else FORM_FACTOR
        scored.append(_Scored(unit, base + share * fit * asked.coverage(tokens(words))))
    return scored


def _spans(passage: Passage, scored: Sequence[_Scored]) -> tuple[tuple[int, int], ...]:
    text = passage.text
    whole_kinds = (PassageKind.TABLE_ROW, PassageKind.NOTE)
    if passage.kind in whole_kinds or (passage.article is not None and len(text) <= WHOLE_ARTICLE_CHARS):
        return ((0, len(text)),)
    best = max(s.coverage for s in scored)
    good = [s for s in scored if s.coverage >= UNIT_SHARE * best]
    if passage.article is None:
        good = sorted(good, key=lambda s: -s.coverage)[:MAX_PROSE_UNITS]
    spans = [span for s in good for span in s.unit.spans]
    return tuple(merge_spans(spans, text))


def _whole_table(
    hits: Sequence[Hit], terms: QuestionTerms, tokens: Tokens, table_of: Callable[[Passage], Sequence[Passage]]
) -> list[Selection]:
    """All rows of the table the first hit stands in, if most hits stand in it and the question speaks of the table
    asks for a list, and it is short."""
    first = hits[0].passage
    if first.kind is not PassageKind.TABLE_ROW:
        return []
    rows = list(table_of(first))
    members = {row.passage_id for row in rows}
    if len(rows) > MAX_TABLE_ROWS or sum(h.passage.passage_id in members for h in hits) * 2 <= len(hits):
        return []
    table_words = tokens(" ".join((first.title, first.locator.place.sheet or "", *first.locator.breadcrumb)))
    return [Selection(row, ((0, len(row.text)),)) for row in _rows_asked_for(rows, terms.without(table_words), tokens)]


def _rows_asked_for(rows: Sequence[Passage], asked: QuestionTerms, tokens: Tokens) -> list[Passage]:
    """The rows that best match what tells rows apart (tokens some rows have and others lack); all, if nothing does."""
    words = [set(tokens(row.text)) for row in rows]
    telling = QuestionTerms({t: w for t, w in asked.weights.items() if 0 < sum(t in own for own in words) < len(rows)})
    scores = [telling.coverage(own) for own in words]
    return [row for row, score in zip(rows, scores, strict=True) if score >= TABLE_ROW_SHARE * max(scores)]


def compose(
    selections: Sequence[Selection],
    book: CitationBook,
    containing: Callable[[str, int, int], Passage | None],
) -> list[Statement]:
    """Statements in order: a heading that says where the words stand, then the words with their citations.

    :param containing: (version_id, start, end) -> the passage that holds that span, for lead sentences.
    """
    statements: list[Statement] = []
    heading_before = ""
    for selection in selections:
        passage = selection.passage
        heading = heading_of(passage, book.version_of(passage.version_id))
        if heading != heading_before:
            statements.append(Statement(heading, connective=True))
            if (lead := _lead_statement(passage, selection, book, containing)) is not None:
                statements.append(lead)
            heading_before = heading
        for start, end in selection.spans:
            citation = book.cite(passage, start, end)
            statements.append(Statement(citation.quote, (citation.n,)))
    return statements


def _lead_statement(
    passage: Passage,
    selection: Selection,
    book: CitationBook,
    containing: Callable[[str, int, int], Passage | None],
) -> Statement | None:
    """The sentence a part of a long article hangs from, quoted from the passage that holds it."""
    if not passage.lead:
        return None
    home = containing(passage.version_id, passage.lead_start, passage.lead_end)
    if home is None or home.passage_id == passage.passage_id:
        return None
    citation = book.cite(home, passage.lead_start - home.start, passage.lead_end - home.start)
    return Statement(citation.quote, (citation.n,))


def heading_of(passage: Passage, version: Version) -> str:
    """《治安管理处罚法》第四十条： with （已废止） and the like where the version is not in force."""
    remark = "" if version.status in _CURRENT else f"（{_dated(version)}{version.status.label}）"
    return f"《{short_title(version.title)}》{_place(passage)}{remark}："


_CURRENT = (VersionStatus.IN_FORCE, VersionStatus.UNKNOWN)


def _dated(version: Version) -> str:
    date = version.promulgated or version.effective
    return f"{date.year}年版本，" if date else ""


def _place(passage: Passage) -> str:
    if passage.article is not None:
        return article_label(passage.article)
    place = passage.locator.place
    words = " ".join(passage.locator.breadcrumb[-1:])
    if place.sheet is not None:
        return f"工作表“{place.sheet}”"
    if place.slide is not None:
        return f"第{place.slide}张幻灯片"
    return words if 0 < len(words) <= 40 else ""
