"""The 我的提问 tab: one's own conversations, to be opened again or deleted."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from study_bot.errors import StudyBotError
from study_bot.ui.ask_tab import AskParts
from study_bot.ui.history_list import render_history
from study_bot.ui.links import site_root
from study_bot.ui.ports import Desk, StudyServices
from study_bot.ui.turns import MAX_TURNS, TurnState, TurnView, render_turns
from study_bot.ui.visitors import Visitors, as_gradio_error
from study_bot.usage.questions import ConversationLine

MAX_MESSAGE = 1000

_READ_ACTION = "(message, shown) => [window.studyBot.history(), shown]"


@dataclass(frozen=True, slots=True)
class HistoryHandlers:
    """The events of the tab. `shown` is the number of pages on the screen."""

    services: StudyServices
    visitors: Visitors
    desk: Desk

    def show(self, shown: int, request: gr.Request | None = None) -> tuple[str, Any, int]:
        """The newest pages. Gives: list, whether there is more, pages shown."""
        actor = self.visitors.admit(request)
        lines: list[ConversationLine] = []
        page, total, more = 0, 0, True
        try:
            while more and page < max(shown, 1):
                page += 1
                found = self.desk.questions.own(actor, page)
                lines, total, more = [*lines, *found.lines], found.total, found.more
        except StudyBotError as error:
            raise as_gradio_error(error) from None
        listing = render_history(lines, total, self.services.settings, dt.datetime.now().astimezone().date())
        return listing, gr.update(visible=more), page

    def first(self, request: gr.Request | None = None) -> tuple[str, Any, int]:
        """The tab is opened."""
        return self.show(1, request)

    def more(self, shown: int, request: gr.Request | None = None) -> tuple[str, Any, int]:
        """One page more."""
        return self.show(min(shown, 200) + 1, request)

    def act(self, message: str, shown: int, request: gr.Request | None = None) -> tuple[Any, ...]:
        """Open a conversation, delete one, or all.

        Gives: list, more, shown, thread, live turn, turns, pending, tabs.
        """
        actor = self.visitors.admit(request)
        wanted, conversation = _read(message)
        try:
            if wanted == "open":
                turns = self.turns(actor, conversation)
                versions = {version.version_id: version for version in self._library()}
                thread = render_turns(turns, versions, site_root(self.services.settings))
                return gr.skip(), gr.skip(), gr.skip(), thread, "", turns, None, gr.Tabs(selected="ask")
            if wanted == "delete":
                self.desk.questions.forget_own(actor, conversation)
            elif wanted == "forget":
                self.desk.questions.forget_own(actor)
        except StudyBotError as error:
            raise as_gradio_error(error) from None
        return *self.show(shown, request), *(gr.skip() for _ in range(5))

    def turns(self, actor: Any, conversation: str) -> tuple[TurnView, ...]:
        """A conversation of the actor's as it was shown.

        :raises NotFoundError: it is not the actor's, or was deleted.
        """
        kept = self.desk.questions.conversation(actor, conversation)[-MAX_TURNS:]
        verdicts = self.desk.feedback.verdicts(actor, tuple(question.id for question in kept))
        return tuple(
            TurnView(
                number,
                question.question,
                TurnState.DONE,
                answer=question.answer,
                conversation=conversation,
                question_id=question.id,
                verdict=verdicts.get(question.id, ""),
            )
            for number, question in enumerate(kept, 1)
        )

    def _library(self) -> tuple[Any, ...]:
        try:
            return tuple(self.services.library())
        except StudyBotError:
            return ()


def build_history_tab(
    services: StudyServices, visitors: Visitors, desk: Desk, tab: gr.Tab, tabs: gr.Tabs, ask: AskParts
) -> None:
    """Lay out the tab and register its events, inside it."""
    handlers = HistoryHandlers(services, visitors, desk)
    with gr.Column(elem_id="history-page"):
        listing = gr.HTML("", elem_id="history-list", apply_default_css=False)
        more = gr.Button("显示更多", elem_id="history-more", visible=False, size="sm")
        act = gr.Button("处理", elem_id="history-act")
    shown = gr.State(1)
    message = gr.Textbox("", visible=False)

    outputs = [listing, more, shown]
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    tab.select(handlers.first, outputs=outputs, **quick)
    more.click(handlers.more, inputs=[shown], outputs=outputs, **quick)
    act.click(
        handlers.act,
        inputs=[message, shown],
        outputs=[*outputs, ask.thread, ask.live, ask.turns, ask.pending, tabs],
        js=_READ_ACTION,
        **quick,
    )


def _read(message: object) -> tuple[str, str]:
    """What is to be done, and the conversation it is done to; ("", "") for anything else."""
    if not isinstance(message, str) or len(message) > MAX_MESSAGE:
        return "", ""
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    wanted, conversation = found.get("do"), found.get("id")
    return (wanted if isinstance(wanted, str) else ""), (conversation if isinstance(conversation, str) else "")
