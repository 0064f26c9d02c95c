"""The admin's whole day in a real browser, against the program as it is started on a server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.story.admin import NEW_PASSWORD, Admin
from tests.story.site import Site, serving
from tests.support import requires_shared
from tests.ui.page_scripts import CHROMIUM_FLAGS

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("STUDY_BOT_SHOTS")
"""A folder for pictures of every step; None = none are made."""

ROSTER = """警号,姓名,单位,角色,电话
900001,甲某,总队/一支队,民警,13900000001
900002,乙某,总队,单位管理员,
"""

OLD = """江临市学习档案管理规定

（2024年3月1日公布，自2024年4月1日起施行）

第一条　为规范学习档案管理，制定本规定。
第二条　学习档案由各支队政工部门保管，保存期限不少于三年。
第三条　民警本人可以查阅自己的学习档案，查阅应当登记。
第四条　学习档案不得涂改，记载有误的，由保管部门更正并注明日期。
第五条　本规定自2024年4月1日起施行。
"""

NEW = """江临市学习档案管理规定

（2025年11月20日修订，自2026年1月1日起施行）

第一条　为规范学习档案管理，制定本规定。
第二条　学习档案由各支队政工部门保管，保存期限不少于五年。
第三条　民警本人可以查阅自己的学习档案，查阅应当登记。
第四条　学习档案不得涂改，记载有误的，由保管部门更正并注明日期。
第五条　民警调动的，学习档案随人转递，转递应当在十五日内办理。
第六条　本规定自2026年1月1日起施行。
"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


