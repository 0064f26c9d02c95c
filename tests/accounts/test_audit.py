from __future__ import annotations

import threading

import pytest
from sqlalchemy import delete, update

from study_bot.accounts import audit
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.storage.database import Database
from study_bot.storage.tables import AuditRow

ACTOR = Actor(Person(7, "010203", "张三", Role.ADMIN), "10.0.0.9")


def write(database: Database, *subjects: str) -> None:
    for subject in subjects:
        with database.write() as session:
            audit.append(session, ACTOR, "file.publish", subject, {"标题": "某法", "页": 3})


def test_an_empty_trail_is_whole(database: Database) -> None:
    assert audit.verify(database) == audit.TrailCheck(0, audit.FIRST)


def test_lines_are_numbered_and_chained(database: Database) -> None:
    write(database, "甲", "乙", "丙")
    with database.read() as session:
        lines = list(audit.entries(session))
    assert [line.number for line in lines] == [1, 2, 3]
    assert [line.previous for line in lines[1:]] == [line.digest for line in lines[:-1]]
    assert lines[0].actor == "张三（010203）" and lines[0].address == "10.0.0.9" and lines[0].actor_id == 7
    assert audit.verify(database) == audit.TrailCheck(3, lines[-1].digest)


@pytest.mark.parametrize(
    "column", ["at", "actor_id", "actor", "address", "action", "subject", "detail", "previous", "digest"]
)
def test_a_changed_line_is_found(database: Database, column: str) -> None:
    write(database, "甲", "乙", "丙")
    with database.write() as session:
        other = audit.utc_now() if column == "at" else 8 if column == "actor_id" else "x"
        session.execute(update(AuditRow).where(AuditRow.number == 2).values({column: other}))
    assert audit.verify(database).broken_at == 2


@pytest.mark.parametrize("number", [1, 2])
def test_a_line_taken_out_is_found(database: Database, number: int) -> None:
    write(database, "甲", "乙", "丙")
    with database.write() as session:
        session.execute(delete(AuditRow).where(AuditRow.number == number))
    assert audit.verify(database).broken_at == number


def test_a_change_that_fails_leaves_no_line(database: Database) -> None:
    def failing() -> None:
        with database.write() as session:
            audit.append(session, SYSTEM, "file.publish", "甲")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert audit.verify(database).lines == 0


def test_many_writers_make_one_chain(database: Database) -> None:
    threads = [threading.Thread(target=write, args=(database, *"甲乙丙丁戊")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check = audit.verify(database)
    assert check.lines == 30 and check.broken_at is None
