"""Pages of the index: building it, watching that, stopping it, going back, and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from study_bot.accounts.roles import Role
from study_bot.documents.build_rows import Build, BuildState
from study_bot.errors import NoIndexError, StudyBotError
from study_bot.index.publish import readable_live_id
from study_bot.server.forms import OwnForm, field
from study_bot.server.web import CurrentActor, Web
from study_bot.settings import OFFLINE_MODEL
from study_bot.ui.ports import StudyServices

if TYPE_CHECKING:
    from study_bot.office import Office

RECENT = 12
"""Requests listed on the page."""


def builds_router(web: Web, office: Office, services: StudyServices) -> APIRouter:
    """The routes under /admin/builds. Every one asks for an admin, and so does every service that changes something."""
    router = APIRouter(prefix="/admin/builds")
    builds = office.builds

    def changing() -> bool:
        """Whether this process still answers from another build than the live one: it opens a new one in a moment."""
        live, status = readable_live_id(office.settings.index_dir), services.status()
        return live is not None and status.build_id is not None and live != status.build_id

    @router.get("")
    def overview(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.ADMIN)
        health, unopened = _health(office)
        return web.render(
            request,
            "admin/builds.html",
            state=services.status(),
            health=health,
            trouble=builds.trouble() or unopened,
            current=builds.current(),
            changing=changing(),
            waiting=builds.waiting(),
            recent=builds.recent(RECENT),
            earlier=builds.earlier(),
            stale=builds.stale(),
            foreign=office.foreign_index(),
            published=len(builds.published()),
            offline_model=office.settings.embedding_model == OFFLINE_MODEL,
        )

    @router.get("/progress")
    def progress(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.ADMIN)
        current = builds.current()
        part = web.render(request, "admin/build_progress.html", current=current, waiting=builds.waiting())
        return JSONResponse({"html": bytes(part.body).decode(), "more": current is not None or changing()})

    @router.post("/request")
    def ask(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        build = builds.request(actor)
        office.runner.wake()
        return web.redirect(request, "/admin/builds", _asked(build, builds.current()))

    @router.post("/{number}/cancel")
    def cancel(request: Request, actor: CurrentActor, form: OwnForm, number: int) -> Response:
        actor.require(Role.ADMIN)
        build = builds.cancel(actor, number)
        words = "已取消。" if build.state.is_final else "正在停止，原有索引不受影响。"
        return web.redirect(request, "/admin/builds", words)

    @router.post("/roll-back")
    def roll_back(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        build = builds.roll_back(actor, field(form, "build_id", 100))
        words = f"已回退到索引 {build.build_id}，现在起用它回答问题。文献库没有改动，再次更新索引即回到最新。"
        return web.redirect(request, "/admin/builds", words)

    return router


def _asked(build: Build, current: Build | None) -> str:
    if build.joined:
        return "已有一次更新在排队，它会包含所有已发布的变化。"
    if current is not None and current.id != build.id and current.state is BuildState.RUNNING:
        return "正在进行的更新完成后，接着开始这一次。"
    return "已开始更新索引，完成后自动换用。"


def _health(office: Office) -> tuple[Any, str]:
    """How the index is, or why that cannot be said; neither where there is none yet."""
    try:
        return office.health(), ""
    except NoIndexError:
        return None, ""
    except StudyBotError as error:
        return None, str(error)
