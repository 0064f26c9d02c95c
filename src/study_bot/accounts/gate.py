"""Who stands behind a request: from the session's cookie, or from the header of a trusted reverse proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from study_bot.accounts.roles import Actor
from study_bot.accounts.sessions import BY_PROXY, LiveSession
from study_bot.accounts.sign_in import SignIn
from study_bot.errors import SettingsError

if TYPE_CHECKING:
    from study_bot.settings import Settings

SESSION_COOKIE = "study_bot_session"

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `session` is None where nobody is signed in, or the proxy alone vouches for the person."""

    actor: Actor
    session: LiveSession | None = None


class Gate:
    """Turns a request into an actor; for the server's routes and for Gradio's handlers alike."""

    def __init__(self, sign_in: SignIn, settings: Settings) -> None:
        """Take the settings.

        :raises SettingsError: `proxy_addresses` holds something that is neither an address nor a network.
        """
        self._sign_in = sign_in
        self._proxies = tuple(_network(text) for text in settings.proxy_addresses)
        self._user_header = settings.proxy_user_header.strip().lower()

    def actor(self, cookies: Mapping[str, str] | None, headers: Mapping[str, str] | None, client: object) -> Actor:
        """Who asks; an actor without a person if nobody is signed in. Wrong cookies and headers are nobody's.

        :param client: the peer of the connection: what Starlette and Gradio call `request.client`, or its address.
        :raises StorageError: the database cannot be read.
        """
        return self.caller(cookies, headers, client).actor

    def caller(self, cookies: Mapping[str, str] | None, headers: Mapping[str, str] | None, client: object) -> Caller:
        """The same, with the session it came from."""
        address = self.address(headers, client)
        session = self._sign_in.session(cookies.get(SESSION_COOKIE) if cookies else None)
        if not self._vouches(client):
            return _caller(session, address)
        badge = self.trusted_badge(headers, client)
        if badge is None:  # the person has signed out at the proxy, or uses a password of ours
            return _caller(None if session and session.means == BY_PROXY else session, address)
        person = self._sign_in.trusted_person(badge)
        if session and person and session.person.id == person.id:
            return Caller(Actor(person, address), session)
        return Caller(Actor(person, address))

    def trusted_badge(self, headers: Mapping[str, str] | None, client: object) -> str | None:
        """Whom a listed proxy names; None if none is named, the peer is not listed, or the header comes twice."""
        if not self._vouches(client):
            return None
        named = _values(headers, self._user_header)
        return named[0].strip() or None if len(named) == 1 else None

    def address(self, headers: Mapping[str, str] | None, client: object) -> str:
        """Where the request came from: the peer, or behind listed proxies the first address they did not vouch for."""
        peer = _host(client)
        if not self._is_proxy(peer):
            return peer[:64]
        hops = [hop.strip() for value in _values(headers, "x-forwarded-for") for hop in value.split(",")]
        for hop in reversed(hops):
            parsed = _parsed(hop)
            if parsed is None:
                break
            peer = str(parsed)
            if not self._is_proxy(peer):
                break
        return peer[:64]

    def _vouches(self, client: object) -> bool:
        return bool(self._user_header) and self._is_proxy(_host(client))

    def _is_proxy(self, host: str) -> bool:
        address = _parsed(host)
        return address is not None and any(address in network for network in self._proxies)


def _caller(session: LiveSession | None, address: str) -> Caller:
    return Caller(Actor(session.person if session else None, address), session)


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise SettingsError(
            f"proxy_addresses 中的“{text}”不是地址或网段，应写成 10.0.0.5 或 10.0.0.0/24 的样子。"
        ) from None


def _parsed(text: str) -> _Address | None:
    """An address, one of IPv4 inside IPv6 as that of IPv4; proxies may write a port behind it."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _host(client: Any) -> str:
    """The peer's host, whatever shape the framework gives it; "" if it is not known."""
    if isinstance(client, (tuple, list)):
        client = client[0] if client else None
    elif isinstance(client, Mapping):
        client = client.get("host")
    elif not isinstance(client, str):
        client = getattr(client, "host", None)
    return _plain(client) if isinstance(client, str) else ""


def _plain(host: str) -> str:
    parsed = _parsed(host)
    return str(parsed) if parsed is not None else host


def _values(headers: Mapping[str, str] | None, name: str) -> list[str]:
    """Every value of a header, in order; names are the same in capital and small letters."""
    if headers is None or not name:
        return []
    items: Iterable[tuple[object, object]] = headers.items()
    return [str(value) for key, value in items if str(key).lower() == name]
