"""Lines of text on a page, whatever found them: the characters of a PDF or text recognition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from study_bot.library.loaders.plain import is_wide, join_lines


@dataclass(frozen=True, slots=True)
class Line:
    """A run of text on one baseline. Points from the left and top edge of the page as it is read, y downwards.

    `size` is the type size (width of an ideograph). `cells` counts the parts separated by wide gaps: a table row
    has several. `table` holds the rows of a ruled table, which stands in for its text at its upper edge.
    """

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    page: int
    bold: bool = False
    cells: int = 1
    table: tuple[tuple[str | None, ...], ...] = ()

    @property
    def middle(self) -> float:
        """Vertical centre."""
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """Horizontal extent."""
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Page:
    """A page's segments: parts of rows between wide gaps, in no particular order."""

    number: int
    width: float
    height: float
    segments: tuple[Line, ...]
    ocr: bool = False


def rows_of(segments: Sequence[Line]) -> list[list[Line]]:
    """Segments that share a baseline, top to bottom, each row from left to right."""
    rows: list[list[Line]] = []
    for segment in sorted(segments, key=lambda s: s.middle):
        row = rows[-1] if rows else None
        if row is not None and abs(segment.middle - _middle(row)) < 0.45 * min(segment.size, row[0].size):
            row.append(segment)
        else:
            rows.append([segment])
    return [sorted(row, key=lambda s: s.left) for row in rows]


def _middle(row: Sequence[Line]) -> float:
    return sum(segment.middle for segment in row) / len(row)


def lines_of(row: Sequence[Line]) -> list[Line]:
    """A row as one line; tables that begin at its height stay apart."""
    text = [segment for segment in row if not segment.table]
    return [*([merge_row(text)] if text else []), *(segment for segment in row if segment.table)]


def merge_row(row: Sequence[Line]) -> Line:
    """One line from the segments of a row."""
    if len(row) == 1:
        return row[0]
    text = row[0].text
    for segment in row[1:]:
        text = f"{text} {segment.text}"
    return replace(
        row[0],
        text=text,
        right=max(segment.right for segment in row),
        top=min(segment.top for segment in row),
        bottom=max(segment.bottom for segment in row),
        size=max(row, key=lambda segment: len(segment.text)).size,
        bold=all(segment.bold for segment in row),
        cells=len(row),
    )


def units(text: str) -> float:
    """Width of a text in ideographs: a Latin letter or digit counts about half."""
    return sum(1.0 if is_wide(c) else 0.55 for c in text)


def join_all(lines: Sequence[Line]) -> str:
    """The text of lines that make one paragraph."""
    text = lines[0].text if lines else ""
    for line in lines[1:]:
        text = join_lines(text, line.text)
    return text
