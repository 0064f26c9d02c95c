"""The page of units: the tree, and its changes. Only admins reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from study_bot.accounts.roles import Role
from study_bot.errors import ConflictError, InputError, NotFoundError
from study_bot.server.admin_people import unit_options
from study_bot.server.forms import OwnForm, field, integer
from study_bot.server.web import CurrentActor, Web

if TYPE_CHECKING:
    from study_bot.accounts.units import Unit
    from study_bot.office import Office

_PAGE = "/admin/people/units"


def units_router(web: Web, office: Office) -> APIRouter:
    """The routes under /admin/people/units."""
    router = APIRouter(prefix=_PAGE)
    units = office.units

    @router.get("")
    def tree(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.ADMIN)
        found = units.tree(actor)
        return web.render(request, "admin/units.html", units=found, options=unit_options(found, "（最上级）"))

    @router.post("")
    def add(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.ADMIN)
        try:
            unit = units.add(actor, field(form, "name", 200), integer(form, "parent"))
        except (InputError, ConflictError) as error:
            return web.redirect(request, _PAGE, str(error), "bad")
        return web.redirect(request, _PAGE, f"已新增“{unit.name}”。")

    @router.get("/{unit_id:int}")
    def one(request: Request, actor: CurrentActor, unit_id: int) -> Response:
        actor.require(Role.ADMIN)
        found = units.tree(actor)
        unit = _unit(found, unit_id)
        inside = [u for u in found if u.id == unit_id or u.path.startswith(unit.path + "/")]
        parents = tuple(u for u in found if u not in inside)
        return web.render(
            request,
            "admin/unit.html",
            unit=unit,
            options=unit_options(parents, "（最上级）"),
            children=[u for u in found if u.parent_id == unit_id],
            people=sum(u.people for u in inside),
        )

    @router.post("/{unit_id:int}")
    def change(request: Request, actor: CurrentActor, form: OwnForm, unit_id: int) -> Response:
        actor.require(Role.ADMIN)
        place = f"{_PAGE}/{unit_id}"
        try:
            unit = _unit(units.tree(actor), unit_id)
            name, parent = field(form, "name", 200), integer(form, "parent")
            if parent != unit.parent_id:
                units.move(actor, unit_id, parent)
            if name != unit.name:
                units.rename(actor, unit_id, name)
        except (InputError, ConflictError) as error:
            return web.redirect(request, place, str(error), "bad")
        return web.redirect(request, place, "已保存。")

    @router.post("/{unit_id:int}/remove")
    def remove(request: Request, actor: CurrentActor, form: OwnForm, unit_id: int) -> Response:
        actor.require(Role.ADMIN)
        try:
            units.remove(actor, unit_id)
        except ConflictError as error:
            return web.redirect(request, f"{_PAGE}/{unit_id}", str(error), "bad")
        return web.redirect(request, _PAGE, "已删除这个单位。")

    return router


def _unit(units: tuple[Unit, ...], unit_id: int) -> Unit:
    for unit in units:
        if unit.id == unit_id:
            return unit
    raise NotFoundError("这个单位不存在，可能已被删除；请回到单位列表。")
