"""Sessions in the database: tokens, how they are kept, and their end."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from study_bot.accounts.roles import Person
from study_bot.storage.people_tables import SessionRow

BY_PASSWORD = "password"  # noqa: S105 (a means, not a secret)
BY_PROXY = "proxy"
BY_OIDC = "oidc"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_FOR_FORMS = b"study_bot form"


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun. The token is for the cookie and known nowhere else."""

    token: str
    person: Person
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that is still good. `means` is how the person signed in: password, proxy or oidc."""

    id: int
    person: Person
    token_hash: str
    means: str
    created_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its owner or an admin sees it in a list; nothing in it lets one use it."""

    id: int
    means: str
    created_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime
    address: str
    agent: str


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def token_digest(token: str | None) -> str | None:
    """What is kept of a token; None for anything that cannot be one."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def csrf_token(token: str) -> str:
    """What the forms of a session carry, so that no other site can send them; it does not tell the token."""
    return hmac.new(token.encode("utf-8", "replace"), _FOR_FORMS, hashlib.sha256).hexdigest()


def csrf_ok(token: str, given: str | None) -> bool:
    """Whether a form carries what `csrf_token` gave for this session."""
    if not isinstance(given, str) or token_digest(token) is None:
        return False
    return hmac.compare_digest(csrf_token(token).encode(), given.encode("utf-8", "replace"))


def end_sessions(session: Session, person_id: int, but: str | None = None) -> int:
    """End all sessions of a person, in the transaction that makes this necessary.

    :param but: digest of the token of the one that goes on.
    :returns: how many ended.
    """
    session.flush()
    wanted = select(SessionRow.id).where(SessionRow.person_id == person_id)
    if but is not None:
        wanted = wanted.where(SessionRow.token_hash != but)
    ids = session.scalars(wanted).all()
    session.execute(delete(SessionRow).where(SessionRow.id.in_(ids)))
    return len(ids)


def end_all_sessions(session: Session, person_ids: Sequence[int]) -> Counter[int]:
    """End all sessions of some hundred people at most; gives how many ended, by person."""
    session.flush()
    wanted = SessionRow.person_id.in_(person_ids)
    ended = Counter(session.scalars(select(SessionRow.person_id).where(wanted)))
    session.execute(delete(SessionRow).where(wanted))
    return ended
