"""The smallest pieces of a passage that make sense alone: a 款 with its 项, a sentence, a list with its lead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from study_bot.index.clauses import ClauseSpan, clause_spans
from study_bot.retrieval.lists import announces
from study_bot.text import CHINESE_NUMBER, split_sentences
from study_bot.types import Passage, PassageKind

LONG_CLAUSE_CHARS = 400
"""A 款 with 项 beyond this is offered 项 by 项, each with the lead sentence."""

LONG_LIST_CHARS = 600
"""An enumeration beyond this is offered item by item, each with the sentence before the list."""

_LIST_MEMBER = re.compile(
    rf"^(?:[（(](?:{CHINESE_NUMBER}|[0-9]{{1,2}})[）)]|[0-9]{{1,2}}[.．、](?![0-9])|[一二三四五六七八九十]{{1,3}}是|第[一二三四五六七八九十]{{1,3}}[，,]|[①-⑳]|[-•·●])"
)
_FIRST_MEMBER = re.compile(r"^(?:[（(](?:一|1)[）)]|1[.．、](?![0-9])|一是|第一[，,]|①|[-•·●])")
_SOFT_END = re.compile(r"[；;：:，,、][”’」』）)》】]*$")


@dataclass(frozen=True, slots=True)
class Unit:
    """`[start, end)` of a passage's text. `lead`, if any, is a span the unit must be shown with.

    `whole` marks a unit that is an entire passage or a complete list.
    """

    start: int
    end: int
    lead: tuple[int, int] | None = None
    whole: bool = False

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Lead and unit, in reading order."""
        return (self.lead, (self.start, self.end)) if self.lead else ((self.start, self.end),)


def units_of(passage: Passage, things: str = "") -> tuple[Unit, ...]:
    """Units in reading order; together they cover every non-space character of the passage (leads may repeat).

    :param things: what the question wants listed, as of `asked_things`; a 款 that announces just that stays whole.
    """
    text = passage.text
    if passage.kind is PassageKind.TABLE_ROW:
        return (Unit(0, len(text), whole=True),)
    if passage.article is not None:
        return tuple(unit for clause in clause_spans(text) for unit in _clause_units(clause, text, things))
    return tuple(_prose_units(text))


def _clause_units(clause: ClauseSpan, text: str, things: str) -> Iterator[Unit]:
    is_short = clause.end - clause.start <= LONG_CLAUSE_CHARS
    if not clause.items or is_short or announces(text[clause.start : clause.lead_end], things):
        yield Unit(clause.start, clause.end, whole=True)
        return
    lead = (clause.start, clause.lead_end) if clause.lead_end > clause.start else None
    for item in clause.items:
        yield Unit(item.start, item.end, lead=lead)
    last = clause.items[-1].end
    if last < clause.end:
        yield Unit(last, clause.end)


def _prose_units(text: str) -> Iterator[Unit]:
    """Sentences up to 。！？ or a line end; an enumeration is one unit with the sentence before it, if not too long.
    At the start of a passage its heading is what it hangs from."""
    sentences = _full_sentences(text)
    position = 0
    while position < len(sentences):
        lead: tuple[int, int] | None = None
        members = _enumeration(text, sentences, 0) if position == 0 else []
        if not members:
            lead = sentences[position]
            members = _enumeration(text, sentences, position + 1)
        start, end = (lead or members[0])[0], (members[-1] if members else sentences[position])[1]
        if not members or end - start <= LONG_LIST_CHARS:
            yield Unit(start, end, whole=bool(members))
        else:
            if lead is not None:
                yield Unit(*lead)
            yield from (Unit(a, b, lead=lead) for a, b in members)
        position += sum(1 for a, _ in sentences[position:] if a < end)


def _enumeration(text: str, sentences: Sequence[tuple[int, int]], position: int) -> list[tuple[int, int]]:
    """The items of a list that begins with the sentence at `position`: each from its mark to the next one's, or to the
    end of its line. Empty if no list begins there."""
    if position >= len(sentences) or not _FIRST_MEMBER.match(text[slice(*sentences[position])]):
        return []
    members: list[tuple[int, int]] = []
    for start, end in sentences[position:]:
        if _LIST_MEMBER.match(text[start:end]):
            members.append((start, end))
        elif "\n" not in text[members[-1][1] : start]:
            members[-1] = (members[-1][0], end)
        else:
            break
    return members


def _full_sentences(text: str) -> list[tuple[int, int]]:
    """Sentences joined over ； within a line, so that a parallel construction stays whole."""
    joined: list[tuple[int, int]] = []
    for start, end in split_sentences(text):
        if joined and "\n" not in text[joined[-1][1] : start] and _SOFT_END.search(text[slice(*joined[-1])]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def merge_spans(spans: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Sorted spans, overlapping or touching ones (only spaces between) joined."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and not text[merged[-1][1] : start].strip():
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
