"""The rows of a roster in CSV, whatever program and encoding it was saved with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from study_bot.errors import InputError, LoadError
from study_bot.library.loaders.encoding import decode

MAX_COLUMNS = 64
"""Columns that are looked at."""

MAX_LINE_CHARS = 20_000
"""Longest line; a file of one endless line is no roster."""

UNCALCULATED = "\0"
"""A cell of a workbook whose formula has no stored result, or a false one; no text of a file holds this sign."""

_SEPARATORS = (",", "\t", ";", "，")


def csv_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they begin on.

    :raises InputError: the bytes are no text, or not of the form of a CSV file.
    """
    try:
        text, _ = decode(data)
    except LoadError:
        raise InputError(
            "花名册不是能识别的 CSV 或 XLSX 文件；请用 Excel 或 WPS 打开后另存为 .xlsx，或存为 UTF-8 编码的 CSV。"
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if max(map(len, text.split("\n")), default=0) > MAX_LINE_CHARS:
        raise InputError("花名册里有过长的行，不像一份花名册；请检查文件。")
    reader = csv.reader(io.StringIO(text), delimiter=_separator(text), strict=False)
    begins = 1
    try:
        for cells in reader:
            yield begins, [cell.strip() for cell in cells[:MAX_COLUMNS]]
            begins = reader.line_num + 1
    except csv.Error:
        raise InputError(f"花名册第 {begins} 行的引号不成对，读不下去；请检查该行，或另存为 .xlsx 再导入。") from None


def _separator(text: str) -> str:
    """The sign that comes most often in the first lines."""
    beginning = "\n".join(text.split("\n", 10)[:10])
    return max(_SEPARATORS, key=beginning.count)
