"""The gate, the form of an answer, and the words that only ask."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.answering.confidence import Evidence, confidence, evidence_of
from study_bot.answering.forms import expected_form
from study_bot.answering.terms import QuestionTerms, content_words
from study_bot.retrieval.cues import QuestionKind
from tests.answering.samples import SmallLibrary, tokens

shares = st.floats(0, 1)


@given(shares, shares, st.floats(0, 0.1), st.floats(0.001, 0.2))
def test_more_support_never_means_less_confidence(coverage: float, dense: float, margin: float, more: float) -> None:
    evidence = Evidence(coverage, dense, margin)
    base = confidence(evidence)
    assert 0 <= base <= 1
    assert confidence(replace(evidence, coverage=coverage + more)) >= base
    assert confidence(replace(evidence, dense=dense + more)) >= base
    assert confidence(replace(evidence, margin=margin + more)) >= base


def test_the_named_article_is_certain_and_nothing_is_hopeless() -> None:
    assert confidence(Evidence(exact=True)) == 1.0
    assert confidence(evidence_of([], QuestionTerms({}), tokens)) < 0.01


def test_strong_and_unrelated_support_fall_on_the_two_sides() -> None:
    assert confidence(Evidence(coverage=0.75, dense=0.907, margin=0.043)) > 0.9
    assert confidence(Evidence(coverage=0.10, dense=0.855, margin=0.005)) < 0.05


def test_evidence_is_measured_on_the_best_of_the_first_hits() -> None:
    library = SmallLibrary()
    hits = [
        replace(hit, dense=cosine) for hit, cosine in zip(library.hits("每日巡查", "连续三次"), (0.9, 0.8), strict=True)
    ]
    terms = QuestionTerms(dict.fromkeys(tokens("连续三次"), 1.0))
    evidence = evidence_of(hits, terms, tokens)
    assert evidence.coverage == 1.0
    assert evidence.dense == 0.9
    assert evidence.margin == pytest.approx(0.05)
    assert not evidence.exact
    assert evidence_of([replace(hits[0], exact=True)], terms, tokens).exact


@pytest.mark.parametrize(
    ("kind", "fits", "lacks"),
    [
        (QuestionKind.WHEN, "每日十九时开始", "由值班员负责"),
        (QuestionKind.HOW_MANY, "保留座位十五分钟", "应当及时登记"),
        (QuestionKind.WHO, "由街道办事处的部门负责", "及时登记并公布"),
        (QuestionKind.LIST, "有下列情形之一的：", "应当登记。"),
        (QuestionKind.PENALTY, "处五十元罚款", "应当登记。"),
        (QuestionKind.ALLOWED, "不得喧哗", "每日巡查两次"),
    ],
)
def test_forms_of_answers(kind: QuestionKind, fits: str, lacks: str) -> None:
    form = expected_form(kind)
    assert form is not None
    assert form.search(fits)
    assert not form.search(lacks)


def test_nothing_is_expected_of_open_questions() -> None:
    assert expected_form(QuestionKind.OTHER) is None


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("自习室什么时候开门？", "自习室 开门 "),
        ("迟到多久算缺席", "迟到 算缺席"),
        ("谁负责登记吗？", " 负责登记  "),
        ("保留座位十五分钟", "保留座位十五分钟"),
    ],
)
def test_words_that_only_ask_are_not_looked_for(question: str, rest: str) -> None:
    assert content_words(question).split() == rest.split()
