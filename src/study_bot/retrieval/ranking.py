"""The learned order of candidates: a linear model whose weights depend on the question.

    score(c) = sum_f w_f x_f(c) + sum_{u,f} v_{u,f} q_u x_f(c)

x are the features of a candidate, q those of the question, both standardised with the means and deviations of the
training data. The crossed weights v let a question whose vocabulary stands together in a passage trust the keywords,
and one in other words than the texts trust the vectors. Fitted with a softmax over the candidates of each question
(ListNet, Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007). A difference of 1
between two scores means that one is e times as likely to be right as the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from study_bot.errors import LearnedFileError
from study_bot.retrieval.features import (
    CANDIDATE_FEATURES,
    QUESTION_FEATURES,
    Evidence,
    Floats,
    candidate_features,
    question_features,
)

RANKING_FILE = "ranking.json"

_FORMAT = 2
"""2: cosines count in deviations."""

FAR = 15.0
"""Features further than this many deviations from what was seen in training count as that far: beyond, a linear model
has nothing to go by."""


@dataclass(frozen=True, slots=True, eq=False)
class RankingModel:
    """Weights over standardised features.

    `mean`, `scale`, `weights` have shape (features,), `question_mean`, `question_scale` (question features,), `crossed`
    (question features, features). `card` tells where they come from: data, date, figures.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    question_mean: Floats
    question_scale: Floats
    crossed: Floats
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """:raises ValueError: a shape does not fit the features of this version, or a scale is not above 0."""
        wide, few = (len(CANDIDATE_FEATURES),), (len(QUESTION_FEATURES),)
        shapes = [a.shape for a in (self.mean, self.scale, self.weights)]
        if shapes != [wide] * 3 or [a.shape for a in (self.question_mean, self.question_scale)] != [few] * 2:
            raise ValueError(f"weights for {wide[0]} and {few[0]} features expected, got {shapes}")
        if self.crossed.shape != few + wide:
            raise ValueError(f"crossed weights of shape {self.crossed.shape}, expected {few + wide}")
        if not (self.scale > 0).all() or not (self.question_scale > 0).all():
            raise ValueError("scales must be above 0")

    def scores(self, evidence: Evidence) -> Floats:
        """Scores of the candidates, shape (n,), higher = likelier to be right; comparable within one question only."""
        if not evidence.dense.size:
            return np.zeros(0)
        x = np.clip((candidate_features(evidence) - self.mean) / self.scale, -FAR, FAR)
        q = np.clip((question_features(evidence) - self.question_mean) / self.question_scale, -FAR, FAR)
        scores: Floats = x @ (self.weights + q @ self.crossed)
        return scores


@dataclass(frozen=True, slots=True, eq=False)
class RankingModels:
    """One model for use with an adapter, one for use without (another embedding model, or an adapter switched off)."""

    adapted: RankingModel
    plain: RankingModel

    def to_json(self) -> str:
        """The file's text; numbers to six digits."""
        models = {"adapted": _plain(self.adapted), "plain": _plain(self.plain)}
        names = {"features": CANDIDATE_FEATURES, "question_features": QUESTION_FEATURES}
        return json.dumps({"format": _FORMAT, **names, **models}, ensure_ascii=False, indent=1)


def load_ranking(path: Path) -> RankingModels:
    """Read both models.

    :raises LearnedFileError: the file is missing, damaged, or made for other features than this version computes.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']}")
        if (data["features"], data["question_features"]) != (list(CANDIDATE_FEATURES), list(QUESTION_FEATURES)):
            raise ValueError("made for other features")
        return RankingModels(_model(data["adapted"]), _model(data["plain"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LearnedFileError(
            f"排序模型 {path} 无法使用（{error}）。请重新训练（study-bot train ranking），或删除该文件以使用自带的。"
        ) from error


_ARRAYS = ("mean", "scale", "weights", "question_mean", "question_scale", "crossed")


def _model(values: Mapping[str, Any]) -> RankingModel:
    arrays = {name: np.array(values[name], np.float64) for name in _ARRAYS}
    return RankingModel(**arrays, card=dict(values.get("card", {})))


def _plain(model: RankingModel) -> dict[str, Any]:
    return {"card": dict(model.card), **{name: _rounded(getattr(model, name).tolist()) for name in _ARRAYS}}


def _rounded(values: Sequence[Any]) -> list[Any]:
    return [_rounded(v) if isinstance(v, list) else float(f"{v:.6g}") for v in values]
