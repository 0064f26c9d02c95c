"""People, units, rosters: what the pages do, and for whom."""

from __future__ import annotations

import base64
import re

import pytest
from starlette.testclient import TestClient

from study_bot.accounts.person_changes import NewPerson
from study_bot.accounts.roles import SYSTEM, Role
from tests.server.offices import (
    ADMIN,
    NEIGHBOUR,
    OFFICER,
    PASSWORD,
    UNIT_ADMIN,
    TestOffice,
    newcomer,
    post,
    sign_in,
    token_in,
)


@pytest.fixture
def client(site: TestClient) -> TestClient:
    site.cookies.clear()
    return site


def test_an_admin_finds_makes_and_changes_people(client: TestClient, office: TestOffice, ids: dict[str, int]) -> None:
    sign_in(client, ADMIN)
    page = client.get("/admin/people").text
    assert all(name in page for name in ("张三", "李四", "王五", "赵六"))
    assert "李四" not in client.get("/admin/people?text=张").text
    assert "没有符合条件的人员" in client.get("/admin/people?text=<b>%00nobody").text
    unit = office.units.tree(SYSTEM)[0].id
    form = {"badge": "4001", "name": "周九", "unit": str(unit), "role": "unit_admin", "phone": "010-1234"}
    made = post(client, "/admin/people", **form)
    password = re.search(r'id="password">([a-z0-9-]+)<', made.text)
    assert password
    assert made.headers["cache-control"] == "no-store"
    taken = post(client, "/admin/people", **form)
    assert (taken.status_code, "周九" in taken.text, "已有账号" in taken.text) == (422, True, True)
    person = office.people.by_badge("4001")
    assert person and (person.role, person.phone) == (Role.UNIT_ADMIN, "010-1234")
    place = f"/admin/people/{person.id}"
    stale = {**form, "name": "周玖", "revision": "1"}
    assert post(client, place, **stale).status_code == 303
    assert "已保存" in client.get(place).text
    late = post(client, place, **stale)
    assert (late.status_code, "已被他人修改" in late.text) == (422, True)
    assert sign_in(client, "4001", password.group(1)).status_code == 303


def test_closing_opening_and_resetting(client: TestClient, office: TestOffice, ids: dict[str, int]) -> None:
    number = newcomer(office, "4002", "郑十")
    held = office.sign_in.sign_in("4002", PASSWORD, "10.0.0.9", "Firefox/140")
    sign_in(client, ADMIN)
    place = f"/admin/people/{number}"
    assert "10.0.0.9" in client.get(place).text
    post(client, f"{place}/active", active="no")
    assert "已停用" in client.get(place).text
    assert office.sign_in.session(held.token) is None
    post(client, f"{place}/active", active="yes")
    reset = post(client, f"{place}/password")
    password = re.search(r'id="password">([a-z0-9-]+)<', reset.text)
    assert password
    assert sign_in(client, "4002", password.group(1)).headers["location"] == "/account/password"
    sign_in(client, ADMIN)
    own = post(client, f"/admin/people/{ids[ADMIN]}/active", active="no")
    assert (own.status_code, "不能停用自己" in own.text) == (422, True)


def test_a_unit_admin_sees_officers_of_the_unit_only(
    client: TestClient, office: TestOffice, ids: dict[str, int]
) -> None:
    sign_in(client, UNIT_ADMIN)
    page = client.get("/admin/people").text
    assert "张三" in page
    assert not any(name in page.split("<table")[1] for name in ("李四", "赵六"))
    assert client.get(f"/admin/people/{ids[OFFICER]}").status_code == 200
    for badge in (NEIGHBOUR, ADMIN):
        place = f"/admin/people/{ids[badge]}"
        assert client.get(place).status_code == 404
        fields = {"badge": badge, "name": "改", "role": "officer", "revision": "1", "unit": "1"}
        for path, data in ((place, fields), (f"{place}/active", {"active": "no"}), (f"{place}/password", {}),
                           (f"{place}/sessions/revoke-all", {}), (f"{place}/sessions/1/revoke", {})):  # fmt: skip
            assert post(client, path, **data).status_code in (403, 404, 422), path
    raised = post(
        client, f"/admin/people/{ids[OFFICER]}", badge=OFFICER, name="张三", role="admin", unit="1", revision="2"
    )
    assert raised.status_code == 403
    for path in ("/admin/people/units", "/admin/people/units/1", "/admin/audit"):
        assert client.get(path).status_code == 403
    for path in ("/admin/people/units", "/admin/people/units/1/remove", "/admin/audit/verify", "/admin/audit/export"):
        assert post(client, path, name="x").status_code == 403
    assert sign_in(client, OFFICER).status_code == 303
    assert sign_in(client, NEIGHBOUR).status_code == 303


