"""Signing in at an OpenID Connect provider: the code flow with PKCE, a nonce, and a state that works once."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from study_bot.accounts.fields import clean_badge
from study_bot.accounts.oidc_provider import Provider
from study_bot.errors import InputError, SettingsError, SignInError
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.people_tables import TicketRow

if TYPE_CHECKING:
    from study_bot.settings import Settings

BACK_PATH = "/sign-in/oidc/back"
"""Where the provider sends the browser, below `site_url`; to be registered there."""

TICKET_MINUTES = 10
_PURPOSE = "oidc"
_LONGEST = 2000

AGAIN = "请回到登录页重新登录；如果总是这样，请联系管理员。"


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody the provider vouches for; `return_to` is what `begin` was given."""

    badge: str
    return_to: str


class Oidc:
    """Sign-in by the provider of the settings. Nothing is remembered but what is in the database."""

    def __init__(self, settings: Settings, database: Database, now: Callable[[], dt.datetime] = utc_now) -> None:
        """Take the settings; the provider is first asked when somebody signs in.

        :raises SettingsError: one of the settings that are needed is empty.
        """
        given = {
            "oidc_issuer": settings.oidc_issuer,
            "oidc_client_id": settings.oidc_client_id,
            "site_url": settings.site_url,
        }
        missing = [name for name, value in given.items() if not value.strip()]
        if missing:
            raise SettingsError(f"启用统一身份认证还要设置 {'、'.join(missing)}。")
        self._database = database
        self._now = now
        self._badge_claim = settings.oidc_badge_claim
        self._provider = Provider(
            settings.oidc_issuer.strip(),
            settings.oidc_client_id.strip(),
            settings.oidc_client_secret.get_secret_value(),
            settings.site_url.strip().rstrip("/") + BACK_PATH,
        )

    def begin(self, return_to: str) -> tuple[str, str]:
        """Begin a sign-in.

        :param return_to: where the person wants to go; given back by `finish` and not looked at.
        :returns: the provider's address to send the browser to, and the state; the caller keeps the state in a cookie
            and compares it when the browser comes back, which binds the sign-in to this browser.
        :raises SignInError: the provider cannot be reached.
        """
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        address = self._provider.address(state, nonce, verifier)
        data = {"nonce": nonce, "verifier": verifier, "return_to": return_to[:_LONGEST]}
        with self._database.write() as session:
            session.execute(delete(TicketRow).where(TicketRow.expires_at <= self._now()))
            expires_at = self._now() + dt.timedelta(minutes=TICKET_MINUTES)
            session.add(TicketRow(id=_ticket(state), purpose=_PURPOSE, data=data, expires_at=expires_at))
        return address, state

    def finish(self, state: str, code: str, error: str = "") -> Arrived:
        """Redeem what the provider sent back.

        :param error: the provider's own error code, "" if there is none.
        :raises SignInError: the state is unknown, used or too old, the provider refused or cannot be reached, or what
            it says of the person is not signed by it, not meant for us, or without a badge.
        """
        data = self._redeem(state)
        if error or not code:
            raise SignInError(f"统一身份认证没有通过。{AGAIN}")
        claims = self._provider.claims(code[:_LONGEST], data["verifier"], data["nonce"])
        return Arrived(self._badge(claims), str(data["return_to"]))

    def _redeem(self, state: str) -> Mapping[str, Any]:
        """The ticket of a state, which is gone with this."""
        with self._database.write() as session:
            wanted = select(TicketRow).where(TicketRow.id == _ticket(state), TicketRow.purpose == _PURPOSE)
            row = session.scalar(wanted.with_for_update())
            data = row.data if row is not None and self._now() < row.expires_at else None
            if row is not None:
                session.delete(row)
        if data is None:
            raise SignInError(f"这次登录已经用过或超过了 {TICKET_MINUTES} 分钟。{AGAIN}")
        return data

    def _badge(self, claims: Mapping[str, Any]) -> str:
        value = claims.get(self._badge_claim)
        try:
            return clean_badge(value if isinstance(value, str) else "")
        except InputError:
            raise SignInError(
                f"统一身份认证没有给出警号（{self._badge_claim}），请联系管理员检查 oidc_badge_claim 的设置。"
            ) from None


def _ticket(state: str) -> str:
    """A digest, so that the database alone does not let one go on with somebody's sign-in."""
    return hashlib.sha256(state[:_LONGEST].encode("utf-8", "surrogatepass")).hexdigest()
