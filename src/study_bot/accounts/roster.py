"""Taking in a roster: a dry run that tells what would change, and the change itself if nothing came between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.fields import UNIT_SEPARATOR
from study_bot.accounts.passwords import Passwords, new_one_time_password
from study_bot.accounts.person_changes import NewPerson, PersonChange, change_person, make_person
from study_bot.accounts.roles import Actor, Role
from study_bot.accounts.roster_files import RosterRow, read_roster
from study_bot.accounts.roster_plan import PlannedChange, RosterPlan, batches, draw_plan
from study_bot.accounts.unit_tree import UnitTree, load_tree
from study_bot.accounts.units import add_unit
from study_bot.accounts.writing import keep_an_admin, one_at_a_time
from study_bot.errors import ConflictError
from study_bot.storage.database import Database
from study_bot.storage.people_tables import PersonRow

__all__ = ["NewAccount", "Roster", "RosterPlan", "RosterRow", "read_roster"]


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that was just made, with its one-time password: shown once, kept nowhere."""

    badge: str
    name: str
    unit: str
    password: str


class Roster:
    """Takes in rosters. People who are not in one stay as they are."""

    def __init__(self, database: Database, passwords: Passwords | None = None) -> None:
        self._database = database
        self._passwords = passwords or Passwords()

    def plan(self, actor: Actor, rows: tuple[RosterRow, ...]) -> RosterPlan:
        """What taking the roster in would change; nothing is changed.

        :raises AccessError: not a unit admin or admin.
        """
        actor.allow(Role.UNIT_ADMIN)
        with self._database.read() as session:
            return draw_plan(session, actor, rows)

    def apply(self, actor: Actor, rows: tuple[RosterRow, ...], digest: str) -> tuple[NewAccount, ...]:
        """Do what the plan with this digest says, all of it or nothing; rows with errors are left out.

        :returns: the new accounts in the order of the file; their passwords cannot be had again.
        :raises AccessError: not a unit admin or admin.
        :raises ConflictError: the plan would be another one now, or no admin would be left.
        """
        plan = self.plan(actor, rows)
        _unchanged(plan, digest)
        passwords = [new_one_time_password() for _ in plan.creates]
        # Outside the transaction: thousands of hashes take a while, and nobody could write meanwhile.
        hashes = [self._passwords.hash_one_time(password) for password in passwords]
        with self._database.write() as session:
            one_at_a_time(session)
            plan = draw_plan(session, actor, rows)
            _unchanged(plan, digest)
            counts = {"新建": len(plan.creates), "更改": len(plan.changes), "跳过": len(plan.errors)}
            audit.append(session, actor, "roster.apply", f"花名册 {digest[:12]}", counts)
            _make_units(session, actor, plan.new_units)
            tree = load_tree(session)
            ids: dict[str, int | None] = {"": None} | {tree.path(i): i for i in tree.names}
            acts = _change(session, actor, tree, ids, plan.changes)
            accounts = []
            for create, password, stored in zip(plan.creates, passwords, hashes, strict=True):
                new = NewPerson(create.badge, create.name, ids[create.unit], create.role, create.phone)
                row, act = make_person(actor, tree, new, stored)
                session.add(row)
                acts.append(act)
                accounts.append(NewAccount(create.badge, create.name, create.unit, password))
            if plan.changes:
                keep_an_admin(session)
            audit.append_all(session, actor, acts)
            return tuple(accounts)


def _unchanged(plan: RosterPlan, digest: str) -> None:
    if plan.digest != digest:
        raise ConflictError("预览之后人员或单位已有变动，花名册没有导入；请重新预览再确认。")


def _make_units(session: Session, actor: Actor, paths: Sequence[str]) -> None:
    """Make the units that are missing; parents come first."""
    for path in paths:
        tree = load_tree(session)
        above, _, name = path.rpartition(UNIT_SEPARATOR)
        parent = next((i for i in tree.names if tree.path(i) == above), None)
        add_unit(session, actor, name, parent)
        session.flush()


def _change(
    session: Session, actor: Actor, tree: UnitTree, ids: Mapping[str, int | None], changes: Sequence[PlannedChange]
) -> list[audit.Act]:
    """Make the changes; what to write down of them."""
    acts = []
    for chunk in batches(changes):
        wanted = select(PersonRow).where(PersonRow.id.in_([change.person.id for change in chunk]))
        rows = {row.id: row for row in session.scalars(wanted)}
        for planned in chunk:
            person = planned.person
            change = PersonChange(
                person.revision, person.badge, planned.name, ids[planned.unit], planned.role, planned.phone
            )
            act = change_person(session, actor, tree, rows[person.id], change)
            acts += [act] if act else []
    return acts
