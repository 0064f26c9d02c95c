"""Fitting the query adapter: a softmax over the whole library for each question.

    q' = (q + qW) / |q + qW|,   loss = - mean over right passages p of ln softmax(P q' / temperature)_p

W starts from zero, or from an adapter that is there already, and is fitted with Adam under a cosine decay of the rate
(Loshchilov and Hutter, "SGDR", ICLR 2017). Every passage of the library is a negative of every question (as in "N-pair"
losses, Sohn, NIPS 2016, without sampling).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from study_bot.training.pairs import Pairs

if TYPE_CHECKING:
    import torch

Weight = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AdapterRecipe:
    """Parameters of a fit.

    `temperature` sharpens cosines; `steps` of at most `batch` questions a set; `dropout` is the share of the vector's
    numbers hidden from W in training; `l2` pulls W towards where it started. `self_sentences` of each library stand for
    questions of their own passages, each with the weight `self_weight` of a real one.
    """

    temperature: float = 0.015
    learning_rate: float = 3e-3
    steps: int = 70
    batch: int = 256
    dropout: float = 0.1
    l2: float = 1e-2
    self_sentences: int = 256
    self_weight: float = 0.1
    seed: int = 1

    def numbers(self) -> Mapping[str, float]:
        """The parameters as they stand on a card."""
        return asdict(self)


def fit_adapter(
    sets: Sequence[Pairs],
    recipe: AdapterRecipe,
    *,
    start: Weight | None = None,
    until: int | None = None,
    after_step: Callable[[int, Weight], None] | None = None,
) -> Weight:
    """W of shape (dimension, dimension). Pure: the same sets and recipe give the same W.

    A set counts with the square root of its size times its weight, so that a large one does not drown the others.

    :param sets: at least one, none of them empty.
    :param start: the W to begin with, (dimension, dimension); None = zero.
    :param until: stop after this step of the schedule; None = go to its end.
    :param after_step: gets the number of steps done and W so far.
    """
    import torch

    dimension = sets[0].vectors.shape[1]
    origin = torch.zeros((dimension, dimension)) if start is None else torch.from_numpy(start.copy())
    weight = origin.clone().requires_grad_()
    optimiser = torch.optim.Adam([weight], lr=recipe.learning_rate)
    shares = np.array([pairs.weight * math.sqrt(len(pairs)) for pairs in sets])
    shares /= shares.sum()
    streams = [_Stream(pairs, recipe, number) for number, pairs in enumerate(sets)]
    for step in range(recipe.steps if until is None else until):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * step / recipe.steps)) / 2
        optimiser.zero_grad()
        for share, stream in zip(shares, streams, strict=True):
            (float(share) * stream.loss(weight)).backward()  # type: ignore[no-untyped-call]
        if recipe.l2:
            (recipe.l2 * (weight - origin).square().sum()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if after_step is not None:
            after_step(step + 1, weight.detach().numpy().copy())
    fitted: Weight = weight.detach().numpy()
    return fitted


class _Stream:
    """Batches of one set, in an order of its own, and their loss."""

    def __init__(self, pairs: Pairs, recipe: AdapterRecipe, number: int) -> None:
        import torch

        self._recipe = recipe
        self._questions = torch.from_numpy(np.ascontiguousarray(pairs.vectors))
        self._passages = torch.from_numpy(pairs.passages).T
        self._positives = pairs.positives
        self._batches = _batches(len(pairs), recipe.batch, np.random.default_rng([recipe.seed, number]))
        self._generator = torch.Generator().manual_seed(recipe.seed * 1009 + number)

    def loss(self, weight: torch.Tensor) -> torch.Tensor:
        """The mean loss of the next batch."""
        import torch

        batch = next(self._batches)
        questions = self._questions[batch]
        keep = 1 - self._recipe.dropout
        seen = questions * (torch.rand(questions.shape, generator=self._generator) < keep) / keep
        moved = torch.nn.functional.normalize(questions + seen @ weight, dim=1)
        scores = moved @ self._passages / self._recipe.temperature
        rows = [self._positives[i] for i in batch.tolist()]
        owner = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([own.size for own in rows]))
        share = torch.cat([torch.full((own.size,), 1 / own.size) for own in rows])
        right = scores[owner, torch.from_numpy(np.concatenate(rows))]
        return scores.logsumexp(dim=1).mean() - (share * right).sum() / len(rows)


def _batches(count: int, size: int, random: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Batches without end; every question comes once before any comes again, short rests are left out."""
    size = min(size, count)
    while True:
        order = random.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]
