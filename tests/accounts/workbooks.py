"""Workbooks for tests, as a spreadsheet program saves them and as an enemy would."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from openpyxl import Workbook

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def workbook(rows: Sequence[Sequence[object]], *, formats: dict[str, str] | None = None) -> bytes:
    """A workbook of one sheet; `formats` are number formats by cell."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    for cell, code in (formats or {}).items():
        book.active[cell].number_format = code
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def raw_workbook(
    sheet: str | bytes, *, prolog: str = "", strings: str = "", more: dict[str, bytes] | None = None
) -> bytes:
    """A workbook whose sheet data are written as given, whatever they are."""
    parts: dict[str, str | bytes] = {
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_RELS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
        f'<Relationship Id="r1" Type="{_RELS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{_RELS}/sharedStrings" Target="strings.xml"/>'
        "</Relationships>",
        "xl/strings.xml": f'<sst xmlns="{_MAIN}">{strings}</sst>',
        "xl/worksheets/sheet1.xml": sheet
        if isinstance(sheet, bytes)
        else f'{prolog}<worksheet xmlns="{_MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        **(more or {}),
    }
    return zipped(parts)


def zipped(parts: dict[str, str | bytes]) -> bytes:
    """An archive of the parts, compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def text_cells(*texts: str) -> str:
    """Cells whose texts are written in place."""
    return "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)
