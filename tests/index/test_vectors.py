"""The best of many scores against sorting all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.index.vectors import best_places


@given(st.integers(0, 3000), st.integers(-1, 400), st.sampled_from([2, 50, 10**6]), st.integers(0, 999))
def test_best_places_are_the_head_of_the_sorted_scores(size: int, k: int, values: int, seed: int) -> None:
    """With few different values most scores tie; the earlier place goes first."""
    scores = (np.random.default_rng(seed).integers(-values, values, size) / values).astype(np.float32)
    assert best_places(scores, k).tolist() == np.argsort(-scores, kind="stable")[: max(k, 0)].tolist()


@pytest.mark.parametrize("size", [0, 63, 64, 65, 6400, 6463])
def test_the_last_scores_are_looked_at_too(size: int) -> None:
    """Those that make no full group."""
    scores = np.arange(size, dtype=np.float32)
    assert best_places(scores, 3).tolist() == list(range(size - 1, size - 4, -1))[: min(3, size)]


def test_minus_infinity_is_a_score_like_others() -> None:
    scores = np.full(1000, -np.inf, np.float32)
    scores[700] = 1
    assert best_places(scores, 3).tolist() == [700, 0, 1]
