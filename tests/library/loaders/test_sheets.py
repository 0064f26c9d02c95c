"""Workbooks."""

from __future__ import annotations

import datetime as dt
import io
import time

import pytest
from openpyxl import Workbook

from study_bot.errors import FileTooLargeError
from study_bot.library.loaders.sheets import cell_text, load_sheets
from study_bot.types import BlockKind, LoadedFile, Place
from tests.library.loaders.makers import LIMITS, rezip, texts


def load(book: Workbook) -> LoadedFile:
    return load_sheets(save(book), LIMITS)


def save(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def filled(*rows: tuple[object, ...]) -> Workbook:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.active.title = "安排"
    return book


def test_header_below_title_rows() -> None:
    """Title and note rows are paragraphs; rows carry the header and know their place."""
    book = filled(
        ("夜读安排表",),
        ("填报：街道", None, "日期：八月"),
        ("序号", "书目", "日期", "学时", "备注"),
        (1, "灯下集", dt.datetime(2021, 8, 16), 1.5, None),
        (2, "门与窗", dt.datetime(2021, 8, 17), 2.0, "重点"),
        ("注：每日一小时。",),
    )
    book.active.merge_cells("A1:E1")
    loaded = load(book)
    assert texts(loaded) == [
        "夜读安排表",
        "填报：街道 日期：八月",
        "序号：1；书目：灯下集；日期：2021年8月16日；学时：1.5",
        "序号：2；书目：门与窗；日期：2021年8月17日；学时：2；备注：重点",
        "注：每日一小时。",
    ]
    assert loaded.blocks[2].place == Place(sheet="安排", row=4)
    assert loaded.blocks[2].cells == ("1", "灯下集", "2021年8月16日", "1.5", "")
    assert [b.kind for b in loaded.blocks].count(BlockKind.TABLE_ROW) == 2


def test_merged_cells_are_filled_downwards() -> None:
    """A category merged over its rows is said in each."""
    book = filled(("类别", "书目"), ("文学", "甲"), (None, "乙"), ("历史", "丙"))
    book.active.merge_cells("A2:A3")
    assert texts(load(book)) == ["类别：文学；书目：甲", "类别：文学；书目：乙", "类别：历史；书目：丙"]


def test_header_of_two_rows() -> None:
    """A merged upper name goes to every column under it."""
    book = filled(("书目", "学时", None), (None, "计划", "实际"), ("甲", 2, 1))
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("A1:A2")
    assert texts(load(book)) == ["书目：甲；学时·计划：2；学时·实际：1"]


def test_sheet_without_header() -> None:
    """One column is text; rows of numbers have no names."""
    assert texts(load(filled(("甲段文字。",), ("乙段文字。",)))) == ["甲段文字。", "乙段文字。"]
    assert texts(load(filled((1, 2, 3), (4, 5, 6)))) == ["1；2；3", "4；5；6"]


def test_repeated_header_is_dropped() -> None:
    """Long tables say their header again for printing."""
    book = filled(("书目", "学时"), ("甲", 1), ("书目", "学时"), ("乙", 2))
    assert texts(load(book)) == ["书目：甲；学时：1", "书目：乙；学时：2"]


def test_formulas() -> None:
    """The stored result is the value; without one the cell is left out, with a warning."""
    book = filled(("书目", "学时"), ("甲", 1), ("合计", "=SUM(B2:B2)"))
    loaded = load(book)
    assert texts(loaded) == ["书目：甲；学时：1", "书目：合计"]
    assert "1 个公式" in loaded.warnings[0]
    sheet = "xl/worksheets/sheet1.xml"
    import zipfile

    data = save(book)
    content = zipfile.ZipFile(io.BytesIO(data)).read(sheet)
    calculated = content.replace(b"<v></v>", b"<v>7</v>").replace(b"<v />", b"<v>7</v>").replace(b"<v/>", b"<v>7</v>")
    loaded = load_sheets(rezip(data, {sheet: calculated}), LIMITS)
    assert texts(loaded)[1] == "书目：合计；学时：7"
    assert loaded.warnings == ()


def test_hidden_sheets_are_left_out_with_a_warning() -> None:
    """Every visible sheet is read."""
    book = filled(("书目", "学时"), ("甲", 1))
    book.create_sheet("底稿").append(["看不见"])
    book["底稿"].sheet_state = "hidden"
    book.create_sheet("第二").append(["看得见"])
    loaded = load(book)
    assert texts(loaded) == ["书目：甲；学时：1", "看得见"]
    assert "底稿" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (dt.datetime(2021, 8, 6), "yyyy-mm-dd", "2021年8月6日"),
        (dt.datetime(2021, 8, 6, 14, 30), "yyyy/m/d h:mm", "2021年8月6日 14:30"),
        (dt.datetime(2021, 8, 1), 'yyyy"年"m"月"', "2021年8月"),
        (dt.time(9, 5), "h:mm", "09:05"),
        (dt.timedelta(hours=26, minutes=5), "[h]:mm", "26:05"),
        (0.125, "0.0%", "12.5%"),
        (3.0, "General", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (True, "General", "是"),
        ("#REF!", "General", ""),
        ("#N/A", "General", ""),
        ("#1 楼", "General", "#1 楼"),
        ("甲\n乙_x000D_", "General", "甲 乙"),
        (None, "General", ""),
    ],
)
def test_cell_values(value: object, number_format: str, text: str) -> None:
    """Values as people write them."""
    assert cell_text(value, number_format) == text


def test_one_stray_cell_costs_nothing() -> None:
    """The last cell of the last row does not make a billion empty ones."""
    book = filled(("书目", "学时"), ("甲", 1))
    book.active["XFD1048576"] = "远"
    started = time.monotonic()
    assert "远" in texts(load(book))[-1]
    assert time.monotonic() - started < 5


def test_giant_merged_range_is_refused() -> None:
    """openpyxl would make an object for each of its cells."""
    data = save(filled(("甲", "乙"), (1, 2)))
    import zipfile

    sheet = "xl/worksheets/sheet1.xml"
    content = zipfile.ZipFile(io.BytesIO(data)).read(sheet)
    merged = content.replace(
        b"</sheetData>", b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    )
    with pytest.raises(FileTooLargeError, match="合并"):
        load_sheets(rezip(data, {sheet: merged}), LIMITS)
