"""Signing in and out: passwords with a lock-out, people whom somebody else vouches for, and live sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from study_bot.accounts import audit, sessions
from study_bot.accounts.fields import clean_badge
from study_bot.accounts.lockout import Lockout
from study_bot.accounts.passwords import Passwords
from study_bot.accounts.person_rows import no_such_person, read_person, row_by_badge, row_by_id, subject_of
from study_bot.accounts.rights import reach_of
from study_bot.accounts.roles import Actor, Person, Role
from study_bot.accounts.sessions import BY_PASSWORD, LiveSession, NewSession, SessionInfo
from study_bot.accounts.unit_tree import load_tree
from study_bot.errors import InputError, NotFoundError, SignInError
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.people_tables import PersonRow, SessionRow, TicketRow
from study_bot.text import normalise_line

if TYPE_CHECKING:
    from study_bot.settings import Settings

SEEN_SECONDS = 60
"""The time a session was last used is written at most this often."""

_LONGEST_TYPED = 200
"""Characters of what is typed as a badge that are looked at."""

WRONG = "警号或密码不正确，请重新输入；忘记密码请联系管理员重置。"


class SignIn:
    """Sessions of all people. Safe for many threads and processes: everything is in the database."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        passwords: Passwords | None = None,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        """Work on a database.

        :param passwords: shared with `People`; None = one of its own.
        :param now: the clock.
        """
        self._database = database
        self._idle = dt.timedelta(minutes=settings.session_idle_minutes)
        self._longest = dt.timedelta(hours=settings.session_hours)
        self._lockout = Lockout.from_settings(settings)
        self._passwords = passwords or Passwords()
        self._now = now

    def sign_in(self, badge: str, password: str, address: str, agent: str) -> NewSession:
        """Begin a session by badge and password.

        :raises SignInError: one of the two is wrong (not told which), the account is closed, or there were too many
            failures with this badge or from this address.
        """
        badge, now = badge[:_LONGEST_TYPED], self._now()
        with self._database.write() as session:
            self._lockout.begin(session, badge, address, now)
            row = _row(session, badge)
            stored = row.password_hash if row and row.active else None
        if not self._passwords.matches(stored, password) or row is None or stored is None:
            self._note_failure(badge, row, address)
            raise SignInError(WRONG)
        renewed = (
            None if row.must_change or not self._passwords.needs_rehash(stored) else self._passwords.hash(password)
        )
        with self._database.write() as session:
            row = row_by_id(session, row.id)
            if row.password_hash != stored or not row.active:
                raise SignInError(WRONG)
            self._lockout.forgive(session, badge, address, now)
            row.password_hash = renewed or stored
            return self._begin(session, row, BY_PASSWORD, address, agent, now)

    def sign_in_trusted(self, badge: str, means: str, address: str, agent: str) -> NewSession:
        """Begin a session for somebody whom a reverse proxy or an identity provider vouches for.

        :param means: `sessions.BY_PROXY` or `sessions.BY_OIDC`.
        :raises SignInError: there is no such account, or it is closed.
        """
        with self._database.write() as session:
            row = _row(session, badge)
            if row is None or not row.active:
                raise SignInError("单点登录成功，但这里没有您的账号或账号已停用，请联系管理员。")
            return self._begin(session, row, means, address, agent, self._now())

    def trusted_person(self, badge: str) -> Person | None:
        """The open account of somebody a reverse proxy vouches for; no password of ours has to be changed first."""
        with self._database.read() as session:
            row = _row(session, badge)
            return _vouched(read_person(session, row)) if row and row.active else None

    def session(self, token: str | None) -> LiveSession | None:
        """The session of a cookie; None if it never was one, has ended or run out, or the account is closed."""
        digest = sessions.token_digest(token)
        if digest is None:
            return None
        now = self._now()
        with self._database.read() as session:
            row = session.scalar(select(SessionRow).where(SessionRow.token_hash == digest))
            if row is None or not self._is_good(row, now):
                return None
            person_row = session.get(PersonRow, row.person_id)
            if person_row is None or not person_row.active:
                return None
            person = read_person(session, person_row)
        if now - row.seen_at >= dt.timedelta(seconds=SEEN_SECONDS):
            with self._database.write() as session:
                session.execute(
                    update(SessionRow).where(SessionRow.id == row.id, SessionRow.seen_at < now).values(seen_at=now)
                )
        person = person if row.means == BY_PASSWORD else _vouched(person)
        return LiveSession(row.id, person, digest, row.means, row.created_at, row.seen_at, row.expires_at)

    def sign_out(self, token: str | None, address: str = "") -> None:
        """End the session of a cookie; nothing happens if there is none."""
        live = self.session(token)
        if live is None:
            return
        with self._database.write() as session:
            session.execute(delete(SessionRow).where(SessionRow.id == live.id))
            audit.append(session, Actor(live.person, address), "session.sign_out", _named(live.person))

    def sessions_of(self, actor: Actor, person_id: int) -> tuple[SessionInfo, ...]:
        """Sessions of oneself, or of somebody the actor manages, the one used last first.

        :raises AccessError: neither oneself nor a unit admin or admin.
        :raises NotFoundError: no such person within reach.
        """
        now = self._now()
        with self._database.read() as session:
            _own_or_reached(session, actor, person_id)
            rows = session.scalars(
                select(SessionRow).where(SessionRow.person_id == person_id).order_by(SessionRow.seen_at.desc())
            ).all()
        return tuple(
            SessionInfo(r.id, r.means, r.created_at, r.seen_at, r.expires_at, r.address, r.agent)
            for r in rows
            if self._is_good(r, now)
        )

    def revoke(self, actor: Actor, session_id: int) -> None:
        """End one session of oneself, or of somebody the actor manages.

        :raises AccessError: neither oneself nor a unit admin or admin.
        :raises NotFoundError: no such session within reach.
        """
        with self._database.write() as session:
            row = session.get(SessionRow, session_id)
            if row is None:
                actor.require(Role.OFFICER)
                raise NotFoundError("这个会话已经结束，请刷新页面。")
            person_row = _own_or_reached(session, actor, row.person_id)
            audit.append(session, actor, "session.revoke", subject_of(person_row), {"会话": row.id})
            session.delete(row)

    def revoke_all(self, actor: Actor, person_id: int, but: str | None = None) -> int:
        """End all sessions of oneself, or of somebody the actor manages.

        :param but: digest of the token of the one that goes on (`LiveSession.token_hash`).
        :returns: how many ended.
        :raises AccessError: neither oneself nor a unit admin or admin.
        :raises NotFoundError: no such person within reach.
        """
        with self._database.write() as session:
            person_row = _own_or_reached(session, actor, person_id)
            ended = sessions.end_sessions(session, person_id, but)
            if ended:
                audit.append(session, actor, "session.revoke", subject_of(person_row), {"结束会话": ended})
            return ended

    def csrf_token(self, token: str) -> str:
        """What the forms of a session carry."""
        return sessions.csrf_token(token)

    def csrf_ok(self, token: str, given: str | None) -> bool:
        """Whether a form carries what this session's forms carry."""
        return sessions.csrf_ok(token, given)

    def purge(self) -> None:
        """Remove what has run out: sessions, failures that lock nothing any more, tickets."""
        with self._database.write() as session:
            self._purge(session, self._now())

    def _purge(self, session: Session, now: dt.datetime) -> None:
        session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
        session.execute(delete(SessionRow).where(SessionRow.seen_at <= now - self._idle))
        session.execute(delete(TicketRow).where(TicketRow.expires_at <= now))
        self._lockout.purge(session, now)

    def _is_good(self, row: SessionRow, now: dt.datetime) -> bool:
        return now < row.expires_at and now - row.seen_at < self._idle

    def _begin(
        self, session: Session, row: PersonRow, means: str, address: str, agent: str, now: dt.datetime
    ) -> NewSession:
        self._purge(session, now)
        token, expires_at = sessions.new_token(), now + self._longest
        session.add(
            SessionRow(
                token_hash=sessions.token_digest(token),
                person_id=row.id,
                created_at=now,
                seen_at=now,
                expires_at=expires_at,
                address=address[:64],
                agent=_printable(agent)[:300],
                means=means,
            )
        )
        row.last_sign_in_at = now
        person = read_person(session, row)
        person = person if means == BY_PASSWORD else _vouched(person)
        audit.append(session, Actor(person, address), "session.sign_in", _named(person), {"方式": means})
        return NewSession(token, person, expires_at)

    def _note_failure(self, badge: str, row: PersonRow | None, address: str) -> None:
        """What was typed is noted only where it is a badge: it may have been a password."""
        subject = subject_of(row) if row else "（没有这个账号）"
        with self._database.write() as session:
            audit.append(session, Actor(None, address), "session.refused", subject)


def _row(session: Session, badge: str) -> PersonRow | None:
    try:
        return row_by_badge(session, clean_badge(badge))
    except InputError:
        return None


def _own_or_reached(session: Session, actor: Actor, person_id: int) -> PersonRow:
    if actor.person_id != person_id or actor.person is None:
        reach = reach_of(actor, load_tree(session))
        row = row_by_id(session, person_id)
        if not reach.manages(Role(row.role), row.unit_id):
            raise no_such_person()
        return row
    actor.require(Role.OFFICER)
    return row_by_id(session, person_id)


def _vouched(person: Person) -> Person:
    """Who signs in elsewhere has no password here to change."""
    return replace(person, must_change=False)


def _named(person: Person) -> str:
    return f"{person.name}（{person.badge}）"


def _printable(agent: str) -> str:
    return normalise_line(agent.encode("utf-8", "replace").decode("utf-8"))
