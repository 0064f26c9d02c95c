"""How strongly to hold the ranking back, and what it is worth on questions it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from study_bot.retrieval.ranking import RankingModel
from study_bot.training.examples import Examples
from study_bot.training.folds import FOLDS, Numbers, joint_folds
from study_bot.training.measures import MEASURES, Figures, means
from study_bot.training.ranking_fit import RankingRecipe, RankingTable, scores_of

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
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


def choose_penalty(
    sets: Sequence[Examples], recipe: RankingRecipe, prior: RankingModel | None = None, on_fit: OnFit | None = None
) -> RankingRecipe:
    """The recipe with the `l2` whose model is best on a held-out fifth: highest MRR@10, mean over sets weighted as in
    the fit; of equal ones the larger.

    :raises DatasetError: too few different golds to hold any out.
    """
    folds = _folds(sets, recipe)
    rest, held = [own != 0 for own in folds], [own == 0 for own in folds]
    table = RankingTable(sets, recipe)
    values: dict[float, float] = {}
    for number, penalty in enumerate(PENALTIES, start=1):
        model = table.fit(rest, prior, l2=penalty)
        columns = [_mrr(one, model)[own] for one, own in zip(sets, held, strict=True)]
        values[penalty] = _weighted(columns, recipe)[0]
        if on_fit is not None:
            on_fit(number, len(PENALTIES))
    return replace(recipe, l2=max(PENALTIES, key=lambda penalty: (values[penalty], penalty)))


def ranking_figures(
    sets: Sequence[Examples], recipe: RankingRecipe, prior: RankingModel | None = None, on_fit: OnFit | None = None
) -> RankingFigures:
    """Cross-validated figures of every set, and those of each set by a model of the others.

    :raises DatasetError: too few different golds.
    """
    table = RankingTable(sets, recipe)
    folds = _folds(sets, recipe)
    total = FOLDS + (len(sets) if len(sets) > 1 else 0)
    scores = [np.zeros(len(one.rows)) for one in sets]
    for fold in range(FOLDS):
        model = table.fit([own != fold for own in folds], prior)
        for one, own, found in zip(sets, folds, scores, strict=True):
            mine = (own == fold)[one.owner]
            found[mine] = scores_of(model, one)[mine]
        if on_fit is not None:
            on_fit(fold + 1, total)
    unseen: dict[str, Mapping[str, float]] = {}
    for number, one in enumerate(sets if len(sets) > 1 else ()):
        model = table.fit([np.full(len(other), other is not one) for other in sets], prior)
        unseen[one.name] = means(one.measures(scores_of(model, one)))
        if on_fit is not None:
            on_fit(FOLDS + number + 1, total)
    after = [one.measures(found) for one, found in zip(sets, scores, strict=True)]
    before = [one.measures(scores_of(prior, one)) for one in sets] if prior is not None else []
    changes = [new[:, _COLUMN] - old[:, _COLUMN] for new, old in zip(after, before, strict=False)]
    gain, error = _weighted(changes, recipe) if changes else (0.0, 0.0)
    names = [one.name for one in sets]
    return RankingFigures(
        folds=dict(zip(names, map(means, after), strict=True)),
        unseen_set=unseen,
        before=dict(zip(names, map(means, before), strict=False)),
        single={
            one.name: {name: means(one.measures(one.column(column))) for name, column in _SINGLE.items()}
            for one in sets
        },
        gain=gain,
        error=error,
    )


def _folds(sets: Sequence[Examples], recipe: RankingRecipe) -> list[Numbers]:
    return joint_folds([one.golds for one in sets], FOLDS, recipe.seed)


def _mrr(examples: Examples, model: RankingModel) -> Figures:
    """MRR@10 of each question, (n,)."""
    column: Figures = examples.measures(scores_of(model, examples))[:, _COLUMN]
    return column


def _weighted(columns: Sequence[Figures], recipe: RankingRecipe) -> tuple[float, float]:
    """Mean over sets of the means of their questions, weighted as in the fit, and its standard error."""
    filled = [own for own in columns if own.size]
    shares = np.array([recipe.set_weight(own.size) for own in filled])
    shares /= shares.sum()
    mean = float(shares @ [own.mean() for own in filled])
    return mean, float(np.sqrt(shares**2 @ [own.var() / own.size for own in filled]))
