"""The audit trail: append-only, each line bound to the one before by a digest, so that a change shows."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from study_bot.accounts.roles import Actor
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.people_tables import AuditRow

FIRST = "0" * 64
"""What the first line names as the digest of the line before it."""

_CHAIN_LOCK = 7_303_462
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be written down: `action` as `area.verb`, the subject, and what more there is to say."""

    action: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line. `detail` is a JSON object; `number` counts from 1 without a gap."""

    number: int
    at: dt.datetime
    actor_id: int | None
    actor: str
    address: str
    action: str
    subject: str
    detail: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class TrailCheck:
    """Result of a verification: lines read, digest of the last, and the first line that does not fit (None = all do).

    Lines cut off at the end leave a shorter chain that is whole: compare `lines` and `head` with a noted earlier check.
    """

    lines: int
    head: str
    broken_at: int | None = None


def append(
    session: Session, actor: Actor, action: str, subject: str, detail: Mapping[str, object] | None = None
) -> None:
    """Add a line inside the transaction that makes the change, so that there is never one without the other.

    :param action: what was done, as `area.verb` (`person.create`, `file.publish`).
    :param subject: to what: a badge, a file with its title. Not a password, not the wording of a question.
    """
    append_all(session, actor, [Act(action, subject, detail or {})])


def append_all(session: Session, actor: Actor, acts: Sequence[Act]) -> None:
    """Add many lines at once, in their order; the same as `append` for each."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyhow
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    session.flush()
    last = session.execute(select(AuditRow.number, AuditRow.digest).order_by(AuditRow.number.desc()).limit(1)).first()
    number, previous = (last.number, last.digest) if last else (0, FIRST)
    for act in acts:
        number += 1
        entry = AuditEntry(
            number=number,
            at=utc_now(),
            actor_id=actor.person_id,
            actor=actor.name[:200],
            address=actor.address[:64],
            action=act.action,
            subject=act.subject[:300],
            detail=json.dumps(act.detail, ensure_ascii=False, sort_keys=True, default=str),
            previous=previous,
            digest="",
        )
        values = {name: getattr(entry, name) for name in entry.__dataclass_fields__}
        previous = digest_of(entry)
        session.add(AuditRow(**{**values, "digest": previous}))
    session.flush()


def digest_of(entry: AuditEntry) -> str:
    """SHA-256 in hex over all columns but the digest, each with its length in front."""
    fields = (
        str(entry.number),
        entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        str(entry.actor_id),
        entry.actor,
        entry.address,
        entry.action,
        entry.subject,
        entry.detail,
        entry.previous,
    )
    digest = hashlib.sha256()
    for value in fields:
        raw = value.encode("utf-8", "surrogatepass")
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()


def entries(session: Session, *, after: int = 0) -> Iterator[AuditEntry]:
    """Every line after a number, oldest first, read page by page."""
    while True:
        page = session.scalars(
            select(AuditRow).where(AuditRow.number > after).order_by(AuditRow.number).limit(_PAGE)
        ).all()
        for row in page:
            yield entry_of(row)
            after = row.number
        session.expunge_all()
        if len(page) < _PAGE:
            return


def entry_of(row: AuditRow) -> AuditEntry:
    """A row as a value."""
    return AuditEntry(**{name: getattr(row, name) for name in AuditEntry.__dataclass_fields__})


def verify(database: Database) -> TrailCheck:
    """Read the whole trail and compare each digest.

    :raises StorageError: the database cannot be read.
    """
    lines, head = 0, FIRST
    with database.read() as session:
        for entry in entries(session):
            if entry.number != lines + 1 or entry.previous != head or entry.digest != digest_of(entry):
                return TrailCheck(lines, head, lines + 1)
            lines, head = entry.number, entry.digest
    return TrailCheck(lines, head)
