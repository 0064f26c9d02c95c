from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.accounts import audit
from study_bot.accounts.people import People
from study_bot.accounts.person_changes import NewPerson, PersonChange
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.accounts.unit_tree import natural_key
from study_bot.accounts.units import MAX_DEPTH
from study_bot.errors import ConflictError, ForbiddenError, InputError, NotFoundError, SignInError
from study_bot.storage.database import Database
from tests.accounts.quick import quick_passwords
from tests.accounts.site import PASSWORD, Site, fails


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest.fixture
def admin(site: Site) -> Actor:
    return site.actor("900001", Role.ADMIN, None)


def lines(site: Site) -> list[audit.AuditEntry]:
    with site.database.read() as session:
        return list(audit.entries(session))


def test_the_first_start_makes_one_admin(database: Database) -> None:
    people = People(database, quick_passwords())
    made = people.first_admin()
    assert made is not None and made[0].badge == "admin" and made[0].role is Role.ADMIN and made[0].must_change
    assert people.first_admin() is None
    assert Site(database).sign_in.sign_in("admin", made[1], "", "").person.id == made[0].id


def test_processes_that_start_together_make_one(database: Database) -> None:
    made: list[tuple[Person, str] | None] = []
    threads = [
        threading.Thread(target=lambda: made.append(People(database, quick_passwords()).first_admin()))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in made) == 1


def test_a_new_person_signs_in_with_the_one_time_password(site: Site, admin: Actor) -> None:
    person, password = site.people.create(
        admin, NewPerson(" 010203 ", " 张 三 ", site.units["一大队"], phone="１３８００００００００")
    )
    assert person == Person(
        person.id,
        "010203",
        "张 三",
        Role.OFFICER,
        site.units["一大队"],
        "总队/一支队/一大队",
        "13800000000",
        True,
        True,
        1,
    )
    assert site.sign_in.sign_in("010203", password, "", "").person == person
    assert lines(site)[-2].action == "person.create" and password not in str(lines(site))


@pytest.mark.parametrize(
    ("badge", "name", "phone"),
    [
        ("", "张三", ""), ("  ", "张三", ""), ("警01", "张三", ""), ("a b", "张三", ""), ("=1+1", "张三", ""),
        ("-1", "张三", ""), ("x" * 65, "张三", ""), ("01\x0002", "张三", ""), ("../..", "张三", ""),
        ("<b>", "张三", ""), ("010203", "", ""), ("010203", "\u200b", ""), ("010203", "张" * 101, ""),
        ("010203", "\ud800", ""), ("010203", "张三", "call me"), ("010203", "张三", "1" * 41), ("010203", "张三", "=1"),
    ],
)  # fmt: skip
def test_fields_are_checked(light_site: Site, badge: str, name: str, phone: str) -> None:
    before = len(lines(light_site))
    with pytest.raises(InputError):
        light_site.people.create(SYSTEM, NewPerson(badge, name, None, phone=phone))
    assert len(lines(light_site)) == before


def test_a_badge_is_taken_once_whatever_its_letters(site: Site, admin: Actor) -> None:
    site.people.create(admin, NewPerson("jd01", "张三"))
    with pytest.raises(ConflictError, match="JD01"):
        site.people.create(admin, NewPerson("JD01", "李四"))


def test_a_unit_admin_is_of_a_unit(site: Site, admin: Actor) -> None:
    with pytest.raises(InputError, match="单位"):
        site.people.create(admin, NewPerson("010203", "张三", None, Role.UNIT_ADMIN))
    with pytest.raises(NotFoundError, match="单位"):
        site.people.create(admin, NewPerson("010203", "张三", 999))


def test_a_change_is_written_down_without_the_telephone_number(site: Site, admin: Actor) -> None:
    person = site.add("010203")
    change = replace(PersonChange.of(person), name="李四", unit_id=site.units["二支队"], phone="13800000000")
    changed = site.people.change(admin, person.id, change)
    assert (changed.name, changed.unit, changed.phone, changed.revision) == ("李四", "总队/二支队", "13800000000", 2)
    line = lines(site)[-1]
    assert line.action == "person.change" and line.subject == "张010203（010203）" and "总队/二支队" in line.detail
    assert "13800000000" not in line.detail and line.actor == admin.name


def test_who_looked_at_an_older_state_is_told(site: Site, admin: Actor) -> None:
    person = site.add("010203")
    site.people.change(admin, person.id, replace(PersonChange.of(person), name="李四"))
    with pytest.raises(ConflictError, match="已被他人修改"):
        site.people.change(admin, person.id, replace(PersonChange.of(person), name="王五"))
    assert site.people.person(person.id).name == "李四"


