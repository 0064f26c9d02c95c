"""Fitting the gate: does the library answer the question?

A question whose answer a library holds is put to it twice: as it is, and with the answer taken out (with the whole law
where it stands in a law). So every answerable question has an unanswerable twin in the same words, and nothing but what
was retrieved can tell the two apart. Questions written to be refused, and questions put to a library about something
else, are added.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study_bot.answering.confidence import COSINE_FEATURES, GATE_FEATURES, GateModel

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

HELD_OUT_PERCENT = 40
"""Share of the questions, by the hash of their id, that the fit does not see and the curve is made of."""

_CONSTANT = 1e-9
_STEPS = 60


@dataclass(frozen=True, slots=True)
class GateRecipe:
    """Parameters of a fit. `l2` pulls all weights but the bias towards 0.

    `false_refusals` (0..1) is the share of answerable questions, of those held out and in the mean over the kinds, that
    may be refused at the threshold. Officers ask what the library is about, so most of what they ask is answerable, and
    a right passage kept from them costs more often than one too many; between threshold and caution the answer says
    that it is doubtful. `doubtful` (0..1) is the share of false answers that may go without that warning.
    """

    l2: float = 1.0
    false_refusals: float = 0.12
    doubtful: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class GateExample:
    """One question put to one library. `kind` names where it comes from; all kinds of a side count alike."""

    kind: str
    query_id: str
    answerable: bool
    features: Floats
    held_out: bool


def is_held_out(query_id: str) -> bool:
    """Whether a question belongs to the part that the fit does not see; the same for both of its twins."""
    return zlib.crc32(query_id.encode()) % 100 < HELD_OUT_PERCENT


def fit_gate(examples: Sequence[GateExample], recipe: GateRecipe, *, cosines: bool = True) -> GateModel:
    """The best gate for the examples that are not held out; threshold and curve from those that are.

    The loss is convex; Newton's method finds its minimum (iteratively reweighted least squares, Hastie, Tibshirani,
    Friedman, The Elements of Statistical Learning, 2009, section 4.4.1).

    :param cosines: False = give the features that depend on the encoder no weight.
    """
    seen = [example for example in examples if not example.held_out]
    x = np.stack([example.features for example in seen])
    right = np.array([example.answerable for example in seen], np.float64)
    weight = example_weights(seen)
    mean, spread = weight @ x, np.sqrt(weight @ (x - weight @ x) ** 2)
    scale = np.where(spread > _CONSTANT, spread, 1.0)
    used = np.array([cosines or name not in COSINE_FEATURES for name in GATE_FEATURES])
    pairs = [(i, j) for i in np.flatnonzero(used) for j in np.flatnonzero(used) if i <= j]
    z = np.clip((x - mean) / scale, -4, 4)
    columns = [z[:, i] for i in np.flatnonzero(used)] + [z[:, i] * z[:, j] for i, j in pairs]
    design = np.stack(columns, axis=1)
    size = np.sqrt(weight @ (design - weight @ design) ** 2)
    size[size < _CONSTANT] = 1.0
    centre = weight @ design
    found, bias = _logistic((design - centre) / size, right, weight, recipe.l2)
    found = found / size
    bias = float(bias - centre @ found)
    weights, crossed = np.zeros(len(GATE_FEATURES)), np.zeros((len(GATE_FEATURES),) * 2)
    weights[used] = found[: used.sum()]
    for (i, j), value in zip(pairs, found[used.sum() :], strict=True):
        crossed[i, j] = value
    draft = GateModel(mean, scale, weights, crossed, bias, threshold=0.5)
    curve = threshold_curve(draft, [example for example in examples if example.held_out] or seen)
    threshold = highest_threshold(curve, recipe.false_refusals)
    caution = max(threshold, lowest_threshold(curve, recipe.doubtful))
    return GateModel(mean, scale, weights, crossed, bias, threshold, caution, curve)


def example_weights(examples: Sequence[GateExample]) -> Floats:
    """Weights that sum to 1: answerable and not answerable half each, kinds alike within a half, examples alike within
    a kind."""
    weights = np.zeros(len(examples))
    for side in (True, False):
        kinds = {example.kind for example in examples if example.answerable is side}
        for kind in kinds:
            own = np.array([e.kind == kind and e.answerable is side for e in examples])
            weights[own] = 1 / (len(kinds) * own.sum())
    shares: Floats = weights / weights.sum()
    return shares


def threshold_curve(model: GateModel, examples: Sequence[GateExample]) -> tuple[tuple[float, float, float], ...]:
    """(threshold, false answers, false refusals) for thresholds from 0 to 1 in hundredths; rates are means over the
    kinds of questions, each 0..1."""
    given = np.array([model.probability(example.features) for example in examples])
    right = np.array([example.answerable for example in examples])
    weights = example_weights(examples)
    curve = []
    for threshold in np.linspace(0, 1, 101).tolist():
        answered = given >= threshold
        false_answers = float(weights[answered & ~right].sum() / max(weights[~right].sum(), _CONSTANT))
        false_refusals = float(weights[~answered & right].sum() / max(weights[right].sum(), _CONSTANT))
        curve.append((round(threshold, 2), round(false_answers, 4), round(false_refusals, 4)))
    return tuple(curve)


def highest_threshold(curve: Sequence[tuple[float, float, float]], false_refusals: float) -> float:
    """The highest threshold of a curve with at most that share of false refusals; the lowest one if none has."""
    fitting = [threshold for threshold, _, share in curve if share <= false_refusals]
    return max(fitting, default=curve[0][0])


def lowest_threshold(curve: Sequence[tuple[float, float, float]], false_answers: float) -> float:
    """The lowest threshold of a curve with at most that share of false answers; the highest one if none has."""
    fitting = [threshold for threshold, share, _ in curve if share <= false_answers]
    return min(fitting, default=curve[-1][0])


@dataclass(frozen=True, slots=True)
class KindRates:
    """How often questions of one kind were answered at a threshold: `passed` (0..1) of `questions`."""

    kind: str
    answerable: bool
    questions: int
    passed: float


def rates_by_kind(model: GateModel, examples: Sequence[GateExample]) -> list[KindRates]:
    """Of each kind the share that passes the gate, in order of first appearance."""
    groups: dict[tuple[str, bool], list[float]] = {}
    for example in examples:
        passed = model.probability(example.features) >= model.threshold
        groups.setdefault((example.kind, example.answerable), []).append(float(passed))
    return [KindRates(kind, side, len(own), float(np.mean(own))) for (kind, side), own in groups.items()]


def _logistic(x: Floats, right: Floats, weight: Floats, l2: float) -> tuple[Floats, float]:
    """Weights and bias that minimise  -sum w ln p(right) + l2 / n_eff |weights|^2 / 2."""
    design = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.full(design.shape[1], l2 / len(x) ** 0.5)
    penalty[-1] = 0.0
    parameters = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ parameters, -30, 30)))
        gradient = design.T @ (weight * (p - right)) + penalty * parameters
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        parameters -= step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-9))
        if float(np.abs(step).max()) < 1e-6:
            break
    return parameters[:-1], float(parameters[-1])
