"""Who may pass: everything but a written list needs a session, and nothing is changed from another site."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import quote, urlsplit

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from study_bot.accounts.roles import Actor, Role
from study_bot.errors import StudyBotError
from study_bot.server.paths import is_own_page, route_path
from study_bot.server.ports import Doorway
from study_bot.server.problems import answer, problem, status_of, wants_data
from study_bot.server.web import Web

OPEN_TO_ALL = re.compile(
    r"^/(?:healthz$|readyz$|sign-in(?:/|$)|ui/|assets/|static/|theme\.css$|favicon\.ico$|robots\.txt$)"
)
"""The written list: health, the sign-in itself, and files of the program that hold nothing of anybody."""

BEFORE_NEW_PASSWORD = re.compile(r"^/(?:account/password|sign-out)$")
"""All that whoever still has a one-time password may reach."""

LOOKERS = 16
"""Threads that look up sessions; questions under way must not make others wait at the door."""

_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Lets requests through whose sender is known; handlers check the role once more, this is only the door."""

    def __init__(self, app: ASGIApp, office: Doorway, web: Web) -> None:
        self.app = app
        self._gate = office.gate
        self._web = web
        self._site = urlsplit(office.settings.site_url).netloc.lower()
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here uses web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = await self._refusal(scope)
        await (refused or self.app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        path, request = route_path(scope), Request(scope)
        if scope["method"] not in _SAFE and not from_own_page(request.headers, self._site):
            return answer(request, 403, "这个请求来自别的网站，没有执行。", "foreign_origin")
        try:
            actor = await self._look(request)
        except StudyBotError as error:
            return answer(request, status_of(error), str(error), "storage")
        scope.setdefault("state", {})["actor"] = actor
        if OPEN_TO_ALL.match(path) or (path == "/metrics" and is_local(request)):
            return None
        if actor.person is None:
            return self._sign_in_first(request, path)
        if actor.person.must_change and not BEFORE_NEW_PASSWORD.match(path):
            if is_own_page(path) or path == "/":
                return RedirectResponse(
                    f"{self._web.root}/account/password", 303, headers={"Cache-Control": "no-store"}
                )
            return problem(403, "请先修改初始密码。", "must_change_password")
        if path == "/metrics" and not actor.person.role.covers(Role.ADMIN):
            return problem(403, "这项操作需要系统管理员权限。", "forbidden")
        if (path == "/admin" or path.startswith("/admin/")) and not actor.person.role.covers(Role.UNIT_ADMIN):
            return answer(request, 403, "这个页面只对管理员开放。", "forbidden")
        return None

    async def _look(self, request: Request) -> Actor:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(LOOKERS)
        client = request.client.host if request.client else None

        def look() -> Actor:
            return self._gate.actor(request.cookies, request.headers, client)

        return await anyio.to_thread.run_sync(look, limiter=self._limiter)

    def _sign_in_first(self, request: Request, path: str) -> Response:
        if not (is_own_page(path) or path == "/") or wants_data(request.headers):
            return problem(401, "登录已过期或尚未登录，请先登录。", "sign_in")
        if request.method not in _SAFE:
            return self._web.redirect(request, "/sign-in", "登录已过期，刚才的操作没有执行。请登录后再做一次。", "warn")
        wanted = path + (f"?{request.url.query}" if request.url.query else "")
        target = f"{self._web.root}/sign-in" + ("" if wanted == "/" else f"?next={quote(wanted, safe='/')}")
        return RedirectResponse(target, 303, headers={"Cache-Control": "no-store"})


def from_own_page(headers: Headers, site: str = "") -> bool:
    """Whether a request that changes something comes from a page of ours, or from no page at all (a program).

    :param site: host and port by which people reach the site, where a proxy in front changes the Host header.
    """
    sent_from = headers.get("sec-fetch-site")
    if sent_from is not None:
        return sent_from in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    host = urlsplit(origin).netloc.lower()
    return bool(host) and host in (headers.get("host", "").lower(), site)


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine itself, not through a proxy on it."""
    forwarded: Any = request.headers.get("x-forwarded-for") or request.headers.get("forwarded")
    try:
        return not forwarded and request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
