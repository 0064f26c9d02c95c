"""Chinese script rules."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.text import (
    article_label,
    find_article_references,
    find_dates,
    normalise_line,
    parse_date,
    parse_number,
    search_form,
    short_title,
    split_sentences,
    strip_version_words,
    to_chinese_number,
)
from study_bot.types import ArticleNumber

numbers = st.integers(0, 9999)


@given(numbers)
def test_chinese_numerals_round_trip(value: int) -> None:
    assert parse_number(to_chinese_number(value)) == value


@given(numbers)
def test_digits_of_any_width(value: int) -> None:
    wide = str(value).translate({ord(str(d)): "０１２３４５６７８９"[d] for d in range(10)})
    assert parse_number(str(value)) == parse_number(wide) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [("两百", 200), ("二〇二五", 2025), ("一百零五", 105), ("一千二百六十", 1260), ("十", 10), ("三十", 30), ("〇", 0)],
)
def test_numerals_as_written(written: str, value: int) -> None:
    assert parse_number(written) == value


@pytest.mark.parametrize("text", ["", "条", "十百", "一二十", "第三", "3a"])
def test_not_a_number(text: str) -> None:
    assert parse_number(text) is None


def test_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="10000"):
        to_chinese_number(10_000)


@given(
    st.integers(1, 2000), st.integers(0, 12), st.none() | st.integers(1, 20), st.none() | st.integers(1, 30), st.data()
)
def test_reference_in_every_spelling(
    number: int, insert: int, clause: int | None, item: int | None, data: st.DataObject
) -> None:
    def spell(value: int) -> str:
        return data.draw(st.sampled_from([str(value), to_chinese_number(value)]))

    space = data.draw(st.sampled_from(["", " ", "\u3000"]))
    text = f"第{space}{spell(number)}{space}条"
    text += f"之{to_chinese_number(insert)}" if insert else ""
    text += f"第{spell(clause)}款" if clause else ""
    text += f"第{data.draw(st.sampled_from(['{}', '（{}）']))}项".format(spell(item)) if item else ""
    found = find_article_references(f"请问{text}是什么")
    assert [(f.article, f.clause, f.item) for f in found] == [(ArticleNumber(number, insert), clause, item)]


def test_reference_lists_and_bare_numbers() -> None:
    assert [f.article.number for f in find_article_references("第40、41条")] == [40, 41]
    assert [f.article.number for f in find_article_references("第四十条和第四十二条")] == [40, 42]
    bare = find_article_references("刑法286条之一")
    assert (bare[0].article, bare[0].explicit) == (ArticleNumber(286, 1), False)


def test_numbers_beyond_any_text_are_not_articles() -> None:
    assert find_article_references("第一二三四五条") == []


def test_article_label() -> None:
    assert article_label(ArticleNumber(120, 1)) == "第一百二十条之一"


def test_dates() -> None:
    assert parse_date("二〇二五年六月二十七日通过") == dt.date(2025, 6, 27)
    assert parse_date("道路安全办法20210429") == dt.date(2021, 4, 29)
    assert parse_date("2025-13-40") is None
    assert [f.precision for f in find_dates("2024年，2024年5月，2024年5月6日")] == ["year", "month", "day"]


def test_normalise_line_drops_what_cannot_be_seen() -> None:
    assert normalise_line("\ufeff\u3000\u3000第一条\u00a0 为了\u200b学习\t") == "第一条 为了学习"


def test_search_form_folds_width_and_case() -> None:
    assert search_form("ＡＢ１２（甲）") == "ab12(甲)"


@given(st.text(alphabet="甲乙丙。！；\n ”,.1", max_size=60))
def test_sentences_tile_the_text(text: str) -> None:
    spans = split_sentences(text)
    assert all(text[a:b].strip() == text[a:b] and a < b for a, b in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    outside = set(range(len(text))) - {i for a, b in spans for i in range(a, b)}
    assert all(text[i].isspace() for i in outside)


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("江临市公共自习室管理办法（2025年修订，2026年1月1日起施行）", "江临市公共自习室管理办法"),
        ("学习管理规定2024修正", "学习管理规定"),
        ("读书办法20210429", "读书办法"),
        ("《读书办法》", "读书办法"),
        ("读书办法（试行）", "读书办法（试行）"),
        ("重要论述（一）", "重要论述（一）"),
    ],
)
def test_version_words_are_not_part_of_a_title(title: str, plain: str) -> None:
    assert strip_version_words(title) == plain


def test_short_titles() -> None:
    assert short_title("中华人民共和国刑法") == "刑法"
    assert short_title("中国共产党纪律处分条例") == "纪律处分条例"
    assert short_title("中国共产党章程") == "中国共产党章程"
