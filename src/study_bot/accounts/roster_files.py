"""Reading a roster (花名册): the rows of a CSV or XLSX file, each with what is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from study_bot.accounts.fields import UNIT_SEPARATOR, clean_badge, clean_name, clean_phone, clean_unit_name
from study_bot.accounts.roles import Role
from study_bot.accounts.roster_cells import MAX_COLUMNS, UNCALCULATED, csv_rows
from study_bot.accounts.roster_workbook import is_workbook, workbook_rows
from study_bot.errors import InputError
from study_bot.text import normalise_line

MAX_FILE_BYTES = 5 * 1024 * 1024
MAX_ROWS = 5000
HEADER_SEARCH_ROWS = 10
"""Rows with content, from the top, among which the header is looked for."""

MAX_NAMED = 5
"""Rows that a message names."""

_COLUMNS = {
    "badge": "警号 警员编号 警官编号 人员编号 工号 编号 账号 badge badgeno badgenumber",
    "name": "姓名 名字 警员姓名 民警姓名 人员姓名 name",
    "unit": "单位 单位名称 所在单位 所属单位 工作单位 部门 所在部门 所属部门 unit department",
    "role": "角色 身份 权限 人员类别 role",
    "phone": "电话 手机 手机号 手机号码 联系电话 联系方式 电话号码 移动电话 phone mobile tel",
}
_LABELS = {"badge": "警号", "name": "姓名", "unit": "单位", "role": "角色", "phone": "电话"}
_FIELD_OF = {synonym: column for column, synonyms in _COLUMNS.items() for synonym in synonyms.split()}

_ROLES = {
    Role.OFFICER: "民警 警员 普通民警 辅警 协警 文职 文职人员 警务辅助人员 普通用户 用户 officer",
    Role.UNIT_ADMIN: "单位管理员 部门管理员 unit_admin unitadmin",
    Role.ADMIN: "系统管理员 管理员 超级管理员 admin",
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names.split()}

_SEPARATORS = re.compile(r"\s*(?:[/\\>|]|→|›|-{2,})\s*")


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row of a roster. `number` is that of the row in the file, counted from 1 with the header.

    `unit` is a path of names from the root, or one name; "" and None mean that the file says nothing, so that
    nothing is changed for people who are there already. A row with `errors` is not taken in.
    """

    number: int
    badge: str
    name: str
    unit: str = ""
    role: Role | None = None
    phone: str | None = None
    errors: tuple[str, ...] = ()


@dataclass(slots=True)
class _Problems:
    texts: list[str] = field(default_factory=list)

    def tried(self, clean: Callable[[str], str], text: str) -> str:
        """What `clean` makes of the text; where it refuses, the shortened text itself, and why is noted."""
        try:
            return clean(text)
        except InputError as error:
            self.texts.append(str(error))
            return normalise_line(text)[:40]


