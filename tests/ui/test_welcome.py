"""First screen and banner in every state of the index."""

from __future__ import annotations

from study_bot.types import Progress
from study_bot.ui.welcome import render_banner, render_progress, render_welcome
from tests.ui.fake_services import FakeServices, FakeStatus

BUILDING = Progress("计算向量", 1200, 4100, "段", eta=97.4)


def test_first_visit_tells_what_the_library_holds(services: FakeServices) -> None:
    markup = render_welcome(services.status(), services.library(), services.examples())
    for words in ("<b>3</b>部文献", "<b>19</b>条条文", "2026-01-05 09:30", 'data-ask="哪些情形可以免计当月学时？"'):
        assert words in markup
    assert render_banner(services.status()) == ""


def test_examples_are_escaped(services: FakeServices) -> None:
    assert "<script" not in render_welcome(services.status(), services.library(), ['"><script>x</script>'])


def test_no_index() -> None:
    markup = render_welcome(
        FakeStatus(False, error="index 中还没有索引。请先建立索引（study-bot index build）。"), (), ()
    )
    assert "还没有可用的索引" in markup
    assert markup.count("study-bot index build") == 1
    assert render_welcome(FakeStatus(False, error="坏了。"), (), ()).count("study-bot library update") == 1


def test_first_build_shows_how_far_it_is() -> None:
    markup = render_welcome(FakeStatus(False, building=BUILDING), (), ())
    assert '<progress max="4100" value="1200">' in markup
    assert "约剩 1 分 37 秒" in markup


def test_empty_library() -> None:
    assert "文献库还是空的" in render_welcome(FakeStatus(True, "b1"), (), ())


def test_a_rebuild_does_not_stop_questions(services: FakeServices) -> None:
    services.building, services.warning = BUILDING, None
    assert "可以继续提问" in render_banner(services.status())
    services.building, services.warning = None, "上次建立索引失败：<磁盘>已满。"
    assert "&lt;磁盘&gt;已满" in render_banner(services.status())


def test_progress_without_a_total() -> None:
    assert "<progress" not in render_progress(Progress("读取文件", 7, 0, "个"))
