"""Fitting the order of candidates: a softmax over the candidates of each question.

    loss = - sum over questions of share x mean over right candidates c of ln softmax(score)_c + l2 |weights - prior|^2

The score is that of `retrieval.ranking`, linear in its weights, so the loss is convex: there is one best model, and
L-BFGS (Liu and Nocedal, "On the limited memory BFGS method", Mathematical Programming 45, 1989) finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from study_bot.retrieval.ranking import FAR, RankingModel
from study_bot.training.examples import Examples

if TYPE_CHECKING:
    import torch

Flags = npt.NDArray[np.bool_]

_NEVER = -1e9
"""Score of what fills a question's row up to the longest."""

_CONSTANT = 1e-6
"""A feature that varies less than this is the same everywhere."""


@dataclass(frozen=True, slots=True)
class RankingRecipe:
    """Parameters of a fit.

    `l2` pulls all weights towards 0, or towards those of the model that is gone on from. Every set counts alike but for
    its size: one of `small_set` questions half as much as a very large one. `iterations` limits the fit.
    """

    l2: float = 3e-2
    small_set: float = 200.0
    iterations: int = 60
    seed: int = 1

    def numbers(self) -> Mapping[str, float]:
        """The parameters as they stand on a card."""
        return asdict(self)

    def set_weight(self, size: int) -> float:
        """How much a set of that many questions counts, 0..1."""
        return size / (size + self.small_set)


class RankingTable:
    """The candidates of several sets as one block, padded to the longest question, from which fits take questions."""

    def __init__(self, sets: Sequence[Examples], recipe: RankingRecipe) -> None:
        import torch

        self._recipe = recipe
        self._question = np.concatenate([one.question_features for one in sets]).astype(np.float64)
        lengths = np.concatenate([np.diff(one.starts) for one in sets])
        count, longest = len(lengths), int(lengths.max(initial=1))
        wide = sets[0].features.shape[1]
        self._features = torch.zeros((count, longest, wide))
        self._base = torch.full((count, longest), _NEVER)
        self._share = torch.zeros((count, longest))
        self._own = np.concatenate([np.full(len(one), number) for number, one in enumerate(sets)])
        first = 0
        for one in sets:
            place = np.arange(len(one.rows)) - one.starts[one.owner]
            owner = first + one.owner
            right = np.bincount(one.owner, one.right, len(one))
            self._features[owner, place] = torch.from_numpy(one.features)
            self._base[owner, place] = torch.from_numpy(one.bonus)
            self._share[owner, place] = torch.from_numpy(
                (one.right / np.maximum(right[one.owner], 1)).astype(np.float32)
            )
            first += len(one)
        self._usable = self._share.sum(dim=1).numpy() > 0.5

    def fit(self, kept: Sequence[Flags], prior: RankingModel | None = None, *, l2: float | None = None) -> RankingModel:
        """The best model for the flagged questions, with an empty card.

        Questions without a right candidate say nothing and are left out.

        :param kept: per set, a flag for each of its questions; one at least must have a right candidate.
        :param prior: a model that is to be kept where the questions do not speak against it; None = weights of 0.
        :param l2: in the place of the recipe's.
        """
        import torch

        flags = np.concatenate(kept) & self._usable
        places = torch.from_numpy(np.flatnonzero(flags))
        features, base, share = self._features[places], self._base[places], self._share[places]
        empty = self._empty(flags) if prior is None else prior
        question = (self._question[flags] - empty.question_mean) / empty.question_scale
        asked = torch.from_numpy(question).float()
        width = torch.from_numpy(empty.scale).float()
        weight = self._question_weights(flags)
        origin = torch.from_numpy(np.vstack([empty.weights, empty.crossed])).float()
        parameters = origin.clone().requires_grad_()
        optimiser = torch.optim.LBFGS(
            [parameters], max_iter=self._recipe.iterations, history_size=20, line_search_fn="strong_wolfe"
        )

        penalty = self._recipe.l2 if l2 is None else l2

        def loss() -> torch.Tensor:
            optimiser.zero_grad()
            # Subtracting the means would add the same to all candidates of a question, which changes nothing.
            weights = (parameters[0] + asked @ parameters[1:]) / width
            scores = torch.bmm(features, weights.unsqueeze(2)).squeeze(2) + base
            value = -(weight * (share * scores.log_softmax(dim=1)).sum(dim=1)).sum()
            value = value + penalty * (parameters - origin).square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimiser.step(loss)  # type: ignore[no-untyped-call]
        found = parameters.detach().double().numpy()
        return replace(empty, weights=found[0], crossed=found[1:], card={})

    def _empty(self, flags: Flags) -> RankingModel:
        """Weights of 0 over features standardised by the flagged questions."""
        import torch

        places = torch.from_numpy(np.flatnonzero(flags))
        real = self._base[places] > _NEVER / 2
        values = self._features[places][real].double()
        wide, asked = values.shape[1], self._question[flags]
        return RankingModel(
            mean=values.mean(dim=0).numpy(),
            scale=_scale(values.std(dim=0, correction=0).numpy()),
            weights=np.zeros(wide),
            question_mean=asked.mean(axis=0),
            question_scale=_scale(asked.std(axis=0)),
            crossed=np.zeros((asked.shape[1], wide)),
        )

    def _question_weights(self, flags: Flags) -> torch.Tensor:
        """Weights of the flagged questions, summing to 1: equal within a set."""
        import torch

        sizes = np.bincount(self._own[flags], minlength=int(self._own.max()) + 1)
        each = np.array([self._recipe.set_weight(int(size)) / max(int(size), 1) for size in sizes])
        weights = each[self._own[flags]]
        return torch.from_numpy((weights / weights.sum()).astype(np.float32))


def scores_of(model: RankingModel, examples: Examples) -> npt.NDArray[np.float64]:
    """The model's scores of all candidates, (candidates,)."""
    question = np.clip((examples.question_features - model.question_mean) / model.question_scale, -FAR, FAR)
    candidates = np.clip((examples.features - model.mean) / model.scale, -FAR, FAR)
    weights = model.weights + question @ model.crossed
    scores: npt.NDArray[np.float64] = np.einsum("cf,cf->c", candidates, weights[examples.owner])
    return scores


def _scale(deviations: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Deviations to divide by: 1 for what never differs."""
    return np.where(deviations > _CONSTANT, deviations, 1.0)
