"""Reading cases from a table: CSV as spreadsheets write it, or JSON lines. Mistakes are reported row by row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from study_bot.errors import DatasetError
from study_bot.evaluation.case_collection import Case, case_from
from study_bot.text import normalise_line

MAX_BYTES = 20_000_000
MAX_ROWS = 10_000
"""Larger tables are not what people collect by hand."""

_COLUMNS = {
    "问题": "question",
    "文献": "title",
    "版本": "version",
    "条": "article",
    "原文": "quote",
    "应拒答": "refuse",
    "理由": "reason",
}
_YES = frozenset({"是", "拒答", "应拒答", "true", "yes", "y", "1", "√", "✓"})
_NO = frozenset({"", "否", "不", "false", "no", "n", "0", "×"})


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a row; `row` counts as the spreadsheet or editor does, from 1."""

    row: int
    message: str


@dataclass(frozen=True, slots=True)
class CaseTable:
    """Cases by row number, rows that are none, and columns that were not understood."""

    cases: tuple[tuple[int, Case], ...]
    errors: tuple[RowError, ...]
    ignored: tuple[str, ...] = ()


def read_case_table(path: Path) -> CaseTable:
    """Read `.csv` (UTF-8 or GB18030; comma, semicolon or tab) or `.jsonl` with the columns 问题, 文献, 版本, 条, 原文,
    应拒答, 理由. JSON lines may name them in English: question, title, version, article, quote, refuse, reason.

    :raises DatasetError: no such file, another kind of file, too large, undecodable, or no column 问题.
    """
    text = _text(path)
    match path.suffix.lower():
        case ".csv":
            rows = _csv_rows(path, text)
        case ".jsonl":
            rows = _json_rows(text)
        case _:
            raise DatasetError(f"{path} 不是 .csv 或 .jsonl 文件，请另存为其中一种。")
    cases: list[tuple[int, Case]] = []
    errors: list[RowError] = []
    ignored: dict[str, None] = {}
    first: dict[str, tuple[int, Case]] = {}
    for number, row in rows:
        if len(cases) + len(errors) >= MAX_ROWS:
            raise DatasetError(f"{path} 超过 {MAX_ROWS} 行，请分成几个文件。")
        if isinstance(row, str):
            errors.append(RowError(number, row))
            continue
        known = {_COLUMNS.get(name, name): value for name, value in row.items()}
        ignored |= dict.fromkeys(normalise_line(name) for name in row if name not in (*_COLUMNS, *_COLUMNS.values()))
        try:
            case = _case(known)
        except DatasetError as error:
            errors.append(RowError(number, str(error)))
            continue
        row_before, before = first.setdefault(case.case_id, (number, case))
        if before.refuse != case.refuse:
            errors.append(RowError(number, f"与第 {row_before} 行问题相同，但一行应拒答，一行给了原文，请统一。"))
        else:
            cases.append((number, case))
    return CaseTable(tuple(cases), tuple(errors), tuple(ignored))


def _case(row: Mapping[str, object]) -> Case:
    text = {name: "" if row.get(name) is None else str(row[name]) for name in _COLUMNS.values()}
    answer = normalise_line(text.pop("refuse")).lower()
    if answer not in _YES | _NO:
        raise DatasetError(f"“应拒答”写的是“{answer[:20]}”，请写 是 或 否。")
    return case_from(refuse=answer in _YES, **text)


def _text(path: Path) -> str:
    if not path.is_file():
        raise DatasetError(f"没有找到文件 {path}，请检查路径。")
    if path.stat().st_size > MAX_BYTES:
        raise DatasetError(f"{path} 超过 {MAX_BYTES // 1_000_000} MB，请分成几个文件。")
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DatasetError(f"{path} 不是 UTF-8 或 GB18030 文本，请另存为“CSV UTF-8”。")


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    """Rows below the header, or what is wrong with one; empty rows are left out but counted."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [normalise_line(cell) for cell in cells]
                if "问题" not in header:
                    raise DatasetError(f"{path} 的表头没有“问题”一列。表头应为：{'、'.join(_COLUMNS)}。")
                continue
            if any(cell.strip() for cell in cells[len(header) :]):
                yield number, "格数比表头多，请检查逗号和引号。"
                continue
            yield number, {name: cell for name, cell in zip(header, cells, strict=False) if name}
    except csv.Error:
        yield number + 1, "引号没有成对，从这一行起读不下去。"
    if not header:
        raise DatasetError(f"{path} 是空的。")


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield number, "不是 JSON。"
            continue
        if isinstance(record, dict) and all(isinstance(v, str | int | None) for v in record.values()):
            yield number, record
        else:
            yield number, "应为 JSON 对象，值是文字、数字或 true/false。"
