"""What taking in a roster would change: each row compared with who is there, within the actor's rights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, is_dataclass
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_bot.accounts.fields import UNIT_SEPARATOR
from study_bot.accounts.person_rows import person_in
from study_bot.accounts.rights import Reach, reach_of
from study_bot.accounts.roles import Actor, Person, Role
from study_bot.accounts.roster_files import RosterRow
from study_bot.accounts.unit_tree import UnitTree, load_tree, natural_key
from study_bot.accounts.units import MAX_DEPTH
from study_bot.storage.people_tables import PersonRow

T = TypeVar("T")

_BATCH = 500

OUT_OF_REACH = "您只能导入本单位及下级单位的民警；此人请由系统管理员导入。"


@dataclass(frozen=True, slots=True)
class PlannedPerson:
    """An account to be made; `unit` is its path, "" for none."""

    number: int
    badge: str
    name: str
    unit: str
    role: Role
    phone: str


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change to an account: `person` as it is, then all as it will be. `fields` names (what, old, new)."""

    number: int
    person: Person
    name: str
    unit: str
    role: Role
    phone: str
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row is not taken in."""

    number: int
    badge: str
    message: str


@dataclass(frozen=True, slots=True)
class RosterPlan:
    """Result of the dry run, each list in the order of the file.

    `same` counts people who are there just so; `new_units` are paths, parents first. `digest` stands for all of it
    and for the state it was compared with.
    """

    creates: tuple[PlannedPerson, ...]
    changes: tuple[PlannedChange, ...]
    same: int
    errors: tuple[RowError, ...]
    new_units: tuple[str, ...]
    digest: str


class _Refused(Exception):
    """This row is not taken in."""


class _Units:
    """Finds the units that rows name; those that are missing are collected, if the actor may make them."""

    def __init__(self, tree: UnitTree, reach: Reach, own: int | None) -> None:
        self.tree = tree
        self.reach = reach
        self.own = tree.path(own)
        self.new: list[str] = []
        self._ids = {tree.path(i): i for i in tree.names}

    def path(self, text: str) -> str:
        """The full path of what a row says."""
        if UNIT_SEPARATOR not in text:
            found = [self.tree.path(i) for i in self.tree.named(text) if self.reach.everything or i in self.reach.units]
            if len(found) > 1:
                raise _Refused(f"名为“{text}”的单位不止一个，请写出全路径，如“{found[0]}”。")
            text = found[0] if found else text
        elif not self.reach.everything and text not in self._ids and self.own:
            head, _, rest = text.partition(UNIT_SEPARATOR)  # written from one's own unit downwards
            if head == self.own.rpartition(UNIT_SEPARATOR)[2]:
                text = f"{self.own}{UNIT_SEPARATOR}{rest}"
        if text not in self._ids and not self.reach.everything:
            raise _Refused(f"没有“{text}”这个单位，或不在您管理的范围内；新单位请由系统管理员建立。")
        if text.count(UNIT_SEPARATOR) >= MAX_DEPTH:
            raise _Refused(f"单位最多 {MAX_DEPTH} 级。")
        return text

    def id(self, path: str) -> int | None:
        """Id of a path; None for no unit and for one that is yet to be made."""
        return self._ids.get(path)

    def need(self, path: str) -> None:
        """Note what has to be made for a path, parents first."""
        names = path.split(UNIT_SEPARATOR) if path else []
        for depth in range(1, len(names) + 1):
            part = UNIT_SEPARATOR.join(names[:depth])
            if part not in self._ids and part not in self.new:
                self.new.append(part)


def draw_plan(session: Session, actor: Actor, rows: Sequence[RosterRow]) -> RosterPlan:
    """Compare a roster with the accounts as they are in this transaction.

    :raises AccessError: not a unit admin or admin.
    """
    tree = load_tree(session)
    reach = reach_of(actor, tree)
    units = _Units(tree, reach, actor.person.unit_id if actor.person else None)
    there = _accounts(session, tree, rows)
    creates: list[PlannedPerson] = []
    changes: list[PlannedChange] = []
    errors: list[RowError] = []
    same = 0
    for row in rows:
        try:
            planned = _row(row, there.get(row.badge.lower()), units, actor)
        except _Refused as refused:
            errors.append(RowError(row.number, row.badge, str(refused)))
            continue
        if isinstance(planned, PlannedPerson):
            creates.append(planned)
        elif planned is not None:
            changes.append(planned)
        else:
            same += 1
    _keep_an_admin(session, creates, changes, errors)
    for path in [change.unit for change in changes] + [create.unit for create in creates]:
        units.need(path)
    units.new.sort(key=lambda path: [natural_key(name) for name in path.split(UNIT_SEPARATOR)])
    digest = _digest(creates, changes, same, errors, units.new)
    return RosterPlan(tuple(creates), tuple(changes), same, tuple(errors), tuple(units.new), digest)


def _row(row: RosterRow, person: Person | None, units: _Units, actor: Actor) -> PlannedPerson | PlannedChange | None:
    """What one row changes; None = nothing.

    :raises _Refused: it is not taken in.
    """
    if row.errors:
        raise _Refused("".join(row.errors))
    if person is None:
        unit = units.path(row.unit) if row.unit else ("" if units.reach.everything else units.own)
        role = row.role or Role.OFFICER
        _within_rights(units, role, unit)
        return PlannedPerson(row.number, row.badge, row.name, unit, role, row.phone or "")
    if not units.reach.manages(person.role, person.unit_id):
        raise _Refused(OUT_OF_REACH)
    if not person.active:
        raise _Refused("此人的账号已停用；如需恢复，请先在人员页面启用。")
    unit = units.path(row.unit) if row.unit else person.unit
    role = row.role or person.role
    phone = person.phone if row.phone is None else row.phone
    _within_rights(units, role, unit)
    if person.id == actor.person_id and role is not person.role:
        raise _Refused("不能用花名册更改自己的角色。")
    fields = (
        ("姓名", person.name, row.name),
        ("单位", person.unit, unit),
        ("角色", person.role.label, role.label),
        ("电话", person.phone, phone),
    )
    differing = tuple(field for field in fields if field[1] != field[2])
    return PlannedChange(row.number, person, row.name, unit, role, phone, differing) if differing else None


def _within_rights(units: _Units, role: Role, unit: str) -> None:
    if role is Role.UNIT_ADMIN and not unit:
        raise _Refused("单位管理员必须填写单位。")
    if not units.reach.manages(role, units.id(unit)):
        raise _Refused(OUT_OF_REACH)


def _accounts(session: Session, tree: UnitTree, rows: Sequence[RosterRow]) -> dict[str, Person]:
    """Accounts of the badges in the roster, by badge in small letters."""
    badges = sorted({row.badge.lower() for row in rows})
    found: dict[str, Person] = {}
    for chunk in batches(badges):
        wanted = select(PersonRow).where(func.lower(PersonRow.badge).in_(chunk))
        found |= {row.badge.lower(): person_in(row, tree) for row in session.scalars(wanted)}
    return found


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in parts, as databases limit the values of one query."""
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _keep_an_admin(
    session: Session, creates: list[PlannedPerson], changes: list[PlannedChange], errors: list[RowError]
) -> None:
    """Leave out demotions of admins where none would be left."""
    demoted = [c for c in changes if c.person.role is Role.ADMIN and c.role is not Role.ADMIN]
    raised = any(c.role is Role.ADMIN and c.person.role is not Role.ADMIN for c in changes)
    active = session.scalar(select(func.count()).where(PersonRow.role == Role.ADMIN.value, PersonRow.active)) or 0
    if demoted and not raised and active <= len(demoted):
        for change in demoted:
            changes.remove(change)
            errors.append(
                RowError(change.number, change.person.badge, "至少要保留一名在用的系统管理员，不能更改其角色。")
            )
        errors.sort(key=lambda error: error.number)


def _digest(*parts: object) -> str:
    """SHA-256 in hex over everything in the plan; revisions of people are part of it."""
    return hashlib.sha256(json.dumps(parts, default=_plain).encode()).hexdigest()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return astuple(value)
    raise TypeError(f"not a part of a plan: {type(value).__name__}")