def read_roster(name: str, data: bytes) -> tuple[RosterRow, ...]:
    """The rows of a roster, in the order of the file; empty rows are left out.

    :param name: of the file; only its ending counts, and only where the bytes do not tell.
    :raises InputError: not a CSV or XLSX file that can be read, no header with 警号 and 姓名, or too large.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"花名册超过 {MAX_FILE_BYTES // 1024 // 1024} MB，请删去多余内容或分成几个文件再导入。")
    if not data.strip(b"\0 \t\r\n"):
        raise InputError("花名册是空的，请检查文件。")
    if is_workbook(data):
        return parse_rows(workbook_rows(data))
    if name.lower().endswith((".xls", ".et", ".ods")) or data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError("花名册只能是 CSV 或 XLSX 文件；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入。")
    return parse_rows(csv_rows(data))


def parse_rows(rows: Iterable[tuple[int, Sequence[str]]]) -> tuple[RosterRow, ...]:
    """Rows of cells, each with its number, as rows of a roster.

    :raises InputError: there is no header, or there are too many rows.
    """
    columns: dict[str, int] | None = None
    searched = 0
    found: list[RosterRow] = []
    for number, cells in rows:
        if not any(cell and cell != UNCALCULATED for cell in cells) and not _asks(cells, columns):
            continue
        if columns is None:
            searched += 1
            columns = _header(cells)
            if columns is None and searched >= HEADER_SEARCH_ROWS:
                break
            continue
        if len(found) >= MAX_ROWS:
            raise InputError(f"花名册超过 {MAX_ROWS} 行，请分成几个文件再导入。")
        found.append(_row(number, {what: cells[at] if at < len(cells) else "" for what, at in columns.items()}))
    if columns is None:
        raise InputError("花名册里没有找到表头：要有“警号”和“姓名”两列，还可以有“单位”“角色”“电话”。")
    if not found:
        raise InputError("花名册只有表头，没有人员。")
    return _without_twins(found)


def uneven_badges(rows: Sequence[RosterRow]) -> str:
    """A warning where badges of digits are not all of one length: spreadsheets drop zeros in front. "" if they are."""
    digits = [row for row in rows if row.badge.isascii() and row.badge.isdigit() and not row.errors]
    lengths = Counter(len(row.badge) for row in digits)
    if len(lengths) < 2:
        return ""
    usual = max(lengths, key=lambda length: (lengths[length], length))
    counts = "，".join(f"{length} 位的 {number} 个" for length, number in sorted(lengths.items(), reverse=True))
    odd = [f"第 {row.number} 行 {row.badge}" for row in digits if len(row.badge) != usual]
    listed = "、".join(odd[:MAX_NAMED]) + ("等" if len(odd) > MAX_NAMED else "")
    return (
        f"警号的位数不一样（{counts}）：{listed}。如果是表格软件去掉了开头的 0，会当成另一个人；"
        "请把警号一列设为文本格式，补上 0 再导入。"
    )


def _asks(cells: Sequence[str], columns: dict[str, int] | None) -> bool:
    """Whether a formula without a result stands in a column of the roster."""
    return columns is not None and any(at < len(cells) and cells[at] == UNCALCULATED for at in columns.values())


def _without_twins(rows: Sequence[RosterRow]) -> tuple[RosterRow, ...]:
    """The rows; those that share a badge are all in error, as nobody but the sender knows which of them is right."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.badge:
            numbers[row.badge.casefold()].append(row.number)
    return tuple(
        _twin(row, [number for number in numbers[row.badge.casefold()] if number != row.number]) for row in rows
    )


def _twin(row: RosterRow, others: Sequence[int]) -> RosterRow:
    if not others:
        return row
    listed = "、".join(map(str, others[:MAX_NAMED])) + (" 等" if len(others) > MAX_NAMED else "")
    return replace(row, errors=(*row.errors, f"警号与第 {listed} 行重复，请核对后只留一行。"))


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    """Position of each column, None if this is not the header.

    :raises InputError: it names a column twice.
    """
    columns: dict[str, int] = {}
    for at, cell in enumerate(cells[:MAX_COLUMNS]):
        what = _FIELD_OF.get(_plain(cell))
        if what in columns:
            raise InputError(f"花名册的表头里“{normalise_line(cell)[:20]}”一列出现了两次，请只留一列。")
        if what:
            columns[what] = at
    return columns if {"badge", "name"} <= columns.keys() else None


def _plain(cell: str) -> str:
    """A name of a column or role without spaces, marks of required columns and remarks in brackets."""
    text = unicodedata.normalize("NFKC", cell).casefold()
    return re.sub(r"\([^()]*\)|[\s*:.。#、\"']", "", text)


def _row(number: int, cells: dict[str, str]) -> RosterRow:
    problems = _Problems()
    if without := [_LABELS[what] for what, cell in cells.items() if cell == UNCALCULATED]:
        listed = "、".join(f"“{label}”" for label in without)
        text = f"{listed}是公式，文件里没有它的计算结果；请在 Excel 或 WPS 中打开后保存一次，或粘贴为数值。"
        badge, name = (normalise_line(cells[what].replace(UNCALCULATED, ""))[:40] for what in ("badge", "name"))
        return RosterRow(number, badge, name, errors=(text,))
    badge = problems.tried(clean_badge, cells["badge"])
    name = problems.tried(clean_name, cells["name"])
    phone = problems.tried(clean_phone, cells["phone"]) if cells.get("phone") else None
    unit = problems.tried(_clean_path, cells["unit"]) if normalise_line(cells.get("unit", "")) else ""
    role = _ROLE_OF.get(_plain(cells.get("role", "")))
    if role is None and normalise_line(cells.get("role", "")):
        problems.texts.append(f"角色只能是{'、'.join(r.label for r in Role)}（辅警、协警、文职按民警）。")
    return RosterRow(number, badge, name, unit, role, phone, tuple(problems.texts))


def _clean_path(text: str) -> str:
    names = [name for name in _SEPARATORS.split(unicodedata.normalize("NFKC", text)) if name.strip()]
    if not names:
        raise InputError("单位名称不能为空。")
    return UNIT_SEPARATOR.join(clean_unit_name(name) for name in names)
