"""The page that keeps the library in step with a folder: what would change first, then doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from study_bot.accounts.roles import Role
from study_bot.documents.folder_sync import SyncPlan
from study_bot.errors import InputError, StudyBotError
from study_bot.server.file_actions import index_follows
from study_bot.server.forms import OwnForm, field
from study_bot.server.web import CurrentActor, Web
from study_bot.settings import Settings

if TYPE_CHECKING:
    from study_bot.office import Office


def folder_router(web: Web, office: Office) -> APIRouter:
    """The routes under /admin/files/folder. Folders are those of the settings: nobody names a path of the server."""
    router = APIRouter(prefix="/admin/files/folder")
    folders = folders_of(office.settings)

    @router.get("")
    def look(request: Request, actor: CurrentActor, folder: str = "") -> Response:
        actor.require(Role.ADMIN)
        chosen = folders.get(folder)
        plan, trouble = _plan(office, chosen) if chosen is not None else (None, "")
        return web.render(
            request, "admin/folder.html", folders=folders, chosen=folder if chosen else "", plan=plan, trouble=trouble
        )

    @router.post("/apply")
    def apply(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        chosen = folders.get(field(form, "folder", 20))
        if chosen is None:
            raise InputError("没有这个文件夹。请刷新页面后再选。")
        report = office.folder_sync.apply(actor, chosen, field(form, "digest", 100))
        done = len(report.added) + len(report.changed) + len(report.moved) + len(report.retired)
        words = (
            f"新增 {len(report.added)} 份，改动 {len(report.changed)} 份，移动 {len(report.moved)} 份，"
            f"停用 {len(report.retired)} 份。"
        )
        if report.errors:
            words += f"{len(report.errors)} 份没有成功：" + "；".join(str(item) for item in report.errors[:3])
        kind = "bad" if report.errors else "good"
        return web.redirect(request, "/admin/files", words + index_follows(office, actor, done), kind)

    return router


def folders_of(settings: Settings) -> dict[str, Path]:
    """The folders that may be taken from, by the key that pages name them with."""
    paths = dict.fromkeys(path.resolve() for path in (settings.corpus_dir, *settings.sync_folders))
    return {str(number): path for number, path in enumerate(paths, 1)}


def _plan(office: Office, folder: Path) -> tuple[SyncPlan | None, str]:
    try:
        return office.folder_sync.plan(folder), ""
    except StudyBotError as error:
        return None, str(error)
