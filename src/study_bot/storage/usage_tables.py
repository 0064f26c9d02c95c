"""Tables of use: questions asked, and what people said of the answers. Personal data, kept for a set time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from study_bot.storage.columns import Base


class QuestionRow(Base):
    """A question and its answer. `person_id` is None where nobody signs in; texts are None once they were purged.

    `cited` and `passages` are lists of {"version_id", "title", "locator"}, in the order shown. Times in milliseconds.
    """

    __tablename__ = "questions"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), index=True)
    conversation: Mapped[str | None] = mapped_column(String(40), index=True)
    question: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(20), index=True)
    mode: Mapped[str] = mapped_column(String(20), default="extractive")
    cited: Mapped[list[Any]] = mapped_column(default=list)
    passages: Mapped[list[Any]] = mapped_column(default=list)
    took_ms: Mapped[float]
    build_id: Mapped[str | None] = mapped_column(String(100))


class FeedbackRow(Base):
    """What a person said of one answer; a second word on the same answer replaces the first.

    `verdict` is up or down; `reason` one of wrong_answer, wrong_citation, outdated, not_found, other (None for up).
    `case_set` names the evaluation set that it was made a case of, None if it was not.
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    at: Mapped[dt.datetime] = mapped_column(index=True)
    verdict: Mapped[str] = mapped_column(String(10), index=True)
    reason: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(Text, default="")
    right_article: Mapped[str] = mapped_column(String(300), default="")
    state: Mapped[str] = mapped_column(String(10), default="open", index=True)
    case_set: Mapped[str | None] = mapped_column(String(200))
    case_id: Mapped[str | None] = mapped_column(String(100))
