"""Ruled tables of a PDF page: the lines drawn on it make cells, the characters go into them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from study_bot.library.loaders.page_lines import Line, join_all, merge_row, rows_of
from study_bot.library.loaders.pdf_text import Character, PageText, segments_of

JOIN = 3.0
"""Points by which rules that belong together may miss each other."""

MIN_RULE = 8.0
"""Points; shorter strokes are no rules."""

MAX_PATHS = 4000
"""Drawn paths of a page beyond which it is a drawing."""

MAX_RULES = 2000
"""Rules of a page beyond which it is a drawing."""

MAX_CELLS = 5000
"""Cells of a grid beyond which it is graph paper."""

_Table = tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A straight stroke: at `at` on one axis, from `start` to `end` on the other; y downwards."""

    at: float
    start: float
    end: float

    def spans(self, place: float) -> bool:
        return self.start - JOIN <= place <= self.end + JOIN


@dataclass(frozen=True, slots=True)
class _Grid:
    columns: tuple[float, ...]
    rows: tuple[float, ...]
    across: tuple[_Rule, ...]
    down: tuple[_Rule, ...]

    def holds(self, character: Character) -> bool:
        x, y = (character.left + character.right) / 2, character.base - 0.35 * character.size
        return self.columns[0] <= x <= self.columns[-1] and self.rows[0] <= y <= self.rows[-1]


def split_tables(page: pypdfium2.PdfPage, text: PageText, number: int) -> tuple[list[Line], list[Character]]:
    """Tables as lines that carry their rows, and the characters outside them.

    A table of which one cell holds most of the text is a frame around a page: its characters stay outside.
    """
    if text.turned:
        return [], list(text.characters)
    tables, outside = [], list(text.characters)
    for grid in _grids(*_rules(page, text)):
        inside = [character for character in outside if grid.holds(character)]
        rows = _fill(grid, inside, number)
        sizes = [len(cell) for row in rows for cell in row if cell]
        if len(sizes) < 3 or (max(sizes) >= 300 and max(sizes) > 0.6 * sum(sizes)):
            continue
        kept = set(inside)
        outside = [character for character in outside if character not in kept]
        size = inside[0].size
        tables.append(
            Line("", grid.columns[0], grid.columns[-1], grid.rows[0], grid.rows[0] + size, size, number, table=rows)
        )
    return tables, outside


def _rules(page: pypdfium2.PdfPage, text: PageText) -> tuple[list[_Rule], list[_Rule]]:
    """Horizontal and vertical strokes, also the edges of thin boxes, which many programs draw as rules."""
    left, _bottom, _right, top = text.box
    across: list[_Rule] = []
    down: list[_Rule] = []
    for count, path in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=1)):
        if count > MAX_PATHS:
            return [], []
        for start, end in _strokes(path):
            x0, x1, y0, y1 = start[0] - left, end[0] - left, top - start[1], top - end[1]
            if abs(y1 - y0) < 1 and abs(x1 - x0) >= MIN_RULE:
                across.append(_Rule((y0 + y1) / 2, min(x0, x1), max(x0, x1)))
            elif abs(x1 - x0) < 1 and abs(y1 - y0) >= MIN_RULE:
                down.append(_Rule((x0 + x1) / 2, min(y0, y1), max(y0, y1)))
    return across, down


def _strokes(path: pypdfium2.PdfObject) -> Iterable[tuple[tuple[float, float], tuple[float, float]]]:
    matrix = path.get_matrix()
    first = last = (0.0, 0.0)
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(min(pdfium.FPDFPath_CountSegments(path), MAX_PATHS)):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = matrix.on_point(x.value, y.value)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield last, point
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield point, first
        last = point


def _grids(across: list[_Rule], down: list[_Rule]) -> list[_Grid]:
    """Groups of rules that touch and make at least one row of two cells, from the top of the page."""
    rules = [*across, *down]
    if len(rules) > MAX_RULES:
        return []
    parents = list(range(len(rules)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for i, flat in enumerate(across):
        for j, upright in enumerate(down, len(across)):
            if flat.spans(upright.at) and upright.spans(flat.at):
                parents[root(i)] = root(j)
    groups: dict[int, tuple[list[_Rule], list[_Rule]]] = {}
    for index, rule in enumerate(rules):
        groups.setdefault(root(index), ([], []))[index >= len(across)].append(rule)
    grids = []
    for flats, uprights in groups.values():
        rows, columns = _cluster(rule.at for rule in flats), _cluster(rule.at for rule in uprights)
        if len(rows) >= 2 and len(columns) >= 3 and len(rows) * len(columns) <= MAX_CELLS:
            grids.append(_Grid(columns, rows, tuple(flats), tuple(uprights)))
    return sorted(grids, key=lambda grid: grid.rows[0])


def _cluster(places: Iterable[float]) -> tuple[float, ...]:
    """Places with those close together taken for one."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > JOIN:
            found.append(place)
    return tuple(found)


def _fill(grid: _Grid, characters: Sequence[Character], page: int) -> _Table:
    """Texts of the cells; merged downwards they are repeated, merged to the right the covered cells are None."""
    height, width = len(grid.rows) - 1, len(grid.columns) - 1
    owner = _merged_cells(grid, height, width)
    contents: dict[tuple[int, int], list[Character]] = {}
    for character in characters:
        x, y = (character.left + character.right) / 2, character.base - 0.35 * character.size
        row = next((i for i in range(height) if y <= grid.rows[i + 1]), height - 1)
        column = next((j for j in range(width) if x <= grid.columns[j + 1]), width - 1)
        contents.setdefault(owner[row, column], []).append(character)
    texts = {
        cell: join_all([merge_row(line) for line in rows_of(segments_of(held, page))])
        for cell, held in contents.items()
    }
    return tuple(
        tuple(None if owner[row, column][1] < column else texts.get(owner[row, column], "") for column in range(width))
        for row in range(height)
    )


def _merged_cells(grid: _Grid, height: int, width: int) -> dict[tuple[int, int], tuple[int, int]]:
    """For each cell the upper left cell of those it is merged with: no rule is drawn between them."""
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(height):
        middle_y = (grid.rows[row] + grid.rows[row + 1]) / 2
        for column in range(width):
            middle_x = (grid.columns[column] + grid.columns[column + 1]) / 2
            owner[row, column] = (row, column)
            if column and not _is_ruled(grid.down, grid.columns[column], middle_y):
                owner[row, column] = owner[row, column - 1]
            elif row and not _is_ruled(grid.across, grid.rows[row], middle_x):
                owner[row, column] = owner[row - 1, column]
    return owner


def _is_ruled(rules: Sequence[_Rule], at: float, place: float) -> bool:
    return any(abs(rule.at - at) <= JOIN and rule.spans(place) for rule in rules)
