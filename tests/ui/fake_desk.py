"""Sign-in by a cookie that is the badge (padded with _ where it must be long), over a real log of questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import gradio as gr

from study_bot.accounts.roles import Actor
from study_bot.accounts.sessions import csrf_ok, csrf_token
from study_bot.settings import Settings
from study_bot.storage.database import Database, open_database
from study_bot.usage.feedback import Feedback
from study_bot.usage.questions import QuestionLog
from tests.usage.samples import person

COOKIE = "study_bot_session"


@dataclass(frozen=True)
class FakeGate:
    people: Mapping[str, Actor]

    def actor(self, cookies: Mapping[str, str] | None, headers: Mapping[str, str] | None, client: object) -> Actor:
        return self.people.get((cookies or {}).get(COOKIE, "").rstrip("_"), Actor(None))


class FakeTokens:
    def csrf_token(self, token: str) -> str:
        return csrf_token(token)

    def csrf_ok(self, token: str, given: str | None) -> bool:
        return csrf_ok(token, given)


@dataclass(frozen=True)
class FakeDesk:
    settings: Settings
    database: Database
    gate: FakeGate
    questions: QuestionLog
    feedback: Feedback
    sign_in: FakeTokens


def desk(folder: Path, *badges: str, settings: Settings | None = None) -> FakeDesk:
    """A desk with officers of these badges."""
    settings = settings or Settings()
    database = open_database("", folder)
    people = {badge: person(database, badge) for badge in badges}
    return FakeDesk(
        settings,
        database,
        FakeGate(people),
        QuestionLog(database, settings),
        Feedback(database, settings),
        FakeTokens(),
    )


def request(badge: str = "") -> gr.Request:
    """An event as Gradio hands it over, sent by the person of a badge, or by nobody."""
    sent = SimpleNamespace(cookies={COOKIE: badge} if badge else {}, headers={}, client=None)
    return gr.Request(request=sent)  # type: ignore[arg-type]
