from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from study_bot.errors import DatasetError
from study_bot.training.adapter_choice import MIN_PAIRS, Choice, adapted, between, choose, cross_validated
from study_bot.training.adapter_fit import AdapterRecipe, fit_adapter
from study_bot.training.folds import joint_folds, random_folds
from study_bot.training.measures import means
from tests.training.samples import DIMENSION, turned_pairs

RECIPE = AdapterRecipe(learning_rate=0.03, batch=64, temperature=0.1)


def test_a_planted_rotation_is_found_and_holds_for_other_questions() -> None:
    trained, others = turned_pairs(120, seed=1), turned_pairs(120, seed=2)
    weight = fit_adapter([trained], RECIPE)
    before, after = means(others.measures(others.vectors)), means(others.measures(adapted(others.vectors, weight)))
    assert before["R@1"] < 0.1
    assert after["R@1"] > 0.9


def test_the_same_input_gives_the_same_weights_and_another_seed_others() -> None:
    pairs = turned_pairs(60)
    first = fit_adapter([pairs], RECIPE)
    assert np.array_equal(first, fit_adapter([pairs], RECIPE))
    assert not np.array_equal(first, fit_adapter([pairs], replace(RECIPE, seed=2)))


def test_held_out_questions_ask_for_all_of_it() -> None:
    choice = choose([turned_pairs(120)], [], RECIPE)
    assert choice.strength >= 0.75
    assert choice.gain > 0.5
    assert choice.held_out == 120


def test_of_many_questions_a_part_decides() -> None:
    assert choose([turned_pairs(2500, passages=2500)], [], replace(RECIPE, steps=4)).held_out == 1000


@pytest.mark.parametrize("seed", range(4))
def test_pairs_by_lot_change_nothing(seed: int) -> None:
    assert choose([turned_pairs(150, seed=seed, chance=True)], [], RECIPE).strength == 0


def test_what_is_asked_for_again_and_what_is_new_count_alike() -> None:
    """Questions by lot about few passages: those asked for again gain by it, at random folds alone."""
    pairs = turned_pairs(200, passages=200)
    few = tuple(np.array([row[0] % 40]) for row in pairs.positives)
    again = replace(pairs, positives=few, golds=tuple(frozenset({f"turned-{row[0]}"}) for row in few))
    gain = choose([again], [], RECIPE).gain
    folds = random_folds([len(again)], 5, 2), joint_folds([again.golds], 5, 1)
    choice = Choice(RECIPE.steps, 1.0, 0, 0, 0)
    means_ = [cross_validated([again], [], RECIPE, choice, folds=own).after["turned"]["R@10"] for own in folds]
    before = means(again.measures(again.vectors))["R@10"]
    assert gain >= (means_[0] + means_[1]) / 2 - before - 1e-4
    assert means_[0] > means_[1]


def test_what_is_known_already_is_not_bettered() -> None:
    pairs = turned_pairs(120, seed=4)
    start = fit_adapter([turned_pairs(200, seed=5)], RECIPE)
    assert choose([pairs], [], RECIPE, start).strength == 0
    kept = fit_adapter([pairs], replace(RECIPE, l2=1e3, learning_rate=1e-4), start=start)
    assert np.abs(kept - start).max() < 0.02


def test_too_few_pairs_are_refused_with_advice() -> None:
    with pytest.raises(DatasetError, match="eval cases"):
        choose([turned_pairs(MIN_PAIRS - 1)], [], RECIPE)


def test_out_of_fold_vectors_come_from_adapters_that_saw_none_of_the_golds() -> None:
    pairs = turned_pairs(100)
    folds = joint_folds([pairs.golds], 5, 1)
    choice = choose([pairs], [], RECIPE)
    found = cross_validated([pairs], [], RECIPE, choice, folds=folds)
    own = folds[0] == 2
    alone = fit_adapter([pairs.taken(~own)], RECIPE, until=choice.steps)
    assert np.allclose(found.vectors[0][own], adapted(pairs.vectors[own], choice.strength * alone), atol=1e-6)
    assert found.unseen == {"turned": 100}
    assert found.unseen_after == found.after
    assert found.after["turned"]["R@10"] > found.before["turned"]["R@10"] + 0.5


def test_random_folds_tell_of_questions_whose_passages_were_asked_for_before() -> None:
    pairs = turned_pairs(150, passages=60)
    found = cross_validated([pairs], [], RECIPE, choose([pairs], [], RECIPE))
    assert 0 < found.unseen["turned"] < 60


def test_a_large_set_does_not_drown_a_small_one() -> None:
    small, large = turned_pairs(20, seed=6, name="small"), turned_pairs(180, seed=7, chance=True, name="large")
    weight = fit_adapter([small, large], RECIPE)
    alone = fit_adapter([large], RECIPE)
    recall = [means(small.measures(adapted(small.vectors, w)))["R@10"] for w in (weight, alone)]
    assert recall[0] > recall[1] + 0.5


def test_pairs_beside_hold_the_adapter_back() -> None:
    pairs = turned_pairs(100)
    own = replace(pairs, name="self", vectors=pairs.passages[[row[0] for row in pairs.positives]], weight=5.0)
    moved = [means(own.measures(adapted(own.vectors, fit_adapter(s, RECIPE))))["R@1"] for s in ([pairs], [pairs, own])]
    assert moved[1] > moved[0] + 0.3


def test_part_of_the_way() -> None:
    start, end = np.ones((DIMENSION, DIMENSION), np.float32), np.zeros((DIMENSION, DIMENSION), np.float32)
    assert np.allclose(between(start, end, 0.25), 0.75)
    assert np.allclose(between(None, start, 0.25), 0.25)
