from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Address, Headers

from study_bot.accounts.gate import SESSION_COOKIE, Gate
from study_bot.accounts.sessions import BY_PROXY
from study_bot.errors import SettingsError
from study_bot.settings import Settings
from study_bot.storage.database import Database, open_database
from tests.accounts.site import PASSWORD, Site

PROXY, PEER = "10.0.0.1", "192.168.7.8"


@pytest.fixture
def site(light_database: Database) -> Site:
    site = Site(light_database)
    site.add("010203")
    site.add("010204")
    site.add("010205", active=False)
    return site


def gate(site: Site, **settings: object) -> Gate:
    return Gate(site.sign_in, Settings(**settings))  # type: ignore[arg-type]


def cookies(site: Site, badge: str = "010203") -> dict[str, str]:
    return {SESSION_COOKIE: site.sign_in.sign_in(badge, PASSWORD, PEER, "").token}


BEHIND = {"proxy_addresses": (PROXY, "10.1.0.0/16"), "proxy_user_header": "X-Remote-User"}


def badge_of(
    site: Site, cookie: dict[str, str] | None, headers: dict[str, str], peer: object, **settings: object
) -> str | None:
    person = gate(site, **(settings or BEHIND)).actor(cookie, headers, peer).person
    return person.badge if person else None


def test_a_cookie_tells_who_asks(site: Site) -> None:
    actor = gate(site).actor(cookies(site), {}, Address(PEER, 5))
    assert actor.person is not None and actor.person.badge == "010203" and actor.address == PEER


def test_without_a_cookie_nobody_asks(site: Site) -> None:
    actor = gate(site).actor({}, {}, Address(PEER, 5))
    assert actor.person is None and actor.address == PEER and not actor.trusted


@pytest.mark.parametrize(
    "peer", [PEER, Address(PEER, 1), (PEER, 1), {"host": PEER}, SimpleNamespace(host=PEER), f"::ffff:{PEER}"]
)
def test_the_peer_is_known_in_any_shape(site: Site, peer: object) -> None:
    assert gate(site).actor({}, {}, peer).address == PEER


@pytest.mark.parametrize("peer", [None, (), {}, 7, SimpleNamespace()])
def test_an_unknown_peer_is_nowhere(site: Site, peer: object) -> None:
    assert gate(site).actor(None, None, peer).address == ""


@pytest.mark.parametrize("name", ["X-Remote-User", "x-remote-user"])
@pytest.mark.parametrize("peer", [PROXY, "10.1.2.3", f"::ffff:{PROXY}"])
def test_a_listed_proxy_names_the_person(site: Site, name: str, peer: str) -> None:
    assert badge_of(site, None, {name: "010204"}, peer) == "010204"
    assert gate(site, **BEHIND).actor(None, Headers({name: "010204"}), Address(peer, 1)).person


def test_nobody_else_can_name_one(site: Site) -> None:
    for peer in (PEER, "10.2.0.1", "10.0.0.11", "", None, "localhost", "10.0.0.1.evil.example"):
        assert badge_of(site, None, {"X-Remote-User": "010204"}, peer) is None
        assert badge_of(site, cookies(site), {"X-Remote-User": "010204"}, peer) == "010203"


def test_by_default_no_header_is_believed(site: Site) -> None:
    headers = {"X-Remote-User": "010204", "X-Forwarded-User": "010204", "Remote-User": "010204", "": "010204"}
    for settings in ({"proxy_addresses": (PROXY,)}, {"proxy_user_header": "X-Remote-User"}, {"log_level": "INFO"}):
        assert badge_of(site, None, headers, PROXY, **settings) is None


def test_a_header_that_comes_twice_is_nobodys(site: Site) -> None:
    twice = Headers(raw=[(b"x-remote-user", b"010203"), (b"X-Remote-User".lower(), b"010204")])
    assert gate(site, **BEHIND).actor(None, twice, PROXY).person is None


@pytest.mark.parametrize("named", ["999999", "010205", "' OR 1=1 --", "x" * 10_000, "010204,010203", "\0"])
def test_a_name_without_an_open_account_is_nobody(site: Site, named: str) -> None:
    assert badge_of(site, cookies(site), {"X-Remote-User": named}, PROXY) is None


def test_the_proxys_word_counts_more_than_a_cookie(site: Site) -> None:
    caller = gate(site, **BEHIND).caller(cookies(site), {"X-Remote-User": "010204"}, PROXY)
    assert caller.actor.person and caller.actor.person.badge == "010204" and caller.session is None


def test_a_session_by_the_proxy_ends_with_the_proxys_word(site: Site) -> None:
    cookie = {SESSION_COOKIE: site.sign_in.sign_in_trusted("010204", BY_PROXY, PEER, "").token}
    caller = gate(site, **BEHIND).caller(cookie, {"X-Remote-User": "010204"}, PROXY)
    assert caller.session is not None and caller.actor.person == caller.session.person
    assert badge_of(site, cookie, {}, PROXY) is None
    assert badge_of(site, cookies(site), {}, PROXY) == "010203"


def test_who_is_vouched_for_may_go_on_at_once(site: Site) -> None:
    site.add("010206", must_change=True)
    person = gate(site, **BEHIND).actor(None, {"X-Remote-User": "010206"}, PROXY).person
    assert person is not None and not person.must_change


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.168.7.8", "192.168.7.8"),
        ("1.1.1.1, 192.168.7.8", "192.168.7.8"),
        ("192.168.7.8, 10.1.4.5", "192.168.7.8"),
        ("192.168.7.8:5071", "192.168.7.8"),
        ('"[2001:db8::7]:80"', "2001:db8::7"),
        ("10.1.4.5", "10.1.4.5"),
        ("", PROXY),
        ("unknown", PROXY),
        ("192.168.7.8, <script>, 10.1.4.5", "10.1.4.5"),
    ],
)
def test_behind_a_listed_proxy_the_forwarded_address_counts(site: Site, forwarded: str, address: str) -> None:
    assert gate(site, **BEHIND).address({"x-forwarded-for": forwarded}, PROXY) == address


def test_nobody_else_can_forward_an_address(site: Site) -> None:
    assert gate(site, **BEHIND).address({"x-forwarded-for": "1.1.1.1"}, PEER) == PEER
    assert gate(site).address({"x-forwarded-for": "1.1.1.1"}, PROXY) == PROXY


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.0/99", "*", ""])
def test_a_list_that_names_no_address_is_told(site: Site, text: str) -> None:
    with pytest.raises(SettingsError, match="proxy_addresses"):
        gate(site, proxy_addresses=(text,))


@pytest.fixture(scope="module")
def one_gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    database = open_database("", tmp_path_factory.mktemp("data"))
    yield Gate(Site(database).sign_in, Settings(**BEHIND))  # type: ignore[arg-type]
    database.close()


_texts = st.text(max_size=80)
_names = st.sampled_from([SESSION_COOKIE, "X-Remote-User", "x-forwarded-for"]) | _texts


@given(st.dictionaries(_names, _texts), st.dictionaries(_names, _texts), st.sampled_from([PROXY, PEER]) | _texts)
def test_nothing_that_is_sent_raises_or_signs_in(
    one_gate: Gate, sent: dict[str, str], headers: dict[str, str], peer: str
) -> None:
    actor = one_gate.actor(sent, UserDict(headers), peer)
    assert actor.person is None and len(actor.address) <= 64
