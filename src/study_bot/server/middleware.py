"""Pure ASGI layers around everything: security headers, size limit, and what is changed of Gradio's own traffic."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from study_bot.server.paths import is_office_page, is_own, route_path
from study_bot.server.problems import answer, problem

MAX_BODY_BYTES = 1_000_000
"""Larger requests are refused where no file is handed over; a question with its scope is far smaller."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
"""For our own pages: nothing inline runs, whatever a document contains."""

OFFICE_POLICY = f"{PAGE_POLICY}; connect-src 'self'"
"""The same for the pages behind the sign-in, whose script talks to us."""

GRADIO_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""For Gradio's page, which is built on inline scripts: still nothing may be fetched from elsewhere."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

# The parts of Gradio that this page needs; all others (uploads, file and proxy access, monitoring …) are closed.
_GRADIO = re.compile(
    r"^/(?:$|config$|theme\.css$|favicon\.ico$|robots\.txt$|(?:assets|static)/"
    r"|gradio_api/(?:queue/(?:join|data)|run/predict|call/chat|cancel|reset|heartbeat|info|startup-events|app_id)(?:/|$))"
)

QUEUE_FULL = "排队的人太多了，请稍后再试。"


class Prefix:
    """Tells everything inside under which prefix it is served, whether the proxy in front removes it or not."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if self.prefix and scope["type"] in ("http", "websocket"):
            path = str(scope["path"])
            inside = path == self.prefix or path.startswith(self.prefix + "/")
            scope = {**scope, "root_path": self.prefix, "path": path if inside else self.prefix + path}
        await self.app(scope, receive, send)


class SecurityHeaders:
    """Adds the headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = route_path(scope)
        policy = OFFICE_POLICY if is_office_page(path) else PAGE_POLICY if is_own(path) else GRADIO_POLICY

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = policy
            await send(message)

        await self.app(scope, receive, with_headers)


class BodyLimit:
    """Refuses requests whose body is too large, declared or not."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int] = lambda _: MAX_BODY_BYTES) -> None:
        """`limit_of` gives the most bytes a path takes."""
        self.app = app
        self.limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limit_of(route_path(scope))
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            await answer(Request(scope), 413, too_large(limit), "http_413")(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)


def too_large(limit: int) -> str:
    """What is said of a request that is too large."""
    return "请求内容太大。" if limit <= MAX_BODY_BYTES else f"内容太大，一次最多 {limit // 1_000_000} MB。"


class LetGo:
    """Ends the streams that tell Gradio a page is open once the server is to stop; they would hold it up."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self.app = app
        self.stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not route_path(scope).startswith("/gradio_api/heartbeat/"):
            await self.app(scope, receive, send)
            return

        async def until_stopping() -> Message:
            message = asyncio.ensure_future(receive())
            stopping = asyncio.ensure_future(self.stopping.wait())
            try:
                await asyncio.wait((message, stopping), return_when=asyncio.FIRST_COMPLETED)
                return await message if message.done() else {"type": "http.disconnect"}
            finally:
                message.cancel()
                stopping.cancel()

        await self.app(scope, until_stopping, send)


class GradioManners:
    """Closes what is neither ours nor a used part of Gradio, dresses its page, and puts a full queue into Chinese."""

    def __init__(self, app: ASGIApp, dress: Callable[[Scope, str], str]) -> None:
        """`dress` makes the start page out of Gradio's."""
        self.app = app
        self.dress = dress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = route_path(scope)
        if not is_own(path) and not _GRADIO.match(path):
            await problem(404, "没有这个地址。", "http_404")(scope, receive, send)
        elif path == "/" and scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, _Rewriter(send, partial(self._dressed, scope)))
        elif path == "/gradio_api/queue/join":
            await self.app(scope, receive, _Rewriter(send, _queue_message))
        else:
            await self.app(scope, receive, send)

    def _dressed(self, scope: Scope, status: int, body: bytes) -> tuple[int, bytes]:
        return status, self.dress(scope, body.decode()).encode() if status == 200 else body


def _queue_message(status: int, body: bytes) -> tuple[int, bytes]:
    """The page shows `detail` of any status but 503, for which it has an English sentence of its own."""
    if status != 503:
        return status, body
    return 429, json.dumps({"detail": QUEUE_FULL}).encode()


class _Rewriter:
    """Holds a response back until it is whole, changes it, and sends it on."""

    def __init__(self, send: Send, change: Callable[[int, bytes], tuple[int, bytes]]) -> None:
        self._send = send
        self._change = change
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Take one message of the response."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        status, body = self._change(self._start["status"], bytes(self._body))
        start = {**self._start, "status": status}
        headers = MutableHeaders(scope=start)
        if body or "content-length" not in headers:
            headers["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})
