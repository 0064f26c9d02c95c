"""Questions that are words of a text find the passage that they were cut from."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.query import understand
from study_bot.retrieval.retriever import Retriever
from study_bot.retrieval.verbatim import MAX_PASSAGES, MIN_CHARS, moved_first, plain_form, quoted_rows
from study_bot.settings import Settings
from study_bot.types import Filters
from tests.retrieval.samples import TODAY, HashEncoder, articles_of, snapshot, statute

RULES = statute("值班规定")
MEALS = statute("食堂规定")
COMMON = "由所在单位责令改正"
LIBRARY = snapshot(
    (
        RULES,
        articles_of(
            RULES,
            {
                1: "值班人员应当登记来访人员的姓名、事由和时间，不得遗漏。",
                2: "值班人员应当按时登记，来访人员不登记的，不得放行；来访时间另行规定。",
                3: f"登记遗漏的，{COMMON}。",
                4: f"擅自离岗的，{COMMON}；情节严重的，给予处分。",
            },
        ),
    ),
    (
        MEALS,
        articles_of(
            MEALS,
            {1: f"食堂喧哗的，{COMMON}。", 2: f"浪费粮食的，{COMMON}。", 3: "食堂开放时间（含节假日）为每日三次。"},
        ),
    ),
)
RETRIEVER = Retriever(LIBRARY, HashEncoder(), Settings())


def first(question: str, filters: Filters = Filters()) -> str:
    query = understand(question, LIBRARY.articles, TODAY)
    return RETRIEVER.retrieve(query, filters, 5, today=TODAY).hits[0].passage.text


def quoted(question: str) -> set[int]:
    query = understand(question, LIBRARY.articles, TODAY)
    (vectors,) = RETRIEVER._search.adapted(HashEncoder().encode_queries([query.search_text]))
    found = RETRIEVER._search.search(vectors, query.search_text, 20, None, None)
    return set(quoted_rows(found, (query.search_text,), LIBRARY.passages))


@pytest.mark.parametrize(
    "question",
    [
        "来访人员的姓名、事由和时间",
        "来访人员的姓名事由和时间",
        "来访人员的姓名 事由 和时间",
        "  来访人员的姓名，事由和时间。",
    ],
)
def test_marks_and_spaces_do_not_count(question: str) -> None:
    assert first(question).startswith("第一条")


def test_width_and_case_do_not_count() -> None:
    assert first("食堂开放时间(含节假日)为每日").startswith("第三条 食堂")


def test_words_of_many_passages_say_nothing_of_where_they_are_from() -> None:
    assert sum(COMMON in passage.text for passage in LIBRARY.passages) == 4 > MAX_PASSAGES
    assert quoted(COMMON) == set()


def test_a_term_is_no_quotation() -> None:
    assert MIN_CHARS == 6
    assert quoted("来访人员的姓") == {0}
    assert quoted("来访人员的") == set()


def test_words_that_stand_nowhere_together_are_no_quotation() -> None:
    assert quoted("来访人员应当登记的姓名") == set()


@given(st.data())
def test_whatever_is_cut_from_one_passage_finds_it(data: st.DataObject) -> None:
    """Of six characters and more, with marks or without."""
    row = data.draw(st.integers(0, len(LIBRARY.passages) - 1))
    text = LIBRARY.passages[row].text.split(" ", 1)[1]
    start = data.draw(st.integers(0, len(text) - 8))
    cut = text[start : data.draw(st.integers(start + 8, len(text)))]
    if data.draw(st.booleans()):
        cut = plain_form(cut)
    holders = {n for n, passage in enumerate(LIBRARY.passages) if plain_form(cut) in plain_form(passage.text)}
    found = quoted(cut)
    assert found <= holders
    query = understand(cut, LIBRARY.articles, TODAY)
    long_enough = sum("\u4e00" <= c <= "\u9fff" for c in cut) >= MIN_CHARS
    if query.search_text == cut and long_enough and len(holders) <= MAX_PASSAGES:
        assert found == holders
        assert plain_form(cut) in plain_form(first(cut))


@given(st.permutations(range(6)), st.frozensets(st.integers(0, 8), max_size=4))
def test_moving_first_keeps_both_orders(order: list[int], rows: frozenset[int]) -> None:
    import numpy as np

    from study_bot.retrieval.fusion import Ranking

    ranked = Ranking(np.array(order, np.int64), np.arange(6.0)[::-1])
    moved = moved_first(ranked, rows)
    assert moved.rows.tolist() == [r for r in order if r in rows] + [r for r in order if r not in rows]
    np.testing.assert_array_equal(moved.scores, ranked.scores)


def test_a_quotation_from_a_version_out_of_force_does_not_bring_it_in() -> None:
    new = statute("值班规定", doc_id="duty", version_id="new", effective=dt.date(2026, 1, 1))
    old = statute(
        "值班规定", doc_id="duty", version_id="old", effective=dt.date(2013, 1, 1), repealed=dt.date(2026, 1, 1)
    )
    library = snapshot(
        (new, articles_of(new, {1: "值班人员应当登记。"})), (old, articles_of(old, {1: "值班人员可以不登记来访人员。"}))
    )
    query = understand("可以不登记来访人员", library.articles, TODAY)
    hits = Retriever(library, HashEncoder(), Settings()).retrieve(query, Filters(), 5, today=TODAY).hits
    assert [hit.passage.version_id for hit in hits] == ["new"]
