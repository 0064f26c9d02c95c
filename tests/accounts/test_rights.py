"""Every role, every action, every relation of units: who gets through, compared with a rule written down here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from study_bot.accounts.person_changes import NewPerson, PersonChange
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.errors import AccessError, ForbiddenError, NotFoundError, SignInError
from study_bot.storage.database import Database
from study_bot.storage.people_tables import PersonRow
from tests.accounts.site import PASSWORD, Site

UNITS = ("总队", "一支队", "一大队", "二支队", "机关", None)
"""Seen from 一支队: above, the same, below, beside, elsewhere, none."""

ROLES_AND_UNITS = [
    pair
    for pair in itertools.product(Role, UNITS)
    if pair != (Role.UNIT_ADMIN, None)  # which cannot be
]

REACHED = {
    "一支队": {"一支队", "一大队"},
    "总队": {"总队", "一支队", "一大队", "二支队"},
    "一大队": {"一大队"},
    None: set(),
}
"""Units that an admin of a unit reaches."""

Act = Callable[[Site, Actor, Person], object]


def _session_id(site: Site, person: Person) -> int:
    site.sign_in.sign_in(person.badge, PASSWORD, "", "")
    return site.sign_in.sessions_of(SYSTEM, person.id)[0].id


ON_A_PERSON: dict[str, Act] = {
    "get": lambda site, actor, person: site.people.get(actor, person.id),
    "rename": lambda site, actor, person: site.people.change(
        actor, person.id, replace(PersonChange.of(person), name="某某")
    ),
    "other badge": lambda site, actor, person: site.people.change(
        actor, person.id, replace(PersonChange.of(person), badge=f"{person.badge}x")
    ),
    "close": lambda site, actor, person: site.people.set_active(actor, person.id, False),
    "open": lambda site, actor, person: site.people.set_active(actor, person.id, True),
    "reset password": lambda site, actor, person: site.people.reset_password(actor, person.id),
    "list sessions": lambda site, actor, person: site.sign_in.sessions_of(actor, person.id),
    "end a session": lambda site, actor, person: site.sign_in.revoke(actor, _session_id(site, person)),
    "end sessions": lambda site, actor, person: site.sign_in.revoke_all(actor, person.id),
}

ON_UNITS: dict[str, Callable[[Site, Actor], object]] = {
    "add": lambda site, actor: site.unit_service.add(actor, "新单位", site.units["一支队"]),
    "add a root": lambda site, actor: site.unit_service.add(actor, "新单位"),
    "rename": lambda site, actor: site.unit_service.rename(actor, site.units["一大队"], "新名称"),
    "move": lambda site, actor: site.unit_service.move(actor, site.units["一大队"], site.units["机关"]),
    "remove": lambda site, actor: site.unit_service.remove(actor, site.units["二支队"]),
}


@pytest.fixture
def site(database: Database) -> Site:
    site = Site(database)
    site.add("900000", Role.ADMIN, None)
    return site


def actors(site: Site) -> dict[str, tuple[Actor, str]]:
    """Everybody who may try, with what they are: nobody, officer, admin, or the unit whose admin they are."""
    roles = {
        "nobody": (Actor(None, "10.0.0.9"), "nobody"),
        "calls itself the system": (Actor(None, "10.0.0.9", "系统"), "nobody"),
        "officer": (site.actor("100001"), "officer"),
        "officer of no unit": (site.actor("100002", unit=None), "officer"),
        "admin": (site.actor("100003", Role.ADMIN, None), "admin"),
        "admin in a unit": (site.actor("100004", Role.ADMIN, "一支队"), "admin"),
        "system": (SYSTEM, "admin"),
    }
    for number, unit in enumerate(REACHED):
        roles[f"admin of {unit}"] = (site.actor(f"10001{number}", Role.UNIT_ADMIN, unit), f"of {unit}")
    for role in Role:
        closed = site.actor(f"1001{role.value[:2]}{role.value[-2:]}", role, "一支队", active=False)
        fresh = site.actor(f"1002{role.value[:2]}{role.value[-2:]}", role, "一支队", must_change=True)
        roles |= {f"closed {role}": (closed, "nobody"), f"one-time {role}": (fresh, "nobody")}
    return roles


def allowed(what: str, role: Role, unit: str | None) -> bool:
    """The rule: admins everybody, unit admins the officers of their unit and below, others nobody."""
    if what == "admin":
        return True
    for own, reached in REACHED.items():
        if what == f"of {own}":
            return role is Role.OFFICER and unit in reached
    return False


def outcome(action: Callable[..., object], *given: object) -> str:
    """`done`, or which refusal it was."""
    try:
        action(*given)
    except (AccessError, NotFoundError) as error:
        return type(error).__name__
    return "done"


def expected(what: str, may: bool) -> set[str]:
    if may:
        return {"done"}
    if what == "nobody":
        return {SignInError.__name__}
    return {ForbiddenError.__name__} if what == "officer" else {NotFoundError.__name__, ForbiddenError.__name__}


@pytest.fixture
def light_site(light_site: Site) -> Site:
    """On SQLite only: who may is decided in code, and thousands of changes take their time."""
    light_site.add("900000", Role.ADMIN, None)
    return light_site


def test_every_role_with_every_person(light_site: Site) -> None:
    site, tried = light_site, 0
    targets = {pair: site.add(f"5000{n:02}", *pair) for n, pair in enumerate(ROLES_AND_UNITS)}
    for number, (who, (actor, what)) in enumerate(actors(site).items()):
        for (role, unit), target in targets.items():
            may = allowed(what, role, unit)
            for name, act in ON_A_PERSON.items():
                result = outcome(act, site, actor, site.people.person(target.id) if may else target)
                assert result in expected(what, may), (who, name, role, unit)
                tried += 1
                if name == "reset password" and may:  # so that the next actions find them able to sign in
                    with site.database.write() as session:
                        session.get_one(PersonRow, target.id).password_hash = site.passwords.hash_one_time(PASSWORD)
            if may:
                targets[role, unit] = site.add(f"6{number:02}{len(role)}{UNITS.index(unit):02}", role, unit)
            else:
                assert site.people.person(target.id) == target, (who, role, unit)
    assert tried == 17 * 17 * len(ON_A_PERSON)


def test_every_role_finds_whom_it_may_see(site: Site) -> None:
    targets = {pair: site.add(f"5000{n:02}", *pair) for n, pair in enumerate(ROLES_AND_UNITS)}
    for who, (actor, what) in actors(site).items():
        if what in ("nobody", "officer"):
            continue
        seen = {person.id for person in site.people.search(actor, text="5000").people}
        assert seen == {target.id for pair, target in targets.items() if allowed(what, *pair)}, who


def test_every_role_giving_every_role_and_unit(light_site: Site) -> None:
    site = light_site
    numbers = itertools.count(600_000)
    for who, (actor, what) in actors(site).items():
        for role, unit in ROLES_AND_UNITS:
            unit_id, may = site.units[unit] if unit else None, allowed(what, role, unit)
            new = NewPerson(str(next(numbers)), "某某", unit_id, role)
            result = outcome(site.people.create, actor, new)
            assert result in expected(what, may), (who, "create", role, unit)
            assert (site.people.by_badge(new.badge) is not None) == may
            # Somebody the actor manages, if anybody at all: the new role and place must be within reach, too.
            target = site.add(str(next(numbers)), Role.OFFICER, "一大队")
            may_move = may and allowed(what, Role.OFFICER, "一大队")
            change = replace(PersonChange.of(target), role=role, unit_id=unit_id)
            result = outcome(site.people.change, actor, target.id, change)
            assert result in expected(what, may_move), (who, "change", role, unit)
            if not may_move:
                assert site.people.person(target.id) == target


@pytest.mark.parametrize("name", ON_UNITS)
def test_units_are_the_admins_alone(light_site: Site, name: str) -> None:
    site = light_site
    for who, (actor, what) in actors(site).items():
        if what == "admin":
            continue
        before = [unit.path for unit in site.unit_service.tree(SYSTEM)]
        assert outcome(ON_UNITS[name], site, actor) in expected(what, False), who
        assert [unit.path for unit in site.unit_service.tree(SYSTEM)] == before
    ON_UNITS[name](site, SYSTEM)


def test_lists_are_closed_to_officers_and_nobody(site: Site) -> None:
    for who, (actor, what) in actors(site).items():
        for listing in (site.people.search, site.unit_service.tree):
            result = outcome(listing, actor)
            assert result in expected(what, what not in ("nobody", "officer")), who
