from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from study_bot.retrieval.features import CANDIDATE_FEATURES, QUESTION_FEATURES
from study_bot.retrieval.ranking import RankingModels, load_ranking
from study_bot.training.files import write_ranking
from study_bot.training.measures import means
from study_bot.training.ranking_choice import PENALTIES, validate
from study_bot.training.ranking_fit import RankingRecipe, RankingTable, scores_of
from tests.training.samples import two_kinds

RECIPE = RankingRecipe()


def test_it_learns_which_side_to_trust_for_which_question() -> None:
    trained, others = two_kinds(300, seed=1), two_kinds(200, seed=2)
    model = RankingTable([trained], RECIPE).fit([trained.all_questions])
    assert means(others.measures(scores_of(model, others)))["R@1"] > 0.9
    singles = [means(others.measures(others.column(name)))["R@1"] for name in ("bm25_z", "adapted_z")]
    assert max(singles) < 0.7
    fixed = replace(model, crossed=np.zeros_like(model.crossed))
    assert means(others.measures(scores_of(fixed, others)))["R@1"] < 0.9
    trust = model.crossed[QUESTION_FEATURES.index("best_coverage")]
    assert trust[CANDIDATE_FEATURES.index("bm25_z")] > 0 > trust[CANDIDATE_FEATURES.index("adapted_z")]


def test_figures_are_of_questions_not_trained_on() -> None:
    """Where only chance tells the right candidate, every model must look as bad as chance."""
    chance = two_kinds(200, seed=3)
    noise = np.random.default_rng(0).standard_normal(chance.features.shape).astype(np.float32)
    _, figures = validate([replace(chance, features=noise)], RECIPE)
    assert figures.folds["mixed"]["R@1"] < 0.2
    assert figures.unseen_set == {}


def test_each_set_is_also_measured_by_a_model_of_the_others() -> None:
    sets = [two_kinds(150, seed=4, name="one"), two_kinds(100, seed=5, name="two")]
    fits: list[tuple[int, int]] = []
    recipe, figures = validate(sets, RECIPE, on_fit=lambda done, total: fits.append((done, total)))
    assert recipe.l2 in PENALTIES
    assert figures.folds.keys() == figures.unseen_set.keys() == {"one", "two"}
    assert min(figures.unseen_set[name]["R@1"] for name in ("one", "two")) > 0.8
    assert figures.single["one"].keys() == {"dense", "adapted", "bm25"}
    assert fits[-1] == (len(fits), len(fits))


def test_much_noise_wants_a_strong_penalty() -> None:
    random = np.random.default_rng(1)
    noise = two_kinds(120, seed=6)
    noise = replace(noise, features=random.standard_normal(noise.features.shape).astype(np.float32))
    noise.features[noise.right, CANDIDATE_FEATURES.index("dense_z")] += 2
    assert validate([noise], RECIPE)[0].l2 == max(PENALTIES)


def test_a_prior_is_kept_where_nothing_speaks_against_it() -> None:
    prior_set, own = two_kinds(300, seed=7), two_kinds(60, seed=8, name="own")
    prior = RankingTable([prior_set], RECIPE).fit([prior_set.all_questions])
    table = RankingTable([own], RECIPE)
    held = table.fit([own.all_questions], prior, l2=100.0)
    assert np.abs(held.weights - prior.weights).max() < 0.01
    _, figures = validate([own], RECIPE, prior)
    assert figures.before["own"]["R@1"] > 0.8
    assert figures.folds["own"]["R@1"] > figures.before["own"]["R@1"] - 0.05
    assert abs(figures.gain) < 0.1


def test_what_is_shown_before_the_candidates_counts_first() -> None:
    one = two_kinds(2)
    shown = replace(one, exact=((1,), ()))
    worst = np.where(one.right, 1.0, 0.0)
    assert shown.measures(worst)[:, 0].tolist() == [0.0, 1.0]


def test_the_bonus_counts() -> None:
    one = two_kinds(4)
    favoured = replace(one, bonus=np.where(one.right, 3.0, 0.0).astype(np.float32))
    assert favoured.measures(np.zeros(len(one.rows)))[:, 0].tolist() == [1.0] * 4


def test_a_set_counts_by_its_size_but_not_in_proportion() -> None:
    assert RECIPE.set_weight(200) == pytest.approx(0.5)
    assert 0.8 < RECIPE.set_weight(1000) < 1


def test_the_file_gives_the_same_order_back(tmp_path) -> None:
    trained = two_kinds(100, seed=9)
    table = RankingTable([trained], RECIPE)
    model = table.fit([trained.all_questions])
    path = write_ranking(tmp_path, RankingModels(model, model))
    assert (
        path.read_bytes()
        == write_ranking(tmp_path / "again", RankingModels(table.fit([trained.all_questions]), model)).read_bytes()
    )
    read = load_ranking(path).adapted
    assert np.allclose(scores_of(read, trained), scores_of(model, trained), atol=1e-3)
