"""Plain text files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import DamagedFileError
from study_bot.library.loaders.plain import load_plain, unwrap, wrap_width
from study_bot.types import BlockKind
from tests.library.loaders.makers import ARTICLES, LIMITS, texts


def test_every_line_is_a_block() -> None:
    """Indents, blank lines and every kind of line end vanish."""
    data = "标题\r\n\r\n\u3000\u3000第一条\u3000开门。\r第二条 关门。\n\x0c第三条 熄灯。\u2028完".encode()
    loaded = load_plain(data, LIMITS)
    assert texts(loaded) == ["标题", "第一条 开门。", "第二条 关门。", "第三条 熄灯。", "完"]
    assert {block.kind for block in loaded.blocks} == {BlockKind.PARAGRAPH}
    assert loaded.format == "txt"


def test_rules_of_dashes_are_layout() -> None:
    """A row of signs is no text."""
    assert texts(load_plain("甲乙丙\n──────\n-----\n* * * *\n丁戊己".encode(), LIMITS)) == [
        "甲乙丙",
        "──────",
        "丁戊己",
    ]


def test_text_wrapped_at_a_width_is_rejoined() -> None:
    """Lines of 20 characters become the paragraphs they were."""
    wrapped = []
    for text in ARTICLES:
        indented = "\u3000\u3000" + text
        wrapped += [indented[i : i + 20] for i in range(0, len(indented), 20)]
    loaded = load_plain("\n".join(wrapped).encode(), LIMITS)
    assert texts(loaded) == list(ARTICLES)


def test_ordinary_lines_are_not_joined() -> None:
    """A list of short lines and a text of long ones are left alone."""
    lines = [f"第{number}项 内容" for number in "一二三四五六七八九十"]
    assert wrap_width(lines) is None
    assert unwrap(list(ARTICLES), wrap_width(ARTICLES)) == list(ARTICLES)


@given(st.lists(st.text(max_size=80), max_size=40))
def test_blocks_hold_no_line_feed_and_are_never_empty(lines: list[str]) -> None:
    """The contract of blocks, for any text."""
    try:
        loaded = load_plain("\n".join(["正文开始", *lines]).encode("utf-8", errors="ignore"), LIMITS)
    except DamagedFileError:
        return
    assert all(block.text and "\n" not in block.text and block.text == block.text.strip() for block in loaded.blocks)
