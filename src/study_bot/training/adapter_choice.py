"""How long to fit an adapter and how far to follow it, decided on questions that were held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from study_bot.errors import DatasetError
from study_bot.index.vectors import Vectors, unit_rows
from study_bot.training.adapter_fit import AdapterRecipe, Weight, fit_adapter
from study_bot.training.folds import FOLDS, Numbers, joint_folds, random_folds
from study_bot.training.measures import MEASURES, Figures, means
from study_bot.training.pairs import Pairs

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
"""Parts of the way from the start to the fitted W that are tried, besides none of it."""

_CHECKED_AT = (0.5, 0.75, 1.0)
"""Parts of the schedule after which W is looked at."""

_COLUMN = MEASURES.index("R@10")

ENOUGH = 1000
"""Held-out questions of either kind that decide, where there are as many."""

SURE = 2.0
"""Standard errors by which something has to be better before it is believed."""

MIN_PAIRS = 50
"""With fewer questions a held-out fifth says nothing."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What held-out questions said.

    `steps` and `strength` are those of the best W; strength 0 = none is surely better than the start. `gain` is the
    difference of R@10 (mean over sets, weighted like their loss, and over both kinds of folds), `error` its standard
    error (at most), `held_out` the number of questions it was measured on.
    """

    steps: int
    strength: float
    gain: float
    error: float
    held_out: int


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidated:
    """Figures of questions by adapters that were fitted without them.

    `vectors` are the adapted vectors of each set, (n, dimension), `folds` the fold of each question and `weights` the
    adapter of each fold. `before` and `after` are means by set and measure; `unseen_before` and `unseen_after` those of
    the questions none of whose right documents was right for a question trained on, `unseen` the number of these.
    """

    vectors: tuple[Vectors, ...]
    folds: tuple[Numbers, ...]
    weights: tuple[Weight, ...]
    before: Mapping[str, Mapping[str, float]]
    after: Mapping[str, Mapping[str, float]]
    unseen: Mapping[str, int]
    unseen_before: Mapping[str, Mapping[str, float]]
    unseen_after: Mapping[str, Mapping[str, float]]


def adapted(vectors: Vectors, weight: Weight) -> Vectors:
    """Unit vectors of q + qW, (n, dimension)."""
    return unit_rows(vectors + vectors @ weight, vectors.shape[1])


def between(start: Weight | None, fitted: Weight, strength: float) -> Weight:
    """The W at a part (0..1) of the way from the start (None = zero) to the fitted one."""
    origin = np.zeros_like(fitted) if start is None else start
    found: Weight = origin + np.float32(strength) * (fitted - origin)
    return found


def choose(
    sets: Sequence[Pairs], beside: Sequence[Pairs], recipe: AdapterRecipe, start: Weight | None = None
) -> Choice:
    """Fit on four fifths and try the rest, at several steps and strengths.

    Fifths of two kinds count alike: those that share no right document with what is trained on, and those divided at
    random. In use some passages have been asked for before and others never; an adapter that gains by the former must
    not lose by the latter. One fifth after the other is held out until `ENOUGH` questions were. A gain within `SURE`
    standard errors of the paired differences counts as none: chance alone makes some strength look best.

    :param beside: pairs that are fitted but not measured.
    :param start: the W to begin with and to compare with; None = zero.
    :raises DatasetError: too few questions, or too few different golds to hold any out.
    """
    if (count := sum(map(len, sets))) < MIN_PAIRS:
        raise DatasetError(
            f"只有 {count} 个可用于训练的问题，至少要 {MIN_PAIRS} 个。请继续收集问题"
            "（study-bot eval cases add 或 import），或用 --data 加上别的训练集；在此之前用自带的参数即可。"
        )
    joint = _gains(sets, beside, recipe, start, joint_folds([pairs.golds for pairs in sets], FOLDS, recipe.seed))
    mixed = _gains(sets, beside, recipe, start, random_folds([*map(len, sets)], FOLDS, recipe.seed + 1))
    choices = [
        # The same questions are in both kinds: their errors do not cancel out.
        Choice(*key, (gain + mixed[key][0]) / 2, (error + mixed[key][1]) / 2, held_out)
        for key, (gain, error, held_out) in joint.items()
    ]
    best = max(choices, key=lambda one: (one.gain, -one.strength, -one.steps))
    return best if best.gain > max(SURE * best.error, 0.0) else replace(best, strength=0.0)


def _gains(
    sets: Sequence[Pairs],
    beside: Sequence[Pairs],
    recipe: AdapterRecipe,
    start: Weight | None,
    folds: Sequence[Numbers],
) -> dict[tuple[int, float], tuple[float, float, int]]:
    """Gain, its standard error and the number of questions held out, by number of steps and strength."""
    before: list[list[Figures]] = [[] for _ in sets]
    after: dict[tuple[int, float], list[list[Figures]]] = {}
    for fold in range(min(FOLDS, math.ceil(ENOUGH * FOLDS / sum(map(len, sets))))):
        held = [pairs.taken(own == fold) for pairs, own in zip(sets, folds, strict=True)]
        rest = [pairs.taken(own != fold) for pairs, own in zip(sets, folds, strict=True)]
        for known, pairs in zip(before, held, strict=True):
            known.append(_recall(pairs, start))
        for key, columns in _tried(held, _filled(rest, beside), recipe, start).items():
            for found, column in zip(after.setdefault(key, [[] for _ in sets]), columns, strict=True):
                found.append(column)
    kept = list(map(np.concatenate, before))
    held_out = sum(map(len, kept))
    return {key: (*_gain(kept, list(map(np.concatenate, found))), held_out) for key, found in after.items()}


def _tried(
    held: Sequence[Pairs], rest: Sequence[Pairs], recipe: AdapterRecipe, start: Weight | None
) -> dict[tuple[int, float], list[Figures]]:
    """R@10 of held-out questions, per set, by number of steps and strength of a fit to the rest."""
    checked = {round(part * recipe.steps) for part in _CHECKED_AT}
    found: dict[tuple[int, float], list[Figures]] = {}

    def look(step: int, fitted: Weight) -> None:
        if step in checked:
            for strength in STRENGTHS:
                weight = between(start, fitted, strength)
                found[step, strength] = [_recall(pairs, weight) for pairs in held]

    fit_adapter(rest, recipe, start=start, after_step=look)
    return found


def cross_validated(
    sets: Sequence[Pairs],
    beside: Sequence[Pairs],
    recipe: AdapterRecipe,
    choice: Choice,
    *,
    start: Weight | None = None,
    folds: Sequence[Numbers] | None = None,
    on_fold: Callable[[int], None] | None = None,
) -> CrossValidated:
    """Adapt every question with an adapter fitted without its fold, at the steps and strength chosen.

    :param start: the W to begin with and to compare with; None = zero.
    :param folds: of each question of each set; None = divided at random, so that some right passages of a question
        were asked for in training and others were not, as it will be in use.
    :param on_fold: gets the number of folds done.
    """
    folds = random_folds([len(pairs) for pairs in sets], FOLDS, recipe.seed) if folds is None else folds
    out = [np.zeros_like(pairs.vectors) for pairs in sets]
    unseen = [np.zeros(len(pairs), np.bool_) for pairs in sets]
    weights: list[Weight] = []
    for fold in range(FOLDS):
        rest = [pairs.taken(own != fold) for pairs, own in zip(sets, folds, strict=True)]
        fitted = fit_adapter(_filled(rest, beside), recipe, start=start, until=choice.steps)
        weights.append(between(start, fitted, choice.strength))
        seen = frozenset().union(*(golds for pairs in rest for golds in pairs.golds))
        for pairs, own, vectors, unasked in zip(sets, folds, out, unseen, strict=True):
            vectors[own == fold] = adapted(pairs.vectors[own == fold], weights[-1])
            unasked[own == fold] = [golds.isdisjoint(seen) for golds in pairs.taken(own == fold).golds]
        if on_fold is not None:
            on_fold(fold + 1)
    before = [pairs.measures(_started(pairs, start)) for pairs in sets]
    after = [pairs.measures(vectors) for pairs, vectors in zip(sets, out, strict=True)]
    names = [pairs.name for pairs in sets]
    return CrossValidated(
        vectors=tuple(out),
        folds=tuple(folds),
        weights=tuple(weights),
        before=dict(zip(names, map(means, before), strict=True)),
        after=dict(zip(names, map(means, after), strict=True)),
        unseen={name: int(fresh.sum()) for name, fresh in zip(names, unseen, strict=True)},
        unseen_before={n: means(all_[fresh]) for n, all_, fresh in zip(names, before, unseen, strict=True)},
        unseen_after={n: means(all_[fresh]) for n, all_, fresh in zip(names, after, unseen, strict=True)},
    )


def _filled(sets: Sequence[Pairs], beside: Sequence[Pairs]) -> list[Pairs]:
    return [pairs for pairs in (*sets, *beside) if len(pairs)]


def _started(pairs: Pairs, start: Weight | None) -> Vectors:
    return pairs.vectors if start is None else adapted(pairs.vectors, start)


def _recall(pairs: Pairs, weight: Weight | None) -> Figures:
    """R@10 of each question, (n,)."""
    column: Figures = pairs.measures(_started(pairs, weight))[:, _COLUMN]
    return column


def _gain(before: Sequence[Figures], after: Sequence[Figures]) -> tuple[float, float]:
    """Mean difference, and its standard error; sets count as in the loss."""
    differences = [new - old for old, new in zip(before, after, strict=True) if old.size]
    shares = np.sqrt([own.size for own in differences])
    shares /= shares.sum()
    gain = float(shares @ [own.mean() for own in differences])
    return gain, float(np.sqrt(shares**2 @ [own.var() / own.size for own in differences]))
