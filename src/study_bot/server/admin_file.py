"""The page of one file of the library: what was understood of it, corrections, versions, and what can be done to it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import FileResponse, Response

from study_bot.accounts.roles import Role
from study_bot.documents.differences import DifferenceKind, count_by_kind
from study_bot.documents.differences import compare as differences_between
from study_bot.documents.stored import Correction, FileState, StoredFile
from study_bot.errors import InputError
from study_bot.server.file_actions import WORDS, index_follows, one_file
from study_bot.server.forms import OwnForm, field, integer
from study_bot.server.web import CurrentActor, Web
from study_bot.text import parse_date
from study_bot.types import VersionStatus
from study_bot.ui.library_list import KIND_LABELS

if TYPE_CHECKING:
    from study_bot.office import Office

STATUSES = [("", "按文中所写"), *((status.value, status.label or "未核实") for status in VersionStatus)]

_SPLIT_ALIASES = "、，,;；"


def file_router(web: Web, office: Office) -> APIRouter:
    """The routes of one file. Every one asks for an admin, and so does every service it calls."""
    router = APIRouter(prefix="/admin/files")
    files = office.files

    @router.get("/{file_id}")
    def one(request: Request, actor: CurrentActor, file_id: int) -> Response:
        actor.require(Role.ADMIN)
        return _file_page(web, request, office, files.get(file_id))

    @router.post("/{file_id}/correct")
    def correct(request: Request, actor: CurrentActor, form: OwnForm, file_id: int) -> Response:
        actor.require(Role.ADMIN)
        try:
            file = files.correct(actor, file_id, integer(form, "revision") or 0, read_correction(form))
        except InputError as error:
            return _file_page(web, request, office, files.get(file_id), 422, error=str(error), filled=_filled(form))
        words = "更正已保存，识别结果已按更正刷新。" + index_follows(office, actor, file.state is FileState.PUBLISHED)
        return web.redirect(request, f"/admin/files/{file_id}", words)

    @router.post("/{file_id}/do")
    def act(request: Request, actor: CurrentActor, form: OwnForm, file_id: int) -> Response:
        actor.require(Role.ADMIN)
        name = field(form, "action", 20)
        if name not in WORDS:
            raise InputError("没有这个操作。请刷新页面后再试。")
        if name == "delete" and field(form, "confirm", 20) != "删除":
            raise InputError("没有删除：请在确认框中输入“删除”二字。")
        one_file(office, actor, name, file_id)
        words = f"已{WORDS[name]}。" + index_follows(office, actor, 1)
        return web.redirect(request, f"/admin/files/{file_id}", words)

    @router.post("/{file_id}/replace")
    def replace(request: Request, actor: CurrentActor, form: OwnForm, file_id: int) -> Response:
        actor.require(Role.ADMIN)
        old = integer(form, "old")
        if old is None:
            raise InputError("请选择被取代的旧版本。")
        file = files.replace(actor, file_id, old, integer(form, "revision"))
        words = f"《{file.title}》已作为新版本发布，旧版本保留并注明起止日期。" + index_follows(office, actor, 1)
        return web.redirect(request, f"/admin/files/{file_id}", words)

    @router.get("/{file_id}/original")
    def original(actor: CurrentActor, file_id: int) -> Response:
        actor.require(Role.ADMIN)
        file = files.get(file_id)
        # As a download of no type: what is in it must not run here.
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": "sandbox"}
        path = files.path_of(file_id)
        return FileResponse(path, filename=file.name, media_type="application/octet-stream", headers=headers)

    @router.get("/{file_id}/compare/{other_id}")
    def compare(request: Request, actor: CurrentActor, file_id: int, other_id: int, only: str = "") -> Response:
        actor.require(Role.ADMIN)
        old, new = sorted((files.get(file_id), files.get(other_id)), key=_age)
        differences = differences_between(files.text_of(old.id), files.text_of(new.id))
        kind = next((kind for kind in DifferenceKind if kind.value == only), None)
        return web.render(
            request,
            "admin/files_compare.html",
            old=old,
            new=new,
            total=len(differences),
            counts=count_by_kind(differences),
            only=kind,
            differences=[change for change in differences if kind in (None, change.kind)],
        )

    return router


def read_correction(form: FormData) -> Correction:
    """The fields of the form for corrections; an empty one leaves it to the text.

    :raises InputError: a date cannot be read.
    """
    aliases = field(form, "aliases", 2000)
    for mark in _SPLIT_ALIASES:
        aliases = aliases.replace(mark, "\n")
    status = field(form, "status", 30)
    if status and status not in {known.value for known in VersionStatus}:
        raise InputError("没有这种有效性。请刷新页面后再选。")
    return Correction(
        title=field(form, "title", 500) or None,
        category=field(form, "category", 200) or None,
        promulgated=_day(form, "promulgated", "公布日期"),
        effective=_day(form, "effective", "施行日期"),
        repealed=_day(form, "repealed", "失效日期"),
        status=VersionStatus(status) if status else None,
        aliases=tuple(alias.strip() for alias in aliases.split("\n") if alias.strip()),
        version_of=field(form, "version_of", 500) or None,
    )


def _day(form: FormData, name: str, label: str) -> dt.date | None:
    text = field(form, name, 40)
    if not text:
        return None
    day = parse_date(text)
    if day is None:
        raise InputError(f"{label}“{text}”不是日期，应写成 2025-06-27。")
    return day


def _filled(form: FormData) -> dict[str, str]:
    names = (*Correction.__dataclass_fields__, "revision")
    return {name: value for name in names if isinstance(value := form.get(name, ""), str)}


def _file_page(
    web: Web,
    request: Request,
    office: Office,
    file: StoredFile,
    status: int = 200,
    error: str = "",
    filled: dict[str, str] | None = None,
) -> Response:
    files = office.files
    correction = file.correction
    shown = filled or {
        "title": correction.title or "",
        "category": correction.category or "",
        "promulgated": str(correction.promulgated or ""),
        "effective": str(correction.effective or ""),
        "repealed": str(correction.repealed or ""),
        "status": correction.status.value if correction.status else "",
        "aliases": "、".join(correction.aliases),
        "version_of": correction.version_of or "",
        "revision": str(file.revision),
    }
    related = files.related(file.id)
    return web.render(
        request,
        "admin/file.html",
        status,
        file=file,
        shown=shown,
        error=error,
        related=related,
        same=files.same_words(file.id),
        twin=files.indistinct([file]).get(file.id),
        replaceable=[other for other in related if other.state in (FileState.PUBLISHED, FileState.RETIRED)],
        categories=files.categories(),
        kinds=KIND_LABELS,
        statuses=STATUSES,
        undo_days=office.settings.undo_days,
    )


def _age(file: StoredFile) -> tuple[dt.date, int]:
    start = file.understood.start if file.understood else None
    return start or dt.date.min, file.id
