"""When one file becomes the successor of another: what that changes of both. Pure functions."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from study_bot.documents.stored import Correction, StoredFile
from study_bot.documents.understanding import Understood
from study_bot.errors import InputError
from study_bot.types import DocumentKind, VersionStatus


def successor_correction(new: StoredFile, old: StoredFile) -> Correction:
    """The corrections of the new version: it is of the old one's document, and in its category unless it is a statute.

    :raises InputError: it is the same file, or the old one was never read.
    """
    if new.id == old.id:
        raise InputError("文件不能替换自己。请选择被它取代的旧版本。")
    if old.understood is None:
        raise InputError(f"《{old.title}》读不出来，不能作为旧版本。")
    correction = replace(new.correction, version_of=old.correction.version_of or old.title)
    if old.understood.kind is not DocumentKind.STATUTE:
        correction = replace(correction, category=old.category)
    return correction


def checked_successor(new: StoredFile, understood: Understood | None, error: str | None, old: StoredFile) -> None:
    """Return if a file, as read with `successor_correction`, can follow the old one.

    :raises InputError: it cannot be read, is of another kind, or is dated no later than the old one.
    """
    if understood is None or old.understood is None:
        raise InputError(f"《{new.title}》（{new.name}）读不出来，不能发布：{error}")
    if understood.kind is not old.understood.kind:
        raise InputError(
            f"《{new.title}》和《{old.title}》的体例不同（一个按条文识别，一个不是），不能作为同一文献的两个版本。"
            "请检查文件是否选对，或换一种格式的文件。"
        )
    begins, began = understood.start, old.understood.start
    if begins is not None and began is not None and begins <= began:
        raise InputError(
            f"新版本的日期（{begins}）不晚于旧版本（{began}），分不出哪一版在何时有效。"
            "请先在“更正”中填写新版本的公布日期或施行日期。"
        )


def end_of_replaced(old: StoredFile, new: StoredFile) -> Correction:
    """The old version's corrections while the new one is published: it ends where that begins.

    What an admin laid down of the old one stays. Where the new one is not dated, or no later than the old, the day of
    its publication counts.
    """
    correction = old.correction
    begins = new.understood.start if new.understood else None
    began = old.understood.start if old.understood else None
    if begins is None or (began is not None and begins <= began):
        begins = _local_day(new.published_at or new.created_at)
    return replace(
        correction,
        repealed=correction.repealed or (old.understood.repealed if old.understood else None) or begins,
        status=correction.status or VersionStatus.AMENDED,
    )


def _local_day(at: dt.datetime) -> dt.date:
    return at.astimezone().date()
