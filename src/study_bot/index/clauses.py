"""款, 项 and 目 inside one article.

A 款 is an unnumbered paragraph of the article; the 项 that follow it belong to it. Numbers are read
from the text, never counted, except those of 款, which the text does not write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from study_bot.text import CHINESE_NUMBER, parse_number


@dataclass(frozen=True, slots=True)
class ItemSpan:
    """A 项 (or, inside one, a 目): `[start, end)` of the article's text, mark included, trimmed."""

    number: int
    start: int
    end: int
    subitems: tuple[ItemSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class ClauseSpan:
    """A 款: `number` from 1, `[start, end)` with its 项, `lead_end` where its own words before the 项 end.

    The first one includes the words 第N条 if the text has them.
    """

    number: int
    start: int
    end: int
    lead_end: int
    items: tuple[ItemSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mark:
    """An enumeration mark at `start`; `style` tells （一） from （1） from 1."""

    style: str
    number: int
    start: int


_MARK = re.compile(
    rf"[（(]\s*(?:(?P<han>{CHINESE_NUMBER})|(?P<round>[0-9０-９]{{1,3}}))\s*[）)]"
    r"|(?P<enclosed>[\u3220-\u3229])"
    r"|(?P<plain>(?<![0-9０-９.．])[0-9０-９]{1,2})[.．、](?![0-9０-９])"
    r"|(?P<circled>[\u2460-\u2473])"
    rf"|(?<![^\n])(?P<point>{CHINESE_NUMBER})、"
)
_ARTICLE_WORDS = re.compile(
    rf"\s*第\s*(?:{CHINESE_NUMBER}|[0-9０-９]+)\s*条(?:\s*之\s*(?:{CHINESE_NUMBER}|[0-9０-９]+))?"
)
_HEADING = re.compile(r"\s*(?:[【\[〔（(][^】\]〕）)\n]{1,40}[】\]〕）)])?\s*")
# A paragraph that ends in none of these was broken by the layout: what follows continues it.
_ENDS = "。；：:;！!？?”’」』）)》】…"


def clause_spans(text: str) -> tuple[ClauseSpan, ...]:
    """The 款 of an article's text (paragraphs parted by line feeds), each with its 项 and 目.

    Enumeration marks count at the start of a line, and inside one when they run on from (一) or 1.
    Empty for a blank text.
    """
    clauses: list[list[tuple[int, int]]] = []
    numbering: list[dict[str, int]] = []  # of each clause: the last number of each style of mark
    for start, end in _paragraphs(text):
        mark = _mark_at(text, start, end)
        if clauses and mark is not None:
            home = _home_of(mark, numbering)
            clauses[home:] = [[*(span for clause in clauses[home:] for span in clause), (start, end)]]
            numbering[home:] = [numbering[home] | {mark.style: mark.number}]
        elif clauses and not _complete(text, clauses[-1][-1]):
            clauses[-1].append((start, end))
        else:
            clauses.append([(start, end)])
            numbering.append({mark.style: mark.number} if mark else {})
    return tuple(_clause(text, number, spans) for number, spans in enumerate(clauses, start=1))


def find_clause(text: str, clause: int | None, item: int | None) -> tuple[int, int] | None:
    """Span of the asked 款 or 项 in an article's text; None if the text has no such part.

    An item without a clause is looked for in the first 款 that has it.
    """
    spans = clause_spans(text)
    if clause is not None:
        if not 1 <= clause <= len(spans):
            return None
        spans = spans[clause - 1 : clause]
        if item is None:
            return spans[0].start, spans[0].end
    for span in spans:
        for found in span.items:
            if found.number == item:
                return found.start, found.end
    return None


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Trimmed spans of the lines; a line that is only 第N条 and a heading joins the next one."""
    spans: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\n]+", text):
        line = match.group()
        if line.strip():
            start = match.start() + len(line) - len(line.lstrip())
            spans.append((start, match.end() - (len(line) - len(line.rstrip()))))
    if len(spans) > 1 and (words := _ARTICLE_WORDS.match(text, *spans[0])):
        heading = _HEADING.match(text, words.end(), spans[0][1])
        if heading is not None and heading.end() == spans[0][1]:
            spans[:2] = [(spans[0][0], spans[1][1])]
    return spans


def _complete(text: str, span: tuple[int, int]) -> bool:
    return text[span[1] - 1] in _ENDS


def _mark_at(text: str, start: int, end: int) -> _Mark | None:
    match = _MARK.match(text, start, end)
    return _as_mark(match) if match else None


def _home_of(mark: _Mark, numbering: list[dict[str, int]]) -> int:
    """Index of the clause a mark belongs to: the last, unless an earlier numbering runs on (a 项 of several lines)."""
    last = len(numbering) - 1
    if mark.number > 1:
        for index in range(last, -1, -1):
            if numbering[index].get(mark.style) == mark.number - 1:
                return index
    return last


def _as_mark(match: re.Match[str]) -> _Mark | None:
    style = match.lastgroup or ""
    raw = match[style]
    if style == "enclosed":
        return _Mark("han", ord(raw) - 0x321F, match.start())
    if style == "circled":
        return _Mark(style, ord(raw) - 0x245F, match.start())
    number = parse_number(raw)
    return _Mark(style, number, match.start()) if number else None


def _clause(text: str, number: int, spans: list[tuple[int, int]]) -> ClauseSpan:
    start, end = spans[0][0], spans[-1][1]
    line_starts = {s for s, _ in spans}
    marks = list(_marks(text, start, end, line_starts))
    items = _items(text, marks, end)
    lead_end = items[0].start if items else end
    while lead_end > start and text[lead_end - 1].isspace():
        lead_end -= 1
    return ClauseSpan(number, start, end, lead_end, items)


def _marks(text: str, start: int, end: int, line_starts: set[int]) -> Iterator[_Mark]:
    """Marks at line starts, and those inside lines that continue a numbering begun at one."""
    last: dict[str, int] = {}
    for match in _MARK.finditer(text, start, end):
        mark = _as_mark(match)
        if mark is None:
            continue
        at_line_start = mark.start in line_starts and mark.start != start
        follows = mark.number == last.get(mark.style, 0) + 1 and text[mark.start - 1 : mark.start] in tuple(
            "：:；;。，, \u3000"
        )
        if at_line_start or follows:
            if mark.style == "han":
                last.clear()
            last[mark.style] = mark.number
            yield mark


def _items(text: str, marks: list[_Mark], end: int) -> tuple[ItemSpan, ...]:
    """Marks of the outermost style become items, those between two of them their subitems."""
    if not marks:
        return ()
    outer = "han" if any(m.style == "han" for m in marks) else marks[0].style
    tops = [i for i, mark in enumerate(marks) if mark.style == outer]
    items = []
    for position, index in enumerate(tops):
        following = tops[position + 1] if position + 1 < len(tops) else len(marks)
        stop = marks[following].start if following < len(marks) else end
        inner = marks[index + 1 : following]
        items.append(
            ItemSpan(
                marks[index].number,
                marks[index].start,
                _trim(text, marks[index].start, stop),
                _items(text, inner, stop),
            )
        )
    return tuple(items)


def _trim(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
