"""Keeps Python processes off the network: only loopback addresses and local sockets can be reached.

The tests put this folder on `PYTHONPATH`, so that the interpreters they start are guarded too; `conftest.py` calls
`install` for their own process.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any


class NetworkBlockedError(RuntimeError):
    """Code under test tried to reach another machine."""


def _is_local(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return text == socket.gethostname()
    return address.is_loopback or address.is_unspecified


def _check(host: object) -> None:
    if not _is_local(host):
        raise NetworkBlockedError(f"tests must not reach the network, but something asked for {host!r}")


def install() -> None:
    """Guard this process, for as long as it lives. Calling it again changes nothing."""
    if getattr(socket, "_study_bot_guarded", False):
        return
    socket._study_bot_guarded = True  # type: ignore[attr-defined]

    def guarded(name: str) -> None:
        original = getattr(socket.socket, name)

        def method(self: socket.socket, *arguments: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(arguments[-1], tuple):
                _check(arguments[-1][0])
            return original(self, *arguments)

        setattr(socket.socket, name, method)

    for name in ("connect", "connect_ex", "sendto"):
        guarded(name)

    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        _check(host)
        return resolve(host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo


install()
