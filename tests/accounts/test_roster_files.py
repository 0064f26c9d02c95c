from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.accounts.roles import Role
from study_bot.accounts.roster_files import MAX_FILE_BYTES, MAX_ROWS, RosterRow, read_roster, uneven_badges
from study_bot.errors import InputError
from tests.accounts.workbooks import raw_workbook, text_cells, workbook, zipped

HEADER = "警号,姓名,单位,角色,电话"
ROW = "010203,张三,总队/一支队,民警,13800000000"
EXPECTED = RosterRow(2, "010203", "张三", "总队/一支队", Role.OFFICER, "13800000000")
HEADER_ROW = "<row>" + text_cells("警号", "姓名") + "</row>"


def told(data: bytes, name: str = "a.csv") -> str:
    with pytest.raises(InputError) as raised:
        read_roster(name, data)
    return str(raised.value)


def outcome(name: str, data: bytes) -> None:
    """Whatever comes is rows or a message in Chinese."""
    try:
        rows = read_roster(name, data)
    except InputError as error:
        message = str(error)
    else:
        message = "好"
        assert 0 < len(rows) <= MAX_ROWS and all(row.errors or (row.badge and row.name) for row in rows)
    assert any("\u4e00" <= c <= "\u9fff" for c in message)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_csv_of_any_program(encoding: str, separator: str, ending: str) -> None:
    text = f"{HEADER}{ending}{ROW}{ending}".replace(",", separator)
    assert read_roster("花名册.csv", text.encode(encoding)) == (EXPECTED,)


def test_a_workbook() -> None:
    assert read_roster("a.xlsx", workbook([HEADER.split(","), ROW.split(",")])) == (EXPECTED,)


def test_the_bytes_count_and_not_the_name() -> None:
    assert read_roster("a.csv", workbook([HEADER.split(","), ROW.split(",")])) == (EXPECTED,)
    assert read_roster("a.xlsx", f"{HEADER}\n{ROW}".encode()) == (EXPECTED,)


def test_numbers_of_a_workbook_are_read_as_shown() -> None:
    data = workbook([["警号", "姓名", "电话"], [10203, "张三", 13800000000.0]], formats={"A2": "000000"})
    assert read_roster("a.xlsx", data) == (RosterRow(2, "010203", "张三", "", None, "13800000000"),)


@pytest.mark.parametrize(
    "header",
    [
        "警号,姓名,单位,角色,电话",
        "* 警号（必填）,姓　名,所属单位,身份,手机号码",
        "工号,名字,部门,权限,联系电话",
        "Badge,Name,Unit,Role,Phone",
        "序号,警号,姓名,性别,单位,角色,电话,备注",
    ],
)
def test_names_of_columns(header: str) -> None:
    names = header.split(",")
    row = ROW if len(names) == 5 else "1,010203,张三,男,总队/一支队,民警,13800000000,无"
    assert read_roster("a.csv", f"{header}\n{row}\n".encode()) == (EXPECTED,)


def test_a_title_above_the_header_and_empty_rows_are_passed_over() -> None:
    rows = read_roster("a.csv", f"一支队花名册,,\n\n{HEADER}\n,,,,\n{ROW}\n\n".encode())
    assert [(row.number, row.badge) for row in rows] == [(5, "010203")]


def test_what_a_file_does_not_say_is_left_open() -> None:
    (row,) = read_roster("a.csv", "姓名,警号\n张三,010203".encode())
    assert (row.unit, row.role, row.phone, row.errors) == ("", None, None, ())


