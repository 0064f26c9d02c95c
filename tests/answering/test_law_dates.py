"""Since when a law holds, in its own words."""

from __future__ import annotations

import pytest

from study_bot.answering.law_dates import AskedDate, asked_date, select_dates
from study_bot.types import ArticleNumber, Locator, Passage, PassageKind

BEGIN, ANNOUNCE = AskedDate.COMMENCEMENT, AskedDate.ANNOUNCEMENT


@pytest.mark.parametrize(
    ("rest", "asked"),
    [
        ("从哪天起施行", BEGIN),
        ("从什么时候开始施行的？", BEGIN),
        ("的施行日期是哪天", BEGIN),
        ("什么时候生效", BEGIN),
        ("何时公布", ANNOUNCE),
        ("是哪年修订的", ANNOUNCE),
        ("最近一次修正是什么时候", ANNOUNCE),
        ("规定催告书什么时候生效", None),
        ("的决定什么时候执行", None),
        ("施行后怎么衔接", None),
        ("什么时候可以查阅档案", None),
        ("", None),
    ],
)
def test_what_is_asked(rest: str, asked: AskedDate | None) -> None:
    assert asked_date(rest) is asked


def version_of(note: str, *articles: str) -> list[Passage]:
    passages, position = [], 0
    for number, text in enumerate((note, *articles)):
        article = ArticleNumber(number) if number else None
        kind = PassageKind.ARTICLE if number else PassageKind.NOTE
        end = position + len(text)
        passages.append(Passage(f"p{number}", "v", "d", kind, text, position, end, "某办法", Locator(), article))
        position = end + 1
    return passages


def quoted(passages: list[Passage], asked: AskedDate, *, is_dated: bool = True) -> list[str]:
    chosen = select_dates(passages, asked, is_dated=is_dated)
    return [selection.passage.text[slice(*span)] for selection in chosen for span in selection.spans]


NOTE = "（2024年3月1日某局公布，2025年6月1日修订）"
PLAIN = version_of(NOTE, "第一条 登记自次日起生效。", "第二条 本办法自2024年4月1日起施行。")


def test_the_closing_article_tells_when_it_begins() -> None:
    assert quoted(PLAIN, BEGIN) == ["第二条 本办法自2024年4月1日起施行。"]


def test_of_an_amended_text_the_note_stands_beside_it() -> None:
    assert quoted(PLAIN, BEGIN, is_dated=False) == ["第二条 本办法自2024年4月1日起施行。", NOTE]


def test_from_the_day_of_its_announcement() -> None:
    closing = "第二条 本办法自公布之日起施行。"
    assert quoted(version_of(NOTE, "第一条 应当登记。", closing), BEGIN) == [closing, NOTE]


def test_the_note_tells_when_it_was_announced() -> None:
    assert quoted(PLAIN, ANNOUNCE) == [NOTE]


def test_of_a_long_closing_article_only_the_sentence() -> None:
    long = "第二条 " + "原有的登记继续有效，不必重新办理。" * 12 + "本办法自2024年4月1日起施行。"
    assert quoted(version_of(NOTE, "第一条 应当登记。", long), BEGIN) == ["本办法自2024年4月1日起施行。"]


def test_a_law_that_says_nothing_gives_nothing() -> None:
    silent = version_of("（征求意见稿）", "第一条 应当登记。", "第二条 登记自次日起生效。")
    assert quoted(silent, BEGIN) == quoted(silent, ANNOUNCE) == []
    assert select_dates([], BEGIN, is_dated=True) == []
