"""The door: who passes where, and nothing is changed from another site."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from study_bot.accounts.gate import SESSION_COOKIE
from study_bot.accounts.person_changes import NewPerson
from study_bot.accounts.roles import SYSTEM
from study_bot.accounts.sessions import BY_PASSWORD
from study_bot.server.guard import from_own_page
from study_bot.settings import Settings
from tests.server.offices import ADMIN, OFFICER, TestOffice, served

Enter = Callable[[str], TestClient]

QUESTION = {"question": "学习管理规定第九条讲什么？"}


@pytest.fixture
def door(site: TestClient) -> TestClient:
    site.cookies.clear()
    return site


@pytest.fixture
def enter(door: TestClient, office: TestOffice) -> Enter:
    """Gives the client with a session of a person's."""

    def entered(badge: str) -> TestClient:
        session = office.sign_in.sign_in_trusted(badge, BY_PASSWORD, "", "")
        door.cookies.set(SESSION_COOKIE, session.token)
        return door

    return entered


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/ui/app.css", "/theme.css", "/favicon.ico"])
def test_what_everybody_may_fetch(door: TestClient, path: str) -> None:
    assert door.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/reader/rules-2024?start=3&end=9", "/admin", "/admin/people?page=2", "/account"]
)
def test_pages_lead_to_the_sign_in(door: TestClient, path: str) -> None:
    response = door.get(path)
    assert response.status_code == 303
    wanted = "" if path == "/" else "?next=" + path.replace("?", "%3F").replace("=", "%3D").replace("&", "%26")
    assert response.headers["location"] == "/sign-in" + wanted
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/ask"), ("GET", "/api/v1/library"), ("GET", "/api/nope"), ("GET", "/config"),
        ("GET", "/gradio_api/info"), ("POST", "/gradio_api/queue/join"), ("GET", "/gradio_api/queue/data"),
        ("POST", "/gradio_api/run/predict"), ("GET", "/gradio_api/heartbeat/x"), ("GET", "/metrics"), ("GET", "/nope"),
    ],
)  # fmt: skip
def test_programs_are_told_to_sign_in(door: TestClient, method: str, path: str) -> None:
    response = door.request(method, path, json=QUESTION if method == "POST" else None)
    assert (response.status_code, response.json()["code"]) == (401, "sign_in")


def test_an_officer_asks_and_reaches_nothing_of_the_admins(enter: Enter) -> None:
    door = enter(OFFICER)
    assert door.post("/api/v1/ask", json=QUESTION).status_code == 200
    assert "张三" in door.get("/").text
    assert "/admin" not in door.get("/").text
    for path in ("/admin", "/admin/", "/admin/people", "/admin/nope"):
        response = door.get(path)
        assert response.status_code == 403
        assert "只对管理员开放" in response.text
    assert door.get("/metrics").status_code == 403


def test_questions_to_the_interface_are_kept_too(enter: Enter, office: TestOffice, ids: dict[str, int]) -> None:
    session = office.sign_in.sign_in_trusted(OFFICER, BY_PASSWORD, "", "")
    actor = office.gate.actor({SESSION_COOKIE: session.token}, {}, None)
    before = office.questions.own(actor, 1).total
    enter(OFFICER).post("/api/v1/ask", json=QUESTION)
    assert office.questions.own(actor, 1).total == before + 1


def test_admins_see_a_page_for_what_is_not_there(enter: Enter) -> None:
    door = enter(ADMIN)
    response = door.get("/admin/nope")
    assert (response.status_code, "没有这个页面" in response.text) == (404, True)
    assert 'aria-label="管理菜单"' in response.text
    assert door.get("/metrics").status_code == 200
    asked_by_script = door.get("/admin/nope", headers={"accept": "application/json"})
    assert asked_by_script.json()["code"] == "not_found"


def test_a_one_time_password_is_good_for_one_thing(enter: Enter, office: TestOffice) -> None:
    office.people.create(SYSTEM, NewPerson("1003", "钱七"))
    door = enter("1003")
    for path in ("/", "/account", "/admin", "/reader/rules-2024"):
        assert door.get(path).headers["location"] == "/account/password"
    response = door.post("/api/v1/ask", json=QUESTION)
    assert (response.status_code, response.json()["code"]) == (403, "must_change_password")


@pytest.mark.parametrize("path", ["/api/v1/ask", "/gradio_api/queue/join", "/sign-in", "/sign-out", "/admin/people"])
@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
def test_nothing_is_changed_from_another_site(enter: Enter, path: str, headers: dict[str, str]) -> None:
    response = enter(ADMIN).post(path, json=QUESTION, headers=headers)
    assert response.status_code == 403
    assert "来自别的网站" in response.text


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"host": "study:7860", "origin": "http://study:7860"}, True),
        ({"host": "study:7860", "origin": "http://study"}, False),
        ({"host": "inner", "origin": "https://study.example"}, True),
        ({"host": "inner", "origin": "https://inner", "sec-fetch-site": "same-site"}, False),
        ({"host": "inner", "origin": "https://x", "sec-fetch-site": "same-origin"}, True),
        ({"host": "", "origin": "null"}, False),
    ],
)
def test_origins(headers: dict[str, str], own: bool) -> None:
    assert from_own_page(Headers(headers), "study.example") is own


def test_under_a_prefix(office: TestOffice, ids: dict[str, int]) -> None:
    session = office.sign_in.sign_in_trusted(ADMIN, BY_PASSWORD, "", "")
    with served(TestOffice(office.database, Settings(root_path="/study"))) as door:
        assert door.get("/study/").headers["location"] == "/study/sign-in"
        assert door.get("/admin").headers["location"] == "/study/sign-in?next=/admin"
        assert door.get("/study/healthz").status_code == 200
        door.cookies.set(SESSION_COOKIE, session.token)
        assert 'action="/study/sign-out"' in door.get("/study/admin/nope").text


def test_large_bodies_only_where_files_are_handed_over(enter: Enter) -> None:
    door, body = enter(ADMIN), b"x" * 2_000_000
    assert door.post("/admin/files/upload", content=body).status_code != 413
    assert door.post("/admin/people", content=body).status_code == 413
    assert "内容太大" in door.post("/admin/people", content=body).text
