"""Words and bars of progress."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from study_bot.cli.progress import duration, pace, progress_bar, shorten
from study_bot.types import Progress


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 秒"),
        (9.94, "9.9 秒"),
        (9.96, "10 秒"),
        (59.4, "59 秒"),
        (59.6, "1 分 00 秒"),
        (3599.4, "59 分 59 秒"),
        (3600, "1 小时 00 分"),
        (9000, "2 小时 30 分"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("编码", 1, 10, "段"), ""),
        (Progress("编码", 1, 10, "段", rate=31.42), "31.4 段/秒"),
        (Progress("编码", 1, 10, "段", rate=0.5, eta=18.0), "0.5 段/秒，剩余 18 秒"),
        (Progress("编码", 10, 10, "段", rate=2.0, eta=0.0), "2 段/秒"),
    ],
)
def test_pace(progress: Progress, words: str) -> None:
    assert pace(progress) == words


@given(st.text(), st.integers(1, 50))
def test_shortened_text_fits_and_keeps_its_ends(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or "…" in short
    if len(text) > limit > 2:
        assert (short[0], short[-1]) == (text[0], text[-1])


def _drawn(*, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, color_system=None)
    with progress_bar(console) as show:
        show(Progress("读取文献", 1, 2, "个文件", "值班[办法].txt", rate=1.5, eta=0.7))
        show(Progress("读取文献", 2, 2, "个文件"))
        show(Progress("计算向量", 0, 0, "段"))
    return stream.getvalue()


def test_stages_are_drawn_on_a_terminal() -> None:
    drawn = _drawn(terminal=True)
    for words in ("读取文献", "2/2", "计算向量"):
        assert words in drawn


def test_nothing_is_drawn_elsewhere() -> None:
    assert _drawn(terminal=False) == ""
