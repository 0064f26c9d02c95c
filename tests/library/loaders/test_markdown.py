"""Markdown files."""

from __future__ import annotations

import pytest

from study_bot.library.loaders.markdown import load_markdown, plain_text
from study_bot.types import BlockKind, LoadedFile
from tests.library.loaders.makers import LIMITS, texts

H, P, L, T = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.TABLE_ROW


def load(text: str) -> LoadedFile:
    return load_markdown(text.encode(), LIMITS)


def shape(text: str) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in load(text).blocks]


def test_front_matter_becomes_strings() -> None:
    """Dates, lists and numbers are text; the title is the file's own."""
    loaded = load(
        '---\ntitle: "阅览室办法"\ndate: 2024-05-06\ntags: [夜读, 借阅]\norder: 3\nempty:\n---\n# 阅览室办法\n正文'
    )
    assert loaded.title == "阅览室办法"
    assert loaded.metadata == {"title": "阅览室办法", "date": "2024-05-06", "tags": "夜读、借阅", "order": "3"}
    assert texts(loaded) == ["阅览室办法", "正文"]


@pytest.mark.parametrize(
    "source",
    [
        "a: &x [1]\nb: *x",
        "a: [1\nb: }",
        "x: &a [1,1]\ny: &b [*a,*a]\nz: &c [*b,*b]",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_bad_front_matter_is_left_out_with_a_warning(source: str) -> None:
    """Broken YAML, aliases (a few lines may stand for gigabytes) and objects do not stop the file."""
    loaded = load(f"---\n{source}\n---\n正文在此。")
    assert texts(loaded) == ["正文在此。"]
    assert loaded.metadata == {}
    assert "front matter" in loaded.warnings[0]


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    """Text between two rules stays text."""
    assert texts(load("---\n只是一段话\n---\n正文")) == ["只是一段话", "正文"]


def test_headings() -> None:
    """Marks before, marks after, marks without a space, and lines below."""
    text = "# 甲 #\n##乙章\n第一讲\n======\n第二讲\n---\n####### 不是标题"
    assert shape(text) == [(H, 1, "甲"), (H, 2, "乙章"), (H, 1, "第一讲"), (H, 2, "第二讲"), (P, 0, "####### 不是标题")]


def test_a_rule_under_a_long_paragraph_makes_no_heading() -> None:
    """Writers forget the blank line above a rule."""
    sentence = (
        "值班员应当在每日闭馆之前检查门窗与灯光，并且把当天的情况记入登记簿，"
        "第二天开馆以前由组长查看并签字确认，缺少签字的，由组长当天补齐。"
    )
    assert shape(f"{sentence}\n---\n下文") == [(P, 0, sentence), (P, 0, "下文")]


def test_lists_keep_numbers_and_lose_bullets() -> None:
    """Numbers carry meaning."""
    assert shape("- 甲\n* 乙\n  + 丙\n1. 丁\n12) 戊\n**第一条** 不是列表") == [
        (L, 0, "甲"),
        (L, 0, "乙"),
        (L, 0, "丙"),
        (L, 0, "1. 丁"),
        (L, 0, "12) 戊"),
        (P, 0, "第一条 不是列表"),
    ]


def test_tables_repeat_their_header() -> None:
    """Each row can be read alone; empty cells are left out."""
    loaded = load("| 时段 | **值班** | 备注 |\n|:--|---|--:|\n| 早 | 老陈 | |\n| 晚 | 小林\\|小周 | 带钥匙 |\n\n后文")
    assert texts(loaded) == ["时段：早；值班：老陈", "时段：晚；值班：小林|小周；备注：带钥匙", "后文"]
    assert loaded.blocks[0].kind is T
    assert loaded.blocks[0].cells == ("早", "老陈", "")


def test_every_line_of_a_paragraph_stays_a_block() -> None:
    """Chinese authors break lines on purpose; a break tag does the same."""
    assert texts(load("甲会通过\n乙会修订\n丙会公布<br>丁会施行")) == ["甲会通过", "乙会修订", "丙会公布", "丁会施行"]


def test_wrapped_paragraphs_are_rejoined() -> None:
    """A file wrapped at 20 characters throughout."""
    sentence = "每位读者每次最多借阅三册图书，借期为三十日，到期前可以续借一次，续借期为十五日，逾期不还的停借一个月。"
    lines = [sentence[i : i + 20] for i in range(0, len(sentence), 20)]
    assert texts(load("\n\n".join(["\n".join(lines)] * 4))) == [sentence] * 4


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("**第一条**　为了", "第一条　为了"),
        ('见[本办法](http://x.example/a_(b) "题")第三条', "见本办法第三条"),
        ("修改<阅览室条例>的决定", "修改<阅览室条例>的决定"),
        ("甲<span style='x'>乙</span><!-- 注 -->丙", "甲乙丙"),
        ("*斜* _体_ snake_case_name 2*3*4", "斜 体 snake_case_name 2*3*4"),
        ("~~旧~~ `码` \\*星\\* &lt;尖&gt;&nbsp;", "旧 码 *星* <尖>\xa0"),
        ("![图](a.png)正文[^1]", "正文"),
    ],
)
def test_inline_marks(marked: str, plain: str) -> None:
    """Marks go, words stay; angle brackets used as title marks are words."""
    assert plain_text(marked) == plain


def test_code_comments_and_quotes() -> None:
    """Code is kept as it is, comments are not shown to readers, quotes are text."""
    assert texts(load("```\n# 不是标题\n```\n<!-- 隐\n藏 -->\n> 引文")) == ["# 不是标题", "引文"]


def test_marks_without_end_do_not_take_forever() -> None:
    """A long line of openings is not searched."""
    assert len(load("[" * 300_000).blocks) == 1
