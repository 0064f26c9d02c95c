"""Pages of use: the overview with its figures and their export, questions, and what people say of answers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from study_bot.accounts.roles import Actor, Role
from study_bot.errors import ConflictError, InputError, NotFoundError, SnapshotError
from study_bot.evaluation.evidence import Library
from study_bot.evaluation.svg import histogram
from study_bot.server.charts import Chart, Column, columns
from study_bot.server.forms import OwnForm, clean, field, page_number
from study_bot.server.web import CurrentActor, Web
from study_bot.usage.export import as_csv, as_xlsx, tables
from study_bot.usage.feedback import PER_PAGE, RemarkPage
from study_bot.usage.figures import Figures, figures
from study_bot.usage.questions import QUESTIONS_PER_PAGE, QuestionFilter
from study_bot.usage.remarks import Reason, RightPlace, feedback_set, suggested
from study_bot.usage.words import OUTCOMES, outcome_words

if TYPE_CHECKING:
    from study_bot.office import Office

PRESETS = (("7", "近 7 天"), ("30", "近 30 天"), ("90", "近 90 天"), ("365", "近一年"))
"""Spans of days offered."""

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def usage_router(web: Web, office: Office) -> APIRouter:
    """The overview and its export, for unit admins and admins."""
    router = APIRouter(prefix="/admin")

    @router.get("")
    def overview(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        first, last, unit_id = _span(request.query_params)
        found = figures(office.database, actor, first, last, unit_id)
        return web.render(
            request,
            "admin/overview.html",
            found=found,
            presets=PRESETS,
            days_given=request.query_params.get("days", "" if request.query_params.get("first") else "30"),
            first=first,
            last=last,
            unit=unit_id or "",
            units=office.units.tree(actor),
            by_day=_by_day(found),
            by_seconds=_by_seconds(found),
            reason_words={reason.value: reason.label for reason in Reason},
            outcome_words=outcome_words,
            reads=_may_read(office, actor),
        )

    @router.get("/figures.xlsx")
    def workbook(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.UNIT_ADMIN)
        found = figures(office.database, actor, *_span(request.query_params))
        return _download(as_xlsx(tables(found)), _XLSX, f"使用统计 {found.first_day} 至 {found.last_day}.xlsx")

    @router.get("/figures.csv")
    def table(request: Request, actor: CurrentActor, table: str = "每日提问") -> Response:
        actor.require(Role.UNIT_ADMIN)
        found = figures(office.database, actor, *_span(request.query_params))
        wanted = next((one for one in tables(found) if one.name == table), None)
        if wanted is None:
            raise NotFoundError("没有这张表，请从统计页面下载。")
        return _download(
            as_csv(wanted), "text/csv; charset=utf-8", f"{table} {found.first_day} 至 {found.last_day}.csv"
        )

    @router.get("/questions")
    def questions(request: Request, actor: CurrentActor) -> Response:
        actor.require(Role.ADMIN)
        wanted = _filter(request.query_params)
        page = office.questions.read(actor, wanted, page_number(request))
        return web.render(
            request,
            "admin/questions.html",
            page=page,
            per_page=QUESTIONS_PER_PAGE,
            wanted=wanted,
            outcomes=[("", "全部结果"), *OUTCOMES.items()],
            outcome_words=outcome_words,
        )

    return router


def feedback_router(web: Web, office: Office) -> APIRouter:
    """What people say of answers, for admins."""
    router = APIRouter(prefix="/admin/feedback")

    @router.get("")
    def listing(request: Request, actor: CurrentActor, done: str = "") -> Response:
        actor.require(Role.ADMIN)
        page = office.feedback.open_ones(actor, page_number(request), settled=bool(done))
        return _feedback_page(web, request, page, done=bool(done))

    @router.post("/{number}/settle")
    def settle(request: Request, actor: CurrentActor, form: OwnForm, number: int) -> Response:
        actor.require(Role.ADMIN)
        office.feedback.settle(actor, number)
        return web.redirect(request, "/admin/feedback", "已标为处理过。")

    @router.post("/{number}/case")
    def case(request: Request, actor: CurrentActor, form: OwnForm, number: int) -> Response:
        actor.require(Role.ADMIN)
        right = RightPlace(
            title=field(form, "title", 300),
            article=field(form, "article", 40),
            quote=field(form, "quote", 4000),
            version=field(form, "version", 20),
        )
        if field(form, "refuse", 5):
            right = RightPlace(refuse=True)
        try:
            made = office.feedback.to_case(actor, number, right, feedback_set(office.settings), _library(office))
        except (InputError, ConflictError) as error:
            page = RemarkPage((office.feedback.one(actor, number),), 1, 1)
            return _feedback_page(web, request, page, done=False, drafts={number: right}, error=str(error), status=422)
        return web.redirect(request, "/admin/feedback", f"已加入评测题（{made}）。")

    return router


def _feedback_page(
    web: Web,
    request: Request,
    page: RemarkPage,
    *,
    done: bool,
    drafts: dict[int, RightPlace] | None = None,
    error: str = "",
    status: int = 200,
) -> Response:
    places = {remark.id: suggested(remark) for remark in page.remarks} | (drafts or {})
    return web.render(
        request,
        "admin/feedback.html",
        status,
        page=page,
        per_page=PER_PAGE,
        done=done,
        places=places,
        error=error,
        outcome_words=outcome_words,
    )


def _library(office: Office) -> Library | None:
    """What a case is checked against; None while there is no index."""
    try:
        return office.services.snapshot()
    except SnapshotError:
        return None


def _may_read(office: Office, actor: Actor) -> bool:
    person = actor.require(Role.UNIT_ADMIN)
    return person.role.covers(Role.ADMIN) and office.settings.question_readers == "admins"


def _span(query: QueryParams) -> tuple[dt.date, dt.date, int | None]:
    """First and last day and the unit that an address asks for; the last 30 days of everybody if it says nothing.

    :raises InputError: it says something that is neither.
    """
    unit = query.get("unit", "")
    if unit and not (unit.isascii() and unit.isdigit() and len(unit) < 10):
        raise InputError("没有这个单位，请重新选择。")
    today = dt.datetime.now().astimezone().date()
    first, last = _day(query.get("first", "")), _day(query.get("last", ""))
    if query.get("days") or first is None:
        days = query.get("days", "30")
        if days not in dict(PRESETS):
            raise InputError("没有这个时间范围，请重新选择。")
        last = today if first is None or query.get("days") else last
        first = (last or today) - dt.timedelta(days=int(days) - 1)
    return first, last or today, int(unit) if unit else None


def _filter(query: QueryParams) -> QuestionFilter:
    number = query.get("id", "")
    return QuestionFilter(
        text=clean(query.get("text", ""), 200),
        outcome=query.get("outcome") if query.get("outcome") in OUTCOMES else None,
        first_day=_day(query.get("first", "")),
        last_day=_day(query.get("last", "")),
        question_id=int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None,
    )


def _day(text: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError("日期应写成 2026-03-04 的样子。") from None
    if day is not None and not 2000 <= day.year <= 2100:
        raise InputError("日期不对，请重新选择。")
    return day


def _by_day(found: Figures) -> Chart:
    """Columns of days, of weeks where there would be too many."""
    step = 7 if len(found.days) > 100 else 1
    groups = [found.days[start : start + step] for start in range(0, len(found.days), step)]
    shown = []
    for group in groups:
        answered, refused = sum(day.answered for day in group), sum(day.refused for day in group)
        day = group[0].day
        name = f"{day.month}月{day.day}日" + ("起一周" if step > 1 else "")
        words = f"{name}：已回答 {answered}，未回答 {refused}"
        shown.append(Column(f"{day.month}-{day.day:02d}", answered, refused, words))
    title = f"每{'周' if step > 1 else '日'}提问，{found.first_day} 至 {found.last_day}，共 {found.questions} 次"
    return columns(title, shown)


def _by_seconds(found: Figures) -> Chart:
    bars = histogram(found.seconds)
    shown = [Column(label, count, words=f"{label} 秒起：{count} 次") for label, count in bars]
    return columns("用时分布", shown, labels=9)


def _download(content: bytes, kind: str, name: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
