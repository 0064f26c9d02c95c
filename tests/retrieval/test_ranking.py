"""The learned order: the formula, and the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import LearnedFileError
from study_bot.retrieval.features import (
    CANDIDATE_FEATURES,
    QUESTION_FEATURES,
    candidate_features,
    question_features,
)
from study_bot.retrieval.learned import packaged
from study_bot.retrieval.ranking import FAR, RANKING_FILE, RankingModel, RankingModels, load_ranking
from tests.retrieval.samples import plain_ranking, random_evidence

WIDE, FEW = len(CANDIDATE_FEATURES), len(QUESTION_FEATURES)


def random_model(seed: int) -> RankingModel:
    rng = np.random.default_rng(seed)
    return RankingModel(
        mean=rng.standard_normal(WIDE),
        scale=rng.uniform(0.5, 2, WIDE),
        weights=rng.standard_normal(WIDE),
        question_mean=rng.standard_normal(FEW),
        question_scale=rng.uniform(0.5, 2, FEW),
        crossed=rng.standard_normal((FEW, WIDE)),
        card={"created": "2026-11-24", "data": {"lay": 7}},
    )


@given(st.integers(0, 999), st.integers(1, 12))
def test_scores_by_the_formula(seed: int, size: int):
    model, evidence = random_model(seed), random_evidence(seed, size, 5)
    features = candidate_features(evidence)
    asked = np.clip((question_features(evidence) - model.question_mean) / model.question_scale, -FAR, FAR)
    for candidate, score in zip(features, model.scores(evidence), strict=True):
        expected = 0.0
        for f in range(WIDE):
            x = min(max((candidate[f] - model.mean[f]) / model.scale[f], -FAR), FAR)
            expected += model.weights[f] * x
            expected += sum(model.crossed[u, f] * asked[u] * x for u in range(FEW))
        assert score == pytest.approx(expected, abs=1e-9)


def test_no_candidates_have_no_scores():
    assert random_model(0).scores(random_evidence(0, 0, 3)).shape == (0,)


def test_crossed_weights_let_the_question_decide_which_list_counts():
    """Where a passage has the question's words the keywords decide, where none has the vectors do."""
    plain = plain_ranking(adapted_z=1.0)
    crossed = plain.crossed.copy()
    crossed[QUESTION_FEATURES.index("best_coverage"), CANDIDATE_FEATURES.index("bm25_z")] = 10.0
    model = replace(plain, crossed=crossed)
    evidence = replace(
        random_evidence(0, 2, 2),
        adapted=np.array([0.9, 0.8]),
        contributions=np.array([[0.0, 5.0], [0.0, 5.0]]),
        weights=np.array([2.0, 2.0]),
    )
    assert np.argmax(plain.scores(evidence)) == 0
    assert np.argmax(model.scores(evidence)) == 1
    uncovered = replace(evidence, contributions=np.array([[0.0, 0.001], [0.0, 0.0]]), weights=np.array([0.01, 2.0]))
    assert np.argmax(model.scores(uncovered)) == 0


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mean", np.zeros(WIDE - 1)),
        ("weights", np.zeros((WIDE, 1))),
        ("question_mean", np.zeros(FEW + 1)),
        ("crossed", np.zeros((WIDE, FEW))),
        ("scale", np.zeros(WIDE)),
        ("question_scale", np.full(FEW, -1.0)),
    ],
)
def test_weights_must_fit_the_features(name: str, values: np.ndarray):
    with pytest.raises(ValueError, match=r"expected|above 0"):
        replace(random_model(0), **{name: values})


def test_written_and_read_again(tmp_path: Path):
    models = RankingModels(adapted=random_model(1), plain=random_model(2))
    path = tmp_path / RANKING_FILE
    path.write_text(models.to_json(), "utf-8")
    loaded = load_ranking(path)
    for one, other in ((loaded.adapted, models.adapted), (loaded.plain, models.plain)):
        assert one.card == other.card
        for seed in range(5):
            evidence = random_evidence(seed, 9, 4)
            np.testing.assert_allclose(one.scores(evidence), other.scores(evidence), atol=1e-3)
    assert loaded.to_json() == models.to_json()


def _damaged(text: str, damage: str) -> str:
    data: dict[str, Any] = json.loads(text)
    if damage == "cut":
        return text[:-20]
    if damage == "format":
        data["format"] = 99
    elif damage == "other features":
        data["features"][0] = "something else"
    elif damage == "features in another order":
        data["features"].reverse()
    elif damage == "other question features":
        data["question_features"].pop()
    elif damage == "no plain model":
        del data["plain"]
    elif damage == "short weights":
        data["adapted"]["weights"].pop()
    elif damage == "words for numbers":
        data["adapted"]["weights"][0] = "many"
    elif damage == "a list":
        return "[]"
    return json.dumps(data)


@pytest.mark.parametrize(
    "damage",
    [
        "missing", "cut", "format", "other features", "features in another order", "other question features",
        "no plain model", "short weights", "words for numbers", "a list",
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, damage: str):
    path = tmp_path / RANKING_FILE
    if damage != "missing":
        path.write_text(_damaged(RankingModels(random_model(1), random_model(2)).to_json(), damage), "utf-8")
    with pytest.raises(LearnedFileError, match=r"ranking\.json 无法使用.*study-bot train ranking"):
        load_ranking(path)


@pytest.mark.parametrize("seed", range(5))
def test_the_models_that_ship_along_prefer_what_every_list_has_first(seed: int):
    """Among as many candidates as are usual, spread as those of the offline model are."""
    models = load_ranking(packaged(RANKING_FILE))
    rng = np.random.default_rng(seed)
    evidence = random_evidence(seed, 150, 30)
    near = rng.normal(0.82, 0.012, 150)
    near[17] = near.max() + 0.02
    rare = evidence.contributions * (rng.random((30, 150)) < 0.1)
    rare[:, 17] = rare.max()
    evidence = replace(
        evidence,
        dense=near,
        adapted=near,
        feedback=near,
        contributions=rare,
        law=rng.integers(0, 60, 150),
        title_covered=np.zeros(150),
        title_share=np.zeros(150),
        lengths=np.full(150, 120),
    )
    for model in (models.adapted, models.plain):
        assert np.argmax(model.scores(evidence)) == 17
