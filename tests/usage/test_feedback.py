from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from study_bot.accounts.roles import Actor, Role
from study_bot.errors import ConflictError, ForbiddenError, InputError, NotFoundError, SignInError
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.storage.tables import AuditRow, FeedbackRow
from study_bot.types import DocumentKind, Version
from study_bot.usage.feedback import MAX_COMMENT, Feedback
from study_bot.usage.remarks import Reason, RightPlace, Verdict, suggested
from tests.usage.samples import answered, log, passage, person

RIGHT = RightPlace("学习管理规定", "9")


def asked(database: Database, actor: Actor, question: str = "每月要学多少学时？") -> int:
    number = log(database).record(actor, question, answered(question))
    assert number is not None
    return number


def complained(database: Database, actor: Actor, **words: str) -> tuple[Feedback, int]:
    feedback = Feedback(database, Settings())
    feedback.give(actor, asked(database, actor), Verdict.DOWN, Reason.WRONG_CITATION, **words)
    with database.read() as session:
        return feedback, session.scalars(select(FeedbackRow.id)).one()


def test_a_thumb_down_reaches_the_admin_with_its_question(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    feedback, _ = complained(database, officer, comment=" 应是\n\n第十条 ", right_article="学习管理规定第十条")
    (remark,) = feedback.open_ones(admin).remarks
    assert (remark.comment, remark.right_article) == ("应是\n第十条", "学习管理规定第十条")
    assert remark.reason is Reason.WRONG_CITATION and remark.who == "测试1001（1001）"
    assert remark.question.question == "每月要学多少学时？" and remark.question.answer.citations
    assert suggested(remark) == RightPlace("学习管理规定", "第十条")


def test_a_second_word_replaces_the_first(database: Database) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    feedback, number = complained(database, officer, comment="不对")
    question = feedback.one(admin, number).question.id
    assert feedback.verdicts(officer, (question,)) == {question: Verdict.DOWN}
    feedback.give(officer, question, Verdict.UP, Reason.OTHER, comment="其实对")
    assert feedback.verdicts(officer, (question,)) == {question: Verdict.UP}
    assert feedback.open_ones(admin).remarks == ()
    feedback.take_back(officer, question)
    assert feedback.verdicts(officer, (question,)) == {}


def test_only_ones_own_question_can_be_judged(database: Database) -> None:
    officer, other = person(database, "1001"), person(database, "1002", Role.ADMIN)
    feedback, question = Feedback(database, Settings()), asked(database, officer)
    for who, number in ((other, question), (officer, question + 1)):
        with pytest.raises(NotFoundError):
            feedback.give(who, number, Verdict.UP)
    with pytest.raises(SignInError):
        feedback.give(Actor(None), question, Verdict.UP)
    feedback.give(officer, question, Verdict.UP)
    feedback.take_back(other, question)
    assert feedback.verdicts(officer, (question,)) and not feedback.verdicts(other, (question,))


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"reason": Reason.OTHER, "comment": "字" * (MAX_COMMENT + 1)},
        {"reason": Reason.OTHER, "right_article": "字" * 301},
    ],
)
def test_a_thumb_down_needs_a_reason_and_short_words(database: Database, words: dict[str, object]) -> None:
    officer = person(database, "1001")
    with pytest.raises(InputError):
        Feedback(database, Settings()).give(officer, asked(database, officer), Verdict.DOWN, **words)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", [Role.OFFICER, Role.UNIT_ADMIN, None])
def test_nobody_but_admins_reads_or_settles(database: Database, role: Role | None, tmp_path: Path) -> None:
    feedback, number = complained(database, person(database, "1001"))
    who = person(database, "1002", role) if role else Actor(None)
    for call in (
        lambda: feedback.open_ones(who),
        lambda: feedback.one(who, number),
        lambda: feedback.settle(who, number),
        lambda: feedback.to_case(who, number, RIGHT, tmp_path / "set"),
    ):
        with pytest.raises((ForbiddenError, SignInError)):
            call()
    assert not (tmp_path / "set").exists()


