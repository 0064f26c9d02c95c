"""Paired bootstrap: properties, and scipy as reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from study_bot.evaluation.bootstrap import (
    by_category,
    mean_interval,
    paired_differences,
    question_changes,
    resampled_means,
)

_SCORES = st.dictionaries(
    st.sampled_from([f"q{n}" for n in range(12)]),
    st.fixed_dictionaries({"F1": st.floats(0, 1), "right": st.sampled_from([0.0, 1.0])}),
    min_size=1,
)
_FEW = settings(max_examples=30)


def _result(values: np.ndarray) -> dict[str, dict[str, float]]:
    return {f"q{n}": {"F1": float(value)} for n, value in enumerate(values)}


@_FEW
@given(_SCORES)
def test_a_result_does_not_differ_from_itself(scores: dict) -> None:
    for difference in paired_differences(scores, scores, 200).values():
        assert (difference.delta, difference.low, difference.high, difference.p) == (0, 0, 0, 1)
        assert (difference.rises, difference.falls, difference.ties) == (0, 0, len(scores))


@_FEW
@given(_SCORES, _SCORES)
def test_exchanging_the_results_turns_the_signs(a: dict, b: dict) -> None:
    there, back = paired_differences(a, b, 200), paired_differences(b, a, 200)
    assert there.keys() == back.keys()
    for name, difference in there.items():
        other = back[name]
        assert difference.delta == pytest.approx(-other.delta)
        assert (difference.low, difference.high) == (pytest.approx(-other.high), pytest.approx(-other.low))
        assert difference.p == other.p
        assert (difference.rises, difference.falls) == (other.falls, other.rises)
        assert difference.rises + difference.ties + difference.falls == difference.questions == len(a.keys() & b.keys())
        assert 0 < difference.p <= 1
        assert difference.low <= difference.delta + 1e-9
        assert difference.delta - 1e-9 <= difference.high


def test_interval_and_p_are_those_of_scipy() -> None:
    generator = np.random.default_rng(1)
    a = generator.uniform(0, 1, 150)
    b = np.clip(a + generator.normal(0.02, 0.12, 150), 0, 1)
    ours = paired_differences(_result(a), _result(b))["F1"]
    reference = stats.bootstrap((b - a,), np.mean, n_resamples=10_000, method="percentile", random_state=2)
    assert ours.low == pytest.approx(reference.confidence_interval.low, abs=0.002)
    assert ours.high == pytest.approx(reference.confidence_interval.high, abs=0.002)
    assert ours.p == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.02)


def test_interval_of_a_mean() -> None:
    values = np.random.default_rng(4).uniform(0, 1, 200)
    low, high = mean_interval(list(values))
    reference = stats.bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", random_state=2)
    assert low == pytest.approx(reference.confidence_interval.low, abs=0.003)
    assert high == pytest.approx(reference.confidence_interval.high, abs=0.003)
    assert mean_interval([0.5]) == (0.5, 0.5)


@pytest.mark.parametrize(("hits", "count"), [(0, 20), (7, 20), (20, 20), (1, 1), (499, 1000)])
def test_interval_of_yes_and_no_is_the_score_interval(hits: int, count: int) -> None:
    reference = stats.binomtest(hits, count).proportion_ci(method="wilson")
    assert mean_interval([1.0] * hits + [0.0] * (count - hits)) == (
        pytest.approx(reference.low),
        pytest.approx(reference.high),
    )


def test_same_seed_same_figures() -> None:
    values = np.random.default_rng(3).uniform(0, 1, (40, 2))
    assert np.array_equal(resampled_means(values, 500), resampled_means(values, 500))
    assert not np.array_equal(resampled_means(values, 500, seed=1), resampled_means(values, 500, seed=2))


def test_many_questions_are_drawn_in_parts() -> None:
    values = np.random.default_rng(3).uniform(0, 1, (9000, 1))
    sampled = resampled_means(values, 1000)
    assert sampled.shape == (1000, 1)
    assert sampled.mean() == pytest.approx(values.mean(), abs=0.001)
    assert sampled.std() == pytest.approx(values.std() / np.sqrt(9000), rel=0.1)


@pytest.mark.parametrize(("changed", "p"), [(1, 1.0), (2, 0.5), (5, 0.0625)])
def test_a_few_questions_that_change_alike_are_no_proof(changed: int, p: float) -> None:
    a = _result(np.zeros(changed))
    b = _result(np.ones(changed))
    assert paired_differences(a, b)["F1"].p == p


def test_many_that_change_alike_are() -> None:
    assert paired_differences(_result(np.zeros(30)), _result(np.ones(30)))["F1"].p < 0.001


def test_measures_are_compared_where_both_have_them() -> None:
    a = {"q1": {"F1": 0.5}, "q2": {"F1": 0.5, "must": 1.0}, "q3": {"must": 1.0}, "only a": {"F1": 1.0}}
    b = {"q1": {"F1": 1.0}, "q2": {"F1": 0.0}, "q3": {"must": 0.0, "choice": 1.0}}
    found = paired_differences(a, b, 100)
    assert {name: (d.questions, d.delta) for name, d in found.items()} == {"F1": (2, 0.0), "must": (1, -1.0)}
    assert paired_differences({"q1": {"F1": 1.0}}, {"q2": {"F1": 1.0}}) == {}


def test_changes_and_categories() -> None:
    a = {"q1": {"F1": 0.5}, "q2": {"F1": 0.5}, "q3": {"F1": 0.2}}
    b = {"q1": {"F1": 0.6}, "q2": {"F1": 0.5}, "q3": {"F1": 0.0}}
    assert question_changes(a, b, "F1") == [("q3", pytest.approx(-0.2)), ("q1", pytest.approx(0.1))]
    groups = by_category(a, b, {"q1": "law", "q2": "law", "q3": ""})
    assert {name: differences["F1"].questions for name, differences in groups.items()} == {"law": 2}
