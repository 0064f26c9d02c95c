"""Counting failures to sign in, so that nobody can try passwords for long. Kept in the database."""

from __future__ import annotations

import datetime as dt
import hashlib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from study_bot.accounts.writing import SIGN_IN_LOCK, one_at_a_time
from study_bot.errors import SignInError
from study_bot.storage.people_tables import FailureRow

if TYPE_CHECKING:
    from study_bot.settings import Settings

_ACCOUNT, _ADDRESS = "account", "address"


@dataclass(frozen=True, slots=True)
class Lockout:
    """Limits: so many failures within `minutes` lock an account or an address, for as long again."""

    account_failures: int = 5
    address_failures: int = 50
    minutes: int = 15

    @classmethod
    def from_settings(cls, settings: Settings) -> Lockout:
        """The limits a site configured."""
        return cls(settings.lockout_failures, settings.lockout_address_failures, settings.lockout_minutes)

    def begin(self, session: Session, badge: str, address: str, now: dt.datetime) -> None:
        """Count an attempt as a failure before it is checked; `forgive` takes it back.

        Counting first keeps many attempts made at once within the limits, too. While something is locked attempts
        are not counted, so that the lock ends when its message says.

        :raises SignInError: the account (whether there is one or not) or the address is locked.
        """
        one_at_a_time(session, SIGN_IN_LOCK)
        for kind, subject, limit in self._counters(badge, address):
            until = self._locked_until(session, kind, subject, limit, now)
            if until is not None:
                way_out = "，或请管理员重置密码" if kind == _ACCOUNT else ""  # a new password does not open the address
                raise SignInError(f"尝试登录失败的次数太多，请在 {_clock(until)} 之后再试{way_out}。")
        for kind, subject, _ in self._counters(badge, address):
            session.add(FailureRow(kind=kind, subject=subject, at=now))

    def forgive(self, session: Session, badge: str, address: str, now: dt.datetime) -> None:
        """The attempt succeeded: the account's failures are forgotten, of the address only this attempt is."""
        one_at_a_time(session, SIGN_IN_LOCK)
        clear_failures(session, badge)
        last = (
            select(FailureRow.id)
            .where(FailureRow.kind == _ADDRESS, FailureRow.subject == _key(address), FailureRow.at == now)
            .limit(1)
        )
        session.execute(delete(FailureRow).where(FailureRow.id.in_(last.scalar_subquery())))

    def purge(self, session: Session, now: dt.datetime) -> None:
        """Forget failures that can no longer lock anything."""
        session.execute(delete(FailureRow).where(FailureRow.at < now - 2 * self._span))

    @property
    def _span(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.minutes)

    def _counters(self, badge: str, address: str) -> tuple[tuple[str, str, int], ...]:
        counters = ((_ACCOUNT, _key(badge), self.account_failures), (_ADDRESS, _key(address), self.address_failures))
        return counters if address else counters[:1]

    def _locked_until(
        self, session: Session, kind: str, subject: str, limit: int, now: dt.datetime
    ) -> dt.datetime | None:
        newest = session.scalars(
            select(FailureRow.at)
            .where(FailureRow.kind == kind, FailureRow.subject == subject)
            .order_by(FailureRow.at.desc())
            .limit(limit)
        ).all()
        if len(newest) < limit or newest[0] - newest[-1] > self._span:
            return None
        until = newest[0] + self._span
        return until if now < until else None


def clear_failures(session: Session, *badges: str) -> None:
    """Forget the failures of some hundred accounts at most: an admin reset their passwords."""
    subjects = [_key(badge) for badge in badges]
    session.execute(delete(FailureRow).where(FailureRow.kind == _ACCOUNT, FailureRow.subject.in_(subjects)))


def _key(subject: str) -> str:
    """A digest: people type passwords into the field of the badge, too."""
    plain = unicodedata.normalize("NFKC", subject).strip().casefold()
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _clock(at: dt.datetime) -> str:
    """The next full minute, by the server's clock."""
    return f"{(at.astimezone() + dt.timedelta(seconds=59)):%H:%M}"
