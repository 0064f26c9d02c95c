"""Who sends an event. Every handler asks, whatever stands before it: hiding a button protects nothing."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from study_bot.accounts.roles import Actor, Role
from study_bot.errors import StudyBotError
from study_bot.ui.ports import Desk

NOBODY = Actor(None)


@dataclass(frozen=True, slots=True)
class Visitors:
    """Tells who sends an event. Without a desk nobody signs in, and everybody may ask."""

    desk: Desk | None = None

    def actor(self, request: gr.Request | None) -> Actor:
        """The person; NOBODY only where nobody signs in.

        :raises SignInError: nobody is signed in, or the password must be changed first.
        """
        if self.desk is None:
            return NOBODY
        actor = NOBODY
        if request is not None:
            actor = self.desk.gate.actor(request.cookies, request.headers, request.client)
        actor.require(Role.OFFICER)
        return actor

    def admit(self, request: gr.Request | None) -> Actor:
        """The same, with the error as Gradio hands it on to the page.

        :raises gr.Error: as `actor`, or the database cannot be read.
        """
        try:
            return self.actor(request)
        except StudyBotError as error:
            raise as_gradio_error(error) from None


OPEN_HOUSE = Visitors()
"""Where nobody signs in."""


def as_gradio_error(error: StudyBotError) -> gr.Error:
    """The error in the form Gradio hands on to a client."""
    return gr.Error(str(error), title="没有完成", print_exception=False)
