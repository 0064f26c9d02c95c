"""What ranking would have to order: the candidates of every question, described, with the right ones marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study_bot.index.vectors import Vectors
from study_bot.retrieval.features import CANDIDATE_FEATURES, QUESTION_FEATURES, candidate_features, question_features
from study_bot.retrieval.hybrid import LAW_BONUS, HybridSearch, QuestionVectors
from study_bot.retrieval.learned import LearnedRetrieval
from study_bot.retrieval.ranking import RankingModel
from study_bot.training.folds import Numbers
from study_bot.training.measures import MEASURES, Figures, question_measures
from study_bot.training.sets import TrainingQuestion, TrainingSet

Floats = npt.NDArray[np.float32]

_DEPTH = 100
"""Documents that the measures look at."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """The candidates of the questions of one set, put one after another.

    `features` (candidates, features) and `question_features` (questions, question features) are not standardised.
    The candidates of question i are `starts[i]` to `starts[i + 1]`; `rows` are theirs in the index. `right` marks those
    of right documents, `bonus` is what ranking adds to a candidate besides the model's score. `exact` are the rows
    shown before all candidates, which are none of them. `documents` names each row of the index.
    """

    name: str
    features: Floats
    question_features: Floats
    starts: Numbers
    rows: Numbers
    right: npt.NDArray[np.bool_]
    bonus: Floats
    exact: tuple[tuple[int, ...], ...]
    golds: tuple[frozenset[str], ...]
    documents: tuple[str, ...]

    def __len__(self) -> int:
        """Number of questions."""
        return len(self.golds)

    @property
    def owner(self) -> Numbers:
        """The question of each candidate."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def all_questions(self) -> npt.NDArray[np.bool_]:
        """A flag for each question, all of them set."""
        return np.ones(len(self), np.bool_)

    def measures(self, scores: npt.NDArray[np.floating]) -> Figures:
        """Measures of each question when its candidates are ordered by `scores` (candidates,) and the bonus."""
        total = np.asarray(scores, np.float64) + self.bonus
        found = np.zeros((len(self), len(MEASURES)))
        for i, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            order = np.lexsort((self.rows[start:end], -total[start:end]))
            rows = [*self.exact[i], *self.rows[start:end][order].tolist()]
            found[i] = question_measures(rows, self.documents, self.golds[i])
        return found

    def column(self, name: str) -> Floats:
        """One feature of all candidates, by its name."""
        return self.features[:, CANDIDATE_FEATURES.index(name)]


def examples_of(
    data: TrainingSet,
    plain: Vectors,
    adapted: Vectors | None,
    candidates: int,
    on_progress: Callable[[int], None] | None = None,
) -> Examples:
    """Search for every question as retrieval does.

    :param plain: the encoder's vectors of the questions, (n, dimension).
    :param adapted: the same after an adapter that has not seen these questions; None = retrieval without adapter.
    :param candidates: length of each list (the setting of that name).
    :param on_progress: gets the number of questions done so far.
    """
    snapshot = data.library.snapshot
    search = HybridSearch(snapshot, LearnedRetrieval(None, _indifferent()), candidates)
    described: list[_Described] = []
    for i, question in enumerate(data.questions):
        vectors = QuestionVectors(plain[i], plain[i] if adapted is None else adapted[i])
        described.append(_describe(search, data, question, vectors))
        if on_progress is not None and (i + 1) % 100 == 0:
            on_progress(i + 1)
    return Examples(
        name=data.name,
        features=np.concatenate([one.features for one in described]).astype(np.float32),
        question_features=np.stack([one.question for one in described]).astype(np.float32),
        starts=np.cumsum([0, *(one.rows.size for one in described)]),
        rows=np.concatenate([one.rows for one in described]),
        right=np.concatenate(
            [np.isin(one.rows, question.rows) for one, question in zip(described, data.questions, strict=True)]
        ),
        bonus=np.concatenate([one.bonus for one in described]).astype(np.float32),
        exact=tuple(question.exact for question in data.questions),
        golds=data.golds,
        documents=data.library.documents,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Described:
    """The candidates of one question."""

    rows: Numbers
    features: npt.NDArray[np.float64]
    question: npt.NDArray[np.float64]
    bonus: npt.NDArray[np.float64]


def _describe(
    search: HybridSearch, data: TrainingSet, question: TrainingQuestion, vectors: QuestionVectors
) -> _Described:
    doc_ids = question.query.doc_ids
    named = data.library.eligibility.rows_of_documents(doc_ids) if doc_ids else None
    found = search.search(vectors, question.keywords, _DEPTH, question.allowed, named)
    kept = ~np.isin(found.rows, question.exact)
    return _Described(
        rows=found.rows[kept],
        features=candidate_features(found.evidence)[kept],
        question=question_features(found.evidence),
        bonus=LAW_BONUS * found.evidence.named[kept].astype(np.float64),
    )


def _indifferent() -> RankingModel:
    """A model to which all candidates are equal: the search is wanted, not its order."""
    wide, few = len(CANDIDATE_FEATURES), len(QUESTION_FEATURES)
    return RankingModel(
        np.zeros(wide), np.ones(wide), np.zeros(wide), np.zeros(few), np.ones(few), np.zeros((few, wide))
    )
