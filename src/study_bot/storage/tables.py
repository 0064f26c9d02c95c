"""Every table, so that one import knows them all."""

from __future__ import annotations

from study_bot.storage.columns import Base
from study_bot.storage.library_tables import BuildRow, FileRow, StateRow
from study_bot.storage.people_tables import AuditRow, FailureRow, PersonRow, SessionRow, TicketRow, UnitRow
from study_bot.storage.usage_tables import FeedbackRow, QuestionRow

__all__ = [
    "AuditRow",
    "Base",
    "BuildRow",
    "FailureRow",
    "FeedbackRow",
    "FileRow",
    "PersonRow",
    "QuestionRow",
    "SessionRow",
    "StateRow",
    "TicketRow",
    "UnitRow",
]
