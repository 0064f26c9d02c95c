from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from study_bot.accounts.oidc import Oidc
from study_bot.errors import SettingsError, SignInError
from study_bot.settings import Settings
from study_bot.storage.database import Database
from tests.accounts.provider import CLIENT, SECRET, FakeProvider, running_provider
from tests.accounts.site import Clock

SITE = "https://study.example/base/"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with running_provider() as provider:
        yield provider


def made(provider: FakeProvider, database: Database, clock: Clock | None = None, **changed: Any) -> Oidc:
    given: dict[str, Any] = {
        "oidc_issuer": provider.address, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET),
        "site_url": SITE,
    }  # fmt: skip
    return Oidc(Settings(**(given | changed)), database, clock or Clock())


def come_back(provider: FakeProvider, oidc: Oidc) -> str:
    address, state = oidc.begin("/admin?x=1")
    back = provider.enter(address)
    assert back["state"] == state
    return oidc.finish(state, back["code"]).badge


def test_who_signs_in_there_comes_back_with_a_badge(provider: FakeProvider, database: Database) -> None:
    oidc = made(provider, database)
    address, state = oidc.begin("/admin?x=1")
    back = provider.enter(address)
    assert provider.codes["code-1"]["redirect_uri"] == "https://study.example/base/sign-in/oidc/back"
    arrived = oidc.finish(back["state"], back["code"])
    assert (arrived.badge, arrived.return_to) == ("010203", "/admin?x=1") and state not in str(provider.redeemed)


def test_a_state_works_once(provider: FakeProvider, database: Database) -> None:
    oidc = made(provider, database)
    address, state = oidc.begin("")
    oidc.finish(state, provider.enter(address)["code"])
    provider.enter(address, "code-2")
    with pytest.raises(SignInError, match="已经用过"):
        oidc.finish(state, "code-2")


def test_a_failure_uses_the_state_up_too(provider: FakeProvider, database: Database) -> None:
    oidc = made(provider, database)
    address, state = oidc.begin("")
    provider.enter(address)
    for code in ("made-up", "code-1"):
        with pytest.raises(SignInError):
            oidc.finish(state, code)
    assert not provider.redeemed


def test_a_state_runs_out(provider: FakeProvider, database: Database) -> None:
    clock = Clock()
    oidc = made(provider, database, clock)
    address, state = oidc.begin("")
    clock.forward(minutes=10)
    with pytest.raises(SignInError, match="10 分钟"):
        oidc.finish(state, provider.enter(address)["code"])


@pytest.mark.parametrize("state", ["", "x", "x" * 100_000, "\0", "\ud800", "' OR 1=1 --"])
def test_a_state_that_was_never_given_is_refused(provider: FakeProvider, light_database: Database, state: str) -> None:
    oidc = made(provider, light_database)
    provider.enter(oidc.begin("")[0])
    with pytest.raises(SignInError):
        oidc.finish(state, "code-1")
    assert not provider.redeemed


def test_what_the_provider_refuses_is_told(provider: FakeProvider, light_database: Database) -> None:
    oidc = made(provider, light_database)
    _, state = oidc.begin("")
    with pytest.raises(SignInError, match="没有通过"):
        oidc.finish(state, "", "access_denied")


def test_somebody_elses_code_does_not_fit(provider: FakeProvider, light_database: Database) -> None:
    oidc = made(provider, light_database)
    theirs = provider.enter(oidc.begin("")[0])
    _, state = oidc.begin("")
    with pytest.raises(SignInError):
        oidc.finish(state, theirs["code"])


