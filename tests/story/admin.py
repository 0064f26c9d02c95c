"""What an admin does in the browser, step by step; each step ends when the page shows that it is done."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEW_PASSWORD = "晨读 夜记 三十五项 必学"
BUILD_MS = 1_800_000
"""Longest time a build may take on a slow machine."""


@dataclass(slots=True)
class Admin:
    """An admin at a page. `shots` is where pictures of every step go, None = none are made."""

    page: Any
    address: str
    shots: Path | None = None
    _number: int = 0

    def go(self, path: str) -> None:
        """Open one of the pages."""
        self.page.goto(self.address + path)

    def look(self, name: str) -> None:
        """Keep a picture of the page."""
        if self.shots is not None:
            self._number += 1
            self.page.screenshot(path=self.shots / f"{self._number:02}-{name}.png", full_page=True)

    def message(self) -> str:
        """The message on top of the page."""
        return str(self.page.locator(".flash").first.inner_text())

    def sign_in(self, badge: str, password: str) -> None:
        """Sign in on the page that an unknown visitor is led to."""
        self.go("/")
        self.page.wait_for_url("**/sign-in*")
        self.look("登录")
        self.page.fill("[name=badge]", badge)
        self.page.fill("[name=password]", password)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_load_state("load")

    def first_sign_in(self, badge: str, password: str, new: str = NEW_PASSWORD) -> None:
        """Sign in with a one-time password and set one's own."""
        self.sign_in(badge, password)
        self.page.wait_for_url("**/account/password")
        self.look("设置密码")
        self.page.fill("[name=old]", password)
        self.page.fill("[name=new]", new)
        self.page.fill("[name=again]", new)
        self.page.press("[name=again]", "Enter")
        self.page.wait_for_url(lambda url: "/account/password" not in url)

    def import_roster(self, name: str, content: bytes) -> list[dict[str, str]]:
        """Import a roster; gives the rows of the file with the one-time passwords."""
        self.go("/admin/people/roster")
        self.page.set_input_files("input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": content})
        self.page.click(".drop-send")
        self.page.wait_for_selector("button:has-text('确认导入')")
        self.look("名册预览")
        self.page.click("button:has-text('确认导入')")
        self.page.wait_for_selector("text=一次性密码只显示这一次")
        self.look("名册导入")
        with self.page.expect_download() as download:
            self.page.click("a[download$='.csv']")
        return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))

    def upload(self, files: Sequence[Path], category: str = "") -> None:
        """Give files; ends when all were read."""
        self.go("/admin/files?state=draft")
        if not self.page.locator("details.upload").first.evaluate("fold => fold.open"):
            self.page.click("details.upload > summary")
        self.page.fill("#up-category", category)
        self.page.set_input_files("input[type=file]", [str(path) for path in files])
        self.look("选好文件")
        self.page.click(".drop-send")
        self.page.wait_for_url("**/admin/files?state=draft", wait_until="load", timeout=600_000)
        self.page.wait_for_selector("input[name=id]", timeout=600_000)
        self.look("待发布")

    def upload_folder(self, folder: Path) -> str:
        """Give a whole folder; gives what the page says where not all of it could be taken."""
        self.go("/admin/files?state=draft")
        if not self.page.locator("details.upload").first.evaluate("fold => fold.open"):
            self.page.click("details.upload > summary")
        with self.page.expect_file_chooser() as chooser:
            self.page.click(".drop-folder")
        chooser.value.set_files(str(folder))
        self.page.click(".drop-send")
        told = self.page.locator(".drop-sum:not([hidden])")
        told.wait_for()
        self.look("整个文件夹")
        return str(told.inner_text())

    def titles(self, state: str = "") -> list[str]:
        """Titles of the first page of files in a state."""
        self.go(f"/admin/files?state={state}")
        return list(self.page.locator("td.is-title a").all_inner_texts())

    def open_file(self, title: str, state: str = "", which: int = 0) -> None:
        """Open the page of a file; of several of that title the `which`-th, newest first."""
        self.go(f"/admin/files?state={state}&text={title}")
        self.page.locator("td.is-title a", has_text=title).nth(which).click()
        self.page.wait_for_selector("text=识别结果")

    def publish_all(self) -> str:
        """Publish every draft; gives the message."""
        self.go("/admin/files?state=draft")
        self.page.check("[data-check-all]")
        self.page.click("button[value=publish]")
        self.page.wait_for_selector(".flash")
        self.look("已发布")
        return self.message()

    def wait_for_index(self) -> None:
        """Wait until nothing is being built and everything published is in the index."""
        self.go("/admin/builds")
        self.look("更新索引")
        self.page.wait_for_selector("[data-poll]", state="detached", timeout=BUILD_MS)
        self.page.wait_for_selector("text=正在使用", timeout=BUILD_MS)
        self.look("索引")

    def ask(self, question: str) -> str:
        """Ask on the page of questions; gives the text of the turn."""
        self.go("/")
        self.page.wait_for_selector("#question textarea")
        self.page.wait_for_selector(".welcome .facts")
        self.page.fill("#question textarea", question)
        self.page.press("#question textarea", "Enter")
        turn = self.page.locator("#live .turn:is([data-state=done], [data-state=refused])").first
        turn.wait_for(timeout=120_000)
        self.look("提问")
        return str(turn.inner_text())

    def roll_back(self, which: int = 0) -> str:
        """Go back to an earlier build, 0 = the newest of them; gives the message."""
        self.go("/admin/builds")
        row = self.page.locator("section", has_text="可以回退到的索引").locator("tbody tr").nth(which)
        row.locator("summary").click()
        self.look("回退")
        row.locator("form button.act-main").click()
        self.page.wait_for_selector(".flash-good")
        return self.message()
