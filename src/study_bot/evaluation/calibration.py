"""What a confidence is worth: refusal at every threshold, risk against coverage, calibration. Pure functions.

A confidence lies in 0..1; a question is answered when its confidence is at least the threshold.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """Both refusal errors if everything below `threshold` were refused; None where there is no such question.

    `false_answer` is the share of unanswerable questions answered, `false_refusal` of answerable ones refused.
    """

    threshold: float
    false_answer: float | None
    false_refusal: float | None


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """The `coverage` most confident share of all questions answered, and the share of wrong answers among them."""

    coverage: float
    risk: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence lies in `[low, high)` (the last bin includes 1): mean confidence and share right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def threshold_curve(
    answerable: Sequence[float], unanswerable: Sequence[float], steps: int = 100
) -> list[ThresholdPoint]:
    """Both error rates at thresholds `0, 1/steps, … 1`, from the confidences of the two kinds of questions.

    The pair is the false alarm and the miss of detection theory; see Rajpurkar, Jia, Liang, Know What You Don't Know
    (SQuAD 2.0), ACL 2018, section 4, for thresholds on unanswerable questions.
    """

    def share_below(values: Sequence[float], threshold: float) -> float | None:
        return sum(value < threshold for value in values) / len(values) if values else None

    points = []
    for step in range(steps + 1):
        threshold = step / steps
        refused = share_below(unanswerable, threshold)
        points.append(
            ThresholdPoint(threshold, None if refused is None else 1 - refused, share_below(answerable, threshold))
        )
    return points


def best_threshold(points: Sequence[ThresholdPoint]) -> ThresholdPoint | None:
    """The lowest threshold at which the mean of the two error rates is least; None unless both are known."""
    both = [(p.false_answer + p.false_refusal, p.threshold, p) for p in points if _known(p)]  # type: ignore[operator]
    return min(both, key=lambda entry: entry[:2])[2] if both else None


def risk_coverage(answered: Sequence[tuple[float, bool]], questions: int) -> list[CoveragePoint]:
    """Risk of answering only the most confident questions, a point for each distinct confidence, coverage rising.

    Source: El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, JMLR 11, 2010.

    :param answered: (confidence, right) of the questions that were answered.
    :param questions: all questions, those refused too: coverage is a share of them.
    """
    ordered = sorted(answered, key=lambda entry: -entry[0])
    points = []
    wrong = taken = 0
    for confidence, group in itertools.groupby(ordered, key=lambda entry: entry[0]):
        for _, right in group:
            taken += 1
            wrong += not right
        points.append(CoveragePoint(taken / questions, wrong / taken, confidence))
    return points


def area_under_risk(points: Sequence[CoveragePoint]) -> float | None:
    """Mean risk over the coverage reached: each point holds from the coverage before it; None without points.

    Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017 (as AURC by later
    authors), here divided by the coverage reached, so that 0 is perfect and the overall risk is chance.
    """
    if not points:
        return None
    before = [0.0, *(point.coverage for point in points)]
    area = sum((point.coverage - last) * point.risk for last, point in zip(before, points, strict=False))
    return area / points[-1].coverage


def brier_score(answered: Sequence[tuple[float, bool]]) -> float | None:
    """Mean of `(confidence - right) ** 2`, 0 = perfect, 1 = always certain and wrong; None without answers.

    Source: Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 78(1), 1950.
    """
    if not answered:
        return None
    return sum((confidence - right) ** 2 for confidence, right in answered) / len(answered)


def reliability_bins(answered: Sequence[tuple[float, bool]], bins: int = BINS) -> list[Bin]:
    """Answers in `bins` equal intervals of confidence, in rising order, empty ones left out.

    Source: Niculescu-Mizil and Caruana, Predicting Good Probabilities with Supervised Learning, ICML 2005.
    """
    filled: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in answered:
        filled.setdefault(min(int(confidence * bins), bins - 1), []).append((confidence, right))
    return [
        Bin(
            low=place / bins,
            high=(place + 1) / bins,
            count=len(entries),
            confidence=sum(confidence for confidence, _ in entries) / len(entries),
            accuracy=sum(right for _, right in entries) / len(entries),
        )
        for place, entries in sorted(filled.items())
    ]


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Mean distance of confidence and accuracy over the bins, weighted by their answers (ECE); None without bins.

    Source: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017, section 2.
    """
    total = sum(entry.count for entry in bins)
    if not total:
        return None
    return sum(entry.count * abs(entry.confidence - entry.accuracy) for entry in bins) / total


def _known(point: ThresholdPoint) -> bool:
    return point.false_answer is not None and point.false_refusal is not None
