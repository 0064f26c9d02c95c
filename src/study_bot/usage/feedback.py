"""What people say of answers, and how an admin makes a case of an evaluation set of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.roles import Actor, Role
from study_bot.errors import ConflictError, DatasetError, InputError, NotFoundError
from study_bot.evaluation.case_collection import add_cases
from study_bot.evaluation.evidence import Library
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.tables import FeedbackRow, PersonRow, QuestionRow
from study_bot.text import normalise_line
from study_bot.usage.kept import storable
from study_bot.usage.questions import asker, kept
from study_bot.usage.remarks import Reason, Remark, RightPlace, Verdict, case_of

MAX_COMMENT = 1000
"""Longest remark, characters."""

MAX_ARTICLE = 300
"""Longest name of the right article, characters."""

PER_PAGE = 20

CASE_SPLIT = "dev"


@dataclass(frozen=True, slots=True)
class RemarkPage:
    """A page of remarks, newest first; `total` of all pages."""

    remarks: tuple[Remark, ...]
    page: int
    total: int

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // PER_PAGE))


class Feedback:
    """Words on answers: everybody's on their own questions, read by admins only.

    Whoever gives a thumb down shows admins that question; the form says so.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    def give(
        self,
        actor: Actor,
        question_id: int,
        verdict: Verdict,
        reason: Reason | None = None,
        comment: str = "",
        right_article: str = "",
    ) -> None:
        """Say something of one's own question's answer; what one said of it before is replaced.

        :param reason: needed for a thumb down, ignored for a thumb up.
        :raises InputError: no reason, or a text is too long.
        :raises NotFoundError: the question is not the actor's, or was deleted.
        :raises SignInError: nobody is signed in, and the settings demand it.
        """
        person = asker(actor, self._settings)
        comment, right_article = _checked(verdict, reason, comment, right_article)
        with self._database.write() as session:
            question = session.get(QuestionRow, question_id, with_for_update=True)
            if question is None or question.question is None or question.person_id != person:
                raise NotFoundError("这个问题已经删除，或不是您本人提的，不能评价。")
            row = session.scalar(select(FeedbackRow).where(FeedbackRow.question_id == question_id))
            if row is None:
                row = FeedbackRow(question_id=question_id, at=utc_now(), verdict=verdict.value, state="open")
                session.add(row)
            down = verdict is Verdict.DOWN
            row.person_id, row.at, row.verdict = person, utc_now(), verdict.value
            row.reason = reason.value if down and reason else None
            row.comment, row.right_article = (comment, right_article) if down else ("", "")
            row.state = "open" if down else "done"

    def take_back(self, actor: Actor, question_id: int) -> None:
        """Withdraw what one said; nothing happens if one said nothing.

        :raises SignInError: nobody is signed in, and the settings demand it.
        """
        person = asker(actor, self._settings)
        with self._database.write() as session:
            row = session.scalar(select(FeedbackRow).where(FeedbackRow.question_id == question_id))
            if row is not None and row.person_id == person and row.case_id is None:
                session.delete(row)

    def verdicts(self, actor: Actor, question_ids: tuple[int, ...]) -> dict[int, Verdict]:
        """What the actor said of their own questions, by question."""
        person = asker(actor, self._settings)
        query = select(FeedbackRow.question_id, FeedbackRow.verdict).where(
            FeedbackRow.question_id.in_(question_ids), FeedbackRow.person_id == person
        )
        with self._database.read() as session:
            return {number: Verdict(verdict) for number, verdict in session.execute(query).all()}

    def open_ones(self, actor: Actor, page: int = 1, *, settled: bool = False) -> RemarkPage:
        """Thumbs down that nobody has dealt with yet (or those that were), newest first, with question and answer.

        :raises ForbiddenError: the actor is not an admin.
        """
        actor.require(Role.ADMIN)
        state = "done" if settled else "open"
        condition = (FeedbackRow.verdict == Verdict.DOWN.value, FeedbackRow.state == state)
        page = max(page, 1)
        query = (
            _joined().where(*condition).order_by(FeedbackRow.id.desc()).limit(PER_PAGE).offset((page - 1) * PER_PAGE)
        )
        with self._database.read() as session:
            total = session.scalar(select(func.count(FeedbackRow.id)).where(*condition)) or 0
            rows = session.execute(query).all()
        return RemarkPage(tuple(_remark(*row) for row in rows), page, total)

    def one(self, actor: Actor, feedback_id: int) -> Remark:
        """A single remark.

        :raises NotFoundError: there is none of this id.
        :raises ForbiddenError: the actor is not an admin.
        """
        actor.require(Role.ADMIN)
        with self._database.read() as session:
            row = session.execute(_joined().where(FeedbackRow.id == feedback_id)).first()
        if row is None:
            raise NotFoundError(_GONE)
        return _remark(*row)

    def settle(self, actor: Actor, feedback_id: int) -> None:
        """Put a remark among those dealt with.

        :raises NotFoundError: there is none of this id.
        :raises ForbiddenError: the actor is not an admin.
        """
        actor.require(Role.ADMIN)
        with self._database.write() as session:
            row = _row(session, feedback_id)
            if row.state != "done":
                row.state = "done"
                audit.append(session, actor, "feedback.settle", f"反馈 {feedback_id}")

    def to_case(
        self, actor: Actor, feedback_id: int, right: RightPlace, set_dir: Path, library: Library | None = None
    ) -> str:
        """Make the question a case of an evaluation set, and settle the remark; gives the id of the case.

        :param library: where the right place must be found; None = it is not looked for.
        :raises InputError: the place cannot be understood, or the library does not have it.
        :raises ConflictError: the set has this question with another place.
        :raises NotFoundError: there is no such remark, or its question was deleted.
        :raises ForbiddenError: the actor is not an admin.
        """
        actor.require(Role.ADMIN)
        with self._database.write() as session:
            row = _row(session, feedback_id)
            question = session.get(QuestionRow, row.question_id)
            if question is None or question.question is None:
                raise NotFoundError("这个问题已经删除，不能再加入评测题。")
            case = case_of(question.question, right, row.reason, library)
            # The line of the trail first: from there on the others wait, so that no two write the files of the set.
            audit.append(
                session, actor, "feedback.case", f"反馈 {feedback_id}", {"case": case.case_id, "set": set_dir.name}
            )
            row.state, row.case_set, row.case_id = "done", set_dir.name[:200], case.case_id
            session.flush()
            try:
                add_cases(set_dir, [case], CASE_SPLIT)
            except DatasetError as error:
                raise ConflictError(str(error)) from None
        return case.case_id


