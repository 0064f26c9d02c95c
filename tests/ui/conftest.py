"""Servers and browsers for the interface tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.ui.fake_services import FakeServices
from tests.ui.page_scripts import CHROMIUM_FLAGS
from tests.ui.running import running


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture(scope="module")
def live_services() -> FakeServices:
    """Those behind `address`; a test that changes them puts them back."""
    return FakeServices(pause=0.02)


@pytest.fixture(scope="module")
def address(live_services: FakeServices) -> Iterator[str]:
    with running(live_services) as url:
        yield url


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """A browser for a module, not for the session: while it is open, an event loop runs in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens pages; at the end no page may have had errors or asked another machine for anything."""
    contexts, problems = [], []

    def opener(
        path: str = "/", *, width: int = 1280, height: int = 800, phone: bool = False, dark: bool = False
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            is_mobile=phone,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
        page.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("request", lambda r: None if _is_local(r.url, address) else problems.append(f"asked for {r.url}"))
        page.on("websocket", lambda socket: problems.append(f"websocket {socket.url}"))
        page.goto(address + path)
        if path == "/":
            page.wait_for_selector(".welcome")
        return page

    yield opener
    for context in contexts:
        context.close()
    assert problems == []


def _is_local(url: str, address: str) -> bool:
    return url.startswith((address + "/", "data:", "blob:", "about:"))
