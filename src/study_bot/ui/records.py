"""Keeping a question that was answered. An answer is never lost because it could not be kept."""

from __future__ import annotations

import logging

from study_bot.accounts.roles import Actor
from study_bot.errors import StudyBotError
from study_bot.types import Answer
from study_bot.ui.ports import Desk

logger = logging.getLogger(__name__)


def keep(desk: Desk | None, actor: Actor, question: str, answer: Answer, conversation: str | None = None) -> int | None:
    """Put a question into the log; its id, None where it is not kept."""
    if desk is None:
        return None
    try:
        return desk.questions.record(actor, question, answer, conversation=conversation)
    except StudyBotError as error:  # the wording of a question never goes into a log file
        logger.warning("a question was not kept: %s", error)
        return None
