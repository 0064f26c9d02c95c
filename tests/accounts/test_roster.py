from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import load_workbook

from study_bot.accounts import audit
from study_bot.accounts.person_changes import PersonChange
from study_bot.accounts.roles import SYSTEM, Actor, Person, Role
from study_bot.accounts.roster import NewAccount, Roster
from study_bot.accounts.roster_exports import guarded, passwords_csv, passwords_xlsx, roster_template
from study_bot.accounts.roster_files import RosterRow, read_roster
from study_bot.accounts.roster_plan import RosterPlan
from study_bot.errors import ConflictError, ForbiddenError, InputError, SignInError
from study_bot.storage.database import Database
from tests.accounts.site import Site, fails


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest.fixture
def admin(site: Site) -> Actor:
    return site.actor("900001", Role.ADMIN, None)


@pytest.fixture
def light_admin(light_site: Site) -> Actor:
    return light_site.actor("900001", Role.ADMIN, None)


def rows_of(*lines: str, header: str = "警号,姓名,单位,角色,电话") -> tuple[RosterRow, ...]:
    return read_roster("a.csv", "\n".join([header, *lines]).encode())


def planned(site: Site, actor: Actor, rows: tuple[RosterRow, ...]) -> RosterPlan:
    return Roster(site.database, site.passwords).plan(actor, rows)


def applied(site: Site, actor: Actor, rows: tuple[RosterRow, ...], digest: str | None = None) -> tuple[NewAccount, ...]:
    roster = Roster(site.database, site.passwords)
    return roster.apply(actor, rows, digest or roster.plan(actor, rows).digest)


def badge(site: Site, number: str) -> Person:
    person = site.people.by_badge(number)
    assert person is not None
    return person


def trail(site: Site) -> list[audit.AuditEntry]:
    with site.database.read() as session:
        return list(audit.entries(session))


def test_a_dry_run_lists_what_would_change_and_changes_nothing(site: Site, admin: Actor) -> None:
    site.add("010203")
    site.add("010204", unit="二支队")
    rows = rows_of(
        "010203,李四,总队/二支队,单位管理员,138",
        "010204,张010204,二支队,,",
        "010205,王五,新总队/新支队,,",
        "x y,赵六,,,",
    )
    before = len(trail(site))
    plan = planned(site, admin, rows)
    assert [(p.number, p.badge, p.unit, p.role) for p in plan.creates] == [(4, "010205", "新总队/新支队", Role.OFFICER)]
    assert [(c.number, c.fields) for c in plan.changes] == [
        (
            2,
            (
                ("姓名", "张010203", "李四"),
                ("单位", "总队/一支队", "总队/二支队"),
                ("角色", "民警", "单位管理员"),
                ("电话", "", "138"),
            ),
        )
    ]
    assert plan.same == 1 and plan.new_units == ("新总队", "新总队/新支队")
    assert [(e.number, "警号" in e.message) for e in plan.errors] == [(5, True)]
    assert len(trail(site)) == before and site.people.by_badge("010205") is None


def test_a_roster_is_taken_in(site: Site, admin: Actor) -> None:
    site.add("010203")
    rows = rows_of(
        "010203,李四,二支队,,", "010205,王五,新总队/新支队,单位管理员,1", "010206,赵六,总队,,", "x y,赵六,,,"
    )
    made = applied(site, admin, rows)
    assert [(a.badge, a.name, a.unit) for a in made] == [
        ("010205", "王五", "新总队/新支队"),
        ("010206", "赵六", "总队"),
    ]
    assert badge(site, "010203").unit == "总队/二支队" and badge(site, "010203").name == "李四"
    first = badge(site, "010205")
    assert (first.unit, first.role, first.phone, first.must_change) == ("新总队/新支队", Role.UNIT_ADMIN, "1", True)
    assert site.sign_in.sign_in("010205", made[0].password, "", "").person == first
    assert made[0].password != made[1].password and made[0].password not in str(trail(site))
    actions = [line.action for line in trail(site)]
    assert actions.count("roster.apply") == 1 and actions.count("person.create") == 4
    assert audit.verify(site.database).broken_at is None


