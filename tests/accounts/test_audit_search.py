"""Reading in the trail: who may, newest first, narrowed."""

from __future__ import annotations

import datetime as dt

import pytest

from study_bot.accounts import audit
from study_bot.accounts.audit_search import AuditFilter, find
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.errors import AccessError
from study_bot.storage.database import Database

TODAY = dt.date.today()
DAY = dt.timedelta(days=1)


@pytest.fixture
def trail(database: Database) -> Database:
    with database.write() as session:
        for number in range(5):
            audit.append(session, SYSTEM, "person.create", f"人员{number}")
        audit.append(session, Actor(None, "10.0.0.8"), "session.refused", "张三（A_1%）")
    return database


def subjects(database: Database, wanted: AuditFilter, **more: int) -> list[str]:
    return [entry.subject for entry in find(database, SYSTEM, wanted, **more).entries]


def test_newest_first_page_by_page(trail: Database) -> None:
    first = find(trail, SYSTEM, AuditFilter(), per_page=4)
    assert ([e.number for e in first.entries], first.total) == ([6, 5, 4, 3], 6)
    assert subjects(trail, AuditFilter(), page=2, per_page=4) == ["人员1", "人员0"]
    assert subjects(trail, AuditFilter(), page=9) == []


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (AuditFilter("人员3"), 1),
        (AuditFilter("a_1%"), 1),
        (AuditFilter("%"), 1),
        (AuditFilter("0.0.8"), 1),
        (AuditFilter("系统"), 5),
        (AuditFilter(area="person"), 5),
        (AuditFilter(area="perso"), 0),
        (AuditFilter(first=TODAY - DAY, last=TODAY + DAY), 6),
        (AuditFilter(first=TODAY + DAY + DAY), 0),
        (AuditFilter(last=TODAY - DAY - DAY), 0),
        (AuditFilter(first=dt.date.min, last=dt.date.max), 6),
    ],
)
def test_narrowed(trail: Database, wanted: AuditFilter, count: int) -> None:
    assert find(trail, SYSTEM, wanted).total == count


@pytest.mark.parametrize("role", [Role.OFFICER, Role.UNIT_ADMIN])
def test_only_admins_read_it(trail: Database, role: Role) -> None:
    for actor in (Actor(Person(1, "1", "张三", role)), Actor(None)):
        with pytest.raises(AccessError):
            find(trail, actor, AuditFilter())