@pytest.mark.parametrize(
    "text", ["总队/一支队", "总队 > 一支队", "总队\\一支队", "/总队/一支队/", "总队→一支队", "总队／一支队"]
)
def test_paths_of_units(text: str) -> None:
    (row,) = read_roster("a.csv", f"警号,姓名,单位\n010203,张三,{text}".encode())
    assert row.unit == "总队/一支队"


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("民警", Role.OFFICER),
        ("辅警", Role.OFFICER),
        ("协警", Role.OFFICER),
        ("文职", Role.OFFICER),
        ("单位管理员", Role.UNIT_ADMIN),
        ("系统管理员", Role.ADMIN),
        ("管理员", Role.ADMIN),
        ("", None),
    ],
)
def test_roles(text: str, role: Role | None) -> None:
    (row,) = read_roster("a.csv", f"警号,姓名,角色\n010203,张三,{text}".encode())
    assert row.role is role and not row.errors


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (",张三,,,", "警号"),
        ("警1,张三,,,", "警号"),
        ("010203,,,,", "姓名"),
        ("010203,张三,,局长,", "角色"),
        ("010203,张三,,,打电话", "电话"),
        ("=cmd|' /C calc'!A0,张三,,,", "警号"),
        ("010203,张三,,,=1+1", "电话"),
        ("../../etc,张三,,,", "警号"),
        ("010203,张三,///,,", "单位"),
        ("010203," + "张" * 200 + ",,,", "姓名"),
    ],
)
def test_errors_are_told_by_row(row: str, error: str) -> None:
    good, bad = read_roster("a.csv", f"{HEADER}\n{ROW.replace('010203', '010299')}\n{row}".encode())
    assert not good.errors and bad.number == 3 and error in "".join(bad.errors)


def test_a_badge_that_comes_twice_is_told() -> None:
    rows = read_roster("a.csv", "警号,姓名\njd1,甲\n2,乙\nJD1,丙".encode())
    told = ["".join(row.errors) for row in rows]
    assert "第 4 行重复" in told[0] and told[1] == "" and "第 2 行重复" in told[2]


@pytest.mark.parametrize("code", ["000000", "000000;-000000", "[Red]000000", "[$-804]000000_ ", "000000;@"])
def test_zeros_that_a_format_shows_are_kept(code: str) -> None:
    data = workbook([["警号", "姓名"], [80001, "张三"]], formats={"A2": code})
    assert read_roster("a.xlsx", data)[0].badge == "080001"


@pytest.mark.parametrize("code", ["General", "0", "0.00", "#,##0", "yyyy", "0%"])
def test_other_formats_add_no_zeros(code: str) -> None:
    data = workbook([["警号", "姓名"], [80001, "张三"]], formats={"A2": code})
    assert read_roster("a.xlsx", data)[0].badge == "80001"


def test_badges_of_unequal_length_leave_a_warning() -> None:
    rows = read_roster("a.xlsx", workbook([["警号", "姓名"], [110001, "甲"], [80001, "乙"], [110003, "丙"]]))
    warning = uneven_badges(rows)
    assert "第 3 行 80001" in warning and "6 位的 2 个" in warning and "110001" not in warning
    assert uneven_badges(rows[:1] + rows[2:]) == ""
    assert uneven_badges(read_roster("a.csv", "警号,姓名\njd1,甲\n080001,乙".encode())) == ""


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        (text_cells("1", "甲") + "<c><f>VLOOKUP(A2,B:C,2)</f></c>", "“单位”"),
        (text_cells("1", "甲") + "<c><f>A1</f><v/></c>", "“单位”"),
        (text_cells("1", "甲") + '<c t="str"><f>A1</f></c>', "“单位”"),
        (text_cells("1", "甲") + '<c t="e"><f>A1</f><v>#N/A</v></c>', "“单位”"),
        ("<c><f>NOW()</f></c><c><f>A1</f></c>", "“警号”、“姓名”"),
    ],
)
def test_a_formula_without_a_result_is_told(cells: str, columns: str) -> None:
    header = "<row>" + text_cells("警号", "姓名", "单位") + "</row>"
    (row,) = read_roster("a.xlsx", raw_workbook(f"{header}<row>{cells}</row>"))
    assert f"{columns}是公式" in "".join(row.errors)


def test_formulas_elsewhere_and_empty_results_are_no_errors() -> None:
    header = "<row>" + text_cells("警号", "姓名", "单位", "序号") + "</row>"
    empty = text_cells("1", "甲") + '<c t="str"><f>A1</f><v></v></c><c><f>ROW()</f></c>'
    rows = read_roster("a.xlsx", raw_workbook(f"{header}<row>{empty}</row>" + '<row><c r="D3"><f>ROW()</f></c></row>'))
    assert [(row.badge, row.unit, row.errors) for row in rows] == [("1", "", ())]


