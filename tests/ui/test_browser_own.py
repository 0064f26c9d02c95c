"""Where people sign in, in a real browser: rating an answer, one's own questions."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from study_bot.accounts.roles import Role
from study_bot.server import app as server
from study_bot.server.middleware import GradioManners, SecurityHeaders
from study_bot.server.pages import pages_router
from study_bot.ui.page import dress_gradio_page
from tests.ui.fake_desk import COOKIE, FakeDesk, desk
from tests.ui.fake_services import FakeServices
from tests.usage.samples import person


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeDesk]:
    opened = desk(Path(tmp_path_factory.mktemp("desk")), "1001")
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def own_address(office: FakeDesk) -> Iterator[str]:
    """The page of questions alone, with a desk; the door before it has tests of its own."""
    application, services = FastAPI(), FakeServices(pause=0.01)
    application.include_router(pages_router(services, ""))
    server._mount_page(application, services, "", office)  # type: ignore[arg-type]
    application.add_middleware(GradioManners, dress=lambda scope, page: dress_gradio_page(page, ""))
    application.add_middleware(SecurityHeaders)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(10)
    listening.close()


@pytest.fixture
def page(browser: Any, own_address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    context.add_cookies([{"name": COOKIE, "value": "1001", "url": own_address}])
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(own_address)
    opened.wait_for_selector(".welcome")
    opened.locator(".example").first.click()
    opened.locator("#live .act-rate").first.wait_for()
    yield opened
    context.close()
    assert problems == []


def test_a_thumb_down_is_explained_and_reaches_the_admin(page: Any, office: FakeDesk) -> None:
    up, down = (page.locator(f"#live .act-rate[data-verdict={verdict}]") for verdict in ("up", "down"))
    up.click()
    page.wait_for_selector("#live .act-rate[data-verdict=up][aria-pressed=true]")
    down.click()
    page.click("#rate-send")  # a reason is missing
    assert page.locator("#rate-form").is_visible()
    page.locator("#rate-form .pick").nth(2).click()
    page.fill("#rate-form [name=article]", "学习管理规定第十条")
    page.click("#rate-send")
    page.locator("#rate-form").wait_for(state="hidden")
    page.wait_for_selector("#live .act-rate[data-verdict=down][aria-pressed=true]")
    assert up.get_attribute("aria-pressed") == "false"
    admin = person(office.database, "9", Role.ADMIN)
    assert [remark.right_article for remark in office.feedback.open_ones(admin).remarks] == ["学习管理规定第十条"]
    down.click()
    page.wait_for_selector("#live .act-rate[data-verdict=down][aria-pressed=false]")
    assert office.feedback.open_ones(admin).total == 0


def test_ones_own_questions_are_opened_continued_and_deleted(page: Any, office: FakeDesk) -> None:
    page.click("#fresh")
    page.wait_for_selector(".welcome")
    page.get_by_role("tab", name="我的提问").click()
    page.locator(".hist-row").first.wait_for()
    before = office.questions.own(office.gate.people["1001"]).total
    page.locator(".hist-row .hist-open").first.click()
    page.wait_for_selector("#history .turn")
    page.fill("#question textarea", "学习管理规定第十条讲什么？")
    page.press("#question textarea", "Enter")
    page.locator("#live .turn[data-turn='2'] .act-rate").first.wait_for()
    page.get_by_role("tab", name="我的提问").click()
    page.get_by_text("2 个问题").first.wait_for()
    page.locator(".hist-row .hist-del").first.click()
    page.locator(".hist-del.is-asking").click()
    page.wait_for_function(f"document.querySelectorAll('.hist-row').length === {before - 1}")
    assert office.questions.own(office.gate.people["1001"]).total == before - 1
