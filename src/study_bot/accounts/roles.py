"""Roles, and the person on whose behalf something is done."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from study_bot.errors import ForbiddenError, SignInError


class Role(enum.StrEnum):
    """What a person is here; later ones may do all that earlier ones may."""

    OFFICER = "officer"
    UNIT_ADMIN = "unit_admin"
    ADMIN = "admin"

    @property
    def label(self) -> str:
        """Chinese name."""
        return _LABELS[self]

    def covers(self, other: Role) -> bool:
        """Whether this role may do what the other may."""
        return _RANK[self] >= _RANK[other]


_LABELS = {Role.OFFICER: "民警", Role.UNIT_ADMIN: "单位管理员", Role.ADMIN: "系统管理员"}
_RANK = {Role.OFFICER: 0, Role.UNIT_ADMIN: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Person:
    """An account as others see it; never the password. `unit_id` None = of no unit; `unit` is its path from the root.

    `revision` counts the changes: who saves one names the revision that was looked at.
    """

    id: int
    badge: str
    name: str
    role: Role
    unit_id: int | None = None
    unit: str = ""
    phone: str = ""
    must_change: bool = False
    active: bool = True
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from which address. `person` None = the system itself, or nobody who signed in.

    `trusted` is the program itself, which may do everything; nothing that comes over the network is ever that.
    """

    person: Person | None
    address: str = ""
    label: str = ""
    trusted: bool = False

    @property
    def name(self) -> str:
        """How the trail calls the actor."""
        return f"{self.person.name}（{self.person.badge}）" if self.person else self.label or "未登录"

    @property
    def person_id(self) -> int | None:
        """Id of the person, None if there is none."""
        return self.person.id if self.person else None

    def require(self, role: Role) -> Person:
        """The person, if they have at least this role.

        :raises SignInError: nobody is signed in, or the password must be changed first.
        :raises ForbiddenError: the role does not reach.
        """
        if self.person is None or not self.person.active:
            raise SignInError("请先登录。")
        if self.person.must_change:
            raise SignInError("请先修改初始密码。")
        if not self.person.role.covers(role):
            raise ForbiddenError(f"这项操作需要{role.label}权限。")
        return self.person

    def allow(self, role: Role) -> None:
        """Let the program itself pass, and people who have at least this role.

        :raises SignInError: nobody is signed in, or the password must be changed first.
        :raises ForbiddenError: the role does not reach.
        """
        if not self.trusted:
            self.require(role)


SYSTEM = Actor(None, label="系统", trusted=True)
"""The program itself: first start, timed work, commands on the server's own console."""
