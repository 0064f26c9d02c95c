"""People, questions and answers for the tests of use."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update

from study_bot.accounts.roles import Actor, Person, Role
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.tables import PersonRow, QuestionRow, UnitRow
from study_bot.types import (
    Answer,
    Citation,
    Hit,
    Latency,
    Locator,
    Passage,
    PassageKind,
    RefusalReason,
    Statement,
)
from study_bot.usage.questions import QuestionLog

TITLE = "学习管理规定"


def passage(number: int = 9, title: str = TITLE) -> Passage:
    text = f"第{number}条 每月学时不得少于四学时。"
    return Passage(
        f"p{number}", "rules-2024", "rules", PassageKind.ARTICLE, text, 0, len(text), title,
        Locator(("第二章 学时", f"第{number}条")),
    )  # fmt: skip


def answered(question: str = "每月要学多少学时？", number: int = 9, title: str = TITLE, took: float = 40) -> Answer:
    found = passage(number, title)
    citation = Citation(
        1, found.passage_id, found.version_id, found.doc_id, found.title, found.locator, found.text, 0, len(found.text),
        "2024-05-20 现行有效",
    )  # fmt: skip
    statements = (Statement(f"《{title}》：", connective=True), Statement(f"{found.text}\n另见[3]附则。", (1,)))
    return Answer(
        question, statements, (citation,), (Hit(found, 1.0),), latency=Latency(total=took), build_id="20260101-1"
    )


def refused(question: str = "食堂有什么菜？", took: float = 20) -> Answer:
    return Answer(
        question, (), (), (Hit(passage(2), 0.1),), refused=True, reason=RefusalReason.NOT_IN_LIBRARY,
        message="文献库没有提到这件事。", latency=Latency(total=took),
    )  # fmt: skip


def unit(database: Database, name: str, parent: int | None = None) -> int:
    with database.write() as session:
        row = UnitRow(name=name, parent_id=parent, created_at=utc_now())
        session.add(row)
        session.flush()
        return row.id


def person(database: Database, badge: str, role: Role = Role.OFFICER, unit_id: int | None = None) -> Actor:
    name = f"测试{badge}"
    with database.write() as session:
        row = PersonRow(
            badge=badge, name=name, role=role.value, unit_id=unit_id, must_change=False, created_at=utc_now()
        )
        session.add(row)
        session.flush()
        return Actor(Person(row.id, badge, name, role, unit_id), "10.0.0.9")


def log(database: Database, **settings: object) -> QuestionLog:
    return QuestionLog(database, Settings(**settings))  # type: ignore[arg-type]


def moved(database: Database, question_id: int | None, when: dt.datetime) -> None:
    """As if a question had been put at another time."""
    with database.write() as session:
        session.execute(update(QuestionRow).where(QuestionRow.id == question_id).values(at=when))
