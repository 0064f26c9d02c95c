"""Signing in and out, and one's own account: password and sessions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from study_bot.accounts.gate import SESSION_COOKIE, Caller
from study_bot.accounts.roles import Role
from study_bot.accounts.sessions import BY_OIDC, BY_PASSWORD, NewSession
from study_bot.errors import InputError, NotFoundError, SignInError
from study_bot.server.agents import agent_words
from study_bot.server.forms import OwnForm, field
from study_bot.server.web import CurrentActor, Web

if TYPE_CHECKING:
    from study_bot.accounts.oidc import Oidc
    from study_bot.office import Office

OIDC_COOKIE = "study_bot_oidc"
"""Binds a sign-in at the identity provider to the browser that began it."""

OIDC_SECONDS = 600

AT_ONCE = 8
"""Passwords checked at a time: each costs memory, and whoever waits must not hold up the other pages."""

MEANS = {"password": "密码", "proxy": "统一入口", "oidc": "统一身份认证"}


def sign_in_router(web: Web, office: Office) -> APIRouter:
    """/sign-in and /sign-out."""
    router = APIRouter()
    limiter = anyio.CapacityLimiter(AT_ONCE)

    def page(request: Request, status: int = 200, **context: str) -> Response:
        given = {"next": "", "badge": "", "error": "", "left": request.query_params.get("left", ""), **context}
        return web.render(request, "sign_in.html", status, oidc=office.oidc is not None, **given)

    @router.get("/sign-in")
    def show(request: Request, actor: CurrentActor) -> Response:
        wanted = safe_next(request.query_params.get("next", ""))
        return web.redirect(request, wanted) if actor.person else page(request, next=wanted)

    @router.post("/sign-in")
    async def enter(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        badge, wanted = field(form, "badge", 200), safe_next(field(form, "next"))
        attempt = partial(
            office.sign_in.sign_in,
            badge,
            _secret(form, "password"),
            actor.address,
            request.headers.get("user-agent", ""),
        )
        try:
            new = await anyio.to_thread.run_sync(attempt, limiter=limiter)
        except SignInError as error:
            return page(request, 401, badge=badge, next=wanted, error=str(error))
        return _begun(web, request, new, wanted)

    @router.post("/sign-out")
    def leave(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        office.sign_in.sign_out(request.cookies.get(SESSION_COOKIE), actor.address)
        response = RedirectResponse(f"{web.root}/sign-in?left=1", 303, headers={"Cache-Control": "no-store"})
        web.drop_cookie(response, SESSION_COOKIE)
        return response

    return router


def oidc_router(web: Web, office: Office) -> APIRouter:
    """The way over an identity provider, where one is configured."""
    router = APIRouter(prefix="/sign-in/oidc")

    @router.get("")
    def begin(request: Request) -> Response:
        oidc = _provider(office)
        address, state = oidc.begin(safe_next(request.query_params.get("next", "")))
        response = RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
        web.set_cookie(request, response, OIDC_COOKIE, state, max_age=OIDC_SECONDS)
        return response

    @router.get("/back")
    def back(request: Request, actor: CurrentActor) -> Response:
        oidc, query = _provider(office), request.query_params
        state = query.get("state", "")
        if not state or state != request.cookies.get(OIDC_COOKIE):
            raise SignInError("这次登录不是从本页开始的，或已经过期。请回到登录页重新登录。")
        arrived = oidc.finish(state, query.get("code", ""), query.get("error", ""))
        agent = request.headers.get("user-agent", "")
        new = office.sign_in.sign_in_trusted(arrived.badge, BY_OIDC, actor.address, agent)
        response = _begun(web, request, new, safe_next(arrived.return_to))
        web.drop_cookie(response, OIDC_COOKIE)
        return response

    return router


def account_router(web: Web, office: Office) -> APIRouter:
    """/account: oneself. Each route works on the person who asks and takes no other."""
    router = APIRouter(prefix="/account")

    @router.get("")
    def show(request: Request, actor: CurrentActor) -> Response:
        person = actor.require(Role.OFFICER)
        return web.render(
            request,
            "account.html",
            sessions=[(s, agent_words(s.agent)) for s in office.sign_in.sessions_of(actor, person.id)],
            current=_caller(office, request).session,
            means=MEANS,
            by_password=BY_PASSWORD,
        )

    @router.post("/sessions/{session_id:int}/revoke")
    def revoke(request: Request, actor: CurrentActor, form: OwnForm, session_id: int) -> Response:
        person = actor.require(Role.OFFICER)
        if session_id not in {s.id for s in office.sign_in.sessions_of(actor, person.id)}:
            raise NotFoundError("这个会话已经结束，请刷新页面。")
        office.sign_in.revoke(actor, session_id)
        return web.redirect(request, "/account", "已让那台设备退出登录。")

    @router.post("/sessions/revoke-others")
    def revoke_others(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        person, current = actor.require(Role.OFFICER), _caller(office, request).session
        ended = office.sign_in.revoke_all(actor, person.id, but=current.token_hash if current else None)
        words = f"已让其他 {ended} 台设备退出登录。" if ended else "没有其他已登录的设备。"
        return web.redirect(request, "/account", words)

    @router.get("/password")
    def password(request: Request, actor: CurrentActor) -> Response:
        return web.render(request, "password.html", error="", vouched=_is_vouched(office, request))

    @router.post("/password")
    def change(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        first = actor.person is not None and actor.person.must_change
        session = _caller(office, request).session
        try:
            if _secret(form, "new") != _secret(form, "again"):
                raise InputError("两次输入的新密码不一样，请重新输入。")
            office.people.change_own_password(
                actor, _secret(form, "old"), _secret(form, "new"), session.token_hash if session else None
            )
        except (InputError, SignInError) as error:
            return web.render(request, "password.html", 422, error=str(error), vouched=False)
        if first:
            return web.redirect(
                request, "/"
            )  # the page of questions shows no messages; one would wait for another page
        return web.redirect(request, "/account", "密码已修改，其他设备上的登录已失效。")

    return router


def safe_next(wanted: str) -> str:
    """Where to go after the sign-in: a page of ours, "/" for anything that could lead elsewhere."""
    if not wanted.startswith("/") or wanted[:2] in ("//", "/\\") or len(wanted) > 2000:
        return "/"
    printable = all("\x20" < c < "\x7f" for c in wanted) and "\\" not in wanted
    return wanted if printable and not wanted.startswith(("/sign-in", "/sign-out")) else "/"


def _begun(web: Web, request: Request, new: NewSession, wanted: str) -> RedirectResponse:
    path = "/account/password" if new.person.must_change else wanted
    response = web.redirect(request, path)
    web.set_cookie(request, response, SESSION_COOKIE, new.token)  # ends with the browser: machines are shared
    return response


def _secret(form: FormData, name: str) -> str:
    """A password as it was typed: neither trimmed nor cleaned."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _caller(office: Office, request: Request) -> Caller:
    return office.gate.caller(request.cookies, request.headers, request.client)


def _is_vouched(office: Office, request: Request) -> bool:
    """Whether somebody else vouches for the person, so that there may be no password here to change."""
    session = _caller(office, request).session
    return session is None or session.means != BY_PASSWORD


def _provider(office: Office) -> Oidc:
    if office.oidc is None:
        raise NotFoundError("本站没有启用统一身份认证。")
    return office.oidc
