from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.fusion import ordered, ranking, reciprocal_rank_fusion

rankings = st.lists(st.integers(0, 30), unique=True, max_size=15).flatmap(
    lambda rows: st.lists(st.floats(0, 10), min_size=len(rows), max_size=len(rows)).map(
        lambda scores: ranking(rows, sorted(scores, reverse=True))
    )
)


def test_padding_is_dropped():
    found = ranking([4, 2, -1], [0.9, 0.5, -np.inf])
    assert found.rows.tolist() == [4, 2]


def test_rows_and_scores_of_different_length_are_refused():
    with pytest.raises(ValueError, match="rows"):
        ranking([1, 2], [0.5])


def test_reciprocal_ranks_by_the_formula():
    fused = reciprocal_rank_fusion([ranking([1, 2], [9, 8]), ranking([2, 3], [1, 0.5])], (1, 1), k=60)
    assert dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True)) == pytest.approx(
        {1: 1 / 61, 2: 1 / 62 + 1 / 61, 3: 1 / 62}
    )
    assert fused.rows.tolist() == [2, 1, 3]


def test_equal_scores_come_in_row_order():
    assert ordered(np.array([7, 3, 5, 1]), np.array([1.0, 1.0, 1.0, 2.0])).rows.tolist() == [1, 3, 5, 7]


@given(st.lists(rankings, max_size=3))
def test_fusion_keeps_every_row_once_and_sorts(lists):
    everything = sorted({row for found in lists for row in found.rows.tolist()})
    fused = reciprocal_rank_fusion(lists, [1.0] * len(lists))
    assert sorted(fused.rows.tolist()) == everything
    assert all(a >= b for a, b in pairwise(fused.scores))


@given(rankings)
def test_one_list_alone_keeps_its_order(found):
    assert reciprocal_rank_fusion([found], [1.0]).rows.tolist() == found.rows.tolist()
