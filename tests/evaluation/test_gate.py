"""The gate closes on a regression and on nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from study_bot.errors import DatasetError
from study_bot.evaluation.comparison import Measured
from study_bot.evaluation.gate import BaselineSet, judge, read_baseline, set_key, write_baseline

QUESTIONS = [f"q{n:03}" for n in range(120)]


def _measured(values: np.ndarray, measure: str = "nDCG@10") -> Measured:
    scores = {q: {measure: float(v), "R@100": 1.0} for q, v in zip(QUESTIONS, values, strict=True)}
    texts = {q: f"问题 {q}" for q in QUESTIONS}
    return Measured("now", scores, texts, {}, dict.fromkeys(QUESTIONS, "所得"), {})


def _baseline(values: np.ndarray, measure: str = "nDCG@10") -> BaselineSet:
    now = _measured(values, measure)
    return BaselineSet("b1", now.texts, now.per_question)


@pytest.fixture
def before() -> np.ndarray:
    return np.random.default_rng(5).choice([1.0, 0.63, 0.5, 0.0], 120, p=[0.5, 0.2, 0.2, 0.1])


def test_injected_regression_closes_it_and_names_the_questions(before: np.ndarray) -> None:
    now = before.copy()
    broken = [n for n in range(120) if before[n] == 1.0][:12]
    now[broken] = 0.0
    now[[n for n in range(120) if before[n] == 0.0][:2]] = 1.0  # some luck elsewhere does not hide it
    outcome = judge("set/dev/retrieval", _baseline(before), _measured(now))
    assert not outcome.passed
    assert [d.measure for d in outcome.regressions] == ["nDCG@10"]
    assert outcome.regressions[0].delta == pytest.approx(-10 / 120)
    assert [change.query_id for change in outcome.worse["nDCG@10"]] == [QUESTIONS[n] for n in broken]
    change = outcome.worse["nDCG@10"][0]
    assert (change.value_a, change.value_b, change.given_b) == (1.0, 0.0, "所得")


@pytest.mark.parametrize("seed", range(8))
def test_noise_passes(before: np.ndarray, seed: int) -> None:
    """Questions change places: as many get better as get worse."""
    generator = np.random.default_rng(seed)
    now = before.copy()
    moved = generator.permutation(120)[:20]
    now[moved] = generator.permutation(now[moved])
    outcome = judge("set", _baseline(before), _measured(now))
    assert outcome.passed
    assert outcome.improvements == ()


def test_sure_but_tiny_change_is_let_through(before: np.ndarray) -> None:
    outcome = judge("set", _baseline(before), _measured(before - 0.001))
    assert outcome.comparison.differences["nDCG@10"].p < 0.05
    assert outcome.passed
    assert not judge("set", _baseline(before), _measured(before - 0.001), minimum=0.0005).passed


def test_improvement_is_told(before: np.ndarray) -> None:
    outcome = judge("set", _baseline(before), _measured(np.minimum(before + 0.2, 1)))
    assert outcome.passed
    assert [d.measure for d in outcome.improvements] == ["nDCG@10"]


def test_where_less_is_better_a_rise_is_the_regression() -> None:
    calm, wild = np.zeros(120), np.r_[np.ones(15), np.zeros(105)]
    assert not judge("s", _baseline(calm, "false_answer"), _measured(wild, "false_answer")).passed
    assert judge("s", _baseline(wild, "false_answer"), _measured(calm, "false_answer")).passed


def test_other_measures_are_not_watched() -> None:
    before = {q: {"R@5": 1.0, "MAP@100": 1.0, "total_ms": 10.0} for q in QUESTIONS}
    now = {q: {"R@5": 1.0, "MAP@100": 0.0, "total_ms": 900.0} for q in QUESTIONS}
    outcome = judge("s", BaselineSet("b1", {}, before), Measured("now", now, {}, {}, {}, {}))
    assert outcome.passed
    assert set(outcome.comparison.differences) == {"R@5"}


def test_baseline_reads_back_without_rounding_errors(tmp_path: Path, before: np.ndarray) -> None:
    path = tmp_path / "new" / "baseline.json"
    entry = _baseline(before / 3)
    write_baseline(path, {set_key("set", "dev", "retrieval"): entry})
    again = read_baseline(path)["set/dev/retrieval"]
    assert (again.build_id, again.texts) == ("b1", entry.texts)
    outcome = judge("set", again, _measured(before / 3))
    assert outcome.comparison.differences["nDCG@10"].ties == 120
    assert "R@100" not in outcome.comparison.differences  # only headline measures are kept


def test_keys_of_sets() -> None:
    assert (set_key("s", "dev", "answers"), set_key("s", "", "answers")) == ("s/dev/answers", "s/answers")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "没有找到基线"),
        ("{", "不是基线文件"),
        ("[]", "不是基线文件"),
        ('{"format": 1, "sets": {"s": {}}}', "不是基线文件"),
        ('{"format": 99, "sets": {}}', "格式版本不同"),
    ],
)
def test_what_is_no_baseline_is_told(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=words):
        read_baseline(path)


def test_file_is_readable_json_with_the_words_of_the_questions(tmp_path: Path, before: np.ndarray) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, {"set/dev/retrieval": _baseline(before)})
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["format"] == 1
    assert record["sets"]["set/dev/retrieval"]["texts"]["q000"] == "问题 q000"
