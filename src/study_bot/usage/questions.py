"""The log of questions: personal data. People read and delete their own; who else may read is a setting."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, select, update
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.roles import SYSTEM, Actor, Role
from study_bot.errors import ForbiddenError, NotFoundError
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.tables import FeedbackRow, PersonRow, QuestionRow
from study_bot.types import Answer
from study_bot.usage.kept import (
    KeptQuestion,
    answer_from,
    cited_records,
    outcome_of,
    passage_records,
    places,
    storable,
)

CONVERSATIONS_PER_PAGE = 30
QUESTIONS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class ConversationLine:
    """A conversation in a person's own list: its first question, how many it has, when the last was put."""

    conversation: str
    first: str
    questions: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A page of one's own conversations, newest first. `page` counts from 1; `total` is of conversations."""

    lines: tuple[ConversationLine, ...]
    page: int
    total: int

    @property
    def more(self) -> bool:
        """Whether older ones follow."""
        return self.page * CONVERSATIONS_PER_PAGE < self.total


@dataclass(frozen=True, slots=True)
class QuestionFilter:
    """Which questions to read; None and "" limit nothing. Days are the server's, both included."""

    text: str = ""
    outcome: str | None = None
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    question_id: int | None = None


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """A page of questions, newest first; `total` of all pages."""

    questions: tuple[KeptQuestion, ...]
    page: int
    total: int

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // QUESTIONS_PER_PAGE))


