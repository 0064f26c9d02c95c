"""What the pages behind the sign-in need of the accounts. `study_bot.office.Office` fulfils it."""

from __future__ import annotations

from typing import Protocol

from study_bot.settings import Settings
from study_bot.ui.ports import Desk


class FormTokens(Protocol):
    """Tokens that show a form was drawn by this site for this browser."""

    def csrf_token(self, token: str) -> str:
        """The token that belongs to a cookie."""

    def csrf_ok(self, token: str, given: str) -> bool:
        """Whether `given` is the token that belongs to a cookie."""


class Doorway(Desk, Protocol):
    """The least the guard, the shell of the pages and the page of questions work with."""

    @property
    def settings(self) -> Settings:
        """The settings in use."""

    @property
    def sign_in(self) -> FormTokens:
        """Tokens of forms."""
