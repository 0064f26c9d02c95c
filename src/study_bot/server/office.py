"""What a server has beyond the questions where people sign in: the guard, the pages of people and administration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from study_bot.errors import NotFoundError
from study_bot.server.admin_audit import audit_router
from study_bot.server.admin_builds import builds_router
from study_bot.server.admin_file import file_router
from study_bot.server.admin_files import files_router
from study_bot.server.admin_folder import folder_router
from study_bot.server.admin_people import people_router, person_router
from study_bot.server.admin_roster import roster_router
from study_bot.server.admin_units import units_router
from study_bot.server.admin_usage import feedback_router, usage_router
from study_bot.server.guard import Guard
from study_bot.server.middleware import MAX_BODY_BYTES
from study_bot.server.password_lists import passwords_router
from study_bot.server.sign_in_pages import account_router, oidc_router, sign_in_router
from study_bot.server.web import Web
from study_bot.settings import Settings
from study_bot.ui.page import dress_gradio_page
from study_bot.ui.ports import StudyServices

if TYPE_CHECKING:
    from study_bot.office import Office

MAX_ROSTER_BYTES = 12_000_000
"""A roster, as a file or as the rows that were read from it."""

_UPLOAD = re.compile(r"^/admin/files/upload$")
_ROSTER = re.compile(r"^/admin/people/roster(?:/|$)")


def add_office(app: FastAPI, office: Office, services: StudyServices) -> None:
    """Add the pages of people and administration. Call before Gradio's page, which takes every address left."""
    app.state.web = web = Web(office)
    for router in office_routers(office, services, web):
        app.include_router(router)
    app.include_router(_nothing_else_router())


def add_guard(app: FastAPI, office: Office) -> None:
    """Add the door; every layer added before lies behind it."""
    app.add_middleware(Guard, office=office, web=app.state.web)


def office_routers(office: Office, services: StudyServices, web: Web) -> list[APIRouter]:
    """Every router of these pages."""
    return [
        sign_in_router(web, office),
        oidc_router(web, office),
        account_router(web, office),
        people_router(web, office),
        roster_router(web, office),
        passwords_router(web, office),
        units_router(web, office),
        person_router(web, office),
        audit_router(web, office),
        files_router(web, office),
        folder_router(web, office),
        file_router(web, office),
        builds_router(web, office, services),
        usage_router(web, office),
        feedback_router(web, office),
    ]


def body_limit(settings: Settings | None, path: str) -> int:
    """The most bytes a request to a path may have; settings None = no files are taken."""
    if settings is not None and _UPLOAD.match(path):
        return int(settings.max_file_mb * 1_000_000) + MAX_BODY_BYTES
    return MAX_ROSTER_BYTES if settings is not None and _ROSTER.match(path) else MAX_BODY_BYTES


def dressed(scope: Scope, page: str, root: str, web: Web | None) -> str:
    """Gradio's start page with our styles, and the menu of who is signed in."""
    menu = web.fragment(Request(scope), "chat_menu.html") if web is not None else ""
    return dress_gradio_page(page, root, menu)


def _nothing_else_router() -> APIRouter:
    """Answers whatever else is asked for below these addresses, so that it does not end in the page of questions."""
    router = APIRouter()

    def nothing(rest: str = "") -> Response:
        raise NotFoundError("没有这个页面，请检查地址。")

    for area in ("admin", "account", "sign-in", "sign-out"):
        for path in (f"/{area}", f"/{area}/{{rest:path}}"):
            router.add_api_route(path, nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return router
