"""Accounts: who is there, and the changes that people with the right to it make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.lockout import Lockout, clear_failures
from study_bot.accounts.passwords import Passwords, check_new_password, new_one_time_password
from study_bot.accounts.person_changes import NewPerson, PersonChange, add_person, change_person
from study_bot.accounts.person_rows import no_such_person, person_in, read_person, row_by_badge, row_by_id, subject_of
from study_bot.accounts.reissue import reissue, still_waiting
from study_bot.accounts.rights import Reach, reach_of
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.accounts.roster import NewAccount
from study_bot.accounts.sessions import end_sessions
from study_bot.accounts.unit_tree import UnitTree, load_tree
from study_bot.accounts.writing import keep_an_admin, one_at_a_time
from study_bot.errors import InputError, SignInError
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.people_tables import PersonRow
from study_bot.text import normalise_line, search_form

FIRST_BADGE = "admin"
MAX_PER_PAGE = 200


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of people. `total` counts those on all pages; `page` counts from 1."""

    people: tuple[Person, ...]
    total: int
    page: int
    per_page: int


class People:
    """All accounts. What an actor may not manage is, for them, not there."""

    def __init__(self, database: Database, passwords: Passwords | None = None, lockout: Lockout | None = None) -> None:
        """Work on a database.

        :param passwords: shared with `SignIn`; None = one of its own.
        :param lockout: how often one's old password may be wrong; None = the usual limits.
        """
        self._database = database
        self._passwords = passwords or Passwords()
        self._lockout = lockout or Lockout()

    def first_admin(self) -> tuple[Person, str] | None:
        """Make the first account and its one-time password; None if there is any account already.

        Of several processes that start together one gets the password.
        """
        with self._database.read() as session:
            if session.scalar(select(PersonRow.id).limit(1)) is not None:
                return None
        password = new_one_time_password()
        stored = self._passwords.hash_one_time(password)
        with self._database.write() as session:
            one_at_a_time(session)
            if session.scalar(select(PersonRow.id).limit(1)) is not None:
                return None
            row = add_person(session, SYSTEM, NewPerson(FIRST_BADGE, Role.ADMIN.label, role=Role.ADMIN), stored)
            return read_person(session, row), password

    def person(self, person_id: int) -> Person:
        """An account, for the program's own use: no right is asked.

        :raises NotFoundError: there is none.
        """
        with self._database.read() as session:
            return read_person(session, row_by_id(session, person_id))

    def by_badge(self, badge: str) -> Person | None:
        """The account of a badge, for the program's own use: no right is asked. None if there is none."""
        with self._database.read() as session:
            row = row_by_badge(session, badge)
            return read_person(session, row) if row else None

    def get(self, actor: Actor, person_id: int) -> Person:
        """An account that the actor manages.

        :raises AccessError: not a unit admin or admin.
        :raises NotFoundError: there is none, or it is out of reach.
        """
        with self._database.read() as session:
            tree = load_tree(session)
            return person_in(_reached(session, person_id, reach_of(actor, tree)), tree)

    def search(
        self,
        actor: Actor,
        text: str = "",
        unit_id: int | None = None,
        role: Role | None = None,
        active: bool | None = None,
        page: int = 1,
        per_page: int = 50,
        *,
        waiting: bool = False,
    ) -> PeoplePage:
        """Accounts that the actor manages, by badge.

        :param text: part of a badge, name or telephone number.
        :param unit_id: in this unit or below it. Each None or "" asks for nothing.
        :param waiting: only those `reissue` would give a new one-time password.
        :param page: counts from 1; one past the end is empty.
        :raises AccessError: not a unit admin or admin.
        """
        page, per_page = max(page, 1), min(max(per_page, 1), MAX_PER_PAGE)
        with self._database.read() as session:
            tree = load_tree(session)
            conditions = [_within(reach_of(actor, tree)), *_wanted(tree, text, unit_id, role, active)]
            conditions += still_waiting(actor) if waiting else ()
            total = session.scalar(select(func.count()).select_from(PersonRow).where(*conditions)) or 0
            rows = session.scalars(
                select(PersonRow)
                .where(*conditions)
                .order_by(PersonRow.badge)
                .offset((page - 1) * per_page)
                .limit(per_page)
            ).all()
            return PeoplePage(tuple(person_in(row, tree) for row in rows), total, page, per_page)

    def create(self, actor: Actor, new: NewPerson) -> tuple[Person, str]:
        """Make an account; its one-time password is known only here and must be changed at the first sign-in.

        :raises AccessError: the actor may not make such an account there.
        :raises InputError: a field is not as it must be.
        :raises NotFoundError: the unit is not there.
        :raises ConflictError: the badge has an account.
        """
        actor.allow(Role.UNIT_ADMIN)
        password = new_one_time_password()
        stored = self._passwords.hash_one_time(password)
        with self._database.write() as session:
            one_at_a_time(session)
            row = add_person(session, actor, new, stored)
            return read_person(session, row), password

    def change(self, actor: Actor, person_id: int, change: PersonChange) -> Person:
        """Change what is known of a person; another role or badge ends their sessions.

        :raises AccessError: the actor may not give this role or unit.
        :raises InputError: a field is not as it must be.
        :raises NotFoundError: no such person within reach, or no such unit.
        :raises ConflictError: changed by somebody else since, the badge is taken, or no admin would be left.
        """
        actor.allow(Role.UNIT_ADMIN)
        with self._database.write() as session:
            one_at_a_time(session)
            tree = load_tree(session)
            row = _reached(session, person_id, reach_of(actor, tree))
            act = change_person(session, actor, tree, row, change)
            if act is not None:
                keep_an_admin(session)
                audit.append_all(session, actor, [act])
            return person_in(row, tree)

    def set_active(self, actor: Actor, person_id: int, active: bool) -> Person:
        """Close an account (its sessions end at once) or open it again.

        :raises AccessError: not a unit admin or admin.
        :raises InputError: one's own account.
        :raises NotFoundError: no such person within reach.
        :raises ConflictError: no admin would be left.
        """
        with self._database.write() as session:
            one_at_a_time(session)
            row = _reached(session, person_id, reach_of(actor, load_tree(session)))
            if row.active != active:
                if row.id == actor.person_id:
                    raise InputError("不能停用自己的账号，请由另一名管理员操作。")
                row.active = active
                row.revision += 1
                keep_an_admin(session)
                ended = end_sessions(session, row.id)
                action = "person.open" if active else "person.close"
                audit.append(session, actor, action, subject_of(row), {"结束会话": ended})
            return read_person(session, row)

    def reset_password(self, actor: Actor, person_id: int) -> str:
        """Give a new one-time password; sessions end, and a lock of the account is lifted.

        :raises AccessError: not a unit admin or admin.
        :raises InputError: one's own account.
        :raises NotFoundError: no such person within reach.
        """
        actor.allow(Role.UNIT_ADMIN)
        password = new_one_time_password()
        stored = self._passwords.hash_one_time(password)
        with self._database.write() as session:
            one_at_a_time(session)
            row = _reached(session, person_id, reach_of(actor, load_tree(session)))
            if row.id == actor.person_id:
                raise InputError("自己的密码请在“我的账号”里修改，不用重置。")
            row.password_hash, row.must_change, row.password_changed_at = stored, True, None
            row.revision += 1
            clear_failures(session, row.badge)
            ended = end_sessions(session, row.id)
            audit.append(session, actor, "person.reset_password", subject_of(row), {"结束会话": ended})
        return password

    def waiting(
        self, actor: Actor, text: str = "", unit_id: int | None = None, role: Role | None = None
    ) -> tuple[Person, ...]:
        """All accounts as found by `search` that still have a one-time password, by badge.

        :raises AccessError: not a unit admin or admin.
        """
        with self._database.read() as session:
            tree = load_tree(session)
            wanted = (_within(reach_of(actor, tree)), *_wanted(tree, text, unit_id, role, None), *still_waiting(actor))
            rows = session.scalars(select(PersonRow).where(*wanted).order_by(PersonRow.badge))
            return tuple(person_in(row, tree) for row in rows)

    def reissue(self, actor: Actor, ids: Sequence[int]) -> tuple[NewAccount, ...]:
        """Give new one-time passwords to people who never changed theirs; the old ones end with their sessions.

        :param ids: of accounts; those out of reach, closed, or with a password of their own are left out.
        :returns: by badge; the passwords cannot be had again.
        :raises AccessError: not a unit admin or admin.
        """
        actor.allow(Role.UNIT_ADMIN)
        return reissue(self._database, self._passwords, actor, ids, lambda tree: _within(reach_of(actor, tree)))

    def change_own_password(self, actor: Actor, old: str, new: str, keep_token_hash: str | None = None) -> None:
        """Change one's own password; the only thing somebody with a one-time password may do.

        :param keep_token_hash: the session that goes on; all others of the person end.
        :raises SignInError: nobody is signed in, or old passwords were tried too often.
        :raises InputError: the old password is wrong, or the new one not good enough.
        """
        person = actor.person
        if person is None or not person.active:
            raise SignInError("请先登录。")
        now = utc_now()
        with self._database.write() as session:
            self._lockout.begin(session, person.badge, actor.address, now)
            stored = row_by_id(session, person.id).password_hash
        if not self._passwords.matches(stored, old):
            raise InputError("原密码不正确，请重新输入。")
        with self._database.write() as session:
            self._lockout.forgive(session, person.badge, actor.address, now)
        check_new_password(new, person.badge, person.name, person.phone)
        if self._passwords.matches(stored, new):
            raise InputError("新密码不能与原密码相同，请换一个。")
        changed = self._passwords.hash(new)
        with self._database.write() as session:
            one_at_a_time(session)
            row = row_by_id(session, person.id)
            if row.password_hash != stored or not row.active:
                raise SignInError("密码刚刚被重置或账号已停用，请重新登录。")
            row.password_hash, row.must_change, row.password_changed_at = changed, False, now
            row.revision += 1
            ended = end_sessions(session, row.id, but=keep_token_hash)
            audit.append(session, actor, "person.change_password", subject_of(row), {"结束会话": ended})


def _reached(session: Session, person_id: int, reach: Reach) -> PersonRow:
    row = row_by_id(session, person_id)
    if not reach.manages(Role(row.role), row.unit_id):
        raise no_such_person()
    return row


def _within(reach: Reach) -> ColumnElement[bool]:
    """The same rule as `Reach.manages`, for the database."""
    if reach.everything:
        return true()
    return and_(PersonRow.role == Role.OFFICER.value, PersonRow.unit_id.in_(reach.units))


def _wanted(
    tree: UnitTree, text: str, unit_id: int | None, role: Role | None, active: bool | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if part := search_form(normalise_line(text)):
        columns = (PersonRow.badge, PersonRow.name, PersonRow.phone)
        conditions.append(or_(*(func.lower(column).contains(part, autoescape=True) for column in columns)))
    if unit_id is not None:
        conditions.append(PersonRow.unit_id.in_(tree.subtree(unit_id)))
    if role is not None:
        conditions.append(PersonRow.role == role.value)
    if active is not None:
        conditions.append(PersonRow.active == active)
    return conditions
