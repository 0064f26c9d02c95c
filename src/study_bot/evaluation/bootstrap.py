"""Whether two systems differ on the same questions: paired bootstrap. Pure functions over arrays.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 13.3 (percentile interval) and 16.4
(test of a mean against a fixed value by shifting the sample); Sakai, Evaluating Evaluation Metrics based on the
Bootstrap, SIGIR 2006, uses the same test for pairs of retrieval runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from study_bot.evaluation.measures import PerQuestion, measure_names

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

RESAMPLES = 10_000
SEED = 20_061_104
CONFIDENCE = 0.95

# Differences smaller than this are rounding.
_SAME = 1e-9

# Numbers drawn at a time, to bound the memory used.
_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """How one measure changed from A to B over the `questions` that have it in both.

    `delta` is `mean_b - mean_a`; `low` and `high` bound its 95 % interval. `p` is two-sided, 0 < p <= 1. `rises` are
    the questions whose value grew, `falls` those whose value shrank, `ties` the others; whether that is good depends on
    the measure.
    """

    measure: str
    questions: int
    mean_a: float
    mean_b: float
    delta: float
    low: float
    high: float
    p: float
    rises: int
    ties: int
    falls: int


def resampled_means(values: Floats, resamples: int = RESAMPLES, seed: int = SEED) -> Floats:
    """Means of `resamples` samples drawn with replacement from the rows of `values` (rows x columns).

    All columns of a sample come from the same rows. The same seed gives the same samples for the same number of rows.

    :returns: resamples x columns.
    """
    import numpy as np

    rows = len(values)
    generator = np.random.default_rng(seed)
    step = max(_AT_ONCE // max(rows, 1), 1)
    parts = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.integers(0, rows, size=(size, rows), dtype=np.int64)
        drawn += np.arange(size, dtype=np.int64)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)
        parts.append(counts @ values / rows)
    return np.concatenate(parts)


def paired_differences(
    a: PerQuestion, b: PerQuestion, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Difference]:
    """Compare every measure that both results have, over the questions that have it in both.

    A measure without a common question is left out. The order of the questions makes no difference.
    """
    import numpy as np

    common = sorted(question for question in a if question in b)
    second = set(measure_names(b))
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in measure_names(a):
        questions = tuple(q for q in common if name in a[q] and name in b[q]) if name in second else ()
        if questions:
            groups.setdefault(questions, []).append(name)
    found = {}
    for questions, names in groups.items():
        first = np.array([[a[q][name] for name in names] for q in questions])
        last = np.array([[b[q][name] for name in names] for q in questions])
        for difference in _differences(names, first, last, resamples, seed):
            found[difference.measure] = difference
    return {name: found[name] for name in measure_names(a) if name in found}


def _differences(names: Sequence[str], a: Floats, b: Floats, resamples: int, seed: int) -> list[Difference]:
    """Compare columns of measures over the same rows of questions."""
    import numpy as np

    differences = b - a
    differences[np.abs(differences) < _SAME] = 0.0
    observed = differences.mean(axis=0)
    sampled = resampled_means(differences, resamples, seed)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(sampled, [tail, 100 - tail], axis=0)
    return [
        Difference(
            measure=name,
            questions=len(a),
            mean_a=float(a[:, column].mean()),
            mean_b=float(b[:, column].mean()),
            delta=float(observed[column]),
            low=float(low[column]),
            high=float(high[column]),
            p=_p_value(sampled[:, column], float(observed[column]), int(np.count_nonzero(differences[:, column]))),
            rises=int((differences[:, column] > 0).sum()),
            ties=int((differences[:, column] == 0).sum()),
            falls=int((differences[:, column] < 0).sum()),
        )
        for column, name in enumerate(names)
    ]


def _p_value(sampled: Floats, observed: float, changed: int) -> float:
    """Two-sided: how often a sample strays from the observed mean as far as that mean is from 0.

    Moving the sample so that its mean is 0 and counting the means beyond the observed one is the same. One is added to
    both counts (Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 4.2.3), so p is never 0.
    A resampled constant does not vary, so a few questions that all changed alike would look certain; p is therefore
    never below `2 ** (1 - changed)`, the least that the signs of that many differences allow (the sign test).
    """
    if not changed:
        return 1.0
    beyond = int((abs(sampled - observed) >= abs(observed) - _SAME).sum())
    return float(min(max((beyond + 1) / (len(sampled) + 1), 2.0 ** (1 - changed)), 1.0))


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean over questions.

    Of yes and no (0 and 1 alone) it is the score interval, which stays honest where nothing or everything went wrong
    (Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22, 1927); of other values the
    percentile interval, questions drawn anew.
    """
    if set(values) <= {0.0, 1.0}:
        return _score_interval(sum(values) / len(values), len(values))
    import numpy as np

    sampled = resampled_means(np.array(values)[:, None])
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(sampled, [tail, 100 - tail])
    return float(low), float(high)


def _score_interval(share: float, count: int) -> tuple[float, float]:
    squared = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) ** 2
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    reach = math.sqrt(squared * (share * (1 - share) / count + squared / (4 * count**2))) / (1 + squared / count)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def question_changes(a: PerQuestion, b: PerQuestion, measure: str) -> list[tuple[str, float]]:
    """`(question, change from A to B)` of a measure, largest change first, unchanged questions left out."""
    changes = [
        (question, b[question][measure] - a[question][measure])
        for question in a
        if question in b and measure in a[question] and measure in b[question]
    ]
    moved = [change for change in changes if abs(change[1]) >= _SAME]
    return sorted(moved, key=lambda change: (-abs(change[1]), change[0]))


def by_category(a: PerQuestion, b: PerQuestion, categories: Mapping[str, str]) -> dict[str, dict[str, Difference]]:
    """Compare the questions of each category by themselves, categories in order of first appearance; "" is left out."""
    names = dict.fromkeys(categories[q] for q in a if q in b and categories.get(q))
    return {
        name: paired_differences({q: scores for q, scores in a.items() if categories.get(q) == name}, b)
        for name in names
    }
