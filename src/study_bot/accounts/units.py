"""Units: the tree that people belong to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.fields import UNIT_SEPARATOR, clean_unit_name
from study_bot.accounts.roles import Actor, Role
from study_bot.accounts.unit_tree import UnitTree, load_tree, subtree_ids
from study_bot.accounts.writing import one_at_a_time
from study_bot.errors import ConflictError, InputError, NotFoundError
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.people_tables import PersonRow, UnitRow
from study_bot.storage.usage_tables import QuestionRow

MAX_DEPTH = 8
"""Levels of units, the root counted."""

__all__ = ["MAX_DEPTH", "Unit", "Units", "add_unit", "subtree_ids"]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit. `path` are the names from the root, `depth` is 0 for a root, `people` counts accounts right in it."""

    id: int
    name: str
    parent_id: int | None
    path: str
    depth: int
    people: int


class Units:
    """The tree of units; only admins change it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tree(self, actor: Actor) -> tuple[Unit, ...]:
        """The units that the actor may see, parents before their children: all, or one's own and those below it.

        :raises AccessError: not a unit admin or admin.
        """
        actor.allow(Role.UNIT_ADMIN)
        with self._database.read() as session:
            tree, counts = load_tree(session), _people_by_unit(session)
        everything = tuple(
            Unit(i, tree.names[i], tree.parents[i], tree.path(i), depth, counts.get(i, 0))
            for i, depth in tree.walk(None)
        )
        if actor.person is None or actor.person.role is Role.ADMIN:
            return everything
        own = tree.subtree(actor.person.unit_id)
        return tuple(unit for unit in everything if unit.id in own)

    def add(self, actor: Actor, name: str, parent_id: int | None = None) -> Unit:
        """Add a unit below another one; None = as a root.

        :raises AccessError: not an admin.
        :raises InputError: the name is not one, or the tree would get too deep.
        :raises NotFoundError: the parent is not there.
        :raises ConflictError: there is one of that name at this place.
        """
        actor.allow(Role.ADMIN)
        with self._database.write() as session:
            one_at_a_time(session)
            return self._unit(session, add_unit(session, actor, clean_unit_name(name), parent_id))

    def rename(self, actor: Actor, unit_id: int, name: str) -> Unit:
        """Give a unit another name.

        :raises AccessError: not an admin.
        :raises InputError: the name is not one.
        :raises NotFoundError: the unit is not there.
        :raises ConflictError: there is one of that name beside it.
        """
        actor.allow(Role.ADMIN)
        name = clean_unit_name(name)
        with self._database.write() as session:
            one_at_a_time(session)
            row, tree = _row(session, unit_id), load_tree(session)
            if row.name != name:
                _free(tree, row.parent_id, name)
                audit.append(session, actor, "unit.rename", tree.path(unit_id), {"名称": [row.name, name]})
                row.name = name
            return self._unit(session, row)

    def move(self, actor: Actor, unit_id: int, parent_id: int | None) -> Unit:
        """Put a unit, with all below it, below another one; None = make it a root.

        :raises AccessError: not an admin.
        :raises InputError: the new parent is the unit itself or below it, or the tree would get too deep.
        :raises NotFoundError: a unit is not there.
        :raises ConflictError: there is one of that name at the new place.
        """
        actor.allow(Role.ADMIN)
        with self._database.write() as session:
            one_at_a_time(session)
            row, tree = _row(session, unit_id), load_tree(session)
            if parent_id in tree.subtree(unit_id):
                raise InputError("单位不能移到自己或自己的下级之下，请另选上级单位。")
            height = max((depth for _, depth in tree.walk(unit_id)), default=-1) + 1
            _deep_enough(session, tree, parent_id, height)
            if row.parent_id != parent_id:
                _free(tree, parent_id, row.name)
                audit.append(
                    session,
                    actor,
                    "unit.move",
                    tree.path(unit_id),
                    {"上级": [tree.path(row.parent_id), tree.path(parent_id)]},
                )
                row.parent_id = parent_id
            return self._unit(session, row)

    def remove(self, actor: Actor, unit_id: int) -> None:
        """Remove a unit that holds neither people nor units; its past questions count for the unit above.

        :raises AccessError: not an admin.
        :raises NotFoundError: the unit is not there.
        :raises ConflictError: it is not empty.
        """
        actor.allow(Role.ADMIN)
        with self._database.write() as session:
            one_at_a_time(session)
            row, tree = _row(session, unit_id), load_tree(session)
            if tree.children(unit_id):
                raise ConflictError(f"单位“{row.name}”还有下级单位，请先移走或删除它们。")
            people = session.scalar(select(func.count()).where(PersonRow.unit_id == unit_id)) or 0
            if people:
                raise ConflictError(f"单位“{row.name}”还有 {people} 个账号（包括已停用的），请先把他们调到别的单位。")
            audit.append(session, actor, "unit.remove", tree.path(unit_id))
            session.execute(update(QuestionRow).where(QuestionRow.unit_id == unit_id).values(unit_id=row.parent_id))
            session.delete(row)

    def _unit(self, session: Session, row: UnitRow) -> Unit:
        session.flush()
        path = load_tree(session).path(row.id)
        counts = _people_by_unit(session)
        return Unit(row.id, row.name, row.parent_id, path, path.count(UNIT_SEPARATOR), counts.get(row.id, 0))


def add_unit(session: Session, actor: Actor, name: str, parent_id: int | None) -> UnitRow:
    """Add a unit inside a transaction that has checked the right and the name, and write it to the trail.

    :raises InputError: the tree would get too deep.
    :raises NotFoundError: the parent is not there.
    :raises ConflictError: there is one of that name at this place.
    """
    tree = load_tree(session)
    _deep_enough(session, tree, parent_id, 0)
    _free(tree, parent_id, name)
    row = UnitRow(name=name, parent_id=parent_id, created_at=utc_now())
    session.add(row)
    above = tree.path(parent_id)
    audit.append(session, actor, "unit.add", f"{above}{UNIT_SEPARATOR}{name}" if above else name)
    return row


def _row(session: Session, unit_id: int) -> UnitRow:
    row = session.get(UnitRow, unit_id)
    if row is None:
        raise NotFoundError("这个单位不存在，可能已被删除；请刷新后再试。")
    return row


def _free(tree: UnitTree, parent_id: int | None, name: str) -> None:
    if tree.child(parent_id, name) is not None:
        raise ConflictError(f"同一上级之下已有单位“{name}”，请换一个名称。")


def _deep_enough(session: Session, tree: UnitTree, parent_id: int | None, height: int) -> None:
    if parent_id is not None:
        _row(session, parent_id)
    above = tree.path(parent_id).count(UNIT_SEPARATOR) + 1 if parent_id is not None else 0
    if above + 1 + height > MAX_DEPTH:
        raise InputError(f"单位最多 {MAX_DEPTH} 级，请换一个上级单位。")


def _people_by_unit(session: Session) -> dict[int, int]:
    counted = select(PersonRow.unit_id, func.count()).where(PersonRow.unit_id.is_not(None)).group_by(PersonRow.unit_id)
    return {unit_id: count for unit_id, count in session.execute(counted).all() if unit_id is not None}
