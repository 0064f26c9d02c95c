"""Every route and every event, tried as nobody, with a one-time password, as an officer, as a unit admin.

What is not on the written lists below must be refused; a new route fails here until somebody has thought about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from study_bot.accounts.gate import SESSION_COOKIE
from study_bot.accounts.roles import SYSTEM
from study_bot.ui.app import build_ui
from tests.server.real_site import (
    ADMIN,
    CLOSED,
    CONVERSATION,
    NEIGHBOUR,
    NEWCOMER,
    OFFICER,
    QUESTION,
    UNIT_ADMIN,
    RealSite,
    listening,
    real_site,
    routes,
)

Route = tuple[str, str]

EVERYBODY: set[Route] = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/ui/{name}"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/back"),
    ("GET", "/static/{path:path}"),
    ("GET", "/assets/{path:path}"),
    ("GET", "/favicon.ico"),
    ("GET", "/theme.css"),
    ("GET", "/robots.txt"),
}
"""Health, the sign-in itself, files of the program."""

ONE_TIME_PASSWORD = EVERYBODY | {("GET", "/account/password"), ("POST", "/account/password"), ("POST", "/sign-out")}

OFFICERS = ONE_TIME_PASSWORD | {
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/config"),
    ("POST", "/api/v1/ask"),
    ("POST", "/api/v1/search"),
    ("GET", "/api/v1/library"),
    ("GET", "/api/v1/documents/{version_id:path}"),
    ("GET", "/api/v1/status"),
    ("GET", "/reader/{version_id:path}"),
    ("GET", "/account"),
    ("POST", "/account/sessions/{session_id:int}/revoke"),
    ("POST", "/account/sessions/revoke-others"),
    # Gradio's own: the description of the page, and the events, each of which asks again who sends it.
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/app_id/"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/info/"),
    ("GET", "/gradio_api/heartbeat/{session_hash}"),
    ("GET", "/gradio_api/startup-events"),
    ("POST", "/gradio_api/queue/join"),
    ("GET", "/gradio_api/queue/data"),
    ("POST", "/gradio_api/run/{api_name}"),
    ("POST", "/gradio_api/run/{api_name}/"),
    ("POST", "/gradio_api/call/{api_name}"),
    ("POST", "/gradio_api/call/{api_name}/"),
    ("GET", "/gradio_api/call/{api_name}/{event_id}"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
    ("POST", "/gradio_api/reset/"),
}

UNIT_ADMINS = OFFICERS | {
    ("GET", "/admin"),
    ("GET", "/admin/figures.csv"),
    ("GET", "/admin/figures.xlsx"),
    ("GET", "/admin/people"),
    ("POST", "/admin/people"),
    ("GET", "/admin/people/new"),
    ("GET", "/admin/people/roster"),
    ("GET", "/admin/people/roster/template.csv"),
    ("POST", "/admin/people/roster"),
    ("GET", "/admin/people/roster/apply"),
    ("POST", "/admin/people/roster/apply"),
    ("GET", "/admin/people/passwords"),
    ("POST", "/admin/people/passwords"),
    ("GET", "/admin/people/passwords/shown"),
    ("GET", "/admin/people/{person_id:int}"),
    ("POST", "/admin/people/{person_id:int}"),
    ("POST", "/admin/people/{person_id:int}/active"),
    ("POST", "/admin/people/{person_id:int}/password"),
    ("POST", "/admin/people/{person_id:int}/sessions/{session_id:int}/revoke"),
    ("POST", "/admin/people/{person_id:int}/sessions/revoke-all"),
}
"""Of people, only those of their own unit: see below."""

REFUSED = (401, 403, 404, 405)

_NEEDING = ("/revoke", "revoke-all", "/password", "/active", "/cancel")
"""Ends of routes that would end a session, or need one, or a build under way."""

_STREAMS = ("heartbeat", "queue/data", "startup-events")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    with real_site(tmp_path_factory.mktemp("site")) as made:
        yield made


def address(site: RealSite, path: str, person: str = OFFICER) -> str:
    """A path with something that exists for each parameter."""
    values = {
        "person_id:int": site.people[person],
        "session_id:int": 1,
        "unit_id:int": 2,
        "file_id": site.published,
        "other_id": site.draft,
        "number": 1,
        "question_id": site.question,
        "question_id:int": site.question,
        "feedback_id": 1,
        "feedback_id:int": 1,
        "version_id:path": "rules-2024",
        "name": "app.css",
        "api_name": "chat",
        "session_hash": "s",
    }
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path.replace("{rest:path}", "x").replace("{path:path}", "x").replace("{", "").replace("}", "")


def send(client: TestClient, method: str, path: str) -> httpx.Response:
    if method == "POST" and path.startswith(("/api/", "/gradio_api/")):
        return client.post(path, json={})
    return client.request(method, path)


def is_refused(response: httpx.Response) -> bool:
    to_sign_in = response.status_code == 303 and response.headers["location"].startswith("/sign-in")
    return response.status_code in REFUSED or to_sign_in


def test_every_route_is_known(site: RealSite) -> None:
    """The lists hold nothing that is not there: a list that is too long would hide a mistake."""
    assert set(routes(site.app)) >= UNIT_ADMINS


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        pytest.param(None, EVERYBODY, id="nobody"),
        pytest.param(NEWCOMER, ONE_TIME_PASSWORD, id="one-time password"),
        pytest.param(OFFICER, OFFICERS, id="officer"),
        pytest.param(UNIT_ADMIN, UNIT_ADMINS, id="unit admin"),
    ],
)
def test_what_is_not_on_the_list_is_refused(site: RealSite, who: str | None, allowed: set[Route]) -> None:
    tried = 0
    with site.client(who) as client:
        for method, path in routes(site.app):
            if (method, path) in allowed:
                continue
            response = send(client, method, address(site, path))
            one_time = who == NEWCOMER and response.headers.get("location") == "/account/password"
            assert is_refused(response) or one_time, (who, method, path, response.status_code, response.text[:300])
            tried += 1
    assert tried > 60


def test_the_same_addresses_answer_an_admin(site: RealSite) -> None:
    """So that a refusal above is one of the person, not of a wrong address."""
    ours = [route for route in routes(site.app) if route[1].startswith("/admin") and "{rest" not in route[1]]
    with site.client(ADMIN) as client:
        for method, path in ours:
            if method not in ("GET", "POST") or path.endswith(
                ("/revoke", "revoke-all", "/password", "/active", "/cancel")
            ):
                continue  # they would end a session, or need one
            if (method, path) == ("POST", "/admin"):
                continue  # answered by what answers everything else
            response = client.get(address(site, path)) if method == "GET" else client.post(address(site, path), data={})
            assert response.status_code not in (401, 403, 404, 405, 500), (method, path, response.text[:300])


def test_what_is_on_the_list_answers(site: RealSite) -> None:
    for who, allowed in ((None, EVERYBODY), (OFFICER, OFFICERS), (UNIT_ADMIN, UNIT_ADMINS)):
        with site.client(who) as client:
            for method, path in allowed:
                if method != "GET" or any(stream in path for stream in _STREAMS) or "{path:path}" in path:
                    continue
                if path.startswith(("/sign-in/oidc", "/gradio_api/call", "/readyz")):
                    continue
                response = client.get(address(site, path))
                assert response.status_code in (200, 303), (who, path, response.status_code)
                assert not is_refused(response), (who, path)


@pytest.mark.parametrize("why", ["forged", "signed out", "closed", "turned round", "empty", "long"])
def test_a_cookie_that_is_no_session_is_nobodys(site: RealSite, why: str) -> None:
    token = site.token(CLOSED if why == "closed" else OFFICER)
    if why == "signed out":
        site.office.sign_in.sign_out(token)
    elif why == "closed":
        site.office.people.set_active(SYSTEM, site.people[CLOSED], False)
    else:
        token = {"forged": "A" * 43, "turned round": token[::-1], "empty": "", "long": "x" * 5000}[why]
    with site.client() as client:
        client.cookies.set(SESSION_COOKIE, token)
        for method, path in routes(site.app):
            if (method, path) not in EVERYBODY:
                response = send(client, method, address(site, path))
                assert is_refused(response), (why, method, path, response.status_code)


def test_a_unit_admin_reaches_nobody_of_another_unit(site: RealSite) -> None:
    tried = 0
    for person in (NEIGHBOUR, ADMIN, UNIT_ADMIN):
        with site.client(UNIT_ADMIN) as client:
            for method, path in routes(site.app):
                if "{person_id" not in path or (person == UNIT_ADMIN and "/sessions/" in path):
                    continue  # one's own sessions are one's own
                response = client.request(method, address(site, path, person), data={"active": "0", "badge": "1002"})
                assert response.status_code in (403, 404), (person, method, path, response.status_code)
                tried += 1
        assert site.office.people.person(site.people[person]).active
    assert tried >= 15


# --- events of Gradio -------------------------------------------------------------------------------------------------


@contextmanager
def visitor(url: str, token: str | None = None) -> Iterator[httpx.Client]:
    """A program that speaks to Gradio with a session's cookie, or without one."""
    with httpx.Client(base_url=url, cookies={SESSION_COOKIE: token} if token else None, timeout=30) as client:
        yield client


