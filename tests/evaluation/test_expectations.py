"""What a line of a set says of the right answer."""

from __future__ import annotations

import datetime as dt

import pytest

from study_bot.errors import DatasetError
from study_bot.evaluation.datasets import Query
from study_bot.evaluation.expectations import as_of_of, category_of, conversation_of, expectation_of
from study_bot.types import Turn


def _query(**metadata: object) -> Query:
    return Query("q1", "问题", metadata)


def test_golds_from_one_string_or_from_lists() -> None:
    assert expectation_of(_query(answer="八时")).answers == ("八时",)
    assert expectation_of(_query(answer=["八时", "8时"], answers=["八时", "八点"])).answers == ("八时", "八点", "8时")
    assert expectation_of(_query(answer=2)).answers == ("2",)
    assert expectation_of(_query(answer="")).answers == ()


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("值班员", {1}),
        (["值班员", "民警"], {1, 2}),
        ("B", {1}),
        ("ABC", {0, 1, 2}),
        ("A、C", {0, 2}),
        (["A", "C"], {0, 2}),
    ],
)
def test_choice_by_text_or_letter(answer: object, right: set[int]) -> None:
    expected = expectation_of(_query(options=["队长", "值班员", "民警"], answer=answer))
    assert expected.right == right
    assert expected.answers == ()
    assert expected.answerable


def test_one_option_or_none_is_no_choice() -> None:
    for options in ([], ["值班员"], None):
        expected = expectation_of(_query(options=options, answer="值班员"))
        assert (expected.options, expected.answers) == ((), ("值班员",))


@pytest.mark.parametrize(
    ("blanks", "golds"),
    [
        ("八时", (("八时",),)),
        (["八时", ["值班员", "值班人员"]], (("八时",), ("值班员", "值班人员"))),
        ([15], (("15",),)),
        (None, ()),
        ([], ()),
    ],
)
def test_words_at_the_blanks(blanks: object, golds: tuple[tuple[str, ...], ...]) -> None:
    expected = expectation_of(_query(blanks=blanks))
    assert expected.blanks == golds
    assert expected.answerable == bool(golds)


@pytest.mark.parametrize("blanks", [["八时", ""], [[]], [{"a": 1}], [None]])
def test_a_blank_without_words_is_a_mistake_of_the_set(blanks: object) -> None:
    with pytest.raises(DatasetError, match="blanks"):
        expectation_of(_query(blanks=blanks))


def test_who_can_be_answered() -> None:
    assert expectation_of(_query(refuse=True)).unanswerable
    assert not expectation_of(_query(refuse=True, answer="x")).answerable
    assert expectation_of(_query(refuse=False)).answerable
    assert expectation_of(_query(must=["批准"])).answerable
    assert expectation_of(_query(), {"d1": 1, "d2": 0}).relevant == {"d1"}
    silent = expectation_of(_query(), {"d2": 0})
    assert (silent.answerable, silent.unanswerable) == (False, False)


def test_category_is_the_kind_or_the_category() -> None:
    assert [category_of(_query(**m)) for m in ({"kind": "law"}, {"category": "list"}, {}, {"kind": 3})] == [
        "law",
        "list",
        "",
        "",
    ]


def test_conversation_and_day() -> None:
    query = _query(conversation=[{"question": "谁？", "answer": "他。"}, {"question": "何时？"}], as_of="2025-06-30")
    assert conversation_of(query) == (Turn("谁？", "他。"), Turn("何时？", ""))
    assert as_of_of(query) == dt.date(2025, 6, 30)
    assert (conversation_of(_query()), as_of_of(_query())) == ((), None)


def test_ways_to_write_an_answer_may_stand_in_a_list_of_their_own() -> None:
    assert expectation_of(_query(answer=[["16", "十六"], "二八"])).answers == ("16", "十六", "二八")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"answer": {"text": "x"}}, "answer 应为字符串"),
        ({"must": [["x"]]}, "must 应为字符串"),
        ({"refuse": "yes"}, "refuse 应为 true 或 false"),
        ({"options": ["甲", "乙"], "answer": "丙"}, "“丙”不在选项之中"),
        ({"options": ["甲", "乙"], "answer": "C"}, "“C”不在选项之中"),
    ],
)
def test_what_cannot_be_read_is_named(metadata: dict, words: str) -> None:
    with pytest.raises(DatasetError, match=f"问题 q1 .*{words}"):
        expectation_of(_query(**metadata))


def test_bad_turns_and_days_are_named() -> None:
    with pytest.raises(DatasetError, match="conversation"):
        conversation_of(_query(conversation=["谁？"]))
    with pytest.raises(DatasetError, match="as_of“明天”不是日期"):
        as_of_of(_query(as_of="明天"))