def test_a_change_that_changes_nothing_leaves_no_line(site: Site, admin: Actor) -> None:
    person = site.add("010203")
    before = len(lines(site))
    assert site.people.change(admin, person.id, PersonChange.of(person)) == person and len(lines(site)) == before


@pytest.mark.parametrize("field", ["role", "badge", "name"])
def test_another_role_or_badge_ends_the_sessions(light_site: Site, field: str) -> None:
    light_site.add("900001", Role.ADMIN, None)
    person = light_site.add("010203")
    token = light_site.sign_in.sign_in("010203", PASSWORD, "", "").token
    values: dict[str, object] = {"role": Role.UNIT_ADMIN, "badge": "010299", "name": "李四"}
    light_site.people.change(SYSTEM, person.id, replace(PersonChange.of(person), **{field: values[field]}))  # type: ignore[arg-type]
    assert (light_site.sign_in.session(token) is None) == (field != "name")


def test_a_reset_password_replaces_the_old_one(site: Site, admin: Actor) -> None:
    person = site.add("010203")
    token = site.sign_in.sign_in("010203", PASSWORD, "", "").token
    password = site.people.reset_password(admin, person.id)
    assert site.sign_in.session(token) is None
    assert fails(lambda: site.sign_in.sign_in("010203", PASSWORD, "", ""), SignInError)
    assert site.sign_in.sign_in("010203", password, "", "").person.must_change
    assert password not in str(lines(site))


def test_the_last_admin_stays(site: Site, admin: Actor) -> None:
    assert admin.person is not None
    person = admin.person
    for action in (
        lambda: site.people.change(admin, person.id, replace(PersonChange.of(person), role=Role.OFFICER)),
        lambda: site.people.set_active(SYSTEM, person.id, False),
    ):
        with pytest.raises(ConflictError, match="至少要有一名"):
            action()
    site.add("900002", Role.ADMIN, None, active=False)
    assert fails(lambda: site.people.set_active(SYSTEM, person.id, False), ConflictError)
    site.add("900003", Role.ADMIN, None)
    site.people.set_active(SYSTEM, person.id, False)
    assert not site.people.person(person.id).active


