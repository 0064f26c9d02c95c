"""An answer in the library's own words: which spans of which passages answer the question, in reading order.

Articles are given whole when they are short or asked for; of longer ones the 款 that bear on the question, lists
always complete; of prose the sentences likeliest to hold the answer; of tables the row. What is quoted beside the best
piece has to be worth the reading of its characters. All of it is pure: hits in, selections out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from study_bot.answering.citations import CitationBook
from study_bot.answering.reader import ReaderModel, ReaderQuestion, Tags, unit_features
from study_bot.answering.terms import QuestionTerms, Tokens
from study_bot.answering.units import Unit, merge_spans, units_of
from study_bot.text import article_label, short_title
from study_bot.types import Hit, Passage, PassageKind, Statement, Version, VersionStatus

MAX_PASSAGES = 3
"""Passages quoted for a question that names no article."""

WHOLE_ARTICLE_CHARS = 320
"""A shorter article is quoted whole."""

FURTHER_PASSAGE = 0.15
"""Probability that a passage beside the best one has to have for anything of it to be quoted."""

HEADING_CHARS = 20
"""What the heading of a further passage costs to read, besides its pieces."""

MAX_TABLE_ROWS = 60
"""Rows listed when a question asks for a whole table."""

TABLE_ROW_SHARE = 0.8
"""A list is narrowed to the rows that cover this share of what the best row covers of the telling words."""

CONSIDERED_HITS = 5
"""Hits whose units are read."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Spans of one passage's text to quote, sorted, not overlapping."""

    passage: Passage
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit that may be quoted: hit number, the unit, and the probability that it holds the answer, given that one of
    the hits does."""

    hit: int
    unit: Unit
    probability: float

    @property
    def characters(self) -> int:
        """What it costs to read, lead included."""
        return sum(end - start for start, end in self.unit.spans)


def select(hits: Sequence[Hit], pieces: Sequence[Piece], price: float) -> list[Selection]:
    """Spans that answer, the passage with the best piece first.

    :param hits: retrieved passages, best first.
    :param pieces: what `read` made of the first of them.
    :param price: a piece beside the best is quoted if its probability exceeds this for each of its characters.
    :return: empty only if there are no pieces.
    """
    if not pieces:
        return []
    best = max(pieces, key=lambda piece: piece.probability)
    shares = {hit: sum(p.probability for p in pieces if p.hit == hit) for hit in {p.hit for p in pieces}}
    worth = [p for p in pieces if p.hit == best.hit or shares[p.hit] >= FURTHER_PASSAGE]
    quoted = [
        p for p in worth if p is best or p.probability > price * (p.characters + HEADING_CHARS * (p.hit != best.hit))
    ]
    order = sorted({p.hit for p in quoted}, key=lambda hit: -max(p.probability for p in quoted if p.hit == hit))
    return [
        Selection(hits[hit].passage, _merged([p.unit for p in quoted if p.hit == hit], hits[hit].passage.text))
        for hit in order[:MAX_PASSAGES]
    ]


def _merged(units: Sequence[Unit], text: str) -> tuple[tuple[int, int], ...]:
    return tuple(merge_spans([span for unit in units for span in unit.spans], text))


def read(hits: Sequence[Hit], question: ReaderQuestion, model: ReaderModel, tokens: Tokens, tags: Tags) -> list[Piece]:
    """Every piece of the first CONSIDERED_HITS hits with its probability, in reading order; they sum to 1."""
    pieces: list[Piece] = []
    hits = hits[:CONSIDERED_HITS]
    shares = model.passage_probabilities([hit.score for hit in hits])
    for number, (hit, share) in enumerate(zip(hits, shares.tolist(), strict=True)):
        passage = hit.passage
        units = pieces_of(passage, question.things)
        if len(units) == 1:
            pieces.append(Piece(number, units[0], share))
            continue
        texts = [" ".join(passage.text[start:end] for start, end in unit.spans) for unit in units]
        features = unit_features(question, short_title(passage.title), texts, tokens, tags)
        own = model.probabilities(features).tolist()
        pieces += [Piece(number, unit, share * p) for unit, p in zip(units, own, strict=True)]
    return pieces


def pieces_of(passage: Passage, things: str = "") -> tuple[Unit, ...]:
    """The units a passage may be quoted in; one for a table row, a note and an article that is not long.

    :param things: what the question wants listed, "" = nothing.
    """
    whole_kinds = (PassageKind.TABLE_ROW, PassageKind.NOTE)
    if passage.kind in whole_kinds or (passage.article is not None and len(passage.text) <= WHOLE_ARTICLE_CHARS):
        return (Unit(0, len(passage.text), whole=True),)
    return units_of(passage, things)


def select_table(
    hits: Sequence[Hit], terms: QuestionTerms, tokens: Tokens, table_of: Callable[[Passage], Sequence[Passage]]
) -> list[Selection]:
    """For a question that asks for a list: the rows of the table most hits stand in, or those of them it speaks of;
    nothing if there is no such table or it is long.

    :param table_of: the rows of the table a row stands in, in order.
    """
    hits = hits[:CONSIDERED_HITS]
    first = next((hit.passage for hit in hits if hit.passage.kind is PassageKind.TABLE_ROW), None)
    if first is None:
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
