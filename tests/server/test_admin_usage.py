"""The pages of use: who sees which, what they show, and that nothing in them is taken for markup or a formula."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from study_bot.accounts.roles import Actor, Role
from study_bot.accounts.units import Units
from study_bot.errors import NoIndexError
from study_bot.server.admin_usage import feedback_router, usage_router
from study_bot.server.charts import Column, columns, round_up, spread
from study_bot.server.guard import Guard
from study_bot.server.problems import register_problems
from study_bot.server.web import Web
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.usage.remarks import Reason, Verdict, feedback_set
from tests.ui.fake_desk import COOKIE, FakeDesk, desk
from tests.usage.samples import answered, person, refused, unit

HOSTILE = '=1+1<script>alert("甲")</script>{{7*7}}'


class OfficeOfUse(SimpleNamespace):
    """A desk with what the pages of use need besides."""

    database: Database


def no_index() -> None:
    raise NoIndexError("还没有索引。")


def office_over(opened: FakeDesk) -> OfficeOfUse:
    services = SimpleNamespace(snapshot=no_index)
    parts = {name: getattr(opened, name) for name in opened.__dataclass_fields__}
    return OfficeOfUse(**parts, units=Units(opened.database), services=services)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[OfficeOfUse]:
    opened = desk(tmp_path, settings=Settings(data_dir=tmp_path / "data"))
    home, other = unit(opened.database, "一支队"), unit(opened.database, "二支队")
    people = {
        "admin": person(opened.database, "admin", Role.ADMIN),
        "chief": person(opened.database, "chief", Role.UNIT_ADMIN, home),
        "1001": person(opened.database, "1001", unit_id=home),
        "1002": person(opened.database, "1002", unit_id=other),
    }
    opened.gate.people.update(people)  # type: ignore[attr-defined]
    yield office_over(opened)
    opened.database.close()


@pytest.fixture
def site(office: OfficeOfUse) -> Iterator[TestClient]:
    app = FastAPI()
    register_problems(app)
    app.state.web = web = Web(office)  # type: ignore[arg-type]
    app.include_router(usage_router(web, office))  # type: ignore[arg-type]
    app.include_router(feedback_router(web, office))  # type: ignore[arg-type]
    app.add_middleware(Guard, office=office, web=web)
    with TestClient(app, follow_redirects=False) as opened:
        yield opened


def enter(site: TestClient, badge: str) -> TestClient:
    site.cookies.clear()
    if badge:
        site.cookies.set(COOKIE, badge.ljust(43, "_"))
    return site


def put(office: OfficeOfUse, badge: str, question: str = HOSTILE, title: str = "学习管理规定") -> int:
    actor: Actor = office.gate.people[badge]
    answer = refused(question) if "食堂" in question else answered(question, title=title)
    number = office.questions.record(actor, question, answer)
    assert isinstance(number, int)
    return number


def complain(office: OfficeOfUse, badge: str = "1001", right: str = "学习管理规定第十条") -> None:
    office.feedback.give(
        office.gate.people[badge], put(office, badge), Verdict.DOWN, Reason.WRONG_ANSWER, HOSTILE, right
    )


def post(site: TestClient, path: str, **fields: str) -> int:
    page = site.get("/admin/feedback")
    token = re.search(r'name="csrf" value="([^"]+)"', page.text)
    return site.post(path, data={"csrf": token[1] if token else "", **fields}).status_code


PAGES = ("/admin", "/admin/figures.xlsx", "/admin/figures.csv", "/admin/questions", "/admin/feedback")
FOR_UNIT_ADMINS = PAGES[:3]


@pytest.mark.parametrize("path", PAGES)
def test_who_sees_which_page(site: TestClient, path: str) -> None:
    assert enter(site, "").get(path).status_code == 303
    assert enter(site, "forged").get(path).status_code == 303
    assert enter(site, "1001").get(path).status_code == 403
    assert enter(site, "chief").get(path).status_code == (200 if path in FOR_UNIT_ADMINS else 403)
    assert enter(site, "admin").get(path).status_code == 200


def test_the_overview_counts_and_names_nobodys_question(site: TestClient, office: OfficeOfUse) -> None:
    put(office, "1001", title=HOSTILE)
    put(office, "1002", "食堂有什么菜？")
    page = enter(site, "admin").get("/admin").text
    assert "<b>2</b><span>提问</span>" in page
    assert page.count('<rect class="bar"') >= 1 and '<rect class="bar-2"' in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    assert "食堂" not in page
    chief = enter(site, "chief").get("/admin").text
    assert "<b>1</b><span>提问</span>" in chief and "/admin/questions" not in chief
    assert enter(site, "chief").get("/admin?unit=2").status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        "first=x",
        "first=0001-01-01",
        "days=5",
        "unit=x",
        "unit=-1",
        "first=2026-03-02&last=2026-03-01",
        "first=2010-01-01",
    ],
)
def test_odd_spans_are_told_so(site: TestClient, query: str) -> None:
    assert enter(site, "admin").get(f"/admin?{query}").status_code == 422


@pytest.mark.parametrize(
    "query", ["days=7", "days=365", "first=2026-01-01&last=2026-01-31", "days=30&unit=1", "last=2026-01-31"]
)
def test_spans_can_be_chosen(site: TestClient, query: str) -> None:
    assert enter(site, "admin").get(f"/admin?{query}").status_code == 200


def test_figures_can_be_taken_along(site: TestClient, office: OfficeOfUse) -> None:
    put(office, "1001", title=HOSTILE)
    response = enter(site, "admin").get("/admin/figures.csv", params={"table": "文献命中"})
    assert response.text.startswith("\ufeff文献,被引用,被列出\r\n") and "\"'=1+1<script>" in response.text
    assert "attachment" in response.headers["content-disposition"] and response.headers["cache-control"] == "no-store"
    assert site.get("/admin/figures.csv", params={"table": "没有的表"}).status_code == 404
    assert site.get("/admin/figures.xlsx").content[:2] == b"PK"


def test_admins_read_questions_as_text(site: TestClient, office: OfficeOfUse) -> None:
    number = put(office, "1001")
    page = enter(site, "admin").get(f"/admin/questions?id={number}").text
    assert "&lt;script&gt;alert" in page and "<script>alert" not in page and "{{7*7}}" in page
    assert "测试1001（1001）" in page
    assert "没有符合的提问" in site.get("/admin/questions?text=%25&outcome=x&id=zzz").text


def test_where_the_settings_say_so_nobody_reads(tmp_path: Path) -> None:
    opened = desk(tmp_path, settings=Settings(question_readers="nobody"))
    opened.gate.people["admin"] = person(opened.database, "admin", Role.ADMIN)  # type: ignore[index]
    app, office = FastAPI(), office_over(opened)
    register_problems(app)
    app.state.web = web = Web(office)  # type: ignore[arg-type]
    app.include_router(usage_router(web, office))  # type: ignore[arg-type]
    app.add_middleware(Guard, office=office, web=web)
    with TestClient(app) as site:
        assert enter(site, "admin").get("/admin/questions").status_code == 403
        assert "/admin/questions" not in site.get("/admin").text
    opened.database.close()


def test_feedback_becomes_a_case_in_one_step(site: TestClient, office: OfficeOfUse) -> None:
    complain(office)
    page = enter(site, "admin").get("/admin/feedback").text
    assert 'value="学习管理规定"' in page and 'value="第十条"' in page and "<script>alert" not in page
    assert post(site, "/admin/feedback/1/case", title="学习管理规定", article="第十条") == 303
    assert (feedback_set(office.settings) / "queries.jsonl").is_file()
    assert "没有待处理的反馈" in site.get("/admin/feedback").text
    assert "评测题 case-" in site.get("/admin/feedback?done=1").text


def test_a_case_that_cannot_be_made_keeps_what_was_typed(site: TestClient, office: OfficeOfUse) -> None:
    complain(office)
    enter(site, "admin").get("/admin/feedback")
    token = re.search(r'name="csrf" value="([^"]+)"', site.get("/admin/feedback").text)
    assert token is not None
    response = site.post("/admin/feedback/1/case", data={"csrf": token[1], "title": "甲乙", "article": "第条"})
    assert response.status_code == 422 and 'value="甲乙"' in response.text and "看不懂" in response.text


@pytest.mark.parametrize("path", ["/admin/feedback/1/settle", "/admin/feedback/1/case"])
def test_nobody_else_settles(site: TestClient, office: OfficeOfUse, path: str) -> None:
    complain(office)
    enter(site, "admin")
    assert site.post(path, data={"title": "甲", "article": "1"}).status_code == 403  # no token
    for badge in ("1001", "chief"):
        assert enter(site, badge).post(path).status_code == 403
    enter(site, "admin")
    assert post(site, "/admin/feedback/1/settle") == 303
    assert "没有待处理的反馈" in site.get("/admin/feedback").text
    assert post(site, "/admin/feedback/99/settle") == 404


@given(st.integers(0, 10**9))
def test_scales_end_at_a_round_number(count: int) -> None:
    top = round_up(count)
    assert (top >= count and top % 2 == 0) or top == 2
    assert count <= 2 or top <= 2 * count


def test_drawings_escape_their_words() -> None:
    chart = columns("<b>", [Column("1", 2, 1, "<i>"), Column("2", 0)])
    assert "<b>" not in chart.drawing and "&lt;i&gt;" in chart.drawing and chart.each and chart.top == 4
    assert columns("空", []).drawing.startswith("<svg")
    assert spread([str(n) for n in range(90)], 5)[::4] == ("0", "89")


def test_a_day_of_the_overview_is_a_day_of_the_server(site: TestClient, office: OfficeOfUse) -> None:
    put(office, "1001")
    today = dt.datetime.now().astimezone().date()
    page = enter(site, "admin").get(f"/admin?first={today}&last={today}").text
    assert "<b>1</b><span>提问</span>" in page