def test_two_admins_who_remove_each_other_do_not_leave_none(site: Site, admin: Actor) -> None:
    other = site.actor("900002", Role.ADMIN, None)
    outcomes: list[bool] = []

    def close(actor: Actor, target: Actor) -> None:
        assert target.person_id is not None
        outcomes.append(fails(lambda: site.people.set_active(actor, target.person_id or 0, False), ConflictError))

    threads = [threading.Thread(target=close, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True]


def test_nobody_closes_or_resets_their_own_account(site: Site, admin: Actor) -> None:
    site.add("900002", Role.ADMIN, None)
    for action in (
        lambda: site.people.set_active(admin, admin.person_id or 0, False),
        lambda: site.people.reset_password(admin, admin.person_id or 0),
    ):
        assert fails(action, InputError)


def test_people_are_found(site: Site, admin: Actor) -> None:
    for number, unit in enumerate(["一支队", "一大队", "二支队", "机关", None]):
        site.add(f"01020{number}", Role.OFFICER, unit)
    search = site.people.search

    def badges(**wanted: object) -> list[str]:
        return [person.badge for person in search(admin, **wanted).people]  # type: ignore[arg-type]

    assert badges() == ["010200", "010201", "010202", "010203", "010204", "900001"]
    assert badges(text="0203") == ["010203"] and badges(text="张01") == badges(role=Role.OFFICER) == badges()[:5]
    assert badges(unit_id=site.units["一支队"]) == ["010200", "010201"] and badges(unit_id=999) == []
    assert badges(role=Role.ADMIN) == ["900001"] and badges(active=False) == []
    for hostile in ("%", "_", "' OR 1=1 --", "\\", "\0", "\ud800"[:0] + "%%"):
        assert badges(text=hostile) in ([], badges()) and (hostile != "%" or badges(text=hostile) == [])
    page = search(admin, page=2, per_page=4)
    assert ([p.badge for p in page.people], page.total) == (["010204", "900001"], 6)
    assert search(admin, page=9).people == () and search(admin, page=-1, per_page=10**9).per_page == 200


def test_units_make_a_tree(site: Site, admin: Actor) -> None:
    site.add("010203")
    tree = site.unit_service.tree(admin)
    assert [(unit.path, unit.depth, unit.people) for unit in tree] == [
        ("总队", 0, 0), ("总队/一支队", 1, 1), ("总队/一支队/一大队", 2, 0), ("总队/二支队", 1, 0), ("机关", 0, 0),
    ]  # fmt: skip
    unit_admin = site.actor("010204", Role.UNIT_ADMIN, "一支队")
    assert [unit.path for unit in site.unit_service.tree(unit_admin)] == ["总队/一支队", "总队/一支队/一大队"]


def test_units_are_listed_as_people_count(site: Site, admin: Actor) -> None:
    for name in ("第10大队", "第2大队", "第1大队", "十一中队", "三中队", "二中队", "２号楼"):
        site.unit_service.add(admin, name, site.units["机关"])
    names = [unit.name for unit in site.unit_service.tree(admin) if unit.path.startswith("机关/")]
    assert names == ["二中队", "２号楼", "三中队", "十一中队", "第1大队", "第2大队", "第10大队"]


@given(st.lists(st.text(st.sampled_from("第0１29一二十百零万队甲a"), max_size=6), max_size=8))
def test_any_names_have_an_order(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)


def test_new_passwords_for_those_who_wait(site: Site, admin: Actor) -> None:
    waits, busy = site.add("010201", must_change=True), site.add("010202")
    closed, other = (
        site.add("010203", must_change=True, active=False),
        site.add("010204", must_change=True, unit="机关"),
    )
    held = site.sign_in.sign_in("010201", PASSWORD, "", "").token
    unit_admin = site.actor("010205", Role.UNIT_ADMIN, "一支队")
    assert [p.badge for p in site.people.waiting(admin)] == ["010201", "010204"]
    assert [p.badge for p in site.people.search(unit_admin, waiting=True).people] == ["010201"]
    (made,) = site.people.reissue(
        unit_admin, [p.id for p in (other, waits, waits, busy, closed, unit_admin.person or busy)]
    )
    assert (made.badge, made.unit) == ("010201", "总队/一支队")
    assert site.sign_in.session(held) is None
    assert fails(lambda: site.sign_in.sign_in("010201", PASSWORD, "", ""), SignInError)
    assert site.sign_in.sign_in("010201", made.password, "", "").person.must_change
    assert [line.action for line in lines(site) if line.action.startswith("person.re")] == [
        "person.reissue", "person.reset_password",
    ]  # fmt: skip
    assert site.people.reissue(unit_admin, []) == ()
    assert fails(lambda: site.people.reissue(Actor(busy), [waits.id]), ForbiddenError)


def test_units_are_renamed_and_moved(site: Site, admin: Actor) -> None:
    units, ids = site.unit_service, site.units
    assert units.rename(admin, ids["机关"], "政治部").path == "政治部"
    assert units.move(admin, ids["一支队"], ids["机关"]).path == "政治部/一支队"
    assert units.move(admin, ids["一支队"], None).depth == 0
    assert [line.action for line in lines(site)[-3:]] == ["unit.rename", "unit.move", "unit.move"]


def test_units_never_make_a_circle(site: Site, admin: Actor) -> None:
    for parent in ("总队", "一支队", "一大队"):
        with pytest.raises(InputError, match="下级"):
            site.unit_service.move(admin, site.units["总队"], site.units[parent])


def test_units_of_one_name_are_not_side_by_side(site: Site, admin: Actor) -> None:
    units, ids = site.unit_service, site.units
    units.add(admin, "一支队", ids["机关"])
    for action in (
        lambda: units.add(admin, "总队"),
        lambda: units.add(admin, " 一支队 ", ids["总队"]),
        lambda: units.rename(admin, ids["二支队"], "一支队"),
        lambda: units.move(admin, ids["一支队"], ids["机关"]),
    ):
        assert fails(action, ConflictError)


@pytest.mark.parametrize("name", ["", " ", "a/b", "x" * 101, "\u202e"])
def test_names_of_units_are_checked(light_site: Site, name: str) -> None:
    assert fails(lambda: light_site.unit_service.add(SYSTEM, name), InputError)


def test_a_tree_has_a_limit(site: Site, admin: Actor) -> None:
    below: int | None = None
    for level in range(MAX_DEPTH):
        below = site.unit_service.add(admin, f"第{level}级", below).id
    assert fails(lambda: site.unit_service.add(admin, "再下一级", below), InputError)
    assert fails(lambda: site.unit_service.move(admin, site.units["机关"], below), InputError)


def test_only_empty_units_are_removed(site: Site, admin: Actor) -> None:
    site.add("010203", unit="二支队", active=False)
    for name in ("总队", "二支队"):
        assert fails(lambda name=name: site.unit_service.remove(admin, site.units[name]), ConflictError)  # type: ignore[misc]
    site.unit_service.remove(admin, site.units["一大队"])
    assert fails(lambda: site.unit_service.remove(admin, site.units["一大队"]), NotFoundError)
