"""The page of the audit trail: reading, checking, taking it away."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from study_bot.accounts import audit
from study_bot.accounts.audit_search import AuditFilter, find
from study_bot.accounts.roles import Role
from study_bot.maintenance import trail_export
from study_bot.server.audit_words import AREAS, action_words, detail_words
from study_bot.server.forms import OwnForm, clean, page_number
from study_bot.server.sign_in_pages import MEANS
from study_bot.server.web import CurrentActor, Web

if TYPE_CHECKING:
    from study_bot.office import Office


def audit_router(web: Web, office: Office) -> APIRouter:
    """The routes under /admin/audit. All of them ask for an admin."""
    router = APIRouter(prefix="/admin/audit")

    @router.get("")
    def listing(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.ADMIN)
        query = request.query_params
        area = query.get("area", "")
        wanted = AuditFilter(
            clean(query.get("text", ""), 100),
            area if area in AREAS else "",
            _day(query.get("first", "")),
            _day(query.get("last", "")),
        )
        found = find(office.database, actor, wanted, page_number(request))
        lines = [(entry, action_words(entry.action), _detail(entry.detail)) for entry in found.entries]
        return web.render(request, "admin/audit.html", found=found, lines=lines, wanted=wanted, areas=AREAS, check=None)

    @router.post("/verify")
    def verify(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        check = audit.verify(office.database)
        return web.render(request, "admin/audit_check.html", check=check)

    @router.post("/export")
    def export(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        as_lines = form.get("kind") == "jsonl"
        with office.database.write() as session:
            audit.append(session, actor, "audit.export", "审计记录", {"格式": "jsonl" if as_lines else "csv"})

        def pieces() -> Iterator[bytes]:
            with office.database.read() as session:
                entries = audit.entries(session)
                yield from trail_export.as_json_lines(entries) if as_lines else trail_export.as_csv(entries)

        name = f"audit-{dt.date.today():%Y%m%d}.{'jsonl' if as_lines else 'csv'}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        media_type = "application/jsonl" if as_lines else "text/csv; charset=utf-8"
        return StreamingResponse(pieces(), media_type=media_type, headers=headers)

    return router


def _day(text: str) -> dt.date | None:
    """A day as the browser's field gives it, None for anything else."""
    try:
        return dt.date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _detail(detail: str) -> list[tuple[str, str]]:
    """The detail of a line as pairs of words; a change as "old → new"."""
    found = json.loads(detail)
    if not isinstance(found, dict):
        return [("", str(found))]
    shown = {**found, "方式": MEANS.get(str(found.get("方式")), found.get("方式"))} if "方式" in found else found
    return [detail_words(str(name), _words(value)) for name, value in shown.items() if value not in ("", None, [], {})]


def _words(value: object) -> str:
    if isinstance(value, list) and len(value) == 2:
        return f"{value[0] or '（空）'} → {value[1] or '（空）'}"
    if isinstance(value, list):
        return "、".join(map(str, value))
    return str(value)
