"""Everyday words exchanged for those of the library."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.index.articles import ArticleTable
from study_bot.index.tokens import Tokenizer
from study_bot.retrieval.query import understand
from study_bot.retrieval.wording import Wording, packaged_entries, parse_entries

ENTRIES = {"开枪": "使用武器", "酒后开车": "饮酒后驾驶", "开车": "驾驶车辆", "打架": "殴打他人、结伙斗殴"}


def wording_for(*texts: str, entries: dict[str, str] | None = None) -> Wording:
    tokenizer = Tokenizer()
    counts = Counter(token for text in texts for token in set(tokenizer.tokens(text)))
    return Wording(lambda token: counts[token], ENTRIES if entries is None else entries)


STATUTE = "可以使用武器。饮酒后驾驶的，应当停止驾驶车辆。殴打他人的，应当制止。"


@pytest.mark.parametrize(
    ("question", "rewritten"),
    [
        ("什么时候可以开枪", "什么时候可以使用武器"),
        ("酒后开车怎么处理", "饮酒后驾驶怎么处理"),  # the longest first
        ("开车打架", "驾驶车辆殴打他人、结伙斗殴"),
        ("没有这些词", "没有这些词"),
        ("", ""),
    ],
)
def test_words_the_library_lacks_are_exchanged(question: str, rewritten: str) -> None:
    assert wording_for(STATUTE).rewritten(question) == rewritten


def test_words_the_library_has_stay() -> None:
    assert wording_for(STATUTE, "讲义：什么情况可以开枪").rewritten("什么时候可以开枪") == "什么时候可以开枪"


def test_nothing_is_exchanged_for_what_the_library_lacks_too() -> None:
    assert wording_for("关于植树的通知").rewritten("什么时候可以开枪") == "什么时候可以开枪"
    assert wording_for(STATUTE, entries={}).rewritten("开枪") == "开枪"


def test_a_question_is_understood_in_the_words_of_the_library() -> None:
    articles = ArticleTable.from_snapshot([], [])
    query = understand("请问什么时候可以开枪？", articles, dt.date(2026, 1, 1), wording=wording_for(STATUTE))
    assert query.question == "请问什么时候可以开枪？"
    assert "使用武器" in query.search_text and "开枪" not in query.search_text


def test_what_ships_along_can_be_read_and_leads_nowhere_in_circles() -> None:
    entries = packaged_entries()
    assert len(entries) > 150
    assert all(len(word) > 1 or word == "嫖" for word in entries)
    said = {part for words in entries.values() for part in words.split("、")}
    assert not said & entries.keys()


def test_lines_that_are_no_entries() -> None:
    assert parse_entries("# 说明\n\n甲 乙 = 丙\n") == {"甲": "丙", "乙": "丙"}
    for line in ("甲 乙", "甲 =", "= 丙"):
        with pytest.raises(ValueError, match="no entry"):
            parse_entries(line)


@given(st.text(alphabet="开枪酒后开车打架可以使用武器，。 ", max_size=30))
def test_any_question_can_be_rewritten(text: str) -> None:
    rewritten = wording_for(STATUTE).rewritten(text)
    assert (rewritten == text) is not any(word in text for word in ENTRIES)