def test_quotes_and_line_breaks_inside_a_cell() -> None:
    first, second = read_roster("a.csv", '警号,姓名,单位\n1,"张\n三","总队, 一支队"\n2,"李""四",总队'.encode())
    assert (first.name, first.unit, second.name, second.number) == ("张 三", "总队, 一支队", '李"四', 4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "空"),
        (b"\0\0\0", "空"),
        (b"   \n \r\n", "空"),
        (b"a" * (MAX_FILE_BYTES + 1), "MB"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 8, "CSV 或 XLSX"),
        (b"\xd0\xcf\x11\xe0" + b"\0x" * 500, "另存为"),
        ("姓名,电话\n张三,1".encode(), "表头"),
        ("警号,姓名".encode(), "没有人员"),
        ("警号,姓名,警号\n1,甲,2".encode(), "两次"),
        ("警号,姓名\n".encode() + b"x" * 30_000, "过长"),
        (b"PK\x03\x04garbage", "损坏"),
        (b"{}", "表头"),
        (b"<html>", "表头"),
        ("警号,姓名\n".encode() + b"".join(b"%d,x\n" % n for n in range(MAX_ROWS + 1)), str(MAX_ROWS)),
        (("警号,姓名" + ",x" * 100_000 + "\n1,甲").encode(), "过长"),
        (",".join(["x"] * 100 + ["警号", "姓名"]).encode(), "表头"),
    ],
)
def test_what_is_no_roster_is_told(data: bytes, message: str) -> None:
    assert message in told(data)


def test_old_workbooks_are_to_be_saved_anew() -> None:
    assert "另存为" in told("警号,姓名\n1,甲".encode(), "a.xls")


def test_a_quote_that_never_ends_is_read_or_told() -> None:
    rows = read_roster("a.csv", '警号,姓名\n1,甲\n2,"乙\n3,丙\n'.encode())
    assert rows[0].name == "甲" and len(rows) == 2
    assert "引号" in told('警号,姓名\n1,"'.encode() + ("甲" * 1000 + "\n").encode() * 200)


def test_encodings_mixed_in_one_file_are_told_or_shown() -> None:
    data = f"{HEADER}\n".encode() + ROW.encode("gb18030") + b"\n" + ROW.encode()
    outcome("a.csv", data)


def test_zero_bytes_are_told_or_taken_out() -> None:
    for data in (f"{HEADER}\n0102\x0003,张三", f"{HEADER}\n010203,张\x00三", f"{HEADER}\n{ROW}\x00"):
        outcome("a.csv", data.encode())
        outcome("a.csv", data.encode("gb18030"))
        outcome("a.csv", data.encode("utf-16"))
    outcome("a.csv", b"\0".join(bytes([b]) for b in f"{HEADER}\n{ROW}".encode("gb18030")))


def test_a_formula_of_a_workbook_is_never_a_badge() -> None:
    sheet = (
        HEADER_ROW + '<row><c><f>1+1</f><v>7</v></c><c t="str"><f>"a"</f><v>甲</v></c></row><row><c><f>NOW()</f></c>'
    )
    rows = read_roster("a.xlsx", raw_workbook(sheet + text_cells("乙") + "</row>"))
    assert (rows[0].badge, rows[0].name) == ("7", "甲") and "警号" in rows[1].errors[0]


@pytest.mark.parametrize(
    "sheet",
    [
        '<row r="99999999">' + text_cells("1", "甲") + "</row>",
        '<row r="1048577">' + text_cells("1", "甲") + "</row>",
    ],
)
def test_a_row_where_none_can_be_is_told(sheet: str) -> None:
    data = raw_workbook(HEADER_ROW + sheet)
    assert "损坏" in told(data)


def test_cells_far_to_the_right_are_not_looked_at() -> None:
    wide = (
        '<row r="2"><c r="XFD2"><v>5</v></c>'
        + "".join(f'<c r="{c}2"><v>1</v></c>' for c in ("A", "ZZZ", "B"))
        + "</row>"
    )
    (row,) = read_roster("a.xlsx", raw_workbook(HEADER_ROW + wide))
    assert (row.badge, row.name) == ("1", "1")
    many = "<row>" + text_cells("1", "甲") + "<c><v>1</v></c>" * 100_000 + "</row>"
    assert read_roster("a.xlsx", raw_workbook(HEADER_ROW + many))[0].name == "甲"


