"""What happens on a click. Handlers hold nothing but the services: everything of a user comes in and goes out."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from study_bot.errors import StudyBotError
from study_bot.types import Version
from study_bot.ui.links import site_root
from study_bot.ui.markup import esc
from study_bot.ui.ports import IndexState, StudyServices
from study_bot.ui.questions import clean_question
from study_bot.ui.records import keep
from study_bot.ui.scope import parse_scope, render_scope
from study_bot.ui.sessions import Pending
from study_bot.ui.turns import MAX_TURNS, TurnState, TurnView, advance, conversation_of, render_turn, render_turns
from study_bot.ui.visitors import OPEN_HOUSE, Visitors
from study_bot.ui.welcome import render_banner, render_welcome
from study_bot.usage.questions import new_conversation

logger = logging.getLogger(__name__)

Turns = tuple[TurnView, ...]

IDLE_SECONDS = 20
"""How often a page asks whether the index has changed."""

BUSY_SECONDS = 3
"""The same while an index is being built or there is none."""


@dataclass(frozen=True, slots=True)
class AskHandlers:
    """The events of the 学习问答 tab."""

    services: StudyServices
    visitors: Visitors = OPEN_HOUSE

    @property
    def root(self) -> str:
        """Path prefix for links."""
        return site_root(self.services.settings)

    def open_page(
        self, turns: Turns, pending: Pending | None, request: gr.Request | None = None
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Fill a fresh page. Gives: thread, scope panel, banner, the state it was made from, timer."""
        self.visitors.admit(request)
        status = self.services.status()
        library = self._library()
        begun = bool(turns) or pending is not None
        thread = gr.skip() if begun else self._welcome(library)  # a conversation stays as it is
        timer = gr.Timer(BUSY_SECONDS if status.building or not status.ready else IDLE_SECONDS)
        return thread, render_scope(library, dt.date.today()), render_banner(status), _stamp(status), timer

    def poll(
        self, turns: Turns, pending: Pending | None, seen: str, request: gr.Request | None = None
    ) -> tuple[Any, Any, Any, Any, Any]:
        """The same again when the index has changed; only the progress while a build is under way."""
        self.visitors.admit(request)
        status = self.services.status()
        stamp = _stamp(status)
        if stamp != seen:
            return self.open_page(turns, pending, request)
        if status.building is None:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        welcome = gr.skip() if turns or pending or status.ready else self._welcome(self._library())
        return welcome, gr.skip(), render_banner(status), stamp, gr.skip()

    def accept(
        self, question: str, scope: str, turns: Turns, request: gr.Request | None = None
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Check a question and show it at once. Gives: box, hint, thread, live turn, pending."""
        try:
            self.visitors.actor(request)
            question = clean_question(question, self.services.settings.max_question_chars)
            filters = parse_scope(scope, self._library())
        except StudyBotError as error:
            return gr.skip(), _hint(str(error)), gr.skip(), gr.skip(), None
        last = turns[-1] if turns else TurnView(0, "")
        view = TurnView(last.number + 1, question, conversation=last.conversation or new_conversation())
        return "", _hint(""), self._thread(turns), render_turn(view, {}, self.root), Pending(view, filters)

    def stream(
        self, pending: Pending | None, turns: Turns, request: gr.Request | None = None
    ) -> Iterator[tuple[Any, Any, Any]]:
        """Answer the pending question. Gives, step by step: live turn, turns, pending."""
        if pending is None:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        view = pending.view
        try:
            actor = self.visitors.actor(request)
            versions = {version.version_id: version for version in self.services.library()}
            events = self.services.ask(view.question, filters=pending.filters, conversation=conversation_of(turns))
            for event in events:
                view = advance(view, event)
                if view.state is not TurnState.DONE:
                    yield render_turn(view, versions, self.root), gr.skip(), replace(pending, view=view)
        except StudyBotError as error:
            view = replace(view, state=TurnState.FAILED, error=str(error))
            versions = {}
        else:
            if view.answer is not None:
                number = keep(self.visitors.desk, actor, view.question, view.answer, view.conversation)
                view = replace(view, question_id=number)
        yield render_turn(view, versions, self.root), (*turns, view)[-MAX_TURNS:], None

    def stop(self, pending: Pending | None, turns: Turns, request: gr.Request | None = None) -> tuple[Any, Any, Any]:
        """Keep what has come so far. Gives: live turn, turns, pending."""
        self.visitors.admit(request)
        return self._closed(pending, turns, TurnState.STOPPED)

    def fail(self, pending: Pending | None, turns: Turns, request: gr.Request | None = None) -> tuple[Any, Any, Any]:
        """Something the services do not foresee went wrong. Gives: live turn, turns, pending."""
        self.visitors.admit(request)
        return self._closed(pending, turns, TurnState.FAILED)

    def reset(self, request: gr.Request | None = None) -> tuple[Any, Any, Any, Any, Any]:
        """A new conversation. Gives: thread, live turn, turns, pending, hint."""
        self.visitors.admit(request)
        return self._welcome(self._library()), "", (), None, _hint("")

    def _closed(self, pending: Pending | None, turns: Turns, state: TurnState) -> tuple[Any, Any, Any]:
        if pending is None:
            return gr.skip(), gr.skip(), gr.skip()
        view = replace(pending.view, state=state)
        return render_turn(view, {}, self.root), (*turns, view)[-MAX_TURNS:], None

    def _thread(self, turns: Turns) -> str:
        if not turns:
            return ""
        versions = {version.version_id: version for version in self._library()}
        return render_turns(turns, versions, self.root)

    def _welcome(self, library: tuple[Version, ...]) -> str:
        status = self.services.status()
        examples = self.services.examples() if status.ready else ()
        return render_welcome(status, library, examples)

    def _library(self) -> tuple[Version, ...]:
        """The library, empty while there is no index: the screens say so."""
        try:
            return tuple(self.services.library())
        except StudyBotError as error:
            logger.info("library not available: %s", type(error).__name__)
            return ()


def _stamp(status: IndexState) -> str:
    building = "building" if status.building is not None else ""
    return f"{status.build_id}|{status.ready}|{status.error}|{building}"


def _hint(text: str) -> str:
    return f'<p class="hint" role="alert">{esc(text)}</p>' if text else ""