def test_a_roster_taken_in_twice_changes_nothing_more(site: Site, admin: Actor) -> None:
    rows = rows_of("010205,王五,新总队/新支队,民警,1", "010206,赵六,总队,,")
    applied(site, admin, rows)
    plan = planned(site, admin, rows)
    assert (plan.creates, plan.changes, plan.same, plan.errors, plan.new_units) == ((), (), 2, (), ())
    assert applied(site, admin, rows) == ()


def test_who_is_not_in_the_roster_stays(site: Site, admin: Actor) -> None:
    person = site.add("010203")
    applied(site, admin, rows_of("010205,王五,,,"))
    assert site.people.person(person.id) == person


def test_what_came_between_is_told_and_nothing_is_done(site: Site, admin: Actor) -> None:
    person = site.add("010203")
    rows = rows_of("010203,李四,,,", "010205,王五,,,")
    digest = planned(site, admin, rows).digest
    site.people.change(SYSTEM, person.id, replace(PersonChange.of(person), phone="1"))
    with pytest.raises(ConflictError, match="重新预览"):
        applied(site, admin, rows, digest)
    assert site.people.by_badge("010205") is None and badge(site, "010203").name == "张010203"
    for other in ("", "0" * 64):
        assert fails(lambda other=other: Roster(site.database, site.passwords).apply(admin, rows, other), ConflictError)  # type: ignore[misc]


def test_other_rows_need_another_digest(site: Site, admin: Actor) -> None:
    digest = planned(site, admin, rows_of("010205,王五,,,")).digest
    for line in (
        "010205,王六,,,",
        "010206,王五,,,",
        "010205,王五,总队,,",
        "010205,王五,,系统管理员,",
        "010205,王五,,,1",
    ):
        assert fails(lambda line=line: applied(site, admin, rows_of(line), digest), ConflictError)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("unit", "path"),
    [
        ("总队", "总队"),
        ("一大队", "总队/一支队/一大队"),
        ("总队/一支队", "总队/一支队"),
        ("支队", "支队"),
        ("总队/三支队", "总队/三支队"),
        ("", ""),
    ],
)
def test_units_are_found_by_path_or_name(light_site: Site, light_admin: Actor, unit: str, path: str) -> None:
    (person,) = planned(light_site, light_admin, rows_of(f"010205,王五,{unit},,")).creates
    assert person.unit == path


def test_a_name_of_two_units_is_told(site: Site, admin: Actor) -> None:
    site.unit_service.add(SYSTEM, "一支队", site.units["机关"])
    plan = planned(site, admin, rows_of("010205,王五,一支队,,", "010206,王五,机关/一支队,,"))
    assert "全路径" in plan.errors[0].message and plan.creates[0].unit == "机关/一支队"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("010203,张三,,,", "停用"),
        ("900001,张900001,,民警,", "自己的角色"),
        ("010205,王五,,单位管理员,", "单位"),
        ("010205,王五,1/2/3/4/5/6/7/8/9,,", "级"),
        ("010205,王五,,长官,", "角色"),
    ],
)
def test_what_cannot_be_is_told_by_row(light_site: Site, light_admin: Actor, line: str, told: str) -> None:
    light_site.add("010203", active=False)
    plan = planned(light_site, light_admin, rows_of(line))
    assert [told in error.message for error in plan.errors] == [True] and not plan.creates and not plan.changes


def test_the_last_admin_stays(site: Site) -> None:
    site.add("900001", Role.ADMIN, None)
    site.add("900002", Role.ADMIN, None)
    both = ("900001,甲,,民警,", "900002,乙,,民警,")
    plan = planned(site, SYSTEM, rows_of(*both))
    assert len(plan.errors) == 2 and not plan.changes
    site.add("010203")
    applied(site, SYSTEM, rows_of(*both, "010203,丙,,系统管理员,"))
    assert badge(site, "010203").role is Role.ADMIN and badge(site, "900001").role is Role.OFFICER


def test_a_unit_admin_takes_in_officers_of_the_unit(site: Site) -> None:
    actor = site.actor("910001", Role.UNIT_ADMIN, "一支队")
    rows = rows_of("1,甲,,,", "2,乙,一大队,民警,", "3,丙,一支队/一大队,,", "4,丁,总队/一支队,,")
    plan = planned(site, actor, rows)
    own = "总队/一支队"
    assert [c.unit for c in plan.creates] == [own, f"{own}/一大队", f"{own}/一大队", own] and not plan.errors
    assert len(applied(site, actor, rows)) == 4


