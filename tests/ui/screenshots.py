"""Pictures for the documentation, of a server that is running: `python -m tests.ui.screenshots OUT_DIR URL`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from tests.ui.page_scripts import CHROMIUM_FLAGS

UNANSWERABLE = "明天食堂有什么菜？"

VIEWS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "desktop-dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "laptop": {"viewport": {"width": 1100, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
    "phone-dark": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
        "color_scheme": "dark",
    },
}
"""Name of a picture's window and what the browser is told of it."""


def take(page: Any, folder: Path, view: str) -> None:
    """One round through the page: first visit, answer, evidence, original, refusal, scope, library."""

    def shoot(name: str) -> None:
        page.wait_for_timeout(350)  # movements end
        page.screenshot(path=folder / f"{view}-{name}.png")

    def finish(turn: int) -> None:
        page.locator(f"#live .turn[data-turn='{turn}']:not([data-state=queued], [data-state=working])").wait_for()

    shoot("1-welcome")
    page.locator(".example").first.click()
    finish(1)
    shoot("2-answer")
    page.locator("#live button.cite").first.click()
    shoot("3-evidence")
    page.locator("#evidence a[data-reader]").first.click()
    page.frame_locator("#reader iframe").locator("#hit").first.wait_for()
    shoot("4-original")
    page.locator(".reader-close").click()
    page.locator("#reader").wait_for(state="hidden")
    if page.is_visible("#ev-close"):
        page.click("#ev-close")
    page.fill("#question textarea", UNANSWERABLE)
    page.press("#question textarea", "Enter")
    finish(2)
    shoot("5-refusal")
    page.click("#scope-toggle")
    shoot("6-scope")
    page.click("#scope-done")
    page.get_by_role("tab", name="文献").click()
    page.locator(".lib-count").wait_for()
    shoot("7-library")


def main(folder: Path, url: str) -> None:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=CHROMIUM_FLAGS)
        for view, options in VIEWS.items():
            context = browser.new_context(locale="zh-CN", **options)
            context.set_default_timeout(60_000)
            page = context.new_page()
            page.goto(url)
            page.locator(".welcome .facts").wait_for()
            take(page, folder, view)
            context.close()
            sys.stdout.write(f"{view}\n")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
