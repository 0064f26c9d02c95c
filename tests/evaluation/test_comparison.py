"""Two results side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from study_bot.errors import DatasetError
from study_bot.evaluation.comparison import compare, measured, read_measured, verdict, wins_and_losses


def _report(f1: dict[str, float], **more: object) -> dict:
    return {
        "results": [
            {"query_id": q, "text": f"问 {q}", "category": "law" if n % 2 else "", "scores": {"F1": v, "total_ms": 9.0}}
            | {"answer": f"答 {v}", "refused": False, "expected": ["金"], **more}
            for n, (q, v) in enumerate(f1.items())
        ]
    }


def test_differences_changes_and_what_is_left_out() -> None:
    a = measured("A", _report({"q1": 0.5, "q2": 0.5, "q3": 1.0, "qa": 1.0}))
    b = measured("B", _report({"q1": 0.9, "q2": 0.5, "q3": 0.0}))
    made = compare(a, b)
    assert (made.questions, made.only_a, made.only_b) == (3, 1, 0)
    f1 = made.differences["F1"]
    assert (f1.mean_a, f1.mean_b, f1.delta) == (pytest.approx(2 / 3), pytest.approx(1.4 / 3), pytest.approx(-0.2))
    assert (wins_and_losses(f1), f1.ties, verdict(f1)) == ((1, 1), 1, "same")
    assert made.categories["law"]["F1"].questions == 1
    assert [(c.query_id, c.value_a, c.value_b) for c in made.changes["F1"]] == [("q3", 1.0, 0.0), ("q1", 0.5, 0.9)]
    first = made.changes["F1"][0]
    assert (first.text, first.given_a, first.given_b, first.expected) == ("问 q3", "答 1.0", "答 0.0", "金")
    assert "total_ms" not in made.changes
    record = json.loads(made.to_json())
    assert (record["kind"], record["differences"]["F1"]["verdict"]) == ("comparison", "same")
    assert [row["measure"] for row in made.rows()] == ["F1", "F1"]


def test_verdict_depends_on_which_way_is_better() -> None:
    many = [f"q{n}" for n in range(40)]

    def results(f1: float, ms: float) -> dict:
        return {"results": [{"query_id": q, "text": "", "scores": {"F1": f1, "total_ms": ms}} for q in many]}

    made = compare(measured("A", results(0.4, 10)), measured("B", results(0.6, 20)))
    assert {name: verdict(d) for name, d in made.differences.items()} == {"F1": "better", "total_ms": "worse"}
    assert wins_and_losses(made.differences["total_ms"]) == (0, 40)


def test_retrieval_results_are_told_in_words() -> None:
    result = {"query_id": "q", "text": "问", "scores": {"R@5": 0.0}, "rank": None}
    record = {
        "results": [result | {"relevant": ["d1"], "retrieved": ["d2", "d3"]}],
        "documents": {"d1": "《值班法》第一条", "d2": "《刑法》第二条"},
    }
    words = measured("A", record)
    assert words.given["q"] == "首个正确结果：未检出\n1. 《刑法》第二条\n2. d3"
    assert words.expected["q"] == "《值班法》第一条"


def test_refusals_and_choices_are_told_in_words() -> None:
    words = measured("A", _report({"q": 0.0}, refused=True, reason="unclear", picked=[], unanswerable=True))
    assert words.given["q"] == "选择：未能判断\n拒答（unclear）"
    assert words.expected["q"] == "应当拒答"


def test_results_of_other_questions_cannot_be_compared() -> None:
    with pytest.raises(DatasetError, match="没有共同的题目"):
        compare(measured("A", _report({"q1": 0.5})), measured("B", _report({"q2": 0.5})))


@pytest.mark.parametrize(("content", "words"), [("{", "不是 JSON"), ("{}", "不是评测报告"), ("[1]", "不是评测报告")])
def test_what_is_no_report_is_told(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=words):
        read_measured(path, "A")
    with pytest.raises(DatasetError, match="没有找到"):
        read_measured(tmp_path / "nothing.json", "A")
