"""A small site for tests: units, people of each role, everybody with one password."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from study_bot.accounts.passwords import Passwords
from study_bot.accounts.people import People
from study_bot.accounts.person_changes import NewPerson
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.accounts.sign_in import SignIn
from study_bot.accounts.units import Units
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.people_tables import PersonRow
from tests.accounts.quick import quick_passwords

PASSWORD = "纸船灯塔梧桐与旧信封"


@dataclass
class Clock:
    """A clock that tests move."""

    at: dt.datetime = field(default_factory=utc_now)

    def __call__(self) -> dt.datetime:
        return self.at

    def forward(self, **span: float) -> None:
        self.at += dt.timedelta(**span)


@dataclass
class Site:
    """总队 › (一支队 › 一大队, 二支队), and 机关 beside it."""

    database: Database
    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)
    passwords: Passwords = field(default_factory=quick_passwords)
    units: dict[str, int] = field(default_factory=dict)
    _hash: str = ""

    def __post_init__(self) -> None:
        self.people = People(self.database, self.passwords)
        self.unit_service = Units(self.database)
        self.sign_in = SignIn(self.database, self.settings, self.passwords, self.clock)
        self._hash = self.passwords.hash(PASSWORD)
        for name, parent in (
            ("总队", None),
            ("一支队", "总队"),
            ("一大队", "一支队"),
            ("二支队", "总队"),
            ("机关", None),
        ):
            self.units[name] = self.unit_service.add(SYSTEM, name, self.units[parent] if parent else None).id

    def add(
        self,
        badge: str,
        role: Role = Role.OFFICER,
        unit: str | None = "一支队",
        *,
        must_change: bool = False,
        active: bool = True,
    ) -> Person:
        """A person with the common password."""
        unit_id = self.units[unit] if unit else None
        made, _ = self.people.create(SYSTEM, NewPerson(badge, f"张{badge}", unit_id, Role.OFFICER))
        with self.database.write() as session:
            row = session.get_one(PersonRow, made.id)
            row.password_hash, row.must_change, row.active, row.role = self._hash, must_change, active, role.value
        return self.people.person(made.id)

    def actor(self, badge: str, role: Role = Role.OFFICER, unit: str | None = "一支队", **state: bool) -> Actor:
        """A new person, as the one who acts."""
        return Actor(self.add(badge, role, unit, **state), "10.0.0.9")


def fails(action: Callable[[], object], error: type[Exception] | tuple[type[Exception], ...]) -> bool:
    """Whether the action raises such an error."""
    try:
        action()
    except error:
        return True
    return False
