"""The pages in a real browser: wide, on a phone, in the dark, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from study_bot.evaluation.answers_page import answers_html
from study_bot.evaluation.compare_page import compare_html
from study_bot.evaluation.retrieval_page import retrieval_html
from tests.evaluation.test_pages import HOSTILE, make_answers, make_comparison
from tests.evaluation.test_report import make_report
from tests.ui.page_scripts import CHROMIUM_FLAGS, POOR_CONTRAST

pytestmark = pytest.mark.browser

LONG = "关于进一步规范值班备勤和请销假工作的若干规定第三章第二节" * 8

FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {
        "retrieval": retrieval_html(make_report(), {"d2": LONG}),
        "answers": answers_html(make_answers(LONG)),
        "hostile": answers_html(make_answers(HOSTILE)),
        "compare": compare_html(make_comparison(LONG)),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("name", ["retrieval", "answers", "hostile", "compare"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark")])
def test_page_fits_and_can_be_read(browser: Any, pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda request: problems.append(request.url) if "file:" not in request.url else None)
    page.goto(pages[name].as_uri())
    assert page.evaluate(FITS)
    assert page.evaluate(POOR_CONTRAST) == []
    assert page.locator("h1").is_visible()
    assert all(plot.bounding_box()["height"] > 100 for plot in page.locator("svg.plot").all())
    assert problems == []
    context.close()


def test_page_prints_dark_on_white_whatever_the_screen(browser: Any, pages: dict[str, Path]) -> None:
    context = browser.new_context(viewport={"width": 800, "height": 900}, color_scheme="dark")
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto(pages["answers"].as_uri())
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert page.evaluate(POOR_CONTRAST) == []
    context.close()
