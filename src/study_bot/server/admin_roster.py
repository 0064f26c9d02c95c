"""Pages of taking in a roster: choosing the file, what would change, and the one-time passwords, shown once."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from study_bot.accounts.roles import Role
from study_bot.accounts.roster import NewAccount, read_roster
from study_bot.accounts.roster_exports import passwords_csv, passwords_xlsx, roster_template
from study_bot.accounts.roster_files import MAX_FILE_BYTES, MAX_ROWS
from study_bot.errors import ConflictError, InputError
from study_bot.server.forms import OwnForm, clean, field, files_of
from study_bot.server.web import CurrentActor, Web

if TYPE_CHECKING:
    from study_bot.office import Office

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_SHOWN = 300
"""Rows of each list that the page of the dry run shows; the rest is counted."""


def roster_router(web: Web, office: Office) -> APIRouter:
    """The routes under /admin/people/roster. The file travels in the page of the dry run, kept nowhere."""
    router = APIRouter(prefix="/admin/people/roster")
    roster = office.roster

    def first_page(request: Request, error: str = "") -> Response:
        return web.render(
            request,
            "admin/roster.html",
            422 if error else 200,
            error=error,
            max_rows=MAX_ROWS,
            max_bytes=MAX_FILE_BYTES,
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
            plan = roster.plan(actor, read_roster(name, data))
        except InputError as error:
            return first_page(request, str(error))
        packed = base64.b64encode(data).decode()
        return web.render(request, "admin/roster_plan.html", plan=plan, name=name, packed=packed, shown=_SHOWN)

    @router.post("/apply")
    def apply(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.UNIT_ADMIN)
        try:
            name, data = clean(field(form, "name"), 300), _unpacked(form)
            made = roster.apply(actor, read_roster(name, data), field(form, "digest", 100))
        except (InputError, ConflictError) as error:
            return first_page(request, str(error))
        return web.render(request, "admin/roster_done.html", made=made, files=_password_files(made))

    return router


def _password_files(made: Sequence[NewAccount]) -> list[tuple[str, str, str]]:
    """The passwords as files that are part of the page (name, label, data address): the server keeps none."""
    if not made:
        return []
    kinds = ((passwords_xlsx, "xlsx", "Excel", XLSX), (passwords_csv, "csv", "CSV", "text/csv"))
    return [
        (f"one-time-passwords.{ending}", label, f"data:{media};base64,{base64.b64encode(write(made)).decode()}")
        for write, ending, label, media in kinds
    ]


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
