"""The shell of our own pages behind the sign-in: templates, who asks, forms, messages.

How a page is written::

    def people_router(web: Web, people: People) -> APIRouter:
        router = APIRouter(prefix="/admin/people")

        @router.get("")
        def listing(request: Request, actor: CurrentActor, text: str = "") -> Response:
            actor.require(Role.UNIT_ADMIN)
            page = people.search(actor, text=text, page=page_number(request))
            return web.render(request, "admin/people.html", page=page, text=text)

        @router.post("/{person_id}/active")
        def set_active(request: Request, actor: CurrentActor, form: OwnForm, person_id: int) -> Response:
            people.set_active(actor, person_id, field(form, "active") == "1")
            return web.redirect(request, f"/admin/people/{person_id}", "已停用。")

`def`, not `async def`: it runs in a thread, so it may block. `OwnForm` has checked the form's token; write
`{{ csrf() }}` inside every `<form method="post">` (a fetch sends it as X-CSRF-Token: `studyBotAdmin.csrf`).
An InputError, ConflictError … that leaves a handler becomes a page with its sentence and a way back; catch it where
the form should be shown again with what was filled in. Add the router to `server/office.py`.

A template begins with `{% extends "admin/base.html" %}{% import "macros.html" as ui with context %}` and fills the
blocks `title`, `heading`, `actions` (buttons beside the heading), `lead` and `content`. It has: `url("/admin/x")`
(address under the prefix, with query parameters as keywords), `icon("name")`, `person`, `here`, `csrf()`, the macros
of `macros.html` (`tag`, `pager`, `empty`, `confirm`, `field` …) and the filters `day`, `moment`, `number`, `size`.
Classes of `admin.css`: see its headings. Nothing inline (style, script, on…) works: the policy forbids it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from study_bot.accounts.gate import SESSION_COOKIE
from study_bot.accounts.roles import Actor, Person, Role
from study_bot.server.paths import route_path
from study_bot.server.ports import Doorway
from study_bot.server.templating import environment_of
from study_bot.ui.links import site_root

FORM_COOKIE = "study_bot_form"
"""Binds forms to a browser that has not signed in."""

FLASH_COOKIE = "study_bot_flash"
"""A message for the next page, signed like a form."""

MAX_FLASH_CHARS = 500

NOBODY = Actor(None)


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the admin's menu, shown to those whose role covers `role`."""

    path: str
    label: str
    icon: str
    role: Role


NAVIGATION = (
    NavItem("/admin", "概览", "chart", Role.UNIT_ADMIN),
    NavItem("/admin/files", "文献", "file", Role.ADMIN),
    NavItem("/admin/builds", "索引", "layers", Role.ADMIN),
    NavItem("/admin/people", "人员", "users", Role.UNIT_ADMIN),
    NavItem("/admin/feedback", "反馈", "chat", Role.ADMIN),
    NavItem("/admin/audit", "日志", "clock", Role.ADMIN),
)


@dataclass(frozen=True, slots=True)
class Flash:
    """A message shown once on the next page; `kind` is good, warn or bad."""

    text: str
    kind: str = "good"


