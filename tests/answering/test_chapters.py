"""A chapter as the answer."""

from __future__ import annotations

import pytest

from study_bot.answering.chapters import MAX_ARTICLES, asked_chapter, select_chapter
from study_bot.library.structure import parse_structure
from tests.library.samples import loaded
from tests.library.test_passages import passages_of

TEXT = """第一章 总则
第一条 为了方便借用，制定本办法。
第二章 借用和归还
第二条 借用应当登记。登记由值班员办理。
第三条 归还时检查下列事项：
（一）数量；
（二）完好程度。
第三章 管理人员的基本职责
第四条 管理人员每日清点。清点应当记录。
第五条 管理人员每月检修。
第四章 附则
第六条 本办法自2024年4月1日起施行。
"""
PARSED = parse_structure(loaded(TEXT), "工具借用办法")


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("管理人员的基本职责有哪些", "管理人员的基本职责"),
        ("管理人员有哪些基本职责", "管理人员的基本职责"),
        ("借用和归还有哪些规定？", "借用和归还"),
        ("借用和归还分别有哪些要求", "借用和归还"),
        ("借用和归还要登记哪些事项", None),
        ("附则有哪些", None),
        ("有哪些", None),
        ("", None),
    ],
)
def test_the_chapter_that_is_asked_for(question: str, heading: str | None) -> None:
    found = asked_chapter(question, PARSED.root)
    assert (found.heading if found else None) == heading


def quoted(heading: str) -> list[str]:
    chapter = asked_chapter(f"{heading}有哪些", PARSED.root)
    assert chapter is not None
    chosen = select_chapter(chapter, passages_of(loaded(TEXT), "规章/工具借用办法.txt"))
    return [selection.passage.text[slice(*span)] for selection in chosen for span in selection.spans]


def test_each_article_is_quoted_as_it_begins() -> None:
    assert quoted("管理人员的基本职责") == ["第四条 管理人员每日清点。", "第五条 管理人员每月检修。"]


def test_a_list_comes_with_the_words_that_announce_it() -> None:
    first, second = quoted("借用和归还")
    assert first == "第二条 借用应当登记。"
    assert second.endswith("（二）完好程度。")


def test_a_long_chapter_is_no_answer() -> None:
    articles = "".join(f"第{n}条 管理人员应当登记。\n" for n in "一二三四五六七八九")
    text = "第一章 管理人员的基本职责\n" + articles + "".join(f"第十{n}条 应当检修。\n" for n in "一二三四五六七八九")
    root = parse_structure(loaded(text), "工具借用办法").root
    assert sum(section.article is not None for section in root.children[0].children) > MAX_ARTICLES
    assert asked_chapter("管理人员的基本职责有哪些", root) is None
