"""The 文献 page: search, filters, one entry per document."""

from __future__ import annotations

from dataclasses import replace

from study_bot.types import VersionStatus
from study_bot.ui.library_list import ALL_KINDS, ALL_STATUSES, kinds_of, render_library, select
from study_bot.ui.library_tab import PAGE_SIZE, LibraryHandlers
from tests.ui.fake_services import FakeServices, load, version

LIBRARY = FakeServices().library()


def titles(words: str = "", status: str = ALL_STATUSES, kind: str = ALL_KINDS) -> list[str]:
    return [group.main.title[:4] for group in select(LIBRARY, words=words, status=status, kind=kind)]


def test_search_finds_by_title_alias_and_path() -> None:
    assert titles("读书月") == ["关于做好"]
    assert titles("《学习管理规定》") == ["云岭市公"]
    assert titles("冬季 html") == ["关于做好"]
    assert titles("ＨＴＭＬ") == ["关于做好"]
    assert titles("没有这个") == []
    assert len(titles()) == 3


def test_filters() -> None:
    assert titles(status="已修改或废止") == ["云岭市公"]
    assert titles(status="尚未施行") == []
    assert titles(kind="红色课堂") == ["关于做好"]
    assert len(titles(status="forged")) == 3
    assert kinds_of(LIBRARY) == ["专家课堂", "文稿", "红色课堂"]


def test_versions_of_a_document_stand_together_with_the_valid_one_first() -> None:
    group = next(g for g in select(LIBRARY, words="", status=ALL_STATUSES, kind=ALL_KINDS) if g.others)
    assert group.main.status is VersionStatus.IN_FORCE
    markup = render_library([group], 1, 4, "/study")
    assert "其他版本（1）" in markup
    assert 'href="/study/reader/rules-2019"' in markup
    assert "14 条" in markup
    assert "规章/学习管理规定.docx" in markup


def test_warnings_are_shown_and_everything_is_escaped() -> None:
    hostile = select((replace(LIBRARY[3], warnings=("<b>缺第三条",)),), words="", status=ALL_STATUSES, kind=ALL_KINDS)
    markup = render_library(hostile, 1, 1, "")
    assert "读取提示（1）" in markup
    assert "<b>缺" not in markup
    assert "<script" not in markup


def test_empty_states_differ() -> None:
    assert "还没有内容" in render_library([], 0, 0, "")
    assert "没有符合条件" in render_library([], 0, 3, "")


def test_long_lists_come_in_pages(services: FakeServices) -> None:
    services.texts = {
        f"v{n}": load(f"文件{n:03}", "正文。", version(f"v{n}", f"d{n}", f"文件{n:03}", "x.txt"))
        for n in range(PAGE_SIZE + 5)
    }
    handlers = LibraryHandlers(services)
    markup, more, shown = handlers.first("", ALL_STATUSES, ALL_KINDS)
    assert (markup.count("lib-row"), more["visible"], shown) == (PAGE_SIZE, True, PAGE_SIZE)
    markup, more, shown = handlers.more("", ALL_STATUSES, ALL_KINDS, shown)
    assert (markup.count("lib-row"), more["visible"]) == (PAGE_SIZE + 5, False)


def test_without_an_index_the_list_is_empty(services: FakeServices) -> None:
    services.missing = True
    assert "还没有内容" in LibraryHandlers(services).first("", ALL_STATUSES, ALL_KINDS)[0]
