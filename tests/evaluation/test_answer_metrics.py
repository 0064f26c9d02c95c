"""Measures of single answers."""

from __future__ import annotations

import pytest

from study_bot.evaluation.answer_metrics import answer_text, is_right, score_answer, verbatim_share
from study_bot.evaluation.expectations import Expectation

LONG = "值班员应当按时交接班，" * 8


def _record(answer: str = "值班员每日八时交接班。[1]", *quotes: str, refused: bool = False, **more: object) -> dict:
    shown = quotes or ("值班员每日八时交接班。",)
    return {
        "answer": answer,
        "refused": refused,
        "citations": []
        if refused
        else [
            {"n": n, "doc_id": f"d{n}", "passage_id": f"d{n}#p", "title": "中华人民共和国值班法", "quote": quote}
            for n, quote in enumerate(shown, start=1)
        ],
        "latency_ms": {"total": 12.5},
        **more,
    }


def test_answer_with_a_gold() -> None:
    scores = score_answer(_record(), Expectation(answers=("八时", "8点整")))
    assert scores == {
        "chars": 10.0,
        "verbatim": 1.0,
        "citation_precision": 1.0,
        "false_refusal": 0.0,
        "gold_in_quotes": 1.0,
        "gold_in_answer": 1.0,
        "EM": 0.0,
        "F1": pytest.approx(2 * 2 / 12),
        "ROUGE-L": pytest.approx(2 * 2 / 12),
        "citation_recall": 1.0,
        "right": 1.0,
        "total_ms": 12.5,
    }


def test_refusal_of_an_answerable_question_scores_nothing() -> None:
    scores = score_answer(_record("八时没有写。", refused=True), Expectation(answers=("八时",), must=("八时",)))
    assert scores["false_refusal"] == 1.0
    assert {"chars", "verbatim", "citation_precision"}.isdisjoint(scores)
    content = {"gold_in_quotes", "gold_in_answer", "EM", "F1", "ROUGE-L", "must", "citation_recall", "right"}
    assert {name: scores[name] for name in content} == dict.fromkeys(content, 0.0)


def test_unanswerable_question() -> None:
    expected = Expectation(refuse=True)
    assert score_answer(_record(refused=True), expected)["right"] == 1.0
    scores = score_answer(_record(), expected)
    assert (scores["false_answer"], scores["right"]) == (1.0, 0.0)
    assert "false_refusal" not in scores


def test_question_of_which_nothing_is_known_is_only_described() -> None:
    assert set(score_answer(_record(), Expectation())) == {"chars", "verbatim", "total_ms"}


def test_citations_against_judgements() -> None:
    expected = Expectation(relevant=frozenset({"d1", "d3#p", "d9"}))
    record = _record("甲乙丙丁戊[1]\n己庚辛[2]\n壬癸[3]", "甲乙丙丁戊", "己庚辛", "壬癸")
    scores = score_answer(record, expected)
    assert scores["citation_precision"] == pytest.approx(2 / 3)  # a document and a passage, each by its own id
    assert scores["citation_recall"] == pytest.approx(2 / 3)
    assert scores["right"] == 1.0


def test_quote_with_the_gold_counts_where_the_judgements_do_not_know_it() -> None:
    scores = score_answer(_record(), Expectation(answers=("八时",), relevant=frozenset({"elsewhere"})))
    assert (scores["citation_precision"], scores["citation_recall"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("record", "expected", "right"),
    [
        (_record(), Expectation(must=("每日", "八时")), True),
        (_record(), Expectation(must=("每日", "九时")), False),
        ({**_record(), "citations": []}, Expectation(must=("八时",)), False),
        (_record(), Expectation(answers=("九时",)), False),
        (_record("八时。[1]", "值班员在场。"), Expectation(answers=("八时",)), False),  # said, but not borne out
        (_record(), Expectation(answers=(LONG,), relevant=frozenset({"d1"})), True),
        (_record(), Expectation(answers=(LONG,), relevant=frozenset({"d2"})), False),
        (_record(), Expectation(answers=("九时",), relevant=frozenset({"d1"})), False),
        (_record(), Expectation(refuse=False), None),
        (_record(refused=True), Expectation(relevant=frozenset({"d1"})), False),
    ],
)
def test_what_is_right(record: dict, expected: Expectation, right: bool | None) -> None:
    assert is_right(record, expected) is right


def test_choice_must_be_the_exact_set() -> None:
    expected = Expectation(options=("甲", "乙", "丙"), right=frozenset({0, 2}))
    for picked, right in ((["丙", "甲"], 1.0), (["甲"], 0.0), (["甲", "乙", "丙"], 0.0), ([], 0.0)):
        scores = score_answer(_record(choice={"picked": picked, "scores": []}, refused=True), expected)
        assert (scores["choice"], scores["right"]) == (right, right)
    assert "choice" not in score_answer(_record(), expected)


def test_every_blank_must_hold_its_words() -> None:
    expected = Expectation(blanks=(("八时", "8时"), ("值班员",)))
    for words, right in (
        (["８时", "值班员。"], 1.0),
        (["八时", "值班人员"], 0.0),
        (["八时", None], 0.0),
        (["八时"], 0.0),
        ([], 0.0),
    ):
        scores = score_answer(_record(blanks=words, refused=True), expected)
        assert (scores["blanks"], scores["right"]) == (right, right)
    assert "blanks" not in score_answer(_record(), expected)
    assert is_right(_record(), expected) is None


def test_marks_are_no_part_of_the_answer() -> None:
    assert answer_text(_record("一[1][12]\n二[3]，第[四]条")) == "一\n二，第[四]条"


class TestVerbatim:
    """The share of an answer that its own quotes hold."""

    def test_headings_that_name_a_cited_text_do_not_count(self) -> None:
        assert verbatim_share(_record("《值班法》第三条：\n值班员每日八时交接班。[1]")) == 1.0

    def test_headings_that_name_another_text_do(self) -> None:
        assert verbatim_share(_record("《刑法》第三条：\n值班员每日八时交接班。[1]")) == pytest.approx(10 / 15)

    def test_words_of_ones_own_count_against_it(self) -> None:
        assert verbatim_share(_record("值班员每日八时交接班。[1]\n迟到的一律开除。")) == pytest.approx(10 / 17)

    def test_quote_under_the_number_of_another_is_none(self) -> None:
        quotes = ("值班员每日八时交接班。", "记录保存二年以上。")
        assert verbatim_share(_record("记录保存二年以上。[2]", *quotes)) == 1.0
        assert verbatim_share(_record("记录保存二年以上。[1]", *quotes)) == 0.0
        assert verbatim_share(_record("记录保存二年以上。[7]", *quotes)) == 0.0

    def test_parts_left_out_may_be_shown_as_dots(self) -> None:
        assert verbatim_share(_record("值班员……交接班。[1]")) == 1.0
