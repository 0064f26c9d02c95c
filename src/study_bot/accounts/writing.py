"""What the writers of accounts share: one of them at a time, and what is kept in every case."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from study_bot.accounts.roles import Role
from study_bot.errors import ConflictError
from study_bot.storage.people_tables import PersonRow

PEOPLE_LOCK = 7_303_463
SIGN_IN_LOCK = 7_303_464


def one_at_a_time(session: Session, lock: int = PEOPLE_LOCK) -> None:
    """Wait for other writers of the same kind until the end of this transaction.

    What is checked before a change (a badge is free, a unit is empty, an admin is left) then still holds after it.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyhow
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})


def keep_an_admin(session: Session) -> None:
    """Refuse, after a change, that nobody is left who can manage everything.

    :raises ConflictError: there is no active admin any more.
    """
    session.flush()
    wanted = select(func.count()).where(PersonRow.role == Role.ADMIN.value, PersonRow.active)
    if not session.scalar(wanted):
        raise ConflictError("至少要有一名在用的系统管理员：请先指定另一名，再停用这一名或更改其角色。")
