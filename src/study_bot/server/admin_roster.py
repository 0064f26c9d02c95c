"""Pages of taking in a roster: choosing the file, what would change, and what became of it."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from study_bot.accounts.roles import Role
from study_bot.accounts.roster import read_roster
from study_bot.accounts.roster_exports import roster_template
from study_bot.accounts.roster_files import MAX_FILE_BYTES, MAX_ROWS, uneven_badges
from study_bot.errors import ConflictError, InputError
from study_bot.server.forms import OwnForm, clean, field, files_of
from study_bot.server.password_lists import passwords_page
from study_bot.server.web import CurrentActor, Web

if TYPE_CHECKING:
    from study_bot.office import Office

PAGE = "/admin/people/roster"

_SHOWN = 300
"""Rows of each list that the page of the dry run shows; the rest is counted."""


def roster_router(web: Web, office: Office) -> APIRouter:
    """The routes under /admin/people/roster. The file travels in the page of the dry run, kept nowhere."""
    router = APIRouter(prefix=PAGE)
    roster = office.roster

    def first_page(request: Request, error: str = "") -> Response:
        return web.render(
            request,
            "admin/roster.html",
            422 if error else 200,
            error=error,
            max_rows=MAX_ROWS,
            max_bytes=MAX_FILE_BYTES,
            own_address=PAGE,
        )

    @router.get("")
    def choose(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        return first_page(request)

    @router.get("/template.csv")
    def template(actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        return _download(roster_template(), "roster-template.csv", "text/csv; charset=utf-8")

    @router.post("")
    def dry_run(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.UNIT_ADMIN)
        try:
            name, data = _chosen(form)
            rows = read_roster(name, data)
            plan = roster.plan(actor, rows)
        except InputError as error:
            return first_page(request, str(error))
        packed = base64.b64encode(data).decode()
        return web.render(
            request,
            "admin/roster_plan.html",
            plan=plan,
            name=name,
            packed=packed,
            shown=_SHOWN,
            uneven=uneven_badges(rows),
            own_address=PAGE,
        )

    @router.post("/apply")
    def apply(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.UNIT_ADMIN)
        try:
            name, data = clean(field(form, "name"), 300), _unpacked(form)
            made = roster.apply(actor, read_roster(name, data), field(form, "digest", 100))
        except (InputError, ConflictError) as error:
            return first_page(request, str(error))
        if not made:
            return web.redirect(request, "/admin/people", "已按名册更改，没有新建账号。")
        return passwords_page(web, request, "名册已导入", f"新建了 {len(made):,} 个账号。", made)

    @router.get("/apply")
    def applied(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        return web.redirect(request, PAGE)

    return router


def _chosen(form: FormData) -> tuple[str, bytes]:
    files = files_of(form, "file")
    if not files:
        raise InputError("请先选择名册文件（CSV 或 XLSX）。")
    file = files[0].file
    data = file.read(MAX_FILE_BYTES + 1)
    return clean(files[0].filename or "", 300), data


def _unpacked(form: FormData) -> bytes:
    packed = form.get("packed")
    try:
        return base64.b64decode(packed, validate=True) if isinstance(packed, str) else b""
    except (ValueError, binascii.Error):
        raise InputError("页面内容不完整，请重新选择名册文件。") from None


def _download(data: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=media_type, headers=headers)
