"""Figures as files for a spreadsheet. What looks like a formula is only ever text there."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.evaluation.files import Value, csv_text
from study_bot.usage.figures import Figures, Hits, Named
from study_bot.usage.remarks import Reason
from study_bot.usage.words import outcome_words

# What XML, and with it a sheet, cannot hold.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MAX_CELL = 32_000


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet: its name, its columns and its rows, each as long as `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def tables(found: Figures) -> tuple[Table, ...]:
    """The figures as tables, each of its own shape."""
    said = found.feedback
    return (
        Table("概况", ("项目", "数值"), _summary(found)),
        Table(
            "每日提问",
            ("日期", "已回答", "未回答", "合计"),
            tuple((d.day.isoformat(), d.answered, d.refused, d.answered + d.refused) for d in found.days),
        ),
        Table("未回答原因", ("原因", "次数"), tuple((outcome_words(n.name), n.count) for n in found.refused_by)),
        Table("问得最多的文献", ("文献", "次数"), _rows(found.asked_documents)),
        Table("答不上来的文献", ("最接近的文献", "次数"), _rows(found.refused_documents)),
        Table("问得最多的词", ("词", "次数"), _rows(found.asked_words)),
        Table("答不上来的词", ("词", "次数"), _rows(found.refused_words)),
        Table("文献命中", ("文献", "被引用", "被列出"), tuple((h.title, h.cited, h.shown) for h in found.documents)),
        Table("段落命中", ("文献", "位置", "被引用", "被列出"), tuple(map(_passage_row, found.passages))),
        Table(
            "最慢的提问",
            ("编号", "时间", "用时（秒）", "结果", "最接近的文献"),
            tuple(
                (
                    q.id,
                    f"{q.at.astimezone():%Y-%m-%d %H:%M}",
                    round(q.took_ms / 1000, 2),
                    outcome_words(q.outcome),
                    q.title,
                )
                for q in found.slow
            ),
        ),
        Table("反馈原因", ("原因", "次数"), tuple((Reason(code).label, count) for code, count in said.reasons.items())),
    )


def as_csv(table: Table) -> bytes:
    """One table as CSV in UTF-8 with a byte order mark."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    text = csv_text(rows) if rows else csv_text([dict.fromkeys(table.columns)]).split("\r\n", 1)[0] + "\r\n"
    return text.encode("utf-8", "replace")


def as_xlsx(found: Sequence[Table]) -> bytes:
    """All tables as one workbook, a sheet each."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.active)
    for table in found:
        sheet = book.create_sheet(table.name)
        for number, row in enumerate((table.columns, *table.rows), 1):
            for column, value in enumerate(row, 1):
                cell = sheet.cell(number, column, safe_cell(value))
                if isinstance(value, str):
                    cell.data_type = "s"
                if number == 1:
                    cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for column in range(1, len(table.columns) + 1):
            sheet.column_dimensions[get_column_letter(column)].width = 40 if column == 1 else 18
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def safe_cell(value: Value) -> Value:
    """A value that no spreadsheet takes for a formula and every workbook can hold."""
    if not isinstance(value, str):
        return value
    text = _UNPRINTABLE.sub("", value)[:_MAX_CELL]
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _summary(found: Figures) -> tuple[tuple[Value, ...], ...]:
    said = found.feedback
    return (
        ("统计时间", f"{found.first_day} 至 {found.last_day}"),
        ("提问", found.questions),
        ("已回答", found.answered),
        ("未回答", found.refused),
        ("提问人数", found.people),
        ("用时中位数（秒）", round(found.median_seconds, 2)),
        ("95% 的提问不超过（秒）", round(found.slow_seconds, 2)),
        ("评价有用", said.up),
        ("评价有误", said.down),
        ("待处理的反馈", said.open),
        ("已加入评测题", said.cases),
    )


def _rows(found: Sequence[Named]) -> tuple[tuple[Value, ...], ...]:
    return tuple((n.name, n.count) for n in found)


def _passage_row(hit: Hits) -> tuple[Value, ...]:
    return hit.title, hit.locator, hit.cited, hit.shown