class QuestionLog:
    """Questions with their answers, for `settings.question_days`."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    def record(
        self,
        actor: Actor,
        question: str,
        answer: Answer,
        *,
        conversation: str | None = None,
        build_id: str | None = None,
        took_ms: float | None = None,
    ) -> int | None:
        """Keep a question; its id, or None where questions are not kept.

        :param conversation: the same for the questions of one conversation; None makes it one of its own.
        :param took_ms: None = as the answer itself says.
        :raises SignInError: nobody is signed in, and the settings demand it.
        """
        person = asker(actor, self._settings)
        if not self._settings.question_days:
            return None
        row = QuestionRow(
            at=utc_now(),
            person_id=person,
            unit_id=actor.person.unit_id if actor.person else None,
            conversation=storable(conversation or new_conversation())[:40],
            question=storable(question),
            answer=storable(answer.text),
            outcome=outcome_of(answer),
            mode=answer.mode.value,
            cited=cited_records(answer),
            passages=passage_records(answer),
            took_ms=answer.latency.total if took_ms is None else took_ms,
            build_id=build_id or answer.build_id or None,
        )
        with self._database.write() as session:
            session.add(row)
            session.flush()
            return row.id

    def own(self, actor: Actor, page: int = 1) -> ConversationPage:
        """The actor's own conversations, newest first.

        :raises SignInError: nobody is signed in.
        """
        mine = _mine(actor)
        last = func.max(QuestionRow.id)
        grouped = (
            select(func.min(QuestionRow.id).label("first"), last.label("last"), func.count().label("questions"))
            .where(mine)
            .group_by(QuestionRow.conversation)
        )
        page = max(page, 1)
        with self._database.read() as session:
            total = session.scalar(select(func.count()).select_from(grouped.subquery())) or 0
            groups = session.execute(
                grouped.order_by(last.desc()).limit(CONVERSATIONS_PER_PAGE).offset((page - 1) * CONVERSATIONS_PER_PAGE)
            ).all()
            ids = {number for group in groups for number in (group.first, group.last)}
            rows = {row.id: row for row in session.scalars(select(QuestionRow).where(QuestionRow.id.in_(ids)))}
        lines = tuple(
            ConversationLine(
                rows[group.first].conversation or "", rows[group.first].question or "", group.questions,
                rows[group.last].at,
            )
            for group in groups
        )  # fmt: skip
        return ConversationPage(lines, page, total)

    def conversation(self, actor: Actor, conversation: str) -> tuple[KeptQuestion, ...]:
        """One of the actor's own conversations, oldest question first.

        :raises SignInError: nobody is signed in.
        :raises NotFoundError: it is not the actor's, or was deleted.
        """
        query = select(QuestionRow).where(_mine(actor), QuestionRow.conversation == storable(conversation))
        with self._database.read() as session:
            rows = session.scalars(query.order_by(QuestionRow.id)).all()
        if not rows:
            raise NotFoundError("这段对话已经删除，或已超过保存期限。")
        return tuple(kept(row) for row in rows)

    def forget_own(self, actor: Actor, conversation: str | None = None) -> int:
        """Delete the actor's own questions, of one conversation or all; how many there were.

        Figures keep that something was asked, but neither what nor by whom.

        :raises SignInError: nobody is signed in.
        """
        chosen = _mine(actor)
        if conversation is not None:
            chosen = and_(chosen, QuestionRow.conversation == storable(conversation))
        with self._database.write() as session:
            count = _forget(session, chosen)
            if count:
                audit.append(session, actor, "question.forget", "本人的提问", {"questions": count})
            return count

    def read(self, actor: Actor, wanted: QuestionFilter = QuestionFilter(), page: int = 1) -> QuestionPage:
        """What people asked, newest first, with who asked. That somebody read it goes into the trail.

        :raises SignInError: nobody is signed in.
        :raises ForbiddenError: the actor is not an admin, or the settings let nobody read.
        """
        actor.require(Role.ADMIN)
        if self._settings.question_readers == "nobody":
            raise ForbiddenError("按本站设置（question_readers），提问的内容只有本人可以查看。")
        conditions = _conditions(wanted)
        page = max(page, 1)
        with self._database.write() as session:
            total = session.scalar(select(func.count(QuestionRow.id)).where(*conditions)) or 0
            rows = session.execute(_with_asker(conditions, page)).all()
            if rows:
                ids = [row.QuestionRow.id for row in rows]
                detail = {"questions": len(ids), "newest": max(ids), "oldest": min(ids)}
                audit.append(session, actor, "question.read", "提问记录", detail)
        found = tuple(kept(row.QuestionRow, f"{row.name}（{row.badge}）" if row.badge else "") for row in rows)
        return QuestionPage(found, page, total)

    def purge(self, now: dt.datetime | None = None, actor: Actor = SYSTEM) -> int:
        """Forget what is older than the settings allow; how many questions that were."""
        before = (now or utc_now()) - dt.timedelta(days=self._settings.question_days)
        with self._database.write() as session:
            count = _forget(session, and_(QuestionRow.question.is_not(None), QuestionRow.at < before))
            if count:
                audit.append(session, actor, "question.purge", "提问记录", {"questions": count, "before": before})
            return count


def new_conversation() -> str:
    """A name for a conversation that nobody can guess."""
    return secrets.token_urlsafe(18)


def asker(actor: Actor, settings: Settings) -> int | None:
    """Id of the person a question is kept for; None only where nobody signs in.

    :raises SignInError: nobody is signed in, and the settings demand it.
    """
    if settings.sign_in == "off" and actor.person is None:
        return None
    return actor.require(Role.OFFICER).id


def kept(row: QuestionRow, who: str = "") -> KeptQuestion:
    """A row whose texts are there, as a value."""
    question = row.question or ""
    return KeptQuestion(
        id=row.id,
        at=row.at,
        conversation=row.conversation or "",
        question=question,
        answer=answer_from(question, row.answer or "", row.outcome, row.mode, row.cited),
        outcome=row.outcome,
        cited=places(row.cited),
        passages=places(row.passages),
        took_ms=row.took_ms,
        asker=who,
    )


def start_of(day: dt.date) -> dt.datetime:
    """When a day begins where the server stands."""
    return dt.datetime.combine(day, dt.time()).astimezone()


def _mine(actor: Actor) -> ColumnElement[bool]:
    return and_(QuestionRow.person_id == actor.require(Role.OFFICER).id, QuestionRow.question.is_not(None))


def _conditions(wanted: QuestionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [QuestionRow.question.is_not(None)]
    if words := storable(wanted.text).strip():
        found.append(QuestionRow.question.icontains(words, autoescape=True))
    if wanted.outcome:
        found.append(QuestionRow.outcome == wanted.outcome)
    if wanted.first_day:
        found.append(QuestionRow.at >= start_of(wanted.first_day))
    if wanted.last_day:
        found.append(QuestionRow.at < start_of(wanted.last_day + dt.timedelta(days=1)))
    if wanted.question_id is not None:
        found.append(QuestionRow.id == wanted.question_id)
    return found


def _with_asker(conditions: list[ColumnElement[bool]], page: int) -> Select[QuestionRow, str, str]:
    return (
        select(QuestionRow, PersonRow.name, PersonRow.badge)
        .outerjoin(PersonRow, PersonRow.id == QuestionRow.person_id)
        .where(*conditions)
        .order_by(QuestionRow.id.desc())
        .limit(QUESTIONS_PER_PAGE)
        .offset((page - 1) * QUESTIONS_PER_PAGE)
    )


def _forget(session: Session, chosen: ColumnElement[bool]) -> int:
    """Take the wording and the person out of questions, and out of what was said of their answers."""
    ids = session.scalars(select(QuestionRow.id).where(chosen)).all()
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        session.execute(
            update(FeedbackRow)
            .where(FeedbackRow.question_id.in_(some))
            .values(person_id=None, comment="", right_article="", state="done")
        )
        session.execute(
            update(QuestionRow)
            .where(QuestionRow.id.in_(some))
            .values(person_id=None, conversation=None, question=None, answer=None)
        )
    return len(ids)
