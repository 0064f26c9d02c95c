"""Reading order of a page: full-width lines and, between them, columns read one after the other."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.library.loaders.page_lines import Line, Page, lines_of, rows_of

MIN_COLUMN_ROWS = 4
"""Rows on each side of a gutter."""

MAX_CROSSING = 0.4
"""Share of the rows that may cross the gutter (titles, tables)."""

MIN_FILL = 0.75
"""Share of the column's width that the longer lines of a column reach; cells of a table are shorter."""

FULL_LINES = 0.2
"""Share of a column's lines that must be that long."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines of one column in reading order. `side` is full, left or right."""

    side: str
    page: int
    lines: tuple[Line, ...]


def frames_of(pages: Sequence[Page]) -> list[Frame]:
    """Cut pages into frames, in reading order.

    Where most pages have two columns, the others are cut at the same place if nothing there speaks against it.
    """
    rows = [rows_of(page.segments) for page in pages]
    gutters = [find_gutter(page_rows) for page_rows in rows]
    known = [gutter for gutter in gutters if gutter is not None]
    usual = statistics.median(known) if len(known) >= max(2, 0.5 * len(pages)) else None
    frames: list[Frame] = []
    for page, page_rows, found in zip(pages, rows, gutters, strict=True):
        gutter = found
        if gutter is None and usual is not None and _crossing(page_rows, usual) <= MAX_CROSSING * len(page_rows):
            gutter = usual
        frames.extend(_cut(page, page_rows, gutter))
    return frames


def _crossing(rows: Sequence[Sequence[Line]], x: float) -> int:
    return sum(1 for row in rows if any(segment.left < x < segment.right for segment in row))


def _cut(page: Page, rows: Sequence[Sequence[Line]], gutter: float | None) -> list[Frame]:
    if gutter is None:
        lines = tuple(line for row in rows for line in lines_of(row))
        return [Frame("full", page.number, lines)] if lines else []
    frames: list[Frame] = []
    full: list[Line] = []
    left: list[Line] = []
    right: list[Line] = []

    def close_columns() -> None:
        for side, column in (("left", left), ("right", right)):
            if column:
                frames.append(Frame(side, page.number, tuple(column)))
                column.clear()

    def close_full() -> None:
        if full:
            frames.append(Frame("full", page.number, tuple(full)))
            full.clear()

    for row in rows:
        if _crossing([row], gutter):
            close_columns()
            full.extend(lines_of(row))
            continue
        close_full()
        for column, part in (
            (left, [segment for segment in row if segment.right <= gutter]),
            (right, [segment for segment in row if segment.left >= gutter]),
        ):
            if part:
                column.extend(lines_of(part))
    close_full()
    close_columns()
    return frames


def find_gutter(rows: Sequence[Sequence[Line]]) -> float | None:
    """Middle of the gap between two columns of text, None for one column."""
    segments = [segment for row in rows for segment in row]
    if len(segments) < 2 * MIN_COLUMN_ROWS:
        return None
    start, end = min(s.left for s in segments), max(s.right for s in segments)
    step = 2.0
    count = int((end - start) * 0.4 / step)
    candidates = [start + 0.3 * (end - start) + step * i for i in range(count + 1)]
    crossings = [sum(1 for s in segments if s.left < x < s.right) for x in candidates]
    if not crossings:
        return None
    least = min(crossings)
    if least > MAX_CROSSING * len(rows):
        return None
    gutter = _middle_of_widest(candidates, crossings, least)
    left = [s for s in segments if s.right <= gutter]
    right = [s for s in segments if s.left >= gutter]
    if len(left) < MIN_COLUMN_ROWS or len(right) < MIN_COLUMN_ROWS:
        return None
    for lines, width in ((left, gutter - start), (right, end - gutter)):
        if sum(1 for s in lines if s.width >= MIN_FILL * width) < max(3, FULL_LINES * len(lines)):
            return None
    return gutter


def _middle_of_widest(candidates: Sequence[float], crossings: Sequence[int], least: int) -> float:
    best: tuple[int, float] = (0, candidates[0])
    run: list[float] = []
    for x, count in [*zip(candidates, crossings, strict=True), (0.0, -1)]:
        if count == least:
            run.append(x)
            continue
        if len(run) > best[0]:
            best = (len(run), (run[0] + run[-1]) / 2)
        run = []
    return best[1]
