"""The page on a phone of 390 × 844."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.page_scripts import SMALL_INPUTS, SMALL_TARGETS
from tests.ui.test_browser import CREDITS, NINTH, UNKNOWN, ask

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]

FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture
def phone(open_page: OpenPage) -> Callable[..., Any]:
    return lambda path="/": open_page(path, width=390, height=844, phone=True)


def test_evidence_comes_as_a_sheet(phone: Callable[..., Any]) -> None:
    page = phone()
    assert not page.is_visible("#evidence .ev-panel")
    turn = ask(page, CREDITS)
    assert page.evaluate(FITS)
    mark = turn.locator("button.cite >> nth=0")
    mark.tap()
    panel = page.locator("#evidence .ev-panel")
    panel.wait_for()
    page.wait_for_timeout(350)
    box = panel.bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    assert box["y"] + box["height"] == pytest.approx(844, abs=2)
    assert 250 > box["y"] > 100
    assert panel.get_attribute("role") == "dialog"
    assert page.locator("#evidence .ev-card.is-on mark.now").first.is_visible()
    assert page.evaluate("document.querySelector('#chat').inert")
    page.tap("#ev-close")
    panel.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.matches('button.cite')")
    turn.locator(".act-evidence").tap()
    panel.wait_for()
    page.touchscreen.tap(195, 40)  # beside the sheet
    panel.wait_for(state="hidden")


def test_the_original_covers_the_screen_and_back_closes_it(phone: Callable[..., Any]) -> None:
    page = phone()
    ask(page, NINTH).locator("button.cite").tap()
    page.locator("#evidence a[data-reader] >> nth=0").tap()
    frame = page.frame_locator("#reader iframe")
    frame.locator("mark#hit").wait_for()
    assert page.locator("#reader").bounding_box()["width"] == 390
    assert not frame.locator("#toc").is_visible()
    frame.locator(".toc-open").tap()
    frame.locator("#toc a >> text=第十二条").tap()
    frame.locator("#toc").wait_for(state="hidden")
    page.go_back()
    page.locator("#reader").wait_for(state="hidden")
    assert "六十分" in page.inner_text("#live")


@pytest.mark.parametrize(
    "path", ["/reader/rules-2019?start=60&end=90", "/reader/hostile%2F1%3Fx%3D%3Cb%3E", "/reader/nope"]
)
def test_the_reader_fits(phone: Callable[..., Any], path: str) -> None:
    page = phone(path)
    assert page.evaluate(FITS)


def test_input_stays_at_the_bottom_with_letters_large_enough(phone: Callable[..., Any]) -> None:
    page = phone()
    ask(page, NINTH)
    ask(page, UNKNOWN)
    box = page.locator("#composer").bounding_box()
    assert box["y"] + box["height"] == pytest.approx(844, abs=2)
    assert page.evaluate(SMALL_INPUTS) == []
    page.tap("#scope-toggle")
    assert page.evaluate(FITS)
    assert page.evaluate(SMALL_INPUTS) == []
    page.tap("#scope-done")
    page.tap("role=tab[name=文献]")
    page.locator(".lib-count").wait_for()
    assert page.evaluate(FITS)


def test_what_is_touched_is_large_enough(phone: Callable[..., Any]) -> None:
    page = phone()
    assert page.evaluate(SMALL_TARGETS) == []
    turn = ask(page, CREDITS)
    assert page.evaluate(SMALL_TARGETS) == []
    assert turn.locator("button.cite >> nth=0").evaluate("e => parseFloat(getComputedStyle(e, '::after').height)") >= 44
    page.tap("#scope-toggle")
    assert page.evaluate(SMALL_TARGETS) == []
