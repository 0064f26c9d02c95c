"""How strongly to hold the ranking back, and what it is worth on questions it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from study_bot.retrieval.ranking import RankingModel
from study_bot.training.examples import Examples
from study_bot.training.folds import FOLDS, joint_folds
from study_bot.training.measures import MEASURES, Figures, means
from study_bot.training.ranking_fit import Flags, RankingRecipe, RankingTable, scores_of

PENALTIES = (1e-1, 3e-2, 1e-2, 1e-3)
"""Values of `l2` that are tried."""

_COLUMN = MEASURES.index("MRR@10")

_SINGLE = {"dense": "dense_z", "adapted": "adapted_z", "bm25": "bm25_z"}

OnFit = Callable[[int, int], None]
"""Gets the number of fits done and of all."""


@dataclass(frozen=True, slots=True)
class RankingFigures:
    """Means by set and measure, on questions whose right passages were not trained on.

    `folds` are those of models that saw other questions of the same set, `unseen_set` of models that saw none of it
    (empty with a single set). `before` are those of the model gone on from (empty without one). `single` give by set
    the measures of one score alone over the same candidates. `gain` is the change of MRR@10 from `before` to `folds`,
    mean over sets weighted as in the fit, `error` its standard error (both 0 without `before`).
    """

    folds: Mapping[str, Mapping[str, float]]
    unseen_set: Mapping[str, Mapping[str, float]]
    before: Mapping[str, Mapping[str, float]]
    single: Mapping[str, Mapping[str, Mapping[str, float]]]
    gain: float = 0.0
    error: float = 0.0


def validate(
    sets: Sequence[Examples], recipe: RankingRecipe, prior: RankingModel | None = None, on_fit: OnFit | None = None
) -> tuple[RankingRecipe, RankingFigures]:
    """Cross-validate with each of `PENALTIES`, and measure each set by a model of the others with the best.

    :return: the recipe with the `l2` of the highest MRR@10 (mean over sets weighted as in the fit; of equal ones the
        larger), and the figures with it. Being the best of a few on the same folds, they are a trifle too good.
    :raises DatasetError: too few different golds.
    """
    table = RankingTable(sets, recipe)
    folds = joint_folds([one.golds for one in sets], FOLDS, recipe.seed)
    others = sets if len(sets) > 1 else ()
    total = len(PENALTIES) * FOLDS + len(others)
    done = 0

    def fit(kept: Sequence[Flags], penalty: float) -> RankingModel:
        nonlocal done
        model = table.fit(kept, prior, l2=penalty)
        done += 1
        if on_fit is not None:
            on_fit(done, total)
        return model

    measured: dict[float, list[Figures]] = {}
    for penalty in PENALTIES:
        scores = [np.zeros(len(one.rows)) for one in sets]
        for fold in range(FOLDS):
            model = fit([own != fold for own in folds], penalty)
            for one, own, found in zip(sets, folds, scores, strict=True):
                mine = (own == fold)[one.owner]
                found[mine] = scores_of(model, one)[mine]
        measured[penalty] = [one.measures(found) for one, found in zip(sets, scores, strict=True)]
    values = {penalty: _weighted([own[:, _COLUMN] for own in found], recipe)[0] for penalty, found in measured.items()}
    best = max(PENALTIES, key=lambda penalty: (values[penalty], penalty))
    unseen = {
        one.name: one.measures(scores_of(fit([np.full(len(own), own is not one) for own in sets], best), one))
        for one in others
    }
    before = [] if prior is None else [one.measures(scores_of(prior, one)) for one in sets]
    return replace(recipe, l2=best), _figures(sets, measured[best], unseen, before, recipe)


def _figures(
    sets: Sequence[Examples],
    after: Sequence[Figures],
    unseen: Mapping[str, Figures],
    before: Sequence[Figures],
    recipe: RankingRecipe,
) -> RankingFigures:
    """:param before: of the same sets, or empty."""
    changes = [new[:, _COLUMN] - old[:, _COLUMN] for new, old in zip(after, before, strict=False)]
    gain, error = _weighted(changes, recipe) if changes else (0.0, 0.0)
    names = [one.name for one in sets]
    return RankingFigures(
        folds=dict(zip(names, map(means, after), strict=True)),
        unseen_set={name: means(own) for name, own in unseen.items()},
        before=dict(zip(names, map(means, before), strict=False)),
        single={
            one.name: {name: means(one.measures(one.column(column))) for name, column in _SINGLE.items()}
            for one in sets
        },
        gain=gain,
        error=error,
    )


def _weighted(columns: Sequence[Figures], recipe: RankingRecipe) -> tuple[float, float]:
    """Mean over sets of the means of their questions, weighted as in the fit, and its standard error."""
    filled = [own for own in columns if own.size]
    shares = np.array([recipe.set_weight(own.size) for own in filled])
    shares /= shares.sum()
    mean = float(shares @ [own.mean() for own in filled])
    return mean, float(np.sqrt(shares**2 @ [own.var() / own.size for own in filled]))
