"""Workbooks (.xlsx): every row of every visible sheet with the names of its columns."""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.utils import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from study_bot.errors import DamagedFileError, FileTooLargeError
from study_bot.library.loaders.blocks import BlockWriter
from study_bot.library.loaders.limits import MEGABYTE, LoadLimits
from study_bot.library.loaders.package import open_package
from study_bot.library.loaders.tables import MAX_HEADER_CHARS, looks_like_header, merge_header, row_text
from study_bot.library.loaders.titles import declared_title
from study_bot.text import normalise_line
from study_bot.types import BlockKind, LoadedFile, Place

MAX_SHEET_BYTES = 150 * MEGABYTE
"""XML of all sheets; openpyxl needs about twenty times as much memory."""

MAX_MERGED_CELLS = 1_000_000
"""Cells one merged range may cover: openpyxl makes an object for each."""

HEADER_SEARCH_ROWS = 15
"""Rows with content, from the top, among which the header is looked for."""

_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=\"([A-Za-z]{1,3}[0-9]{1,7}:[A-Za-z]{1,3}[0-9]{1,7})\"")
_FORMULA = re.compile(rb"<(?:\w+:)?f[ />]")
_NOTE = re.compile(r"^[（(]?(?:注|备注|说明|附注)[:：\s\d一二三]")
_QUOTED = re.compile(r"\"[^\"]*\"|\[[^\]]*\]|\\.")


@dataclass(slots=True)
class _Sheet:
    """Cells of a sheet as text by row and column (1-based), merged ranges written out."""

    name: str
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    covered: dict[int, set[int]] = field(default_factory=dict)
    wide: set[int] = field(default_factory=set)
    lost_formulas: int = 0


def load_sheets(data: bytes, limits: LoadLimits) -> LoadedFile:
    """Read a .xlsx: values as shown, dates as 2021年8月16日, formulas by their stored results.

    :raises DamagedFileError: no readable workbook.
    :raises EncryptedFileError: behind a password.
    :raises FileTooLargeError: sheets or merged ranges beyond reason, or unpacks to more than the limit.
    """
    with open_package(data, limits) as archive:
        has_formulas = _check_sheets(archive)
        title = declared_title(archive)
    book = _open_book(data, values=True)
    formulas = _open_book(data, values=False) if has_formulas else None
    writer = BlockWriter()
    remarks = []
    hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
    lost = 0
    for worksheet in book.worksheets:
        if worksheet.sheet_state == "visible":
            sheet = _read_sheet(worksheet, formulas[worksheet.title] if formulas is not None else None)
            lost += sheet.lost_formulas
            _write_sheet(sheet, writer)
    if lost:
        remarks.append(f"有 {lost} 个公式没有保存计算结果，对应单元格未收入；请用 Excel 或 WPS 打开并保存后重新导入。")
    if hidden:
        remarks.append(f"隐藏的工作表没有读取：{'、'.join(hidden[:10])}；如需收入，请取消隐藏后重新导入。")
    return LoadedFile("xlsx", tuple(writer.blocks), title, warnings=tuple(remarks))


def _open_book(data: bytes, *, values: bool) -> Workbook:
    """The workbook with stored results, or with formulas."""
    try:
        with warnings.catch_warnings(action="ignore"):  # styles and extensions that do not matter here
            return load_workbook(io.BytesIO(data), data_only=values)
    except InvalidFileException:
        raise _damaged() from None


def _damaged() -> DamagedFileError:
    return DamagedFileError("工作簿已损坏；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入。")


def _check_sheets(archive: zipfile.ZipFile) -> bool:
    """Refuse sheets that would exhaust memory; whether any holds formulas."""
    sheets = [entry for entry in archive.infolist() if entry.filename.startswith("xl/worksheets/")]
    if sum(entry.file_size for entry in sheets) > MAX_SHEET_BYTES:
        raise FileTooLargeError("工作表的数据量过大；请拆成几个文件，或删去多余的行列后再导入。")
    has_formulas = False
    for entry in sheets:
        try:
            content = archive.read(entry)
        except (zipfile.BadZipFile, OSError, EOFError):
            raise _damaged() from None
        has_formulas = has_formulas or bool(_FORMULA.search(content))
        for match in _MERGE.finditer(content):
            left, top, right, bottom = range_boundaries(match[1].decode("ascii"))
            if (right - left + 1) * (bottom - top + 1) > MAX_MERGED_CELLS:
                raise FileTooLargeError("工作表有过大的合并单元格；请在 Excel 或 WPS 中取消整列或整行的合并后再导入。")
    return has_formulas


