"""The audit trail as a file: CSV for a spreadsheet, JSON lines for programs, which keep what a verification needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from study_bot.accounts.audit import AuditEntry
from study_bot.evaluation.files import csv_text

_COLUMNS = ("序号", "时间", "操作人", "地址", "操作", "对象", "详情", "校验值")

_LINES = 500


def as_csv(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    """Pieces of a CSV in UTF-8 with a byte order mark, times those of the server; no cell can be a formula."""
    batch: list[AuditEntry] = []
    first = True
    for entry in entries:
        batch.append(entry)
        if len(batch) == _LINES:
            yield _piece(batch, first)
            batch, first = [], False
    if batch or first:
        yield _piece(batch, first)


def as_json_lines(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    """Lines of JSON in UTF-8, one entry each, with every column that the digests cover."""
    for entry in entries:
        record = {**asdict(entry), "at": entry.at.isoformat(timespec="microseconds")}
        yield json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _piece(batch: list[AuditEntry], first: bool) -> bytes:
    rows = [dict(zip(_COLUMNS, _cells(entry), strict=True)) for entry in batch]
    text = csv_text(rows or [dict.fromkeys(_COLUMNS)])
    head, rest = text.split("\r\n", 1)
    lines = (head + "\r\n" if first else "") + (rest if rows else "")
    return lines.encode("utf-8", "backslashreplace")


def _cells(entry: AuditEntry) -> tuple[str | int, ...]:
    return (
        entry.number,
        f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.actor,
        entry.address,
        entry.action,
        entry.subject,
        entry.detail,
        entry.digest,
    )