def test_an_officer_reaches_none_of_it(client: TestClient, ids: dict[str, int]) -> None:
    sign_in(client, OFFICER)
    token = token_in(client.get("/account").text)
    below = ("", f"/{ids[OFFICER]}", f"/{ids[OFFICER]}/password", "/units", "/roster", "/roster/apply")
    for path in ("/admin/audit/export", *("/admin/people" + rest for rest in below)):
        assert client.post(path, data={"csrf": token}).status_code == 403
        assert client.get(path).status_code == 403


def test_units(client: TestClient, office: TestOffice) -> None:
    sign_in(client, ADMIN)
    root = office.units.add(SYSTEM, "另一总队").id
    first = office.units.add(SYSTEM, "一支队", root).id
    post(client, "/admin/people/units", name="三支队", parent=str(root))
    page = client.get("/admin/people/units").text
    assert "已新增“三支队”" in page
    third = next(unit for unit in office.units.tree(SYSTEM) if unit.name == "三支队")
    place = f"/admin/people/units/{third.id}"
    post(client, place, name="特勤大队", parent=str(first))
    assert "另一总队/一支队/特勤大队" in client.get(place).text
    post(client, f"/admin/people/units/{first}", name="一支队", parent=str(third.id))
    assert "不能移到自己" in client.get(f"/admin/people/units/{first}").text
    post(client, f"/admin/people/units/{first}/remove")
    assert "还有下级单位" in client.get(f"/admin/people/units/{first}").text
    post(client, f"{place}/remove")
    assert client.get(place).status_code == 404


ROSTER = "警号,姓名,单位,角色,电话\n5001,甲,总队/四支队,民警,\n5003,张叁,,,\n5002,,,,\n=1+1,乙,,,\n".encode()


def test_a_roster_from_the_file_to_the_passwords(client: TestClient, office: TestOffice, ids: dict[str, int]) -> None:
    newcomer(office, "5003", "张三")
    sign_in(client, ADMIN)
    token = token_in(client.get("/admin/people/roster").text)
    seen = client.post("/admin/people/roster", data={"csrf": token}, files={"file": ("r.csv", ROSTER)})
    assert "总队/四支队" in seen.text
    assert "<del>张三</del> <ins>张叁</ins>" in seen.text
    assert office.people.by_badge("5001") is None
    hidden = dict(re.findall(r'name="(name|digest|packed)" value="([^"]*)"', seen.text))
    done = client.post("/admin/people/roster/apply", data={"csrf": token, **hidden})
    password = re.search(r'class="mono nowrap">([a-z0-9-]+)<', done.text)
    assert password
    files = dict(re.findall(r'href="data:([^;]+)[^"]*;base64,([^"]+)"', done.text))
    assert password.group(1) in base64.b64decode(files["text/csv"]).decode()
    assert len(files) == 2
    assert sign_in(client, "5001", password.group(1)).status_code == 303
    sign_in(client, ADMIN)
    again = post(client, "/admin/people/roster/apply", **hidden)
    assert (again.status_code, "重新预览" in again.text) == (422, True)


def test_what_was_shown_once_leads_on_when_the_page_is_asked_for_again(client: TestClient) -> None:
    sign_in(client, UNIT_ADMIN)
    assert client.get("/admin/people/roster/apply").headers["location"] == "/admin/people/roster"
    page = client.get("/admin/people/passwords/shown")
    assert (page.status_code, "只显示一次" in page.text, "/admin/people?active=waiting" in page.text) == (
        200,
        True,
        True,
    )


