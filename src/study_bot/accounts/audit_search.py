"""Reading in the audit trail: newest first, narrowed, page by page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from study_bot.accounts.audit import AuditEntry, entry_of
from study_bot.accounts.roles import Actor, Role
from study_bot.storage.database import Database
from study_bot.storage.people_tables import AuditRow
from study_bot.text import normalise_line

MAX_PER_PAGE = 200


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is looked for; what is left out asks for nothing.

    `text` is part of the actor, the subject or the address; `area` the part of the action before the dot; `first` and
    `last` are days of the server's calendar, both included.
    """

    text: str = ""
    area: str = ""
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of lines. `total` counts those on all pages; `page` counts from 1."""

    entries: tuple[AuditEntry, ...]
    total: int
    page: int
    per_page: int


def find(database: Database, actor: Actor, wanted: AuditFilter, page: int = 1, per_page: int = 50) -> AuditPage:
    """Lines of the trail, the newest first.

    :param page: counts from 1; one past the end is empty.
    :raises AccessError: not an admin.
    """
    actor.allow(Role.ADMIN)
    page, per_page = max(page, 1), min(max(per_page, 1), MAX_PER_PAGE)
    conditions = _conditions(wanted)
    with database.read() as session:
        total = session.scalar(select(func.count()).select_from(AuditRow).where(*conditions)) or 0
        rows = session.scalars(
            select(AuditRow)
            .where(*conditions)
            .order_by(AuditRow.number.desc())
            .offset((page - 1) * per_page)
            .limit(per_page)
        ).all()
        return AuditPage(tuple(map(entry_of, rows)), total, page, per_page)


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if part := normalise_line(wanted.text).lower():
        columns = (AuditRow.actor, AuditRow.subject, AuditRow.address)
        conditions.append(or_(*(func.lower(column).contains(part, autoescape=True) for column in columns)))
    if wanted.area:
        conditions.append(AuditRow.action.startswith(wanted.area + ".", autoescape=True))
    if wanted.first is not None:
        conditions.append(AuditRow.at >= _midnight(wanted.first))
    if wanted.last is not None and wanted.last < dt.date.max:
        conditions.append(AuditRow.at < _midnight(wanted.last + dt.timedelta(days=1)))
    return conditions


def _midnight(day: dt.date) -> dt.datetime:
    """The beginning of a day where the server stands; of days no clock can tell, the nearest in UTC."""
    try:
        return dt.datetime.combine(day, dt.time()).astimezone()
    except (OverflowError, ValueError):
        return dt.datetime.combine(day, dt.time(), dt.UTC)
