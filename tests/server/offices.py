"""A site with people for tests of the server: real accounts in a database, a fake library, three units, four people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from argon2 import PasswordHasher
from starlette.testclient import TestClient

from study_bot.accounts.gate import Gate
from study_bot.accounts.lockout import Lockout
from study_bot.accounts.passwords import Passwords
from study_bot.accounts.people import People
from study_bot.accounts.person_changes import NewPerson
from study_bot.accounts.roles import SYSTEM, Role
from study_bot.accounts.roster import Roster
from study_bot.accounts.sign_in import SignIn
from study_bot.accounts.units import Units
from study_bot.server.app import create_app
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.usage.feedback import Feedback
from study_bot.usage.questions import QuestionLog
from tests.ui.fake_services import FakeServices

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Passwords of tests need not withstand anybody."""

PASSWORD = "corner lamp 7 rivers"

OFFICER, NEIGHBOUR, UNIT_ADMIN, ADMIN = "1001", "1002", "2001", "9001"


@dataclass
class TestOffice:
    """What `study_bot.office.Office` has, as far as these pages need it."""

    __test__ = False

    database: Database
    settings: Settings = field(default_factory=Settings)
    oidc: Any = None

    @cached_property
    def passwords(self) -> Passwords:
        return Passwords(QUICK, PasswordHasher(time_cost=1, memory_cost=32, parallelism=1))

    @cached_property
    def people(self) -> People:
        return People(self.database, self.passwords, Lockout.from_settings(self.settings))

    @cached_property
    def units(self) -> Units:
        return Units(self.database)

    @cached_property
    def roster(self) -> Roster:
        return Roster(self.database, self.passwords)

    @cached_property
    def sign_in(self) -> SignIn:
        return SignIn(self.database, self.settings, self.passwords)

    @cached_property
    def gate(self) -> Gate:
        return Gate(self.sign_in, self.settings)

    @cached_property
    def questions(self) -> QuestionLog:
        return QuestionLog(self.database, self.settings)

    @cached_property
    def feedback(self) -> Feedback:
        return Feedback(self.database, self.settings)

    def __getattr__(self, name: str) -> Any:
        """Documents, builds and the rest are not reached by these tests; their routers only hold them."""
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def fill(office: TestOffice) -> dict[str, int]:
    """Units 总队, 一支队, 二支队; two officers, a unit admin of 一支队, an admin; ids by badge."""
    root = office.units.add(SYSTEM, "总队")
    first = office.units.add(SYSTEM, "一支队", root.id)
    second = office.units.add(SYSTEM, "二支队", root.id)
    return {
        badge: newcomer(office, badge, name, unit, role)
        for badge, name, unit, role in (
            (OFFICER, "张三", first.id, Role.OFFICER),
            (NEIGHBOUR, "李四", second.id, Role.OFFICER),
            (UNIT_ADMIN, "王五", first.id, Role.UNIT_ADMIN),
            (ADMIN, "赵六", None, Role.ADMIN),
        )
    }


def newcomer(office: TestOffice, badge: str, name: str, unit: int | None = None, role: Role = Role.OFFICER) -> int:
    """Somebody whose password is PASSWORD; gives the id."""
    person, password = office.people.create(SYSTEM, NewPerson(badge, name, unit, role))
    session = office.sign_in.sign_in(badge, password, "", "")
    actor = office.gate.actor({"study_bot_session": session.token}, {}, None)
    office.people.change_own_password(actor, password, PASSWORD)
    return person.id


@contextmanager
def served(office: TestOffice, services: FakeServices | None = None, **options: Any) -> Iterator[TestClient]:
    """The application of an office, driven without a socket; redirects are not followed."""
    app = create_app(services or FakeServices(office.settings), office)  # type: ignore[arg-type]
    with TestClient(app, follow_redirects=False, **options) as client:
        yield client


def token_in(page: str) -> str:
    """The form token of a page."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found, page[:2000]
    return found.group(1)


def sign_in(client: TestClient, badge: str, password: str = PASSWORD, wanted: str = "") -> Any:
    """Fill in the sign-in page and send it; gives the response."""
    client.cookies.clear()
    page = client.get("/sign-in", params={"next": wanted} if wanted else {})
    form = {"csrf": token_in(page.text), "badge": badge, "password": password, "next": wanted}
    return client.post("/sign-in", data=form)


def post(client: TestClient, path: str, page: str = "/account", **data: Any) -> Any:
    """Send a form of ours, with the token that stands in a page."""
    return client.post(path, data={"csrf": token_in(client.get(page).text), **data})
