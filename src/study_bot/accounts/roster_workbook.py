"""The rows of a roster in XLSX, read in a stream and without trust: sizes are checked, entities refused."""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from lxml import etree

from study_bot.accounts.roster_cells import MAX_COLUMNS, UNCALCULATED
from study_bot.errors import FileTooLargeError, InputError, LoadError
from study_bot.library.loaders.limits import MEGABYTE, LoadLimits
from study_bot.library.loaders.package import open_package, read_xml, related_parts

MAX_UNCOMPRESSED_BYTES = 20 * MEGABYTE
MAX_PART_BYTES = 8 * MEGABYTE
"""Of one part that is read: its elements take about thirty times as much memory."""

MAX_ROW_NUMBER = 1_048_576
MAX_STRINGS = 200_000

_MAIN = "{*}"
_REFERENCE = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
_ZEROS = re.compile(r"0{2,20}")
_FORMAT_MARKS = re.compile(r"\[[^\]]*\]|_.|\*.|\\ |\s|@")
"""Colour, language, gaps and fill of a number format: nothing of them is a digit."""

TOO_LARGE = "花名册太大，或解压后异常地大；请新建一个工作簿，只把人员复制进去再导入。"
DAMAGED = "花名册已损坏，读不出来；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入。"


def is_workbook(data: bytes) -> bool:
    """Whether the bytes begin like a zip archive."""
    return data.startswith(b"PK\x03\x04")


def workbook_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows of the first visible sheet with their numbers; formulas by their stored results.

    :raises InputError: no readable workbook, behind a password, or beyond the limits.
    """
    try:
        with open_package(data, LoadLimits(max_uncompressed_bytes=MAX_UNCOMPRESSED_BYTES)) as archive:
            if max(e.file_size for e in archive.infolist() if not e.filename.startswith("xl/media/")) > MAX_PART_BYTES:
                raise InputError(TOO_LARGE)
            name, strings_name, styles_name = _parts(archive)
            strings = _shared_strings(archive, strings_name)
            widths = _zero_widths(archive, styles_name)
            with archive.open(name) as sheet:
                yield from _sheet_rows(sheet, strings, widths)
    except FileTooLargeError:
        raise InputError(TOO_LARGE) from None
    except LoadError as error:
        raise InputError(str(error)) from None
    except (etree.XMLSyntaxError, zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, NotImplementedError):
        raise InputError(DAMAGED) from None


def _parts(archive: zipfile.ZipFile) -> tuple[str, str, str]:
    """Names of the first visible sheet, of the shared strings and of the styles; the latter two may not exist."""
    book_name = related_parts(archive, "").get("officeDocument", "xl/workbook.xml")
    book = read_xml(archive, book_name)
    if book is None:
        raise InputError("这个文件不是 XLSX 工作簿；花名册只能是 CSV 或 XLSX 文件。")
    related = related_parts(archive, book_name)
    for sheet in book.iter(f"{_MAIN}sheet"):
        if sheet.get("state", "visible") == "visible":
            identifier = next((value for key, value in sheet.attrib.items() if str(key).endswith("}id")), "")
            name = related.get(str(identifier))
            if name in archive.namelist():
                return str(name), related.get("sharedStrings", ""), related.get("styles", "")
    raise InputError("花名册里没有能读取的工作表；请检查是否被隐藏。")


def _shared_strings(archive: zipfile.ZipFile, name: str) -> list[str]:
    if name not in archive.namelist():
        return []
    strings: list[str] = []
    with archive.open(name) as part:
        for _, element in _elements(part, "si"):
            strings.append(_text(element))
            if len(strings) > MAX_STRINGS:
                raise InputError(TOO_LARGE)
            _forget(element)
    return strings


def _zero_widths(archive: zipfile.ZipFile, name: str) -> list[int]:
    """For each cell style the digits it fills up with zeros (format 000000 is 6), 0 for all other formats."""
    styles = read_xml(archive, name) if name in archive.namelist() else None
    if styles is None:
        return []
    codes = {e.get("numFmtId"): e.get("formatCode", "") for e in styles.iter(f"{_MAIN}numFmt")}
    formats = next(styles.iter(f"{_MAIN}cellXfs"), None)
    widths: list[int] = []
    for style in formats if formats is not None else ():
        code = _FORMAT_MARKS.sub("", (codes.get(style.get("numFmtId")) or "").split(";", 1)[0])
        widths.append(len(code) if _ZEROS.fullmatch(code) else 0)
    return widths


def _sheet_rows(sheet: IO[bytes], strings: list[str], widths: list[int]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    for _, row in _elements(sheet, "row"):
        given = row.get("r", "")
        number = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else number + 1
        if number > MAX_ROW_NUMBER:
            raise InputError(DAMAGED)
        cells = [""] * MAX_COLUMNS
        column = -1
        for cell in row:
            column = _column(cell.get("r", ""), column + 1)
            if 0 <= column < MAX_COLUMNS:
                cells[column] = _cell(cell, strings, widths)
        yield number, cells
        _forget(row)


def _elements(part: IO[bytes], name: str) -> Iterator[tuple[str, etree._Element]]:
    """Elements of that name as they end, whatever namespace the file uses."""
    yield from etree.iterparse(
        part, events=("end",), tag=f"{_MAIN}{name}", resolve_entities=False, no_network=True, load_dtd=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip


def _forget(element: etree._Element) -> None:
    """Free an element that was read, and those before it."""
    element.clear()
    while element.getprevious() is not None:
        parent = element.getparent()
        if parent is None:
            return
        del parent[0]


def _column(reference: str, following: int) -> int:
    """Position of a cell, counted from 0; the one after the last where the file does not tell."""
    matched = _REFERENCE.fullmatch(reference)
    if not matched:
        return following
    column = 0
    for letter in matched[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _cell(cell: etree._Element, strings: list[str], widths: list[int]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inline = cell.find(f"{_MAIN}is")
        return _text(inline).strip() if inline is not None else ""
    stored = cell.findtext(f"{_MAIN}v")
    value = stored or ""
    if cell.find(f"{_MAIN}f") is not None and (kind == "e" or stored is None or not (value or kind == "str")):
        return UNCALCULATED  # written by a program that does not calculate, or its result is an error
    if kind == "s":
        return strings[int(value)].strip() if _is_index(value) and int(value) < len(strings) else ""
    if kind in ("e", "b"):
        return ""
    if kind == "str":
        return value.strip()
    style = cell.get("s", "")
    width = widths[int(style)] if _is_index(style) and int(style) < len(widths) else 0
    return _number(value.strip()).zfill(width)


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9


def _number(text: str) -> str:
    """A number as people wrote it: telephone numbers are kept as 1.38E+10."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if math.isfinite(value) and abs(value) < 1e15 and value == int(value) else text


def _text(element: etree._Element) -> str:
    """The text of a string and of its runs, without the readings that are noted beside it."""
    parts = [t.text or "" for t in element.iter(f"{_MAIN}t") if not _is_reading(t)]
    return "".join(parts).replace("_x000D_", " ")


def _is_reading(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and etree.QName(parent).localname == "rPh"
