from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from study_bot.accounts import audit
from study_bot.accounts.roles import Actor, Person, Role
from study_bot.errors import ForbiddenError, NotFoundError, SignInError
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.tables import AuditRow, QuestionRow
from study_bot.types import RefusalReason
from study_bot.usage.kept import answer_from, cited_records
from study_bot.usage.questions import CONVERSATIONS_PER_PAGE, QuestionFilter
from tests.usage.samples import answered, log, moved, person, refused


def actions(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(AuditRow.action).order_by(AuditRow.number)))


def test_a_question_comes_back_to_whoever_asked_it(database: Database) -> None:
    questions, officer = log(database), person(database, "1001")
    answer = answered()
    number = questions.record(officer, answer.question, answer, conversation="talk")
    (found,) = questions.conversation(officer, "talk")
    assert found.id == number and found.question == answer.question and found.answered
    assert found.answer.text == answer.text and found.answer.citations[0].quote == answer.citations[0].quote
    assert found.cited[0].locator == "第二章 学时 第9条" and found.took_ms == 40


def test_a_refusal_keeps_its_reason_and_words(database: Database) -> None:
    questions, officer = log(database), person(database, "1001")
    questions.record(officer, "食堂有什么菜？", refused(), conversation="talk")
    answer = questions.conversation(officer, "talk")[0].answer
    assert answer.refused and answer.reason is RefusalReason.NOT_IN_LIBRARY and "没有提到" in answer.text


def test_own_conversations_are_listed_newest_first(database: Database) -> None:
    questions, officer = log(database), person(database, "1001")
    for talk, question in (("a", "甲一"), ("b", "乙一"), ("a", "甲二")):
        questions.record(officer, question, answered(question), conversation=talk)
    page = questions.own(officer)
    assert [(line.first, line.questions) for line in page.lines] == [("甲一", 2), ("乙一", 1)]
    assert page.total == 2 and not page.more


def test_long_lists_have_pages(database: Database) -> None:
    questions, officer = log(database), person(database, "1001")
    for number in range(CONVERSATIONS_PER_PAGE + 1):
        questions.record(officer, f"第{number}问", answered())
    assert questions.own(officer).more
    assert [line.first for line in questions.own(officer, 2).lines] == ["第0问"]


def test_nobody_sees_or_deletes_what_another_asked(database: Database) -> None:
    questions, officer, other = log(database), person(database, "1001"), person(database, "1002", Role.ADMIN)
    questions.record(officer, "甲", answered(), conversation="talk")
    assert questions.own(other).lines == ()
    with pytest.raises(NotFoundError):
        questions.conversation(other, "talk")
    assert questions.forget_own(other, "talk") == 0 and questions.forget_own(other) == 0
    assert questions.conversation(officer, "talk")


def test_without_signing_in_there_is_neither_log_nor_history(database: Database) -> None:
    questions, nobody = log(database), Actor(None)
    for refused_call in (
        lambda: questions.record(nobody, "甲", answered()),
        lambda: questions.own(nobody),
        lambda: questions.forget_own(nobody),
        lambda: questions.read(nobody),
    ):
        with pytest.raises(SignInError):
            refused_call()
    newcomer = Actor(Person(9, "x", "x", Role.ADMIN, must_change=True))
    with pytest.raises(SignInError):
        questions.read(newcomer)


def test_where_nobody_signs_in_questions_belong_to_nobody(database: Database) -> None:
    assert log(database, sign_in="off").record(Actor(None), "甲", answered()) is not None


def test_no_days_keep_nothing(database: Database) -> None:
    officer = person(database, "1001")
    assert log(database, question_days=0).record(officer, "甲", answered()) is None
    with database.read() as session:
        assert session.scalars(select(QuestionRow)).all() == []


def test_deleted_questions_leave_neither_words_nor_person(database: Database) -> None:
    questions, officer = log(database), person(database, "1001")
    for talk in ("a", "a", "b"):
        questions.record(officer, "甲", answered(), conversation=talk)
    assert questions.forget_own(officer, "a") == 2
    assert [line.conversation for line in questions.own(officer).lines] == ["b"]
    assert questions.forget_own(officer) == 1
    with database.read() as session:
        rows = session.scalars(select(QuestionRow)).all()
    assert {(r.person_id, r.question, r.answer, r.conversation) for r in rows} == {(None, None, None, None)}
    assert actions(database) == ["question.forget"] * 2


def test_only_admins_read_and_the_trail_says_so(database: Database) -> None:
    questions, officer = log(database), person(database, "1001")
    admin, unit_admin = person(database, "1", Role.ADMIN), person(database, "2", Role.UNIT_ADMIN)
    questions.record(officer, "甲", answered())
    for who in (officer, unit_admin):
        with pytest.raises(ForbiddenError):
            questions.read(who)
    assert actions(database) == []
    page = questions.read(admin)
    assert [(q.question, q.asker) for q in page.questions] == [("甲", "测试1001（1001）")]
    assert actions(database) == ["question.read"]
    with database.read() as session:
        assert "甲" not in session.scalars(select(AuditRow.detail)).one()
    with pytest.raises(ForbiddenError):
        log(database, question_readers="nobody").read(admin)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (QuestionFilter(text="学时"), ["甲 学时"]),
        (QuestionFilter(text="100%"), ["丙 100% 完成"]),
        (QuestionFilter(text="_"), []),
        (QuestionFilter(text="' OR 1=1 --"), []),
        (QuestionFilter(outcome="not_in_library"), ["乙 食堂"]),
        (QuestionFilter(first_day=dt.date.max), []),
        (QuestionFilter(last_day=dt.date(2000, 1, 1)), []),
    ],
)
def test_reading_can_be_narrowed(database: Database, wanted: QuestionFilter, found: list[str]) -> None:
    questions, officer, admin = log(database), person(database, "1001"), person(database, "1", Role.ADMIN)
    questions.record(officer, "甲 学时", answered())
    questions.record(officer, "乙 食堂", refused())
    questions.record(officer, "丙 100% 完成", answered())
    assert [q.question for q in questions.read(admin, wanted).questions] == found


def test_old_questions_are_purged(database: Database) -> None:
    questions, officer = log(database, question_days=30), person(database, "1001")
    old, young = (questions.record(officer, q, answered(), conversation=q) for q in ("old", "young"))
    moved(database, old, utc_now() - dt.timedelta(days=31))
    assert questions.purge() == 1
    assert questions.purge() == 0
    assert [line.first for line in questions.own(officer).lines] == ["young"]
    assert young is not None and actions(database) == ["question.purge"]
    assert audit.verify(database).broken_at is None


@given(st.text(), st.sampled_from(["answered", "not_in_library", "of a newer program"]))
def test_any_kept_text_gives_an_answer_back(text: str, outcome: str) -> None:
    answer = answer_from("问", text, outcome, "extractive", cited_records(answered()))
    kept = "".join(line for line in text.split("\n") if line.strip())
    assert answer.refused or answer.text.replace("\n", "") == kept


def test_characters_no_database_takes_are_left_out(database: Database) -> None:
    questions, officer, admin = log(database), person(database, "1001"), person(database, "1", Role.ADMIN)
    questions.record(officer, "甲\x00\ud800乙", answered("\x00", title="\x00\udfff"), conversation="\x00talk")
    assert questions.conversation(officer, "talk\x00")[0].question == "甲乙"
    assert questions.read(admin, QuestionFilter(text="甲\x00乙")).total == 1
