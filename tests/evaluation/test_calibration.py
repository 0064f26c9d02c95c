"""Thresholds, coverage and calibration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.evaluation.calibration import (
    area_under_risk,
    best_threshold,
    brier_score,
    calibration_error,
    reliability_bins,
    risk_coverage,
    threshold_curve,
)

_CONFIDENCES = st.lists(st.floats(0, 1), max_size=30)
_ANSWERED = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


@given(_CONFIDENCES, _CONFIDENCES)
def test_one_error_falls_as_the_other_rises(answerable: list[float], unanswerable: list[float]) -> None:
    points = threshold_curve(answerable, unanswerable)
    assert [point.threshold for point in points][:3] == [0.0, 0.01, 0.02]
    assert points[-1].threshold == 1.0
    if answerable:
        rates = [point.false_refusal for point in points]
        assert rates == sorted(rates)  # type: ignore[type-var]
        assert rates[0] == 0
    if unanswerable:
        rates = [point.false_answer for point in points]
        assert rates == sorted(rates, reverse=True)  # type: ignore[type-var]
        assert rates[0] == 1


def test_rates_at_a_threshold() -> None:
    points = threshold_curve([0.2, 0.5, 0.9, 0.95], [0.1, 0.5, 0.6])
    at_half = points[50]
    assert (at_half.false_answer, at_half.false_refusal) == (pytest.approx(2 / 3), 0.25)
    best = best_threshold(points)
    assert best is not None
    assert (best.threshold, best.false_answer, best.false_refusal) == (0.61, 0.0, 0.5)
    assert best_threshold(threshold_curve([0.5], [])) is None


def test_risk_and_coverage_by_hand() -> None:
    points = risk_coverage([(0.9, True), (0.5, False), (0.9, True), (0.2, True)], 8)
    assert [(p.coverage, p.risk, p.threshold) for p in points] == [
        (0.25, 0.0, 0.9),
        (0.375, pytest.approx(1 / 3), 0.5),
        (0.5, 0.25, 0.2),
    ]
    assert area_under_risk(points) == pytest.approx((0.125 / 3 + 0.125 / 4) / 0.5)
    assert area_under_risk([]) is None


@given(_ANSWERED)
def test_last_point_is_the_risk_of_answering_all(answered: list[tuple[float, bool]]) -> None:
    points = risk_coverage(answered, len(answered))
    assert points[-1].coverage == 1.0
    assert points[-1].risk == pytest.approx(sum(not right for _, right in answered) / len(answered))
    area = area_under_risk(points)
    assert area is not None
    assert 0 <= area <= 1


def test_brier_score() -> None:
    assert brier_score([(1.0, True), (0.0, False)]) == 0.0
    assert brier_score([(0.8, True), (0.8, False)]) == pytest.approx((0.04 + 0.64) / 2)
    assert brier_score([]) is None


@given(_ANSWERED)
def test_bins_hold_every_answer_once(answered: list[tuple[float, bool]]) -> None:
    bins = reliability_bins(answered)
    assert sum(entry.count for entry in bins) == len(answered)
    assert sum(entry.accuracy * entry.count for entry in bins) == pytest.approx(sum(right for _, right in answered))
    for entry in bins:
        assert entry.low - 1e-9 <= entry.confidence <= entry.high + 1e-9
    error = calibration_error(bins)
    score = brier_score(answered)
    assert error is not None
    assert score is not None
    assert error**2 <= score + 1e-9  # binning can only hide error (Jensen)


def test_calibration_error_by_hand() -> None:
    answered = [(0.95, True), (0.95, True), (0.95, False), (0.15, False), (1.0, True)]
    bins = reliability_bins(answered)
    assert [(entry.low, entry.count) for entry in bins] == [(0.1, 1), (0.9, 4)]
    assert calibration_error(bins) == pytest.approx((0.15 + 4 * abs(3.85 / 4 - 0.75)) / 5)
    assert calibration_error([]) is None
