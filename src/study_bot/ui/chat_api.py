"""The question endpoint for Gradio's own clients (`/chat`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from study_bot.answering.events import AnswerReady
from study_bot.errors import StudyBotError
from study_bot.types import Answer, Filters
from study_bot.ui.ports import StudyServices
from study_bot.ui.questions import clean_question
from study_bot.ui.records import keep
from study_bot.ui.scope import checked_filters
from study_bot.ui.visitors import Visitors, as_gradio_error


def chat_endpoint(services: StudyServices, visitors: Visitors) -> Callable[..., dict[str, Any]]:
    """A typed function for `gr.api`; Gradio reads the names and types of its parameters."""

    def chat(
        question: str,
        documents: list[str] | None = None,
        categories: list[str] | None = None,
        as_of: str | None = None,
        include_inactive: bool = False,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """回答一个问题，返回回答和出处。"""
        try:
            actor = visitors.actor(request)
            question = clean_question(question, services.settings.max_question_chars)
            filters = checked_filters(
                services.library(),
                documents=documents or (),
                categories=categories or (),
                as_of=as_of or None,
                include_inactive=include_inactive,
            )
            answer = _last(services, question, filters)
        except StudyBotError as error:
            raise as_gradio_error(error) from None
        keep(visitors.desk, actor, question, answer)
        return summary(answer)

    return chat


def _last(services: StudyServices, question: str, filters: Filters) -> Answer:
    ready = [event.answer for event in services.ask(question, filters=filters) if isinstance(event, AnswerReady)]
    return ready[-1]


def summary(answer: Answer) -> dict[str, Any]:
    """The answer in plain values."""
    return {
        "answer": answer.text,
        "refused": answer.refused,
        "reason": answer.reason.value if answer.reason else None,
        "notices": list(answer.notices),
        "citations": [
            {"n": c.n, "title": c.title, "locator": c.locator.label, "version": c.version_label, "quote": c.quote}
            for c in answer.citations
        ],
    }
