"""Pages of people: finding them, making and changing accounts, passwords, sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from study_bot.accounts.person_changes import NewPerson, PersonChange
from study_bot.accounts.roles import Actor, Person, Role
from study_bot.accounts.units import Unit
from study_bot.errors import ConflictError, InputError, NotFoundError
from study_bot.server.agents import agent_words
from study_bot.server.forms import OwnForm, clean, field, integer, page_number
from study_bot.server.sign_in_pages import MEANS
from study_bot.server.web import CurrentActor, Web

if TYPE_CHECKING:
    from study_bot.office import Office

WAITING = "waiting"
"""State in the form that finds people: their one-time password was never changed."""

_FIELDS = ("badge", "name", "phone", "unit", "role")


def people_router(web: Web, office: Office) -> APIRouter:
    """The routes under /admin/people that show and make accounts; the services know who may reach whom."""
    router = APIRouter(prefix="/admin/people")
    people, units = office.people, office.units

    @router.get("")
    def listing(request: Request, actor: CurrentActor) -> Response:
        query = request.query_params
        text, role, active = clean(query.get("text", ""), 100), role_of(query.get("role", "")), query.get("active", "")
        unit_id = number_of(query.get("unit", ""))
        state, waiting = {"yes": True, "no": False}.get(active), active == WAITING
        found = people.search(actor, text, unit_id, role, state, page_number(request), waiting=waiting)
        chosen = {"text": text, "unit": unit_id or "", "role": role.value if role else "", "active": active}
        return web.render(
            request, "admin/people.html", found=found, units=units.tree(actor), chosen=chosen, waiting=waiting
        )

    @router.get("/new")
    def new(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        given = dict.fromkeys(_FIELDS, "") | {
            "role": Role.OFFICER.value,
            "unit": number_of(request.query_params.get("unit", "")) or "",
        }
        return _form_page(web, office, request, actor, "admin/person_new.html", given)

    @router.post("")
    def create(request: Request, actor: CurrentActor, form: OwnForm) -> Response:
        actor.require(Role.UNIT_ADMIN)
        given = _given(form)
        try:
            wanted = NewPerson(given["badge"], given["name"], integer(form, "unit"), _asked_role(given), given["phone"])
            person, password = people.create(actor, wanted)
        except (InputError, ConflictError) as error:
            return _form_page(web, office, request, actor, "admin/person_new.html", given, str(error))
        return _password_page(web, request, person, password, new=True)

    return router


def person_router(web: Web, office: Office) -> APIRouter:
    """The routes of one account."""
    router = APIRouter(prefix="/admin/people/{person_id:int}")
    people = office.people

    @router.get("")
    def show(request: Request, actor: CurrentActor, person_id: int) -> Response:
        person = people.get(actor, person_id)
        given = {
            "badge": person.badge, "name": person.name, "phone": person.phone, "unit": person.unit_id or "",
            "role": person.role.value, "revision": person.revision,
        }  # fmt: skip
        return _person_page(web, office, request, actor, person_id, given)

    @router.post("")
    def change(request: Request, actor: CurrentActor, form: OwnForm, person_id: int) -> Response:
        actor.require(Role.UNIT_ADMIN)
        given = _given(form)
        try:
            revision = integer(form, "revision") or 0
            unit_id, role = integer(form, "unit"), _asked_role(given)
            wanted = PersonChange(revision, given["badge"], given["name"], unit_id, role, given["phone"])
            people.change(actor, person_id, wanted)
        except (InputError, ConflictError) as error:
            given["revision"] = field(form, "revision", 20)
            return _person_page(web, office, request, actor, person_id, given, str(error))
        return web.redirect(request, f"/admin/people/{person_id}", "已保存。")

    @router.post("/active")
    def set_active(request: Request, actor: CurrentActor, form: OwnForm, person_id: int) -> Response:
        actor.require(Role.UNIT_ADMIN)
        active = field(form, "active") == "yes"
        person = people.set_active(actor, person_id, active)
        words = f"已启用 {person.name} 的账号。" if active else f"已停用 {person.name} 的账号，其登录已全部失效。"
        return web.redirect(request, f"/admin/people/{person_id}", words)

    @router.post("/password")
    def reset_password(request: Request, actor: CurrentActor, form: OwnForm, person_id: int) -> Response:
        actor.require(Role.UNIT_ADMIN)
        password = people.reset_password(actor, person_id)
        person = people.get(actor, person_id)
        return _password_page(web, request, person, password, new=False)

    @router.post("/sessions/{session_id:int}/revoke")
    def revoke(request: Request, actor: CurrentActor, form: OwnForm, person_id: int, session_id: int) -> Response:
        actor.require(Role.UNIT_ADMIN)
        if session_id not in {s.id for s in office.sign_in.sessions_of(actor, person_id)}:
            raise NotFoundError("这个会话已经结束，请刷新页面。")
        office.sign_in.revoke(actor, session_id)
        return web.redirect(request, f"/admin/people/{person_id}", "已让那台设备退出登录。")

    @router.post("/sessions/revoke-all")
    def revoke_all(request: Request, actor: CurrentActor, form: OwnForm, person_id: int) -> Response:
        actor.require(Role.UNIT_ADMIN)
        ended = office.sign_in.revoke_all(actor, person_id)
        return web.redirect(request, f"/admin/people/{person_id}", f"已让 {ended} 台设备退出登录。")

    return router


def roles_for(actor: Actor) -> list[Role]:
    """The roles an actor may give."""
    return list(Role) if actor.person and actor.person.role is Role.ADMIN else [Role.OFFICER]


def unit_options(units: tuple[Unit, ...], none: str | None = "不属于任何单位") -> list[tuple[str, str]]:
    """Units for a choice, indented by depth; `none` is the words for no unit, None leaves that out."""
    first = [("", none)] if none is not None else []
    return [*first, *((str(unit.id), "　" * unit.depth + unit.name) for unit in units)]


def _form_page(
    web: Web,
    office: Office,
    request: Request,
    actor: Actor,
    template: str,
    given: dict[str, Any],
    error: str = "",
    **more: Any,
) -> Response:
    units = office.units.tree(actor)
    is_admin = actor.person is not None and actor.person.role is Role.ADMIN
    return web.render(
        request,
        template,
        422 if error else 200,
        given=given,
        error=error,
        unit_options=unit_options(units, "不属于任何单位" if is_admin else None),
        role_options=[(role.value, role.label) for role in roles_for(actor)],
        **more,
    )


def _password_page(web: Web, request: Request, person: Person, password: str, *, new: bool) -> Response:
    place = f"/admin/people/{person.id}"
    return web.render(
        request, "admin/person_password.html", subject=person, password=password, new=new, own_address=place
    )


def _person_page(
    web: Web, office: Office, request: Request, actor: Actor, person_id: int, given: dict[str, Any], error: str = ""
) -> Response:
    person = office.people.get(actor, person_id)
    sessions = [(s, agent_words(s.agent)) for s in office.sign_in.sessions_of(actor, person_id)]
    return _form_page(
        web, office, request, actor, "admin/person.html", given, error,
        subject=person, sessions=sessions, means=MEANS, is_self=person.id == actor.person_id,
    )  # fmt: skip


def _given(form: FormData) -> dict[str, Any]:
    return {name: field(form, name, 200) for name in _FIELDS}


def _asked_role(given: dict[str, Any]) -> Role:
    role = role_of(given["role"])
    if role is None:
        raise InputError("请选择角色。")
    return role


def role_of(text: str) -> Role | None:
    """The role of a value in an address or form; None for anything else."""
    return next((role for role in Role if role.value == text), None)


def number_of(text: str) -> int | None:
    """A whole number in an address; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