@pytest.mark.parametrize(
    "line",
    [
        "1,甲,总队,,",
        "1,甲,二支队,,",
        "1,甲,机关,,",
        "1,甲,新单位,,",
        "1,甲,一支队/新单位,,",
        "1,甲,一支队,单位管理员,",
        "1,甲,,系统管理员,",
        "020001,甲,,,",
        "020002,甲,一支队,,",
        "900001,甲,,,",
        "910001,甲,,,",
        "910002,甲,,民警,",
        "020003,甲,二支队,,",
    ],
)
def test_a_unit_admin_reaches_no_further(light_site: Site, light_admin: Actor, line: str) -> None:
    actor = light_site.actor("910001", Role.UNIT_ADMIN, "一支队")
    light_site.add("910002", Role.UNIT_ADMIN, "一大队")
    light_site.add("020001", unit="二支队")
    light_site.add("020002", unit=None)
    light_site.add("020003", unit="一大队")
    plan = planned(light_site, actor, rows_of(line))
    assert len(plan.errors) == 1 and not plan.creates and not plan.changes and not plan.new_units
    assert applied(light_site, actor, rows_of(line)) == ()


@pytest.mark.parametrize(
    ("who", "error"), [("officer", ForbiddenError), ("nobody", SignInError), ("one-time", SignInError)]
)
def test_rosters_are_closed_to_others(light_site: Site, light_admin: Actor, who: str, error: type[Exception]) -> None:
    actors = {
        "officer": light_site.actor("1"),
        "nobody": Actor(None),
        "one-time": light_site.actor("2", Role.ADMIN, None, must_change=True),
    }
    rows = rows_of("010205,王五,,,")
    digest = planned(light_site, light_admin, rows).digest
    assert fails(lambda: planned(light_site, actors[who], rows), error)
    assert fails(lambda: applied(light_site, actors[who], rows, digest), error)
    assert light_site.people.by_badge("010205") is None


def test_rows_made_by_hand_are_checked_all_the_same(site: Site, admin: Actor) -> None:
    rows = (RosterRow(2, "../x", "甲"),)
    assert fails(lambda: applied(site, admin, rows), InputError) and site.people.by_badge("../x") is None


def test_a_large_roster(light_site: Site) -> None:
    lines = [f"{number:06},张{number},总队/{number % 30}支队,民警,138{number:08}" for number in range(600)]
    made = applied(light_site, SYSTEM, rows_of(*lines))
    assert len({account.password for account in made}) == 600
    assert light_site.people.search(SYSTEM).total == 600 and audit.verify(light_site.database).broken_at is None


ACCOUNTS = (
    NewAccount("010203", "张三", "总队/一支队", "abcde-fghjk-mnpqr"),
    NewAccount("010204", '=HYPERLINK("http://x")', "@总队", "stuvw-xyz23-45678"),
)


def test_passwords_as_csv() -> None:
    data = passwords_csv(ACCOUNTS)
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert data.startswith(b"\xef\xbb\xbf") and rows[0] == ["警号", "姓名", "单位", "一次性密码"]
    assert rows[1] == ["010203", "张三", "总队/一支队", "abcde-fghjk-mnpqr"]
    assert rows[2][1].startswith("'=") and rows[2][2] == "'@总队"


def test_passwords_as_a_workbook_are_text() -> None:
    sheet = load_workbook(io.BytesIO(passwords_xlsx(ACCOUNTS))).active
    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[1]] == ["010203", "张三", "总队/一支队", "abcde-fghjk-mnpqr"]
    assert rows[2][1].value.startswith("'=") and all(cell.data_type == "s" for row in rows for cell in row)


def test_the_template_is_a_roster() -> None:
    (row,) = read_roster("a.csv", roster_template() + "010203,张三,,,".encode())
    assert row.badge == "010203" and not row.errors


_any = st.text(max_size=30)


@given(_any | st.builds(str.__add__, st.text(st.sampled_from("\t\r\n \u3000\x1f\xa0=+-@"), max_size=3), _any))
@example("=1+1").via("a formula")
@example("\t=1+1").via("after a tab")
def test_no_cell_is_a_formula(text: str) -> None:
    cell = guarded(text)
    assert cell in (text, f"'{text}") and not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not cell.startswith(("\t", "\r", "\n"))
