"""The JSON interface under /api/v1. Questions travel in bodies, never in addresses, which servers write to logs."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from study_bot.accounts.roles import Actor
from study_bot.answering.events import AnswerReady
from study_bot.errors import BusyError, StorageError
from study_bot.server.problems import problem
from study_bot.server.serialise import answer_json, document_json, hit_json, status_json, version_json
from study_bot.server.web import actor_of
from study_bot.types import Answer, Filters, Turn
from study_bot.ui.ports import StudyServices
from study_bot.ui.questions import clean_question
from study_bot.ui.scope import checked_filters
from study_bot.ui.turns import MAX_CONVERSATION
from study_bot.usage.questions import QuestionLog

logger = logging.getLogger(__name__)

MAX_TOP_K = 100

T = TypeVar("T")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScopeBody(_Body):
    """Limits of a question or search; whatever is left out limits nothing."""

    documents: list[str] = Field(default=[], max_length=2000)
    categories: list[str] = Field(default=[], max_length=100)
    as_of: dt.date | None = None
    include_inactive: bool = False


class TurnBody(_Body):
    """An earlier exchange."""

    question: str = Field(max_length=20_000)
    answer: str = Field(max_length=100_000)


class AskBody(ScopeBody):
    """A question."""

    question: str
    conversation: list[TurnBody] = Field(default=[], max_length=50)


class SearchBody(ScopeBody):
    """A search for passages."""

    text: str
    top_k: int = Field(default=10, ge=1, le=MAX_TOP_K)


class QuestionLine:
    """Runs blocking work in threads of its own, so many at a time; the rest wait in line, up to a length."""

    def __init__(self, places: int, longest: int) -> None:
        self._limiter = anyio.CapacityLimiter(places)
        self._longest = longest

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work when its turn has come.

        :raises BusyError: the line is full.
        """
        if self._limiter.statistics().tasks_waiting >= self._longest:
            raise BusyError("排队的人太多了，请稍后再试。")
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)


def api_router(services: StudyServices, questions: QuestionLog | None = None) -> APIRouter:
    """The routes.

    :param questions: where questions are kept; None = nobody signs in and none is kept.
    """
    router = APIRouter(prefix="/api/v1")
    settings = services.settings
    line = QuestionLine(settings.max_concurrent_questions, settings.max_queued_questions)

    @router.post("/ask")
    async def ask(request: Request, body: AskBody) -> dict[str, Any]:
        actor = actor_of(request)
        question = clean_question(body.question, settings.max_question_chars)
        turns = tuple(Turn(turn.question, turn.answer) for turn in body.conversation[-MAX_CONVERSATION:])

        def work() -> Answer:
            filters = _filters(services, body)
            events = services.ask(question, filters=filters, conversation=turns)
            answer = [event.answer for event in events if isinstance(event, AnswerReady)][-1]
            if questions is not None:
                _keep(questions, actor, question, answer, services.status().build_id)
            return answer

        return answer_json(await line.run(work))

    @router.post("/search")
    async def search(body: SearchBody) -> dict[str, Any]:
        text = clean_question(body.text, settings.max_question_chars)
        hits = await line.run(lambda: services.search(text, top_k=body.top_k, filters=_filters(services, body)))
        return {"passages": [hit_json(hit) for hit in hits]}

    @router.get("/library")
    def library() -> dict[str, Any]:
        return {"documents": [version_json(version) for version in services.library()]}

    @router.get("/documents/{version_id:path}")
    def document(version_id: Annotated[str, Field(max_length=500)]) -> dict[str, Any]:
        return document_json(services.document(version_id))

    @router.get("/status")
    def status() -> dict[str, Any]:
        return status_json(services.status())

    return router


def _keep(questions: QuestionLog, actor: Actor, question: str, answer: Answer, build_id: str | None) -> None:
    """Write the question down; an answer that is there is given even if that fails."""
    try:
        questions.record(actor, question, answer, build_id=build_id)
    except StorageError:
        logger.warning("a question could not be kept")


def nothing_else_router() -> APIRouter:
    """Answers whatever else is asked for under /api, so that it does not end in the page."""
    router = APIRouter()

    @router.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def nothing(rest: str) -> Response:
        return problem(404, "没有这个接口，或请求方法不对。", "http_404")

    return router


def _filters(services: StudyServices, body: ScopeBody) -> Filters:
    return checked_filters(
        services.library(),
        documents=body.documents,
        categories=body.categories,
        as_of=body.as_of,
        include_inactive=body.include_inactive,
    )