def _read_sheet(worksheet: Any, formulas: Any | None) -> _Sheet:
    """Only cells that exist are visited: one stray cell in the last row must not cost a billion."""
    sheet = _Sheet(worksheet.title)
    for (row, column), cell in worksheet._cells.items():
        text = cell_text(cell.value, cell.number_format or "")
        if text:
            sheet.rows.setdefault(row, {})[column] = text
        elif cell.value is None and formulas is not None and _is_formula(formulas, row, column):
            sheet.lost_formulas += 1
    filled = sorted(sheet.rows)
    width = max((max(row) for row in sheet.rows.values()), default=0)
    for merged in worksheet.merged_cells.ranges:
        origin = sheet.rows.get(merged.min_row, {})
        if merged.min_col not in origin:
            continue
        text = origin[merged.min_col]
        columns = range(merged.min_col, min(merged.max_col, width) + 1)
        for row in filled:
            if not merged.min_row <= row <= merged.max_row:
                continue
            sheet.rows[row].setdefault(merged.min_col, text)
            sheet.covered.setdefault(row, set()).update(columns[1:])
            if merged.min_col == min(sheet.rows[row]) and len(columns) > 1 and columns[-1] >= width:
                sheet.wide.add(row)
    return sheet


def _is_formula(formulas: Any, row: int, column: int) -> bool:
    cell = formulas._cells.get((row, column))
    return cell is not None and cell.data_type == "f"


def cell_text(value: object, number_format: str = "") -> str:
    """A cell's value as people write it; "" for empty cells and error values."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return _date_text(value, number_format)
    if isinstance(value, dt.timedelta):
        minutes = int(value.total_seconds() // 60)
        return f"{minutes // 60}:{minutes % 60:02d}"
    if isinstance(value, (int, float)):
        if "%" in _QUOTED.sub("", number_format):
            return f"{_number_text(value * 100)}%"
        return _number_text(value)
    text = normalise_line(str(value).replace("_x000D_", " "))
    return "" if text.startswith("#") and text.rstrip("!?").isupper() and text[-1:] in "!?A" else text


def _number_text(value: float) -> str:
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return str(int(value))
    return format(value, ".10g")


def _date_text(value: dt.datetime | dt.date | dt.time, number_format: str) -> str:
    if isinstance(value, dt.time):
        return f"{value:%H:%M}"
    pattern = _QUOTED.sub("", number_format).lower()
    day = f"{value.day}日" if "d" in pattern or "y" not in pattern else ""
    text = f"{value.year}年{value.month}月{day}"
    if isinstance(value, dt.datetime) and (value.hour or value.minute):
        text += f" {value:%H:%M}"
    return text


def _write_sheet(sheet: _Sheet, writer: BlockWriter) -> None:
    order = sorted(sheet.rows)
    columns = sorted({column for row in sheet.rows.values() for column in row})
    top, depth = _find_header(sheet, order, len(columns))
    header_rows = order[top : top + depth]
    names = _header_names(sheet, header_rows, columns)
    for row in order[:top]:
        _write_loose(sheet, row, writer)
    head = [[sheet.rows[row].get(column, "") for column in columns] for row in header_rows]
    for row in order[top + depth :]:
        cells = tuple(sheet.rows[row].get(column, "") for column in columns)
        filled = [cell for cell in cells if cell]
        if depth and list(cells) in head:
            continue  # the header said again for printing
        if len(columns) == 1 or (len(filled) == 1 and (row in sheet.wide or _NOTE.match(filled[0]))):
            _write_loose(sheet, row, writer)
            continue
        text = row_text([names[column] for column in columns], cells)
        writer.add(text, BlockKind.TABLE_ROW, place=Place(sheet=sheet.name, row=row), cells=cells)


def _write_loose(sheet: _Sheet, row: int, writer: BlockWriter) -> None:
    text = " ".join(sheet.rows[row][column] for column in sorted(sheet.rows[row]))
    writer.add(text, place=Place(sheet=sheet.name, row=row))


def _find_header(sheet: _Sheet, order: list[int], width: int) -> tuple[int, int]:
    """Position in `order` of the header and its number of rows; (0, 0) when the sheet has none.

    Title and note rows above it fill one cell. A merged name above several columns takes a second row.
    """
    for position, row in enumerate(order[:HEADER_SEARCH_ROWS]):
        cells = sheet.rows[row]
        named = len(set(cells) | sheet.covered.get(row, set()))
        if len(cells) < 2 or row in sheet.wide or named < 0.6 * width:
            continue
        if not looks_like_header(list(cells.values())) or position + 1 >= len(order):
            return 0, 0
        below = sheet.rows[order[position + 1]]
        spans = any(column not in cells for column in sheet.covered.get(row, ()))
        return position, 2 if spans and all(
            len(v) <= MAX_HEADER_CHARS and not v.isdigit() for v in below.values()
        ) else 1
    return 0, 0


def _header_names(sheet: _Sheet, rows: list[int], columns: list[int]) -> Mapping[int, str]:
    lines = [
        [sheet.rows[row].get(column, None if column in sheet.covered.get(row, ()) else "") for column in columns]
        for row in rows
    ]
    names = merge_header(lines)
    return {column: names[index] if names else "" for index, column in enumerate(columns)}
