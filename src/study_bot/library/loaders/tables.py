"""Tables of any format to rows that can be read alone: `表头：值；表头：值`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from study_bot.library.loaders.blocks import BlockWriter, ends_sentence
from study_bot.text import normalise_line
from study_bot.types import Block, BlockKind, Place

Row = Sequence[str | None]
"""Cells from left to right; None = covered by the merged cell to its left."""

MAX_HEADER_CHARS = 30
"""A longer cell is a value, not a column's name."""


_COLONS = ("：", ":")


def row_text(header: Sequence[str], values: Sequence[str]) -> str:
    """`表头：值；表头：值`; columns without a name give the bare value, empty values are left out."""
    parts: list[str] = []
    for column, value in enumerate(values):
        name = header[column].rstrip("：:") if column < len(header) else ""
        if not value:
            continue
        if not name and parts and parts[-1].endswith(_COLONS):
            # A form: the cell to the left names this one, or was left without a value.
            parts[-1] = value if value.endswith(_COLONS) else parts[-1] + value
        else:
            parts.append(f"{name}：{value}" if name and name != value else value)
    return "；".join(parts)


def looks_like_header(row: Sequence[str]) -> bool:
    """Whether a row names columns: at least two cells, nearly all filled, short, distinct, not numbers."""
    names = [cell for cell in row if cell]
    if len(names) < 2 or len(names) < len(row) - 1 or len(set(names)) < len(names):
        return False
    return all(
        len(name) <= MAX_HEADER_CHARS and not ends_sentence(name.rstrip("：:")) and not _is_number(name)
        for name in names
    )


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace(",", "").replace("%", "").replace("-", "").isdigit()


def merge_header(rows: Sequence[Row]) -> list[str]:
    """One name a column from one or more header rows; a merged upper name goes to all columns under it."""
    width = max((len(row) for row in rows), default=0)
    names: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        left = ""
        for column in range(width):
            cell = row[column] if column < len(row) else ""
            left = left if cell is None else cell
            if left and left not in names[column]:
                names[column].append(left)
    return ["·".join(parts) for parts in names]


def table_blocks(
    rows: Sequence[Row], *, header_rows: int | None = None, place: Callable[[int], Place] | None = None
) -> list[Block]:
    """Blocks of a table: a title row spanning all columns as a paragraph, then a TABLE_ROW for each data row.

    :param rows: cells of each row; a cell merged downwards is repeated by the caller, one merged to the right is not.
    :param header_rows: how many leading rows the format marks as header; None = judged from the cells.
    :param place: position of a row by its index; None = unknown.
    """
    writer = BlockWriter()
    cleaned = [[None if cell is None else normalise_line(cell) for cell in row] for row in rows]
    order = [index for index, row in enumerate(cleaned) if any(row)]
    locate = place or (lambda _index: Place())
    width = max((len(row) for row in cleaned), default=0)
    while len(order) > 1 and width > 1 and _spans_all(cleaned[order[0]], width):
        writer.add(next(cell for cell in cleaned[order[0]] if cell), place=locate(order[0]))
        order.pop(0)
        header_rows = max(header_rows - 1, 0) if header_rows else header_rows
    if header_rows is None:
        header_rows = _judge_header([cleaned[index] for index in order[:2]])
    header_rows = min(header_rows, len(order) - 1) if order else 0
    header = merge_header([cleaned[index] for index in order[:header_rows]])
    for index in order[header_rows:]:
        cells = tuple(cell or "" for cell in cleaned[index])
        writer.add(row_text(header, cells), BlockKind.TABLE_ROW, place=locate(index), cells=cells)
    return writer.blocks


def _spans_all(row: Row, width: int) -> bool:
    """A title: its first cell merged over every other column."""
    return len(row) == width and bool(row[0]) and all(cell is None for cell in row[1:])


def _judge_header(rows: Sequence[Row]) -> int:
    if len(rows) < 2:
        return 0
    first = [cell for cell in rows[0] if cell is not None]
    if not looks_like_header(first) or any(cell.endswith(_COLONS) for cell in first):
        return 0
    if None not in rows[0]:
        return 1
    second = [cell for cell in rows[1] if cell]
    return 2 if all(not _is_number(cell) and len(cell) <= MAX_HEADER_CHARS for cell in second) else 1
