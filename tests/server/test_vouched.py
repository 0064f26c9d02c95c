"""People whom somebody else vouches for: an identity provider, a reverse proxy."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from starlette.testclient import TestClient

from study_bot.accounts.gate import SESSION_COOKIE
from study_bot.accounts.oidc import Arrived
from study_bot.errors import SignInError
from study_bot.settings import Settings
from tests.server.offices import ADMIN, OFFICER, TestOffice, post, served


@dataclass
class Provider:
    """A sign-in that has happened elsewhere; each state works once."""

    badge: str = OFFICER
    states: dict[str, str] = field(default_factory=dict)

    def begin(self, return_to: str) -> tuple[str, str]:
        state = f"state-{len(self.states)}"
        self.states[state] = return_to
        return f"https://login.example/authorize?state={state}", state

    def finish(self, state: str, code: str, error: str = "") -> Arrived:
        if error or code != "right" or state not in self.states:
            raise SignInError("统一身份认证没有通过。")
        return Arrived(self.badge, self.states.pop(state))


def begun(client: TestClient, wanted: str = "/reader/rules-2024") -> str:
    response = client.get("/sign-in/oidc", params={"next": wanted})
    assert response.headers["location"].startswith("https://login.example/")
    return response.headers["location"].split("state=")[1]


def test_by_a_provider(office: TestOffice, ids: dict[str, int]) -> None:
    provider = Provider()
    with served(TestOffice(office.database, office.settings, provider)) as client:
        assert 'href="/sign-in/oidc?next=%2Fadmin"' in client.get("/sign-in?next=/admin").text
        state = begun(client)
        response = client.get("/sign-in/oidc/back", params={"state": state, "code": "right"})
        assert response.headers["location"] == "/reader/rules-2024"
        assert SESSION_COOKIE in client.cookies
        assert "统一身份认证" in client.get("/account").text
        assert "密码请在那里修改" in client.get("/account/password").text
        assert post(client, "/sign-out").status_code == 303
        assert client.get("/sign-in/oidc/back", params={"state": state, "code": "right"}).status_code == 401

        for query in (
            {"state": begun(client), "code": "wrong"},
            {"state": begun(client), "error": "access_denied"},
            {},
        ):
            refused = client.get("/sign-in/oidc/back", params=query)
            assert (refused.status_code, "去登录" in refused.text) == (401, True)
            assert SESSION_COOKIE not in client.cookies
        assert begun(client, "//evil.example")
        assert set(provider.states.values()) <= {"/", "/reader/rules-2024"}


def test_the_browser_that_comes_back_is_the_one_that_went(office: TestOffice, ids: dict[str, int]) -> None:
    """Nobody is signed in as somebody else by an address that was sent to them."""
    with served(TestOffice(office.database, office.settings, Provider(ADMIN))) as client:
        state = begun(client)
        client.cookies.clear()
        response = client.get("/sign-in/oidc/back", params={"state": state, "code": "right"})
        assert (response.status_code, SESSION_COOKIE in client.cookies) == (401, False)


def test_no_provider(site: TestClient) -> None:
    site.cookies.clear()
    assert "统一身份认证" not in site.get("/sign-in").text
    assert site.get("/sign-in/oidc").status_code == 404
    assert site.get("/sign-in/oidc/back?state=x&code=y").status_code == 404


@pytest.mark.parametrize(("peer", "status"), [("10.0.0.1", 200), ("10.0.0.2", 303)])
def test_by_a_proxy_that_is_listed(office: TestOffice, ids: dict[str, int], peer: str, status: int) -> None:
    settings = Settings(proxy_addresses=("10.0.0.1",), proxy_user_header="X-User")
    with served(TestOffice(office.database, settings), client=(peer, 4000)) as client:
        client.headers["X-User"] = OFFICER
        page = client.get("/account")
        assert page.status_code == status
        if status == 200:
            assert "统一入口" in page.text
            assert post(client, "/account/sessions/revoke-others").status_code == 303
            assert client.post("/account/sessions/revoke-others", data={"csrf": "0"}).status_code == 403
        assert client.get("/admin").status_code in (303, 403)
