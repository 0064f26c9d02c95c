"""Running headers, footers and page numbers: found because they repeat, digits aside, at one place of the pages."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace

from study_bot.library.loaders.page_lines import Line, Page, rows_of

MARGIN_SHARE = 0.12
"""Part of the page height, at the top and at the bottom, where running lines stand."""

MARGIN_ROWS = 3
"""Rows looked at from either end."""

REPEAT_SHARE = 0.3
"""Share of the pages a line must come back on; even and odd pages may carry different ones."""

SIMILAR = 0.8
"""Recognised text of one header varies a little from page to page."""

RECENT = 30
"""Rows of the pages before that recognised text is compared with."""

_DIGITS = re.compile(r"[0-9０-９]+")
_NOT_TEXT = re.compile(r"[\s\-—–_·.•|丨~～,，]+")
# - 3 -, 第3页, 3/12, 第 3 页 共 12 页, page 3 of 12; recognition reads the dashes as 一.
_PAGE_NUMBER = re.compile(
    r"^一?(?:第?#页?(?:[/／]?共?#页?)?|第[零〇一二三四五六七八九十百]+页(?:[/／]?共[零〇一二三四五六七八九十百]+页)?|page#(?:of#)?|p#|#of#|[ivxlc]+)一?$",
    re.IGNORECASE,
)


def remove_running_lines(pages: Sequence[Page]) -> list[Page]:
    """The pages without running headers, footers, page numbers and marks printed across every page."""
    groups = _margin_groups(pages)
    needed = max(2, round(REPEAT_SHARE * len(pages)))
    doomed: dict[int, set[Line]] = defaultdict(set)
    heights: list[float] = []
    for occurrences in groups.values():
        if len({page for page, _row in occurrences}) >= needed:
            for page, row in occurrences:
                doomed[page].update(row)
                heights.append(row[0].middle)
    for key, occurrences in groups.items():  # chapter names in a header come back on few pages, but at its height
        if len({page for page, _row in occurrences}) >= 2 and _PAGE_NUMBER.match(key[1]) is None:
            for page, row in occurrences:
                if any(abs(row[0].middle - height) < 2 for height in heights):
                    doomed[page].update(row)
    for page_number, line in _page_numbers(pages, groups):
        doomed[page_number].add(line)
    _stamps(pages, doomed)
    return [replace(p, segments=tuple(s for s in p.segments if s not in doomed[p.number])) for p in pages]


def _key(text: str) -> str:
    return _NOT_TEXT.sub("", _DIGITS.sub("#", text))


def _margin_groups(pages: Sequence[Page]) -> dict[tuple[str, str], list[tuple[int, list[Line]]]]:
    """Rows near the ends of the pages by (zone, text without digits)."""
    groups: dict[tuple[str, str], list[tuple[int, list[Line]]]] = {}
    recent: deque[tuple[str, str]] = deque(maxlen=RECENT)
    for page in pages:
        rows = rows_of(page.segments)
        zones = (
            ("top", [r for r in rows[:MARGIN_ROWS] if r[0].bottom < MARGIN_SHARE * page.height]),
            ("bottom", [r for r in rows[-MARGIN_ROWS:] if r[0].top > (1 - MARGIN_SHARE) * page.height]),
        )
        for zone, found in zones:
            for row in found:
                key = (zone, _key("".join(segment.text for segment in row)))
                if page.ocr and key not in groups:
                    key = next((known for known in recent if known[0] == zone and _similar(known[1], key[1])), key)
                if key[1]:
                    groups.setdefault(key, []).append((page.number, row))
                    recent.append(key)
    return groups


def _similar(left: str, right: str) -> bool:
    if abs(len(left) - len(right)) > 0.3 * max(len(left), len(right), 1):
        return False
    return difflib.SequenceMatcher(None, left, right).ratio() >= SIMILAR


def _page_numbers(
    pages: Sequence[Page], groups: dict[tuple[str, str], list[tuple[int, list[Line]]]]
) -> list[tuple[int, Line]]:
    """Page numbers of files too short for repetition to show."""
    if len(pages) > 3:
        return []
    return [
        (page, segment)
        for (_zone, key), occurrences in groups.items()
        if _PAGE_NUMBER.match(key) and not key.isalpha()
        for page, row in occurrences
        for segment in row
    ]


def _stamps(pages: Sequence[Page], doomed: dict[int, set[Line]]) -> None:
    """Marks printed at the same place of nearly every page, wherever it is."""
    if len(pages) < 4:
        return
    places: dict[tuple[str, int, int], list[tuple[int, Line]]] = defaultdict(list)
    for page in pages:
        for segment in page.segments:
            if segment.table:
                continue
            places[segment.text, round(segment.left / 3), round(segment.middle / 3)].append((page.number, segment))
    for occurrences in places.values():
        if len(occurrences) >= 0.7 * len(pages):
            for page_number, segment in occurrences:
                doomed[page_number].add(segment)
