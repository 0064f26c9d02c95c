"""Lists of one-time passwords, shown once: the page, its files, and giving new ones to people who wait for theirs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from study_bot.accounts.roles import Actor, Person, Role
from study_bot.accounts.roster import NewAccount
from study_bot.accounts.roster_exports import passwords_csv, passwords_xlsx
from study_bot.errors import InputError
from study_bot.server.admin_people import WAITING, number_of, role_of
from study_bot.server.forms import OwnForm, clean, field
from study_bot.server.web import CurrentActor, Web

if TYPE_CHECKING:
    from study_bot.office import Office

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

GONE = "/admin/people/passwords/shown"
"""Where a reload of a list, or the way back to it, leads: to a page that says what to do."""

MAX_AT_ONCE = 10_000
"""People who get a new one-time password at once."""

_SHOWN = 300
_SEPARATOR = "-"
"""Between numbers in a field: a sign that takes one byte in a form."""


def passwords_router(web: Web, office: Office) -> APIRouter:
    """The routes under /admin/people/passwords; the service knows who may reach whom."""
    router = APIRouter(prefix="/admin/people/passwords")
    people = office.people

    @router.get("")
    def ask(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        query = request.query_params
        ticked = {number_of(value) for value in query.getlist("id")}
        if query.get("who") != "all" and not ticked:
            words = "没有选中人员。请先勾选，或点“为筛选出的全部人员重发”。"
            same = {name: query.get(name, "") for name in ("text", "unit", "role")}
            return web.redirect(request, f"/admin/people?{urlencode({'active': WAITING, **same})}", words, "warn")
        chosen = _found(office, request, actor)
        if query.get("who") != "all":
            chosen = tuple(person for person in chosen if person.id in ticked)
        if len(chosen) > MAX_AT_ONCE:
            raise InputError(f"一次最多为 {MAX_AT_ONCE:,} 人重发，现在有 {len(chosen):,} 人。请按单位分几次重发。")
        ids = _SEPARATOR.join(str(person.id) for person in chosen)
        return web.render(request, "admin/passwords_ask.html", chosen=chosen, ids=ids, shown=_SHOWN, waiting=WAITING)

    @router.post("")
    def reissue(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.UNIT_ADMIN)
        ids = _ids(form)
        made = people.reissue(actor, ids)
        if not made:
            words = "没有重发：这些人员都已设置自己的密码，或已不在您管理的范围内。"
            return web.redirect(request, f"/admin/people?active={WAITING}", words, "warn")
        words = f"为 {len(made):,} 人重发了一次性密码，原来的已失效。"
        return passwords_page(web, request, "一次性密码已重发", words, made)

    @router.get("/shown")
    def shown(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        return web.render(request, "admin/passwords_gone.html", waiting=WAITING)

    return router


def passwords_page(web: Web, request: Request, title: str, words: str, made: Sequence[NewAccount]) -> Response:
    """The page with the passwords. They are in it and nowhere else: the server keeps none."""
    return web.render(
        request, "admin/passwords.html", heading=title, words=words, made=made, files=_files(made), own_address=GONE
    )


def _files(made: Sequence[NewAccount]) -> list[tuple[str, str, str]]:
    """The passwords as files that are part of the page: name, label, data address."""
    kinds = ((passwords_xlsx, "xlsx", "Excel", XLSX), (passwords_csv, "csv", "CSV", "text/csv"))
    return [
        (f"one-time-passwords.{ending}", label, f"data:{media};base64,{base64.b64encode(write(made)).decode()}")
        for write, ending, label, media in kinds
    ]


def _found(office: Office, request: Request, actor: Actor) -> tuple[Person, ...]:
    """Everybody who waits, as far as the filter in the address goes."""
    query = request.query_params
    text, unit_id = clean(query.get("text", ""), 100), number_of(query.get("unit", ""))
    return office.people.waiting(actor, text, unit_id, role_of(query.get("role", "")))


def _ids(form: FormData) -> tuple[int, ...]:
    parts = [part for part in field(form, "ids", 12 * MAX_AT_ONCE).split(_SEPARATOR) if part]
    numbers = [number for number in map(number_of, parts) if number is not None]
    if not numbers or len(numbers) != len(parts) or len(numbers) > MAX_AT_ONCE:
        raise InputError("页面内容不完整，没有重发。请回到人员页面重新选择。")
    return tuple(dict.fromkeys(numbers))
