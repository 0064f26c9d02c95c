"""Making and changing one account inside a transaction: the checks that every way to it goes through."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.fields import clean_badge, clean_name, clean_phone
from study_bot.accounts.person_rows import row_by_badge, subject_of
from study_bot.accounts.rights import reach_of
from study_bot.accounts.roles import Actor, Person, Role
from study_bot.accounts.sessions import end_sessions
from study_bot.accounts.unit_tree import UnitTree, load_tree
from study_bot.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from study_bot.storage.columns import utc_now
from study_bot.storage.people_tables import PersonRow

CHANGED_MEANWHILE = "已被他人修改，请刷新后再试。"


@dataclass(frozen=True, slots=True)
class NewPerson:
    """An account to be made. `unit_id` None = of no unit."""

    badge: str
    name: str
    unit_id: int | None = None
    role: Role = Role.OFFICER
    phone: str = ""


@dataclass(frozen=True, slots=True)
class PersonChange:
    """All that is to be known of a person after the change. `revision` is the one that was looked at."""

    revision: int
    badge: str
    name: str
    unit_id: int | None
    role: Role
    phone: str

    @classmethod
    def of(cls, person: Person) -> PersonChange:
        """A change that changes nothing, to be altered by `dataclasses.replace`."""
        return cls(person.revision, person.badge, person.name, person.unit_id, person.role, person.phone)


def add_person(session: Session, actor: Actor, new: NewPerson, password_hash: str | None) -> PersonRow:
    """Make an account with a one-time password, and write it to the trail.

    :raises AccessError: the actor may not make such an account there.
    :raises InputError: a field is not as it must be.
    :raises NotFoundError: the unit is not there.
    :raises ConflictError: the badge has an account.
    """
    row, act = make_person(actor, load_tree(session), new, password_hash)
    _free(session, row.badge)
    session.add(row)
    audit.append_all(session, actor, [act])
    return row


def make_person(actor: Actor, tree: UnitTree, new: NewPerson, password_hash: str | None) -> tuple[PersonRow, audit.Act]:
    """An account that is yet to be added, by a caller who knows that the badge is free, and what to write down.

    :raises AccessError: the actor may not make such an account there.
    :raises InputError: a field is not as it must be.
    :raises NotFoundError: the unit is not there.
    """
    badge, name, phone = clean_badge(new.badge), clean_name(new.name), clean_phone(new.phone)
    _may_be(actor, tree, new.role, new.unit_id)
    row = PersonRow(
        badge=badge,
        name=name,
        unit_id=new.unit_id,
        role=new.role.value,
        phone=phone,
        password_hash=password_hash,
        must_change=True,
        created_at=utc_now(),
    )
    return row, audit.Act("person.create", subject_of(row), {"单位": tree.path(new.unit_id), "角色": new.role.label})


def change_person(
    session: Session, actor: Actor, tree: UnitTree, row: PersonRow, change: PersonChange
) -> audit.Act | None:
    """Change an account that is within the actor's reach.

    The caller sees to it that an admin is left (`keep_an_admin`).

    :returns: what to write to the trail; None if there was nothing to change.
    :raises AccessError: the actor may not give this role or unit.
    :raises InputError: a field is not as it must be.
    :raises NotFoundError: the unit is not there.
    :raises ConflictError: changed by somebody else since, or the badge is taken.
    """
    badge, name, phone = clean_badge(change.badge), clean_name(change.name), clean_phone(change.phone)
    _may_be(actor, tree, change.role, change.unit_id)
    if row.revision != change.revision:
        raise ConflictError(f"{subject_of(row)}{CHANGED_MEANWHILE}")
    if badge.lower() != row.badge.lower():
        _free(session, badge)
    detail: dict[str, object] = {
        what: [old, new]
        for what, old, new in (
            ("警号", row.badge, badge),
            ("姓名", row.name, name),
            ("单位", tree.path(row.unit_id), tree.path(change.unit_id)),
            ("角色", Role(row.role).label, change.role.label),
        )
        if old != new
    }
    if phone != row.phone:
        detail["电话"] = "已更改"  # the trail is kept for ever, a telephone number is not
    if not detail:
        return None
    act = audit.Act("person.change", subject_of(row), detail)
    if row.role != change.role.value or row.badge != badge:
        detail["结束会话"] = end_sessions(session, row.id)
    row.badge, row.name, row.unit_id, row.role, row.phone = badge, name, change.unit_id, change.role.value, phone
    row.revision += 1
    return act


def _may_be(actor: Actor, tree: UnitTree, role: Role, unit_id: int | None) -> None:
    if not reach_of(actor, tree).manages(role, unit_id):
        raise ForbiddenError("单位管理员只能管理本单位及下级单位的民警，其他人员请由系统管理员操作。")
    if unit_id is not None and unit_id not in tree.names:
        raise NotFoundError("所选的单位不存在，可能已被删除；请刷新后再选。")
    if role is Role.UNIT_ADMIN and unit_id is None:
        raise InputError("单位管理员必须属于一个单位，请选择单位。")


def _free(session: Session, badge: str) -> None:
    if row_by_badge(session, badge) is not None:
        raise ConflictError(f"警号 {badge} 已有账号；如果不在您管理的单位，请联系系统管理员。")
