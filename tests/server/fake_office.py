"""A door with people in memory: a session's token is its person's badge, padded. For tests of the shell alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from study_bot.accounts.roles import Actor, Person, Role
from study_bot.accounts.sessions import csrf_ok, csrf_token
from study_bot.settings import Settings

PEOPLE = {
    "1001": Person(1, "1001", "张三", Role.OFFICER, 1, "总队/一支队"),
    "1002": Person(2, "1002", "李四", Role.UNIT_ADMIN, 1, "总队/一支队"),
    "1003": Person(3, "1003", "王五", Role.ADMIN),
    "1004": Person(4, "1004", "赵六", Role.OFFICER, must_change=True),
}


def token_of(badge: str) -> str:
    return badge.ljust(43, "0")


class FakeGate:
    def actor(self, cookies: Mapping[str, str] | None, headers: Mapping[str, str] | None, client: object) -> Actor:
        return Actor(PEOPLE.get((cookies or {}).get("study_bot_session", "")[:4]))


class FakeTokens:
    def csrf_token(self, token: str) -> str:
        return csrf_token(token)

    def csrf_ok(self, token: str, given: str | None) -> bool:
        return csrf_ok(token, given)


@dataclass(frozen=True)
class FakeOffice:
    settings: Settings = field(default_factory=Settings)
    gate: FakeGate = field(default_factory=FakeGate)
    sign_in: FakeTokens = field(default_factory=FakeTokens)