BOMB = '<!DOCTYPE x [<!ENTITY a "' + "x" * 1000 + '"><!ENTITY b "' + "&a;" * 1000 + '">]>'
THIEF = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prolog", [BOMB, THIEF, f"<?xml version='1.0'?><!-- x -->{THIEF}"])
def test_entities_are_refused(prolog: str) -> None:
    sheet = HEADER_ROW + "<row>" + text_cells("1", "&b;&a;") + "</row>"
    message = told(raw_workbook(sheet, prolog=prolog))
    assert "实体" in message and "root" not in message


def test_bombs_are_refused() -> None:
    zeros = b"0" * 30_000_000
    for data in (
        raw_workbook(b"<x>" + zeros),
        raw_workbook(HEADER_ROW, more={"xl/media/a.bin": zeros}),
        raw_workbook(HEADER_ROW + "<row/>" * 1_500_000),
    ):
        assert "太大" in told(data)
    assert told(raw_workbook(HEADER_ROW, strings="<si><t>x</t></si>" * 210_000))
    assert told(zipped({f"a{n}.xml": "" for n in range(20_001)}))


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"a.txt": "x"},
        {"xl/workbook.xml": "<workbook/>"},
        {"xl/workbook.xml": "not xml"},
        {"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"},
        {"../../etc/passwd": "x", "xl/workbook.xml": "<workbook><sheets><sheet/></sheets></workbook>"},
    ],
)
def test_archives_that_are_no_workbook_are_told(parts: dict[str, str | bytes]) -> None:
    assert told(zipped(parts), "a.xlsx")


@pytest.mark.parametrize(
    "cells",
    [
        '<c t="s"><v>7</v></c>',
        '<c t="s"><v>-1</v></c>',
        '<c t="s"><v>x</v></c>',
        '<c t="s"/>',
        '<c t="e"><v>#REF!</v></c>',
        "<c><v>1e999</v></c>",
        "<c><v>NaN</v></c>",
        '<c s="99"><v>5</v></c>',
        '<c s="-1"><v>5</v></c>',
        '<c r="@@1"><v>5</v></c>',
        '<c t="inlineStr"/>',
        "<c/>",
        "<x/>",
        '<c t="?"><v>5</v></c>',
    ],
)
def test_cells_that_make_no_sense_do_no_harm(cells: str) -> None:
    rows = read_roster("a.xlsx", raw_workbook(HEADER_ROW + f"<row>{cells}</row><row>{text_cells('1', '甲')}</row>"))
    assert rows[-1].name == "甲"


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.xlsx", "a", ""]))
def test_any_bytes(data: bytes, name: str) -> None:
    outcome(name, data)
    outcome(name, f"{HEADER}\n".encode() + data)
    outcome(name, f"{HEADER}\n{ROW}\n".encode("gb18030") + data)
    outcome(name, b"PK\x03\x04" + data)


_cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.lists(_cells, max_size=8), min_size=1, max_size=6))
def test_any_text_in_cells(rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([HEADER.split(","), *rows])
    outcome("a.csv", buffer.getvalue().encode())


WHOLE = raw_workbook(HEADER_ROW + "<row>" + text_cells("1", "甲") + "</row>", strings="<si><t>x</t></si>")


@settings(max_examples=200)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8), st.integers(0, 40))
def test_damaged_workbooks(position: int, piece: bytes, cut: int) -> None:
    outcome("a.xlsx", WHOLE[:position] + piece + WHOLE[position + cut :])


@given(st.text(st.sampled_from('<>/"= crtsvf19ABXZ&;\0甲'), max_size=60), st.text(max_size=30))
def test_sheets_of_any_content(sheet: str, more: str) -> None:
    outcome("a.xlsx", raw_workbook(HEADER_ROW + sheet))
    outcome("a.xlsx", raw_workbook((HEADER_ROW + sheet + more).encode("utf-8", "replace")))
