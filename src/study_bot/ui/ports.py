"""What the screens need of the services. `study_bot.services.Services` fulfils it, and so do small fakes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from study_bot.accounts.roles import Actor
from study_bot.answering.events import AnswerEvent
from study_bot.settings import Settings
from study_bot.types import Filters, Hit, Progress, Turn, Version, VersionText
from study_bot.usage.feedback import Feedback
from study_bot.usage.questions import QuestionLog


class IndexState(Protocol):
    """The state of the index: `error` and `building` may both be set while an older build still serves."""

    @property
    def ready(self) -> bool:
        """Whether questions can be answered."""

    @property
    def build_id(self) -> str | None:
        """The live build, None if there is none."""

    @property
    def created(self) -> dt.datetime | None:
        """When the live build was made."""

    @property
    def files(self) -> int:
        """Files in the live build."""

    @property
    def passages(self) -> int:
        """Passages in the live build."""

    @property
    def articles(self) -> int:
        """Articles (条) in the live build."""

    @property
    def building(self) -> Progress | None:
        """How far a build under way has come, None if there is none."""

    @property
    def error(self) -> str | None:
        """A Chinese sentence on what is wrong, None if nothing is."""


class OpenDocument(Protocol):
    """One version ready to be read."""

    @property
    def version(self) -> Version:
        """The version itself."""

    @property
    def text(self) -> VersionText:
        """Its text and tree."""

    @property
    def other_versions(self) -> Sequence[Version]:
        """The other versions of the same document."""


class StudyServices(Protocol):
    """The calls the screens and endpoints make. All of them may block: call them in threads."""

    @property
    def settings(self) -> Settings:
        """The settings in use."""

    def status(self) -> IndexState:
        """State of the index."""

    def warm_up(self) -> None:
        """Load what the first question would have to wait for."""

    def ask(
        self, question: str, *, filters: Filters = ..., conversation: Sequence[Turn] = ...
    ) -> Iterator[AnswerEvent]:
        """Answer step by step; the last event carries the whole answer."""

    def search(self, text: str, *, top_k: int, filters: Filters = ...) -> Sequence[Hit]:
        """Passages, best first."""

    def library(self) -> Sequence[Version]:
        """Every version in the live build."""

    def document(self, version_id: str) -> OpenDocument:
        """One version, or DocumentGoneError."""

    def examples(self) -> Sequence[str]:
        """Questions the library answers well."""

    def close(self) -> None:
        """Give back what is held."""


class Gate(Protocol):
    """Finds out who sends a request."""

    def actor(self, cookies: Mapping[str, str] | None, headers: Mapping[str, str] | None, client: object) -> Actor:
        """The person behind a request; nobody when there is no living session. Never raises for bad input."""


class Desk(Protocol):
    """What the screens need beside the services where people sign in. `study_bot.office.Office` fulfils it."""

    @property
    def gate(self) -> Gate:
        """Finds out who sends a request."""

    @property
    def questions(self) -> QuestionLog:
        """The log of questions."""

    @property
    def feedback(self) -> Feedback:
        """Words on answers."""