class Web:
    """Draws pages from templates and keeps what they share. Safe for many threads."""

    def __init__(self, office: Doorway, navigation: tuple[NavItem, ...] = NAVIGATION) -> None:
        self.root = site_root(office.settings)
        self._settings = office.settings
        self._tokens = office.sign_in
        self._navigation = navigation
        self._templates = environment_of(self.root)

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page; the message kept for it is shown and forgotten. Pages are never kept by the browser."""
        key = _form_key(request)
        fresh = "" if key else secrets.token_urlsafe(32)
        shared = self._shared(request, key or fresh)
        page = self._templates.get_template(template).render({**shared, **context})
        response = HTMLResponse(page, status, headers={"Cache-Control": "no-store"})
        if fresh:
            self.set_cookie(request, response, FORM_COOKIE, fresh)
        if FLASH_COOKIE in request.cookies:
            self.drop_cookie(response, FLASH_COOKIE)
        return response

    def fragment(self, request: Request, template: str, **context: Any) -> str:
        """A part of a page, for a page drawn elsewhere or for a script."""
        shared = self._shared(request, _form_key(request))
        return self._templates.get_template(template).render({**shared, **context})

    def _shared(self, request: Request, key: str) -> dict[str, Any]:
        """What every template has."""
        person = actor_of(request).person
        token = self._tokens.csrf_token(key) if key else ""
        here = route_path(request.scope)
        return {
            "person": person,
            "csrf_token": token,
            "csrf": lambda: Markup('<input type="hidden" name="csrf" value="{}">').format(token),
            "flash": self._flash(request, key),
            "here": here,
            "navigation": [item for item in self._navigation if person and person.role.covers(item.role)],
            "now_at": _here_in(self._navigation, here),
        }

    def redirect(self, request: Request, path: str, text: str = "", kind: str = "good") -> RedirectResponse:
        """Go on to one of our pages (an address without the prefix), with a message for it."""
        response = RedirectResponse(self.root + path, 303, headers={"Cache-Control": "no-store"})
        key = _form_key(request)
        if text and key:
            packed = base64.urlsafe_b64encode(json.dumps([kind, text[:MAX_FLASH_CHARS]]).encode()).decode()
            value = f"{packed}.{self._tokens.csrf_token(_flash_key(key, packed))}"
            self.set_cookie(request, response, FLASH_COOKIE, value, max_age=300)
        return response

    def error(self, request: Request, status: int, message: str) -> HTMLResponse:
        """The page for what went wrong."""
        return self.render(request, "error.html", status, code=status, message=message, back=_back(request), now_at="")

    def csrf_ok(self, request: Request, given: str) -> bool:
        """Whether a form's token belongs to this browser."""
        key = _form_key(request)
        return bool(key) and self._tokens.csrf_ok(key, given)

    def set_cookie(
        self, request: Request, response: Response, name: str, value: str, max_age: int | None = None
    ) -> None:
        """A cookie for this site only, out of reach of scripts; over TLS only where the site is served so."""
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=self.root or "/",
            secure=self.is_secure(request),
            httponly=True,
            samesite="lax",
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        """Have the browser forget a cookie."""
        response.delete_cookie(name, path=self.root or "/", httponly=True, samesite="lax")

    def is_secure(self, request: Request) -> bool:
        """Whether people reach the site over TLS."""
        return request.url.scheme == "https" or self._settings.site_url.lower().startswith("https:")

    def _flash(self, request: Request, key: str) -> Flash | None:
        packed, _, mac = request.cookies.get(FLASH_COOKIE, "").partition(".")
        right = self._tokens.csrf_token(_flash_key(key, packed))
        if not (packed and key and hmac.compare_digest(right.encode(), mac.encode("utf-8", "replace"))):
            return None
        try:
            kind, text = json.loads(base64.urlsafe_b64decode(packed))
        except (ValueError, binascii.Error):
            return None
        return Flash(str(text), kind if kind in ("good", "warn", "bad") else "good")


def web_of(request: Request) -> Web:
    """The application's `Web`."""
    return cast(Web, request.app.state.web)


def actor_of(request: Request) -> Actor:
    """Who sends the request, as the guard found out; nobody where the guard did not look."""
    return cast(Actor, getattr(request.state, "actor", NOBODY))


def officer_of(request: Request) -> Person:
    """Dependency of routes that everybody who is signed in may use; the guard before them is no reason not to ask.

    :raises SignInError: nobody is signed in, or the password must be changed first.
    """
    return actor_of(request).require(Role.OFFICER)


CurrentActor = Annotated[Actor, Depends(actor_of)]
"""Parameter of a handler: who asks."""


def _back(request: Request) -> str:
    """The page of ours from which a form was sent, "" if there is none."""
    came_from = urlsplit(request.headers.get("referer", ""))
    if request.method == "GET" or came_from.netloc != request.headers.get("host") or "//" in came_from.path:
        return ""
    return came_from.path + (f"?{came_from.query}" if came_from.query else "")


def _form_key(request: Request) -> str:
    return request.cookies.get(SESSION_COOKIE) or request.cookies.get(FORM_COOKIE, "")


def _flash_key(key: str, packed: str) -> str:
    return f"{key}|flash|{packed}"


def _here_in(navigation: tuple[NavItem, ...], here: str) -> str:
    """Path of the entry under which a page lies: the longest that fits."""
    fitting = [item.path for item in navigation if here == item.path or here.startswith(item.path + "/")]
    return max(fitting, key=len, default="")
