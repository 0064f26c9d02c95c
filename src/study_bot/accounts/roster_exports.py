"""One-time passwords of new accounts as a file to hand out, and the template of a roster."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study_bot.accounts.roster import NewAccount

PASSWORD_COLUMNS = ("警号", "姓名", "单位", "一次性密码")
ROSTER_COLUMNS = ("警号", "姓名", "单位", "角色", "电话")

_STARTS_A_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_SEPARATES = ("\t", "\r", "\n")


def guarded(text: str) -> str:
    """A cell that spreadsheets show and do not compute: an apostrophe before whatever could begin a formula.

    Space of any kind before it counts as nothing, as some programs drop it.
    """
    return f"'{text}" if text.startswith(_SEPARATES) or text.lstrip().startswith(_STARTS_A_FORMULA) else text


def passwords_csv(accounts: Sequence[NewAccount]) -> bytes:
    """The accounts as CSV in UTF-8 with a byte order mark, by which spreadsheets know the encoding."""
    return _csv(PASSWORD_COLUMNS, _cells(accounts))


def passwords_xlsx(accounts: Sequence[NewAccount]) -> bytes:
    """The accounts as a workbook; every cell is text, so that badges keep their zeros."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.active
    sheet.title = "一次性密码"
    for number, row in enumerate([PASSWORD_COLUMNS, *_cells(accounts)], 1):
        for column, text in enumerate(row, 1):
            cell = sheet.cell(number, column)
            cell.value, cell.data_type, cell.number_format = guarded(text), "s", "@"
            if number == 1:
                cell.font = Font(bold=True)
    for letter, width in zip("ABCD", (16, 16, 36, 22), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def roster_template() -> bytes:
    """An empty roster as CSV: the header that `read_roster` looks for."""
    return _csv(ROSTER_COLUMNS, [])


def _cells(accounts: Sequence[NewAccount]) -> list[tuple[str, ...]]:
    return [(account.badge, account.name, account.unit, account.password) for account in accounts]


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerows([guarded(text) for text in row] for row in (header, *rows))
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()