Lie = Callable[[dict[str, Any]], None]
LIES: dict[str, Lie] = {
    "another issuer": lambda claims: claims.update(iss="https://evil.example"),
    "no issuer": lambda claims: claims.pop("iss"),
    "for another client": lambda claims: claims.update(aud="other"),
    "for several, not by us": lambda claims: claims.update(aud=[CLIENT, "other"], azp="other"),
    "for nobody": lambda claims: claims.pop("aud"),
    "run out": lambda claims: claims.update(exp=int(time.time()) - 120),
    "for ever": lambda claims: claims.pop("exp"),
    "from the future": lambda claims: claims.update(iat=int(time.time()) + 900),
    "another nonce": lambda claims: claims.update(nonce="x"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "no subject": lambda claims: claims.pop("sub"),
    "no badge": lambda claims: claims.pop("preferred_username"),
    "a badge that is none": lambda claims: claims.update(preferred_username="' OR 1=1 --"),
    "a list of badges": lambda claims: claims.update(preferred_username=["010203", "admin"]),
    "a number": lambda claims: claims.update(preferred_username=10203),
}


@pytest.mark.parametrize("lie", LIES)
def test_claims_are_checked(provider: FakeProvider, light_database: Database, lie: str) -> None:
    provider.lie = LIES[lie]
    with pytest.raises(SignInError):
        come_back(provider, made(provider, light_database))
    assert provider.redeemed


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unsigned(claims: dict[str, Any]) -> str:
    return f"{_part(json.dumps({'alg': 'none'}).encode())}.{_part(json.dumps(claims).encode())}."


def _signed_with_what_everybody_knows(claims: dict[str, Any], key: RSAKey) -> str:
    text = f"{_part(json.dumps({'alg': 'HS256', 'kid': 'a'}).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{text}.{_part(hmac.digest(key.as_pem(private=False), text.encode(), 'sha256'))}"


def test_signatures_are_checked(provider: FakeProvider, light_database: Database) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "a"})
    for sign in (
        _unsigned,
        lambda claims: jwt.encode({"alg": "RS256", "kid": "a"}, claims, stranger),
        lambda claims: _signed_with_what_everybody_knows(claims, provider.key),
        lambda claims: jwt.encode({"alg": "RS256", "kid": "a"}, claims, provider.key)[:-8] + "AAAAAAAA",
        lambda claims: "no.token.atall",
        lambda claims: "",
        lambda claims: None,
    ):
        provider.sign = sign  # type: ignore[assignment]
        with pytest.raises(SignInError, match="不可信"):
            come_back(provider, made(provider, light_database))
    provider.sign = None
    assert come_back(provider, made(provider, light_database)) == "010203"


def test_new_keys_of_the_provider_are_taken(provider: FakeProvider, light_database: Database) -> None:
    oidc = made(provider, light_database)
    assert come_back(provider, oidc) == "010203"
    provider.key = RSAKey.generate_key(2048, {"kid": "a"})
    assert come_back(provider, oidc) == "010203"


def test_the_claim_of_the_badge_is_a_setting(provider: FakeProvider, light_database: Database) -> None:
    provider.person = {"sub": "s1", "preferred_username": "zhang", "police_number": "JD0077"}
    assert come_back(provider, made(provider, light_database, oidc_badge_claim="police_number")) == "JD0077"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, b"")), ("/.well-known/openid-configuration", (200, b"<html>")),
        ("/.well-known/openid-configuration", (200, b"[]")), ("/.well-known/openid-configuration", (200, b"\xff\xfe")),
        ("/token", (500, b"oops")), ("/token", (200, b"<html>")), ("/token", (200, b"[]")), ("/token", (200, b"{}")),
        ("/keys", (404, b"")), ("/keys", (200, b"{}")), ("/keys", (200, b'{"keys": [{"kty": "nonsense"}]}')),
        ("/keys", (302, b"")),
    ],
)  # fmt: skip
def test_a_broken_provider_signs_nobody_in(
    provider: FakeProvider, light_database: Database, path: str, answer: tuple[int, bytes]
) -> None:
    provider.broken[path] = answer
    with pytest.raises(SignInError, match="统一身份认证"):
        come_back(provider, made(provider, light_database))


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"}, {"issuer": None}, {"token_endpoint": None}, {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"}, {"token_endpoint": 7},
    ],
)  # fmt: skip
def test_a_provider_that_is_another_one_is_not_believed(
    provider: FakeProvider, light_database: Database, changed: dict[str, Any]
) -> None:
    provider.metadata = changed
    with pytest.raises(SignInError, match="不可信"):
        made(provider, light_database).begin("")


def test_a_provider_that_is_not_there_is_told(provider: FakeProvider, light_database: Database) -> None:
    gone = made(provider, light_database, oidc_issuer="http://127.0.0.1:1")
    with pytest.raises(SignInError, match="连不上"):
        gone.begin("")


@pytest.mark.parametrize("missing", ["oidc_issuer", "oidc_client_id", "site_url"])
def test_what_is_missing_in_the_settings_is_told(
    provider: FakeProvider, light_database: Database, missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        made(provider, light_database, **{missing: " "})


def test_the_browser_is_sent_to_the_provider(provider: FakeProvider, light_database: Database) -> None:
    address, _ = made(provider, light_database).begin("//evil.example")
    assert urlsplit(address).netloc == urlsplit(provider.address).netloc and "evil" not in address