_GONE = "这条反馈已经不在了，请刷新页面。"


def _checked(verdict: Verdict, reason: Reason | None, comment: str, right_article: str) -> tuple[str, str]:
    if verdict is Verdict.DOWN and reason is None:
        raise InputError("请选择哪里不对。")
    comment = "\n".join(filter(None, map(normalise_line, storable(comment).splitlines())))
    right_article = normalise_line(storable(right_article))
    if len(comment) > MAX_COMMENT:
        raise InputError(f"说明有 {len(comment)} 字，请压缩到 {MAX_COMMENT} 字以内。")
    if len(right_article) > MAX_ARTICLE:
        raise InputError(f"“正确的条文”有 {len(right_article)} 字，请只写文件名和条号，{MAX_ARTICLE} 字以内。")
    return comment, right_article


def _joined() -> Select[FeedbackRow, QuestionRow, PersonRow]:
    return (
        select(FeedbackRow, QuestionRow, PersonRow)
        .join(QuestionRow, QuestionRow.id == FeedbackRow.question_id)
        .outerjoin(PersonRow, PersonRow.id == FeedbackRow.person_id)
    )


def _row(session: Session, feedback_id: int) -> FeedbackRow:
    row = session.get(FeedbackRow, feedback_id)
    if row is None:
        raise NotFoundError(_GONE)
    return row


def _remark(row: FeedbackRow, question: QuestionRow, person: PersonRow | None) -> Remark:
    return Remark(
        id=row.id,
        at=row.at,
        who=f"{person.name}（{person.badge}）" if person else "",
        verdict=Verdict(row.verdict),
        reason=Reason(row.reason) if row.reason else None,
        comment=row.comment,
        right_article=row.right_article,
        settled=row.state == "done",
        case_id=row.case_id or "",
        question=kept(question),
    )
