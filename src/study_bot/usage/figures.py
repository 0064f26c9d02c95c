"""Figures of use for those who run the place: counts, never the wording of a question."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from study_bot.accounts.roles import Actor
from study_bot.errors import InputError
from study_bot.storage.database import Database
from study_bot.storage.tables import FeedbackRow, QuestionRow
from study_bot.usage.kept import ANSWERED, places
from study_bot.usage.questions import start_of
from study_bot.usage.subjects import SubjectCounter
from study_bot.usage.units import units_for

MAX_DAYS = 732
"""Longest span of figures."""

TOP = 10
"""Length of the lists of what is most frequent."""

NEAREST = 1
"""Passages of a refused question that say what it was about."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class DayCount:
    """Questions of one day."""

    day: dt.date
    answered: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """How many questions something occurred in."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Hits:
    """In how many questions a document or passage was shown, and in how many of these it was cited."""

    title: str
    locator: str
    shown: int
    cited: int


@dataclass(frozen=True, slots=True)
class SlowQuestion:
    """A question that took long; `title` is the first document shown, "" if there was none."""

    id: int
    at: dt.datetime
    took_ms: float
    outcome: str
    title: str


@dataclass(frozen=True, slots=True)
class FeedbackCount:
    """Thumbs on the questions of the span; `reasons` by code, `open` = not dealt with."""

    up: int = 0
    down: int = 0
    open: int = 0
    cases: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a span of days, both ends included. Lists are ordered by count, highest first; `seconds` are
    those of every question, in no order."""

    first_day: dt.date
    last_day: dt.date
    days: tuple[DayCount, ...]
    people: int
    refused_by: tuple[Named, ...]
    asked_documents: tuple[Named, ...]
    refused_documents: tuple[Named, ...]
    asked_words: tuple[Named, ...]
    refused_words: tuple[Named, ...]
    documents: tuple[Hits, ...]
    passages: tuple[Hits, ...]
    slow: tuple[SlowQuestion, ...]
    seconds: tuple[float, ...]
    feedback: FeedbackCount

    @property
    def answered(self) -> int:
        """Questions that were answered."""
        return sum(day.answered for day in self.days)

    @property
    def refused(self) -> int:
        """Questions that were refused."""
        return sum(day.refused for day in self.days)

    @property
    def questions(self) -> int:
        """All questions."""
        return self.answered + self.refused

    @property
    def median_seconds(self) -> float:
        """Half of the questions took no longer; 0 if there are none."""
        return statistics.median(self.seconds) if self.seconds else 0.0

    @property
    def slow_seconds(self) -> float:
        """19 of 20 questions took no longer; 0 if there are none."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] if ordered else 0.0


def figures(
    database: Database, actor: Actor, first_day: dt.date, last_day: dt.date, unit_id: int | None = None
) -> Figures:
    """Count the questions of a span of days.

    :param unit_id: of this unit and those below it; None = of all that the actor may see.
    :raises InputError: the span is empty or longer than MAX_DAYS.
    :raises ForbiddenError: the actor is no unit admin, or the unit is not theirs.
    """
    if first_day > last_day:
        raise InputError("开始日期在结束日期之后，请改正。")
    if (last_day - first_day).days >= MAX_DAYS:
        raise InputError(f"一次最多统计 {MAX_DAYS} 天，请缩短时间范围。")
    tally = _Tally()
    with database.read() as session:
        units = units_for(session, actor, unit_id)
        chosen = [
            QuestionRow.at >= start_of(first_day),
            QuestionRow.at < start_of(last_day + dt.timedelta(days=1)),
            *([] if units is None else [QuestionRow.unit_id.in_(units)]),
        ]
        columns = (
            QuestionRow.id, QuestionRow.at, QuestionRow.person_id, QuestionRow.conversation, QuestionRow.question,
            QuestionRow.outcome, QuestionRow.cited, QuestionRow.passages, QuestionRow.took_ms,
        )  # fmt: skip
        for row in session.execute(select(*columns).where(*chosen).execution_options(yield_per=_BATCH)):
            tally.add(row)
        said = _feedback(session, chosen)
    return tally.result(first_day, last_day, said)


class _Tally:
    """Counts rows one by one, so that a year of them need not be held."""

    def __init__(self) -> None:
        self.days: Counter[tuple[dt.date, bool]] = Counter()
        self.refused_by: Counter[str] = Counter()
        self.people: set[int] = set()
        self.asked_documents: Counter[str] = Counter()
        self.refused_documents: Counter[str] = Counter()
        self.asked_words, self.refused_words = SubjectCounter(), SubjectCounter()
        self.shown: Counter[tuple[str, str]] = Counter()
        self.cited: Counter[tuple[str, str]] = Counter()
        self.seconds: list[float] = []
        self.slow: list[SlowQuestion] = []

    def add(self, row: Any) -> None:
        answered = row.outcome == ANSWERED
        self.days[(row.at.astimezone().date(), answered)] += 1
        if row.person_id is not None:
            self.people.add(row.person_id)
        cited, shown = places(row.cited), places(row.passages)
        self._count_places(self.cited, {(p.title, p.locator) for p in cited})
        self._count_places(self.shown, {(p.title, p.locator) for p in (*shown, *cited)})
        if not answered:
            self.refused_by[row.outcome] += 1
            self.refused_documents.update({p.title for p in shown[:NEAREST]})
        self.asked_documents.update({p.title for p in (cited or shown[:NEAREST])})
        if row.question is not None:
            who = row.person_id if row.person_id is not None else row.conversation
            self.asked_words.add(row.question, who)
            if not answered:
                self.refused_words.add(row.question, who)
        self.seconds.append(row.took_ms / 1000)
        title = shown[0].title if shown else ""
        self.slow.append(SlowQuestion(row.id, row.at, row.took_ms, row.outcome, title))
        if len(self.slow) > 2 * _BATCH:
            self.slow = _slowest(self.slow)

    def result(self, first_day: dt.date, last_day: dt.date, said: FeedbackCount) -> Figures:
        days = [first_day + dt.timedelta(days=n) for n in range((last_day - first_day).days + 1)]
        return Figures(
            first_day=first_day,
            last_day=last_day,
            days=tuple(DayCount(day, self.days[(day, True)], self.days[(day, False)]) for day in days),
            people=len(self.people),
            refused_by=_named(self.refused_by.most_common()),
            asked_documents=_named(self.asked_documents.most_common(TOP)),
            refused_documents=_named(self.refused_documents.most_common(TOP)),
            asked_words=_named(self.asked_words.most(2 * TOP)),
            refused_words=_named(self.refused_words.most(2 * TOP)),
            documents=self._hits(whole=True),
            passages=self._hits(whole=False),
            slow=tuple(_slowest(self.slow)),
            seconds=tuple(self.seconds),
            feedback=said,
        )

    def _count_places(self, counter: Counter[tuple[str, str]], found: set[tuple[str, str]]) -> None:
        """A passage counts once a question, and so does its document, which is kept without a locator."""
        counter.update({(title, "") for title, _ in found} | found)

    def _hits(self, *, whole: bool) -> tuple[Hits, ...]:
        chosen = [key for key in self.shown if (key[1] == "") is whole]
        best = sorted(chosen, key=lambda key: (-self.cited[key], -self.shown[key], key))[: 2 * TOP]
        return tuple(Hits(*key, self.shown[key], self.cited[key]) for key in best)


def _named(counts: Iterable[tuple[str, int]]) -> tuple[Named, ...]:
    return tuple(Named(name, count) for name, count in counts)


def _slowest(questions: list[SlowQuestion]) -> list[SlowQuestion]:
    return sorted(questions, key=lambda q: (-q.took_ms, q.id))[:TOP]


def _feedback(session: Session, chosen: list[ColumnElement[bool]]) -> FeedbackCount:
    query = (
        select(
            FeedbackRow.verdict, FeedbackRow.reason, FeedbackRow.state, FeedbackRow.case_id.is_not(None), func.count()
        )
        .join(QuestionRow, QuestionRow.id == FeedbackRow.question_id)
        .where(*chosen)
        .group_by(FeedbackRow.verdict, FeedbackRow.reason, FeedbackRow.state, FeedbackRow.case_id.is_not(None))
    )
    up = down = waiting = cases = 0
    reasons: Counter[str] = Counter()
    for verdict, reason, state, is_case, count in session.execute(query):
        if verdict == "up":
            up += count
            continue
        down += count
        waiting += count if state == "open" else 0
        cases += count if is_case else 0
        reasons[reason or "other"] += count
    return FeedbackCount(up, down, waiting, cases, dict(reasons.most_common()))
