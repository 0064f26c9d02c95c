"""Accounts between the database and the values others see."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_bot.accounts.roles import Person, Role
from study_bot.accounts.unit_tree import UnitTree, unit_path
from study_bot.errors import NotFoundError
from study_bot.storage.people_tables import PersonRow


def person_of(row: PersonRow, unit: str) -> Person:
    """A row as a value; `unit` is the path of its unit."""
    return Person(
        id=row.id,
        badge=row.badge,
        name=row.name,
        role=Role(row.role),
        unit_id=row.unit_id,
        unit=unit,
        phone=row.phone,
        must_change=row.must_change,
        active=row.active,
        revision=row.revision,
    )


def person_in(row: PersonRow, tree: UnitTree) -> Person:
    """A row as a value, where the tree is known already."""
    return person_of(row, tree.path(row.unit_id))


def read_person(session: Session, row: PersonRow) -> Person:
    """A row as a value, with its unit's path read step by step."""
    return person_of(row, unit_path(session, row.unit_id))


def row_by_badge(session: Session, badge: str) -> PersonRow | None:
    """The account of a badge; capital and small letters are the same."""
    exact = session.scalar(select(PersonRow).where(PersonRow.badge == badge))
    if exact is not None:
        return exact
    return session.scalar(select(PersonRow).where(func.lower(PersonRow.badge) == badge.lower()))


def row_by_id(session: Session, person_id: int) -> PersonRow:
    """One account.

    :raises NotFoundError: there is none.
    """
    row = session.get(PersonRow, person_id)
    if row is None:
        raise no_such_person()
    return row


def no_such_person() -> NotFoundError:
    """The same whether there is none or the asker may not see it."""
    return NotFoundError("找不到这个人员，可能不在您管理的单位之内；请刷新后再试。")


def subject_of(row: PersonRow) -> str:
    """How the trail calls an account."""
    return f"{row.name}（{row.badge}）"
