"""Fitting the reader: which unit of a right passage holds the answer.

    loss = - sum over passages of weight x ln(sum over units u that hold the answer of softmax(score)_u) + l2 x |w|^2

A question whose answer is known and stands in a right passage gives one example for each such passage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study_bot.answering.extractive import pieces_of
from study_bot.answering.reader import UNIT_FEATURES, ReaderModel, ReaderQuestion, Tags, reader_question, unit_features
from study_bot.answering.terms import Tokens, content_words, question_terms
from study_bot.evaluation.expectations import Expectation
from study_bot.evaluation.text_scores import plain
from study_bot.text import short_title
from study_bot.training.sets import TrainingSet
from study_bot.types import Passage

MAX_PASSAGES = 3
"""Right passages looked at for one question."""

_CONSTANT = 1e-6
"""A feature that varies less than this is the same everywhere."""


@dataclass(frozen=True, slots=True)
class ReaderRecipe:
    """Parameters of a fit. `budget` is the mean number of characters quoted that the price is chosen for; a set of
    `small_set` questions counts half as much as a very large one."""

    l2: float = 1e-4
    budget: float = 126.0
    small_set: float = 200.0
    iterations: int = 100


@dataclass(frozen=True, slots=True, eq=False)
class ReaderExample:
    """The units of one right passage: features (units, features), which of them hold the answer (at least one), their
    lengths, and their words as they are compared with the answers."""

    source: str
    golds: frozenset[str]
    features: npt.NDArray[np.float64]
    holds: npt.NDArray[np.bool_]
    lengths: npt.NDArray[np.int64]
    words: tuple[str, ...]
    answers: tuple[str, ...]


def reader_examples(
    data: TrainingSet, expected: Mapping[str, Expectation], tokens: Tokens, tags: Tags
) -> list[ReaderExample]:
    """Examples of a set's questions that have a gold answer, in the order of the set."""
    snapshot = data.library.snapshot
    found: list[ReaderExample] = []
    for question in data.questions:
        answers = tuple(filter(None, map(plain, expected[question.query_id].answers)))
        if not answers:
            continue
        text = question.query.search_text
        terms = question_terms(tokens(content_words(text)), snapshot.sparse.document_frequency, len(snapshot.passages))
        asked = reader_question(text, terms)
        own = [
            example
            for row in question.rows.tolist()
            if (example := _example(data.name, question.golds, snapshot.passages[row], asked, answers, tokens, tags))
        ]
        found += own[:MAX_PASSAGES]
    return found


def _example(
    source: str,
    golds: frozenset[str],
    passage: Passage,
    asked: ReaderQuestion,
    answers: tuple[str, ...],
    tokens: Tokens,
    tags: Tags,
) -> ReaderExample | None:
    """None where the passage has but one unit, or does not hold the answer."""
    units = pieces_of(passage, asked.things)
    if len(units) < 2:
        return None
    texts = [" ".join(passage.text[start:end] for start, end in unit.spans) for unit in units]
    words = tuple(map(plain, texts))
    holds = np.array([any(answer in own for answer in answers) for own in words])
    if not holds.any():
        if not any(answer in plain(passage.text) for answer in answers):
            return None
        # The answer goes over the end of a sentence: each sentence that is a part of it counts.
        holds = np.array([any(len(own) > 5 and own in answer for answer in answers) for own in words])
        if not holds.any():
            return None
    features = unit_features(asked, short_title(passage.title), texts, tokens, tags)
    lengths = np.array([sum(end - start for start, end in unit.spans) for unit in units])
    return ReaderExample(source, golds, features, holds, lengths, words, answers)


def fit_reader(examples: Sequence[ReaderExample], recipe: ReaderRecipe) -> ReaderModel:
    """The best model for the examples, its price chosen on them for the budget; with an empty card.

    The loss is not convex where several units hold the answer, but starts from equal weights and is fitted the same
    way every time.
    """
    import torch

    everything = np.concatenate([example.features for example in examples])
    mean, spread = everything.mean(axis=0), everything.std(axis=0)
    scale = np.where(spread > _CONSTANT, spread, 1.0)
    longest = max(len(example.holds) for example in examples)
    features = torch.zeros((len(examples), longest, len(UNIT_FEATURES)))
    base = torch.full((len(examples), longest), -1e9)
    absent = torch.full((len(examples), longest), -1e9)
    for i, example in enumerate(examples):
        own = len(example.holds)
        features[i, :own] = torch.from_numpy((example.features - mean) / scale).float()
        base[i, :own] = 0
        absent[i, :own] = torch.from_numpy(np.where(example.holds, 0, -1e9)).float()
    weight = torch.from_numpy(_weights(examples, recipe)).float()
    parameters = torch.zeros(len(UNIT_FEATURES), requires_grad=True)
    optimiser = torch.optim.LBFGS([parameters], max_iter=recipe.iterations, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        likely = (features @ parameters + base).log_softmax(dim=1)
        value = -(weight * (likely + absent).logsumexp(dim=1)).sum() + recipe.l2 * parameters.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    model = ReaderModel(mean, scale, parameters.detach().double().numpy())
    return ReaderModel(mean, scale, model.weights, price=price_for(model, examples, recipe.budget))


def _weights(examples: Sequence[ReaderExample], recipe: ReaderRecipe) -> npt.NDArray[np.float64]:
    sources = np.array([example.source for example in examples])
    weights = np.zeros(len(examples))
    for source in np.unique(sources):
        own = sources == source
        weights[own] = own.sum() / (own.sum() + recipe.small_set) / own.sum()
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


@dataclass(frozen=True, slots=True)
class Reading:
    """What was quoted of the right passage of one example: whether an answer is in it, and how many characters."""

    found: bool
    characters: int


def readings(model: ReaderModel, examples: Sequence[ReaderExample], price: float | None = None) -> list[Reading]:
    """What the model would quote of each right passage at its price, or another one."""
    limit = model.price if price is None else price
    result = []
    for example in examples:
        probabilities = model.probabilities(example.features)
        quoted = probabilities > limit * example.lengths
        quoted[int(probabilities.argmax())] = True
        words = "".join(own for own, kept in zip(example.words, quoted, strict=True) if kept)
        found = any(answer in words for answer in example.answers)
        result.append(Reading(found, int(example.lengths[quoted].sum())))
    return result


def price_for(model: ReaderModel, examples: Sequence[ReaderExample], budget: float) -> float:
    """The lowest price at which no more than `budget` characters are quoted on average."""
    low, high = 1e-5, 1e-1
    for _ in range(30):
        middle = float(np.sqrt(low * high))
        if float(np.mean([reading.characters for reading in readings(model, examples, middle)])) <= budget:
            high = middle
        else:
            low = middle
    return float(f"{high:.4g}")


Fit = Callable[[Sequence[ReaderExample], ReaderRecipe], ReaderModel]


def held_out(
    examples: Sequence[ReaderExample], folds: npt.NDArray[np.int64], recipe: ReaderRecipe, fit: Fit = fit_reader
) -> list[Reading]:
    """What is quoted of each example by a model that was fitted, price included, without its fold."""
    result: list[Reading | None] = [None] * len(examples)
    for fold in np.unique(folds):
        model = fit([e for e, own in zip(examples, folds, strict=True) if own != fold], recipe)
        places = np.flatnonzero(folds == fold).tolist()
        for place, reading in zip(places, readings(model, [examples[i] for i in places]), strict=True):
            result[place] = reading
    return [reading for reading in result if reading is not None]
