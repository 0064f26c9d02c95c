"""What the pages behind the sign-in need of the accounts. `study_bot.services.Office` fulfils it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from study_bot.accounts.roles import Actor
from study_bot.settings import Settings


class Gate(Protocol):
    """Finds out who sends a request."""

    def actor(self, cookies: Mapping[str, str], headers: Mapping[str, str], client: str | None) -> Actor:
        """The person behind a request; nobody when there is no living session. Never raises for bad input."""


class FormTokens(Protocol):
    """Tokens that show a form was drawn by this site for this browser."""

    def csrf_token(self, token: str) -> str:
        """The token that belongs to a cookie."""

    def csrf_ok(self, token: str, given: str) -> bool:
        """Whether `given` is the token that belongs to a cookie."""


class Doorway(Protocol):
    """The least the guard and the shell of the pages work with."""

    @property
    def settings(self) -> Settings:
        """The settings in use."""

    @property
    def gate(self) -> Gate:
        """Finds out who sends a request."""

    @property
    def sign_in(self) -> FormTokens:
        """Tokens of forms."""