def events_of(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Events with a handler of ours, by name."""
    return {d["api_name"]: d for d in client.get("/config").json()["dependencies"] if d["backend_fn"]}


def values_for(event: dict[str, Any]) -> list[Any]:
    if event["api_name"] == "chat":
        return [QUESTION, None, None, None, False]
    return ["{}"] * len(event["inputs"])


def outcome(client: httpx.Client, event: dict[str, Any], data: list[Any]) -> dict[str, Any]:
    """What the queue says of an event in the end."""
    session = f"session-{event['id']}"
    body = {"data": data, "fn_index": event["id"], "session_hash": session, "trigger_id": None}
    joined = client.post("/gradio_api/queue/join", json=body)
    if joined.status_code != 200:
        return {"success": False, "output": {"error": f"{joined.status_code}: {joined.text}"}}
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and (message := json.loads(line[5:])).get("msg") == "process_completed":
                return dict(message)
    raise AssertionError("the stream ended before the event")


def words(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False)


def asked(site: RealSite) -> int:
    """Questions that reached the services."""
    return len(site.services.questions)


def test_every_event_stops_at_the_door(site: RealSite) -> None:
    before = asked(site)
    with listening(site.app) as url:
        with visitor(url, site.token(ADMIN)) as admin:
            events = events_of(admin)
        assert len(events) > 10
        for token in (None, "A" * 43, site.token(NEWCOMER)):
            with visitor(url, token) as client:
                for name, event in events.items():
                    body = {"data": values_for(event), "fn_index": event["id"], "session_hash": "s"}
                    for path in ("queue/join", "run/predict", f"run/{name}", f"call/{name}"):
                        response = client.post(f"/gradio_api/{path}", json=body)
                        assert response.status_code in (401, 403), (name, path, response.text[:200])
                assert client.get("/gradio_api/queue/data?session_hash=s").status_code in (401, 403)
    assert asked(site) == before


def test_every_event_asks_by_itself_who_sends_it(site: RealSite) -> None:
    """The same page without the door before it: as nobody, no handler does anything."""
    before, bare = asked(site), FastAPI()
    gr.mount_gradio_app(bare, build_ui(site.services, site.office), path="/", show_error=False)
    with listening(bare) as url, visitor(url) as client:
        for name, event in events_of(client).items():
            message = outcome(client, event, values_for(event))
            # There is nothing to go on with for `stream` unless `accept` let a question in, which it refuses.
            assert not message["success"] or "请先登录" in words(message) or name == "stream", (name, message)
    assert asked(site) == before


def test_nobody_else_reads_or_changes_an_officers_history(site: RealSite) -> None:
    with listening(site.app) as url:
        with visitor(url, site.token(OFFICER)) as owner:
            events = events_of(owner)
            opened = outcome(owner, events["act"], [wish("open"), 1])
            assert QUESTION in words(opened) and "turn" in words(opened), "the owner can"
        for badge in (NEIGHBOUR, UNIT_ADMIN, ADMIN):
            with visitor(url, site.token(badge)) as client:
                for act in ("open", "delete", "forget"):
                    assert QUESTION not in words(outcome(client, events["act"], [wish(act), 1])), (badge, act)
                for name, event in events.items():
                    if name.startswith(("first", "more")):
                        assert QUESTION not in words(outcome(client, event, [1] * len(event["inputs"]))), (badge, name)
    kept = site.office.questions.conversation(site.actor(OFFICER), CONVERSATION)
    assert [question.question for question in kept] == [QUESTION]


def wish(act: str) -> str:
    return json.dumps({"do": act, "id": CONVERSATION})


def test_question_records_of_officers_are_an_admins_to_read(site: RealSite) -> None:
    for who in (OFFICER, NEIGHBOUR, UNIT_ADMIN):
        with site.client(who) as client:
            for path in ("/admin", "/admin/questions", "/admin/feedback", "/admin/audit", "/admin/figures.csv"):
                assert "officer's own words" not in client.get(path).text
                assert who == OFFICER or QUESTION not in client.get(path).text
