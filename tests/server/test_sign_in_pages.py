"""Signing in and out, the first password, one's own sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from study_bot.accounts.gate import SESSION_COOKIE
from study_bot.accounts.person_changes import NewPerson
from study_bot.accounts.roles import SYSTEM
from study_bot.server.sign_in_pages import safe_next
from study_bot.settings import Settings
from tests.server.offices import (
    ADMIN,
    NEIGHBOUR,
    OFFICER,
    PASSWORD,
    TestOffice,
    newcomer,
    post,
    served,
    sign_in,
    token_in,
)


@pytest.fixture
def client(site: TestClient) -> TestClient:
    site.cookies.clear()
    return site


def test_in_and_out(client: TestClient) -> None:
    response = sign_in(client, OFFICER, wanted="/reader/rules-2024?start=3")
    assert (response.status_code, response.headers["location"]) == (303, "/reader/rules-2024?start=3")
    cookie = next(c for c in response.headers.get_list("set-cookie") if c.startswith(SESSION_COOKIE))
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert client.get("/").status_code == 200
    assert client.get("/sign-in?next=/account").headers["location"] == "/account"
    response = post(client, "/sign-out")
    assert response.headers["location"] == "/sign-in?left=1"
    assert "已退出登录" in client.get("/sign-in?left=1").text
    assert client.get("/").headers["location"] == "/sign-in"


def test_the_cookie_is_secure_where_the_site_is(office: TestOffice, ids: dict[str, int]) -> None:
    secure = TestOffice(office.database, Settings(site_url="https://study.example"))
    with served(secure, base_url="https://study.example") as client:
        cookies = sign_in(client, OFFICER).headers.get_list("set-cookie")
        assert all("Secure" in cookie for cookie in cookies)


def test_a_cookie_of_before_is_worth_nothing_after(client: TestClient) -> None:
    """A session cannot be handed to somebody who then signs in with it."""
    client.cookies.set(SESSION_COOKIE, "x" * 43)
    sign_in(client, OFFICER)
    assert client.cookies[SESSION_COOKIE] != "x" * 43
    old = client.cookies[SESSION_COOKIE]
    post(client, "/sign-out")
    client.cookies.set(SESSION_COOKIE, old)
    assert client.get("/").status_code == 303


def test_wrong_words_tell_nothing_and_lock(client: TestClient, office: TestOffice) -> None:
    newcomer(office, "3003", "吴九")
    wrong = sign_in(client, "3003", "not this one")
    unknown = sign_in(client, "7777", "not this one")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert 'value="3003"' in wrong.text
    assert "not this one" not in wrong.text
    assert wrong.text.split("flash")[1:2] == unknown.text.split("flash")[1:2]
    for _ in range(3):
        locked = sign_in(client, "3003", "not this one")
    assert "次数" in locked.text
    assert sign_in(client, "3003").status_code == 401


def test_no_form_without_its_token(client: TestClient) -> None:
    client.get("/sign-in")
    form = {"badge": OFFICER, "password": PASSWORD}
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        response = client.post("/sign-in", data={**form, **token})
        assert response.status_code == 403
        assert "页面已过期" in response.text
        assert SESSION_COOKIE not in client.cookies
    sign_in(client, OFFICER)
    assert client.post("/sign-out", data={}).status_code == 403
    assert client.post("/sign-out", data={"csrf": "é"}).status_code == 403
    assert client.get("/").status_code == 200


def test_the_first_password_must_be_changed(client: TestClient, office: TestOffice) -> None:
    _, once = office.people.create(SYSTEM, NewPerson("3001", "孙八"))
    assert sign_in(client, "3001", once, "/account").headers["location"] == "/account/password"
    assert client.get("/account").headers["location"] == "/account/password"
    page = "/account/password"
    different = post(client, page, page, old=once, new="silver tree 88 walks", again="silver tree 89 walks")
    assert "不一样" in different.text
    weak = post(client, page, page, old=once, new="3001300130", again="3001300130")
    assert (weak.status_code, "3001300130" in weak.text) == (422, False)
    done = post(client, page, page, old=once, new="silver tree 88 walks", again="silver tree 88 walks")
    assert done.headers["location"] == "/"
    assert "密码已修改" not in client.get("/account").text  # no message waits for a page it does not belong to
    assert sign_in(client, "3001", once).status_code == 401
    assert sign_in(client, "3001", "silver tree 88 walks").headers["location"] == "/"


def test_ones_own_sessions_and_nobody_elses(client: TestClient, office: TestOffice) -> None:
    newcomer(office, "3004", "冯一")
    other = office.sign_in.sign_in("3004", PASSWORD, "10.0.0.7", "Mozilla/5.0 (Windows NT 10.0) Chrome/150 Edg/150")
    foreign = office.sign_in.sign_in(NEIGHBOUR, PASSWORD, "", "")
    ids = {
        b: office.gate.caller({SESSION_COOKIE: s.token}, {}, None).session for b, s in (("o", other), ("f", foreign))
    }
    sign_in(client, "3004")
    page = client.get("/account").text
    assert "Edge · Windows" in page
    assert "10.0.0.7" in page
    assert ids["o"] and ids["f"]
    assert post(client, f"/account/sessions/{ids['f'].id}/revoke").status_code == 404
    assert office.sign_in.session(foreign.token)
    assert post(client, f"/account/sessions/{ids['o'].id}/revoke").status_code == 303
    assert office.sign_in.session(other.token) is None
    office.sign_in.sign_in("3004", PASSWORD, "", "")
    post(client, "/account/sessions/revoke-others")
    assert "已让其他 1 台设备退出登录" in client.get("/account").text
    assert client.get("/account").status_code == 200


def test_an_admin_may_not_end_sessions_by_the_page_of_the_account(client: TestClient, office: TestOffice) -> None:
    foreign = office.sign_in.sign_in(NEIGHBOUR, PASSWORD, "", "")
    number = office.gate.caller({SESSION_COOKIE: foreign.token}, {}, None).session
    sign_in(client, ADMIN)
    assert number
    assert post(client, f"/account/sessions/{number.id}/revoke").status_code == 404


def test_messages_cannot_be_forged(client: TestClient, office: TestOffice) -> None:
    newcomer(office, "3005", "陈二")
    sign_in(client, "3005")
    post(client, "/account/sessions/revoke-others")
    post(client, "/account/sessions/revoke-others")
    assert "没有其他已登录的设备" in client.get("/account").text
    assert "没有其他已登录的设备" not in client.get("/account").text
    for forged in ("WyJnb29kIiwieCJd.00", "x", ".", "!!.00", '["good","x"]'):
        client.cookies.set("study_bot_flash", forged)
        assert client.get("/account").status_code == 200


def test_what_is_written_on_the_page_is_escaped(client: TestClient) -> None:
    response = sign_in(client, '"><script>alert(1)</script>{{7*7}}', "x", '/"><script>')
    assert "<script>alert" not in response.text
    assert "49" not in response.text.split("<form")[1].split("csrf")[0]
    assert token_in(response.text)


@given(st.text(max_size=60) | st.from_regex(r"[/\\]{1,3}[a-z./\\@:%?#]{0,20}", fullmatch=True))
def test_the_way_on_never_leads_elsewhere(wanted: str) -> None:
    found = safe_next(wanted)
    assert found.startswith("/")
    assert found[1:2] not in ("/", "\\")
    assert not set(found) & set("\r\n\t\\")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("/admin?page=2", "/admin?page=2"), ("//x.example", "/"), ("/\\x", "/"), ("http://x", "/"), ("", "/"),
     ("/a\r\nSet-Cookie: x", "/"), ("/sign-out", "/"), ("/sign-in?next=/", "/"), ("/\t/x", "/"), ("/a\\b", "/")],
)  # fmt: skip
def test_ways_on(wanted: str, found: str) -> None:
    assert safe_next(wanted) == found
