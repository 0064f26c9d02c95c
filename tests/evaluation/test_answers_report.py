"""The report on answers: what is counted over which questions."""

from __future__ import annotations

import json

import pytest

from study_bot.evaluation.answers_page import answers_html
from study_bot.evaluation.answers_report import AnswersReport, answers_report
from study_bot.evaluation.expectations import Expectation


def _record(query_id: str, confidence: float, *, refused: bool = False, quote: str = "值班员每日八时交接班。") -> dict:
    return {
        "_id": query_id,
        "question": f"问题 {query_id}",
        "answer": "没有写。" if refused else f"{quote}[1]",
        "refused": refused,
        "reason": "not_in_library" if refused else None,
        "confidence": confidence,
        "citations": []
        if refused
        else [{"n": 1, "doc_id": "d1", "title": "办法", "locator": "第一条", "quote": quote}],
        "latency_ms": {"encode": 1.0, "retrieve": 2.0, "answer": 3.0, "total": 100 * confidence},
        "build_id": "b1",
    }


@pytest.fixture
def report() -> AnswersReport:
    records = [
        _record("right", 0.9),
        _record("wrong", 0.8, quote="记录保存二年。"),
        _record("refused", 0.3, refused=True),
        _record("false answer", 0.6),
        _record("due refusal", 0.1, refused=True),
        _record("unknown", 0.7),
        _record("not in the set", 0.7),
    ]
    expected = {
        "right": Expectation(answers=("八时",), category="fact"),
        "wrong": Expectation(answers=("八时",), category="fact"),
        "refused": Expectation(answers=("八时",)),
        "false answer": Expectation(refuse=True),
        "due refusal": Expectation(refuse=True),
        "unknown": Expectation(),
        "not answered yet": Expectation(answers=("八时",)),
    }
    return answers_report(records, expected, dataset="set", threshold=0.5)


def test_what_is_counted(report: AnswersReport) -> None:
    assert (report.questions, report.refused, report.build_id) == (6, 2, "b1")
    assert report.counts["right"] == 5
    assert report.metrics["right"] == pytest.approx(2 / 5)
    assert (report.metrics["false_answer"], report.counts["false_answer"]) == (0.5, 2)
    assert (report.metrics["false_refusal"], report.counts["false_refusal"]) == (pytest.approx(1 / 3), 3)
    assert report.metrics["gold_in_quotes"] == pytest.approx(1 / 3)
    assert report.counts["chars"] == 4
    assert report.categories["fact"]["right"] == 0.5
    assert [r.right for r in report.results] == [True, False, False, False, True, None]


def test_refusal_and_its_curve(report: AnswersReport) -> None:
    refusal = report.refusal
    assert (refusal.answerable, refusal.unanswerable) == (3, 2)
    assert (refusal.false_refusals, refusal.false_answers) == (1, 1)
    at = {point.threshold: (point.false_answer, point.false_refusal) for point in refusal.curve}
    assert at[0.5] == (report.metrics["false_answer"], report.metrics["false_refusal"])
    assert at[0.65] == (0.0, pytest.approx(1 / 3))
    assert at[0.2] == (0.5, 0.0)


def test_confidence_is_judged_over_answers_given(report: AnswersReport) -> None:
    calibration = report.calibration
    assert calibration.answered == 3
    assert calibration.brier == pytest.approx((0.01 + 0.64 + 0.36) / 3)
    assert [(p.coverage, p.risk) for p in calibration.risk_coverage] == [
        (pytest.approx(0.2), 0.0),
        (pytest.approx(0.4), 0.5),
        (pytest.approx(0.6), pytest.approx(2 / 3)),
    ]


def test_choices_say_nothing_of_the_confidence() -> None:
    record = {**_record("q", 0.9), "choice": {"picked": ["甲"], "scores": [1.0, 0.0]}}
    expected = {"q": Expectation(options=("甲", "乙"), right=frozenset({0}))}
    report = answers_report([record], expected, dataset="set")
    assert (report.metrics["choice"], report.metrics["right"]) == (1.0, 1.0)
    assert (report.calibration.answered, report.calibration.risk_coverage) == (0, ())


def test_blanks_say_nothing_of_the_confidence_and_are_shown() -> None:
    record = {**_record("q", 0.9), "blanks": ["八时", None]}
    expected = {"q": Expectation(blanks=(("八时", "8时"), ("值班员",)))}
    report = answers_report([record], expected, dataset="set")
    assert (report.metrics["blanks"], report.calibration.answered) == (0.0, 0)
    assert (report.rows()[0]["expected"], report.rows()[0]["filled"]) == ("八时 / 8时；值班员", "八时；—")
    assert "填空：八时；未找到" in answers_html(report)


def test_latency_is_of_the_questions_of_the_set(report: AnswersReport) -> None:
    assert report.latency_ms["total"] == {"p50": 60.0, "p90": 90.0, "p95": 90.0, "p99": 90.0}


def test_json_and_rows(report: AnswersReport) -> None:
    full = json.loads(report.to_json())
    assert full["kind"] == "answers"
    assert full["results"][0]["scores"]["right"] == 1.0
    assert full["results"][0]["sources"] == [{"title": "办法", "locator": "第一条", "quote": "值班员每日八时交接班。"}]
    assert "results" not in json.loads(report.to_json(with_results=False))
    rows = {row["query_id"]: row for row in report.rows()}
    assert (rows["right"]["expected"], rows["right"]["sources"], rows["right"]["right"]) == (
        "八时",
        "《办法》第一条",
        1.0,
    )
    assert (rows["due refusal"]["expected"], rows["due refusal"]["refused"]) == ("拒答", 1)