def test_one_time_passwords_are_issued_again(client: TestClient, office: TestOffice, ids: dict[str, int]) -> None:
    own = next(unit.id for unit in office.units.tree(SYSTEM) if unit.path == "总队/一支队")
    made = [office.people.create(SYSTEM, NewPerson(f"70{n}", f"新{n}", own)) for n in range(3)]
    elsewhere, _ = office.people.create(SYSTEM, NewPerson("709", "外单位"))
    sign_in(client, UNIT_ADMIN)
    listing = client.get("/admin/people?active=waiting").text
    assert "新0" in listing and "外单位" not in listing and "张三" not in listing
    all_of_them = client.get("/admin/people/passwords?who=all&text=70").text
    assert "将为下面 3 人" in all_of_them and "外单位" not in all_of_them
    nobody = client.get("/admin/people/passwords?who=ticked&text=70")
    assert "没有选中人员" in client.get(nobody.headers["location"]).text and "text=70" in nobody.headers["location"]
    first = made[0][0].id
    asked = client.get(f"/admin/people/passwords?who=ticked&id={first}&id={elsewhere.id}&id=x").text
    assert "将为下面 1 人" in asked and f'name="ids" value="{first}"' in asked
    others = "-".join(str(number) for number in (first, made[1][0].id, elsewhere.id, ids[OFFICER], ids[ADMIN]))
    done = post(client, "/admin/people/passwords", ids=others)
    given = dict(re.findall(r'警号">(\w+)<.*?nowrap">([a-z0-9-]+)<', done.text))
    assert set(given) == {"700", "701"} and "为 2 人重发" in done.text
    assert "own-address" in done.text and done.headers["cache-control"] == "no-store"
    assert sign_in(client, "700", made[0][1]).status_code == 401
    assert sign_in(client, "702", made[2][1]).status_code == 303
    assert sign_in(client, "700", given["700"]).headers["location"] == "/account/password"
    assert sign_in(client, OFFICER).status_code == 303
    sign_in(client, ADMIN)
    assert "批量重发一次性密码" in client.get("/admin/audit").text


@pytest.mark.parametrize("ids_given", ["", "x", "1-x", "1e5", "9" * 40, "-".join(["1"] * 10_001), "9999998"])
def test_issuing_again_for_nobody_changes_nothing(client: TestClient, ids_given: str) -> None:
    sign_in(client, ADMIN)
    answer = post(client, "/admin/people/passwords", ids=ids_given)
    assert answer.status_code == (303 if ids_given == "9999998" else 422)


def test_numbers_that_lost_their_zeros_are_pointed_out(client: TestClient) -> None:
    sign_in(client, ADMIN)
    token = token_in(client.get("/admin/people/roster").text)
    rows = "警号,姓名\n080002,甲\n080003,乙\n80001,丙\n".encode()
    page = client.post("/admin/people/roster", data={"csrf": token}, files={"file": ("r.csv", rows)}).text
    assert "第 4 行 80001" in page


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [("r.csv", b"", "名册"), ("r.xlsx", b"PK\x03\x04rubbish", ""), ("<b>.csv", b"a,b\n1,2", ""), ("r.exe", b"MZ", "")],
)
def test_files_that_are_no_rosters(client: TestClient, name: str, data: bytes, words: str) -> None:
    sign_in(client, ADMIN)
    token = token_in(client.get("/admin/people/roster").text)
    response = client.post("/admin/people/roster", data={"csrf": token}, files={"file": (name, data)})
    assert (response.status_code, "flash-bad" in response.text) == (422, True)
    assert "<b>.csv" not in response.text
    for packed in ("!!", "QQ==", ""):
        bad = post(client, "/admin/people/roster/apply", name=name, digest="0", packed=packed)
        assert bad.status_code == 422


def test_the_trail_is_read_checked_and_taken_away(client: TestClient, ids: dict[str, int]) -> None:
    sign_in(client, OFFICER, "=HYPERLINK(1)")
    sign_in(client, ADMIN)
    page = client.get("/admin/audit").text
    assert "登录失败" in page
    assert "没有符合条件" in client.get("/admin/audit?first=2999-01-01").text
    assert "新增单位" not in client.get("/admin/audit?area=session&last=nonsense&page=1").text
    assert "没有符合条件" in client.get("/admin/audit?text=%25nobody").text
    assert "日志完好" in post(client, "/admin/audit/verify").text
    export = post(client, "/admin/audit/export", kind="csv")
    assert export.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in export.headers["content-disposition"]
    assert post(client, "/admin/audit/export", kind="jsonl").text.count("\n") > 10
    assert "导出审计记录" in client.get("/admin/audit").text