def test_settled_remarks_leave_the_list(database: Database) -> None:
    admin = person(database, "1", Role.ADMIN)
    feedback, number = complained(database, person(database, "1001"))
    feedback.settle(admin, number)
    feedback.settle(admin, number)
    assert feedback.open_ones(admin).total == 0
    assert [remark.settled for remark in feedback.open_ones(admin, settled=True).remarks] == [True]
    with database.read() as session:
        assert session.scalar(select(func.count(AuditRow.number))) == 1
    with pytest.raises(NotFoundError):
        feedback.settle(admin, number + 1)


def test_one_step_makes_a_case(database: Database, tmp_path: Path) -> None:
    admin = person(database, "1", Role.ADMIN)
    feedback, number = complained(database, person(database, "1001"))
    case_id = feedback.to_case(admin, number, RIGHT, tmp_path / "set")
    (line,) = (tmp_path / "set/queries.jsonl").read_text("utf-8").splitlines()
    case = json.loads(line)
    assert case["_id"] == case_id and case["text"] == "每月要学多少学时？"
    assert case["metadata"]["evidence"][0]["article"] == "第九条"
    assert feedback.one(admin, number).case_id == case_id and feedback.open_ones(admin).total == 0
    assert feedback.to_case(admin, number, RIGHT, tmp_path / "set") == case_id
    assert len((tmp_path / "set/queries.jsonl").read_text("utf-8").splitlines()) == 1


def test_a_question_the_library_does_not_answer_becomes_a_case_to_refuse(database: Database, tmp_path: Path) -> None:
    admin = person(database, "1", Role.ADMIN)
    feedback, number = complained(database, person(database, "1001"))
    feedback.to_case(admin, number, RightPlace(refuse=True), tmp_path)
    assert json.loads((tmp_path / "queries.jsonl").read_text("utf-8"))["metadata"]["refuse"] is True


class OneLaw:
    """A library of one article."""

    passages = (passage(9),)
    versions = (Version("rules-2024", "rules", "学习管理规定", DocumentKind.STATUTE, "a.txt", "txt", ""),)


@pytest.mark.parametrize(
    "right",
    [
        RightPlace(),
        RightPlace("没有的法", "第一条"),
        RightPlace("学习管理规定", "九"),
        RightPlace("学习管理规定", "第x条"),
    ],
)
def test_a_place_that_is_not_there_makes_no_case(database: Database, tmp_path: Path, right: RightPlace) -> None:
    admin = person(database, "1", Role.ADMIN)
    feedback, number = complained(database, person(database, "1001"))
    with pytest.raises(InputError):
        feedback.to_case(admin, number, right, tmp_path / "set", OneLaw())
    assert not (tmp_path / "set").exists() and not feedback.one(admin, number).settled


def test_a_case_that_clashes_changes_nothing(database: Database, tmp_path: Path) -> None:
    admin, officer = person(database, "1", Role.ADMIN), person(database, "1001")
    feedback, number = complained(database, officer)
    feedback.to_case(admin, number, RIGHT, tmp_path)
    again = asked(database, officer)
    feedback.give(officer, again, Verdict.DOWN, Reason.OTHER)
    (remark,) = feedback.open_ones(admin).remarks
    with pytest.raises(ConflictError):
        feedback.to_case(admin, remark.id, RightPlace("学习管理规定", "十"), tmp_path)
    assert not feedback.one(admin, remark.id).settled


def test_deleting_ones_questions_takes_ones_words_along(database: Database, tmp_path: Path) -> None:
    officer, admin = person(database, "1001"), person(database, "1", Role.ADMIN)
    feedback, number = complained(database, officer, comment="私下的话")
    log(database).forget_own(officer)
    remark = feedback.one(admin, number)
    assert (remark.comment, remark.who, remark.settled, remark.question.question) == ("", "", True, "")
    with pytest.raises(NotFoundError):
        feedback.to_case(admin, number, RIGHT, tmp_path)