def someone(browser: Any, site: Site, name: str) -> Admin:
    """A person at a browser of their own."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, locale="zh-CN", accept_downloads=True)
    context.set_default_timeout(60_000)
    shots = Path(SHOTS) / name if SHOTS else None
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
    return Admin(context.new_page(), site.address, shots)


def give_a_folder(admin: Admin, folder: Path) -> None:
    """With one file that is new, one that is there already, one that cannot be read, and litter."""
    given = folder / "通知"
    given.mkdir(parents=True)
    (given / "关于值班的通知.txt").write_text("关于值班的通知\n\n节日期间值班应当两人以上。\n", "utf-8")
    (given / "又一份.txt").write_text(OLD, "utf-8")
    (given / "断的.docx").write_bytes(b"PK\x03\x04 nothing")
    (given / "Thumbs.db").write_bytes(b"litter")
    assert "1 个待核对，1 个读不出来，1 个没有收下" in admin.upload_folder(folder)
    told = admin.page.inner_text(".drop-list")
    assert "已收下，但读不出来" in told and "不是有效的 .docx" in told and "《关于值班的通知》" in told
    assert admin.page.locator("#library-list tbody tr").count() == 2  # what was given meanwhile is in the list below
    admin.page.click("text=去核对已收到的")
    assert sorted(admin.titles("draft")) == ["关于值班的通知", "断的.docx"]
    assert "通知 ·" in admin.page.inner_text("td.is-title >> nth=0")


def export_figures(admin: Admin) -> None:
    admin.go("/admin")
    with admin.page.expect_download() as download:
        admin.page.click("a[href*='figures.xlsx']")
    assert Path(download.value.path()).read_bytes().startswith(b"PK")


@pytest.mark.slow
def test_from_the_first_start_to_the_roll_back(browser: Any, tmp_path: Path) -> None:
    old, new = tmp_path / "学习档案管理规定（2024）.txt", tmp_path / "学习档案管理规定（2025修订）.txt"
    old.write_text(OLD, "utf-8")
    new.write_text(NEW, "utf-8")
    with serving(tmp_path) as site:
        assert site.password
        admin = someone(browser, site, "story")
        admin.first_sign_in("admin", site.password)

        passwords = admin.import_roster("名册.csv", ROSTER.encode("utf-8-sig"))
        assert [row["警号"] for row in passwords] == ["900001", "900002"]

        admin.upload([old], "规章制度")
        admin.open_file("江临市学习档案管理规定")
        assert "2024-04-01" in admin.page.inner_text("dl.facts")
        assert "5 条，编号连续" in admin.page.inner_text("dl.facts")
        admin.look("识别结果")
        assert "已发布 1 个文件" in admin.publish_all()
        admin.wait_for_index()
        assert "不少于三年" in admin.ask("学习档案保存期限是多久？")

        admin.upload([new], "规章制度")
        admin.open_file("江临市学习档案管理规定", "draft")
        admin.page.click("text=取代并发布")
        admin.page.wait_for_selector("text=已作为新版本发布")
        admin.page.click("a.act:has-text('对照')")
        admin.page.wait_for_selector(".changes")
        admin.look("对照")
        changes = admin.page.inner_text(".changes")
        assert "第二条" in changes and "第五条" in changes and "第三条" not in changes
        assert admin.page.get_by_text("五年", exact=True).count() == 1
        admin.wait_for_index()
        assert "不少于五年" in admin.ask("学习档案保存期限是多久？")
        assert "不少于三年" in admin.ask("2025年的时候，学习档案保存期限是多久？")

        assert "已回退" in admin.roll_back()
        assert "不少于三年" in admin.ask("学习档案保存期限是多久？")

        for path, title in (("/admin", "概览"), ("/admin/audit", "日志"), ("/admin/feedback", "反馈")):
            admin.go(path)
            admin.look(title)
            assert title in admin.page.inner_text("h1")
        export_figures(admin)
        give_a_folder(admin, tmp_path / "资料")

        officer = someone(browser, site, "officer")
        officer.first_sign_in("900001", passwords[0]["一次性密码"], "读书 写字 巡逻 值班")
        assert "不少于三年" in officer.ask("学习档案保存期限是多久？")
        for path in ("/admin", "/admin/files", "/admin/builds", "/admin/people", "/admin/audit"):
            assert officer.page.goto(site.address + path).status == 403
        officer.look("没有权限")

    with serving(tmp_path) as site:  # nothing is forgotten by a restart, and no password is told again
        assert site.password == ""
        admin = someone(browser, site, "again")
        admin.sign_in("admin", NEW_PASSWORD)
        assert len(admin.titles("published")) == 2
        assert "不少于三年" in admin.ask("学习档案保存期限是多久？")


@pytest.mark.realdata
def test_the_laws_and_their_amendments(browser: Any, tmp_path: Path) -> None:
    laws = sorted(path for path in requires_shared("data", "library", "good", "法律").iterdir() if path.is_file())
    rules = requires_shared("data", "library", "good", "党内法规", "中国共产党党员教育管理工作条例.txt")
    updates = requires_shared("data", "library", "updates")
    with serving(tmp_path, threads="1") as site:
        admin = someone(browser, site, "laws")
        admin.first_sign_in("admin", site.password)
        admin.upload([*laws, rules], "法律")
        admin.publish_all()
        admin.wait_for_index()
        assert "第四十三条" in admin.ask("治安管理处罚法第四十三条")
        assert "五百元以上一千元以下" in admin.ask("殴打他人怎么罚？")
        then = admin.ask("2025年12月的时候，殴打他人怎么罚？")
        assert "二百元以上五百元以下" in then and "2025年12月31日" in then

        admin.upload(sorted(path for path in updates.rglob("*") if path.is_file() and path.suffix != ".csv"), "法律")
        admin.open_file("中国共产党党员教育管理工作条例", "draft")
        admin.look("更新件")
        admin.publish_all()
        admin.wait_for_index()
        assert "40学时" in admin.ask("党员每年集中学习培训时间一般不少于多少学时？")
        admin.open_file("中国共产党党员教育管理工作条例", "published")
        admin.page.click("a.act:has-text('对照')")
        admin.page.wait_for_selector(".changes")
        admin.look("条例对照")
        changes = admin.page.inner_text(".changes")
        assert all(number in changes for number in ("第二十条", "第十七条", "第三十条", "第二十二条之一", "第十五条"))

        admin.open_file("中华人民共和国治安管理处罚法", "published")
        admin.page.click("a.act:has-text('对照')")
        admin.page.wait_for_selector(".changes")
        admin.look("治安管理处罚法对照")
        assert admin.page.locator(".change").count() > 100
