"""Web pages as offices save them."""

from __future__ import annotations

import pytest

from study_bot.errors import DamagedFileError
from study_bot.library.loaders.web import load_web_page
from study_bot.types import BlockKind, LoadedFile
from tests.library.loaders.makers import ARTICLES, LIMITS, texts

BODY = "".join(
    f"<p>&emsp;&emsp;{text.replace('第', '<b>第', 1).replace('条 ', '条</b> ', 1)}</p>\n" for text in ARTICLES
)
MENU = "".join(
    f'<li><a href="/{n}">{word}</a></li>' for n, word in enumerate(["首页", "概况", "公开", "服务", "互动", "专栏"])
)
RELATED = "".join(
    f'<li><a href="#">关于开展第{n}次夜读活动的通知</a> <span>2024-01-0{n}</span></li>' for n in range(1, 6)
)


def page(*, hints: bool, title: str = "阅览室办法_街道门户网站") -> str:
    """A page with an article in the midst of everything else; `hints` = class names tell what is what."""

    def named(name: str) -> str:
        return f' class="{name}"' if hints else ""

    return f"""<!DOCTYPE html><html><head><meta charset="gb2312"><title>{title}</title>
<style>p{{color:red}}</style><script>var 变量 = "脚本里的字";</script></head><body>
<div{named("top")}>今天是2026年 <a href="#">设为首页</a> | <a href="#">登录</a></div>
<div{named("nav")}><ul>{MENU}</ul></div>
<div{named("crumb")}>当前位置：<a href="#">首页</a> &gt; <a href="#">规章</a> &gt; 正文</div>
<table><tr><td><div{named("side")}><h4>相关阅读</h4><ul>{RELATED}</ul></div></td>
<td><div{named("main")}><h1>阅览室办法</h1>
<div{named("info")}>来源：街道办　浏览次数：<span>88</span>　字号：【<a href="#">大</a> <a href="#">小</a>】
【<a href="#">打印本页</a>】</div>
<div id="zoom"><h3>第一章 总则</h3>{BODY}<p style="display:none">看不见的字看不见的字看不见的字</p></div>
<div{named("share")}>分享到：<a href="#">微信</a></div><p>责任编辑：老陈</p>
<div>上一篇：<a href="#">公告</a><br>下一篇：<a href="#">没有了</a></div></div></td></tr></table>
<div{named("foot")}><p>主办单位：某街道　网站标识码：0000000000　ICP备00000000号</p></div></body></html>"""


@pytest.mark.parametrize("hints", [True, False], ids=["class names", "no class names"])
def test_only_the_article_is_kept(hints: bool) -> None:
    """Menus, crumbs, side lists, info lines, share bars and footers go, by class names or by what they look like."""
    loaded = load_web_page(page(hints=hints).encode(), LIMITS)
    assert texts(loaded) == ["阅览室办法", "第一章 总则", *ARTICLES]
    assert [b.level for b in loaded.blocks if b.kind is BlockKind.HEADING] == [1, 3]
    assert loaded.title == "阅览室办法"


def test_declared_charset_may_lie() -> None:
    """The page says gb2312; both UTF-8 and GB18030 bytes are read right."""
    assert texts(load_web_page(page(hints=True).encode("gb18030"), LIMITS))[2:] == list(ARTICLES)


def test_title_without_headline() -> None:
    """The site's name is cut off the page title and the rest becomes the headline."""
    loaded = load_web_page(page(hints=True).replace("<h1>阅览室办法</h1>", "").encode(), LIMITS)
    assert loaded.title == "阅览室办法"
    assert texts(loaded)[0] == "阅览室办法"


def body(html: str) -> LoadedFile:
    filler = "".join(f"<p>{text}</p>" for text in ARTICLES)
    return load_web_page(f"<html><body><div>{html}{filler}</div></body></html>".encode(), LIMITS)


def head(html: str) -> list[str]:
    return texts(body(html))[: -len(ARTICLES)]


def test_line_breaks_lists_and_preformatted_text() -> None:
    """A break splits; ordered lists get their numbers; preformatted lines stay lines."""
    html = (
        "第一行文字，<br/>第二行文字。<ul><li><p>甲项</p></li></ul>"
        "<ol start=3><li>乙项</li><li>（二）丙项</li></ol><pre>丁行\n戊行</pre>"
    )
    assert head(html) == ["第一行文字，", "第二行文字。", "甲项", "3. 乙项", "（二）丙项", "丁行", "戊行"]


def test_source_line_feeds_inside_chinese_are_no_spaces() -> None:
    """Editors wrap the source."""
    assert head("<p>每位读者\n      最多借阅三册 two\nbooks。</p>") == ["每位读者最多借阅三册 two books。"]


def test_tables() -> None:
    """A data table gives rows with header; merged cells are repeated downwards only."""
    html = (
        "<table><tr><th>类别</th><th>时段</th><th>值班</th></tr>"
        "<tr><td rowspan=2>平日</td><td><p>早</p></td><td>老陈</td></tr><tr><td>晚</td><td>小林</td></tr>"
        "<tr><td colspan=2>周末</td><td>小周</td></tr></table>"
    )
    loaded = body(html)
    assert texts(loaded)[:3] == [
        "类别：平日；时段：早；值班：老陈",
        "类别：平日；时段：晚；值班：小林",
        "类别：周末；值班：小周",
    ]
    assert loaded.blocks[0].kind is BlockKind.TABLE_ROW


def test_bold_paragraph_is_a_heading() -> None:
    """Short and wholly bold, no end of sentence."""
    blocks = body("<p><strong>一、夜读的由来</strong></p><p><strong>注意</strong>安全，慢走。</p>").blocks
    assert (blocks[0].kind, blocks[1].kind) == (BlockKind.HEADING, BlockKind.PARAGRAPH)


def test_short_page_without_prose_is_kept() -> None:
    """With nothing to compare, everything that is no link stays."""
    assert texts(load_web_page("<body><p>通知</p><p>今日闭馆</p></body>".encode(), LIMITS)) == ["通知", "今日闭馆"]


def test_deep_nesting_is_refused() -> None:
    """Parsing would take the square of the depth."""
    with pytest.raises(DamagedFileError, match="嵌套"):
        load_web_page(b"<div>" * 100_000, LIMITS)


def test_nesting_below_the_limit_is_walked_without_recursion() -> None:
    """Deeper than Python's own stack would allow."""
    html = "<div>" * 2500 + "<p>最里面的一句话，读得出来。</p>" + "</div>" * 2500
    assert texts(load_web_page(html.encode(), LIMITS)) == ["最里面的一句话，读得出来。"]
