"""The files of a report: a page for people, JSON and CSV for programs. Each is replaced as a whole."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE, DATA, QUESTIONS = "report.html", "report.json", "report.csv"

# A spreadsheet takes a cell that begins like this for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Value = str | float | int | None


def write_report_files(directory: Path, *, page: str, data: str, rows: Sequence[Mapping[str, Value]]) -> list[Path]:
    """Write `report.html`, `report.json` and `report.csv` into `directory`, made if absent.

    :returns: the paths, in that order.
    """
    directory.mkdir(parents=True, exist_ok=True)
    contents = {PAGE: page, DATA: data + "\n", QUESTIONS: csv_text(rows)}
    for name, content in contents.items():
        write_whole(directory / name, content)
    return [directory / name for name in contents]


def csv_text(rows: Sequence[Mapping[str, Value]]) -> str:
    """Rows as CSV (RFC 4180) with a byte order mark, which makes spreadsheets read it as UTF-8.

    Columns are the keys of all rows in order of first appearance. A text that a spreadsheet would take for a formula
    gets an apostrophe before it; numbers stay numbers; None is an empty cell.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_safe(name) for name in names])
    writer.writerows([_safe(row.get(name)) for name in names] for row in rows)
    return "\ufeff" + out.getvalue()


def write_whole(path: Path, content: str) -> None:
    """Write a file aside and put it in place at once, so that nobody reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(content, encoding="utf-8", errors="backslashreplace", newline="")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _safe(value: Value) -> Value:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
    return value
