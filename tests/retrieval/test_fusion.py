from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.fusion import (
    dense_share,
    merged,
    ranking,
    reciprocal_rank_fusion,
    vocabulary_coverage,
    weighted_z_fusion,
    z_scores,
)

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


def test_z_scores_by_the_formula():
    assert z_scores(np.array([1.0, 2.0, 3.0])).tolist() == pytest.approx([-1.2247449, 0, 1.2247449])
    assert z_scores(np.array([5.0, 5.0])).tolist() == [0, 0]
    assert z_scores(np.zeros(0)).size == 0


def test_a_row_missing_from_a_list_gets_the_lowest_of_it():
    fused = weighted_z_fusion([ranking([1, 2, 3], [3, 2, 1]), ranking([1], [7])], (1, 1))
    assert dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True)) == pytest.approx(
        {1: 1.2247449, 2: 0, 3: -1.2247449}
    )


def test_a_decided_list_outweighs_an_undecided_one():
    decided = ranking(range(10), [30, *np.linspace(2, 1, 9)])
    undecided = ranking([5, 0, *range(10, 18)], np.linspace(0.85, 0.80, 10))
    assert weighted_z_fusion([decided, undecided], (0.5, 0.5)).rows[0] == 0


def test_equal_scores_come_in_row_order():
    fused = weighted_z_fusion([ranking([7, 3, 5], [1, 1, 1])], (1,))
    assert fused.rows.tolist() == [3, 5, 7]


def test_merged_lists_keep_scores_and_order():
    both = merged([ranking([1, 2], [9, 5]), ranking([2, 3], [5, 7])])
    assert (both.rows.tolist(), both.scores.tolist()) == ([1, 3, 2], [9, 7, 5])
    assert merged([]).rows.size == 0


def test_coverage_counts_rare_words_more_and_takes_the_best_passage():
    frequency = {"常见": 90, "罕见": 1}.get

    def count(token: str) -> int:
        return frequency(token, 0)

    rare = vocabulary_coverage(["常见", "罕见"], [["罕见"]], count, 100)
    common = vocabulary_coverage(["常见", "罕见"], [["常见"]], count, 100)
    assert 0 < common < 0.1
    assert 0.9 < rare < 1
    assert vocabulary_coverage(["常见", "罕见"], [["常见"], ["罕见", "常见"]], count, 100) == pytest.approx(1)
    assert vocabulary_coverage(["未见"], [["罕见"]], count, 100) == 0
    assert vocabulary_coverage([], [["罕见"]], count, 100) == 0
    assert vocabulary_coverage(["罕见"], [], count, 0) == 0


@given(st.floats(-1, 2))
def test_the_better_covered_the_less_the_dense_list_weighs(coverage: float):
    assert 0 < dense_share(coverage) < 1
    assert dense_share(coverage) >= dense_share(coverage + 0.1)


@given(st.lists(rankings, max_size=3))
def test_fusion_keeps_every_row_once_and_sorts(lists):
    everything = sorted({row for found in lists for row in found.rows.tolist()})
    for fused in (
        reciprocal_rank_fusion(lists, [1.0] * len(lists)),
        weighted_z_fusion(lists, [0.5] * len(lists)),
    ):
        assert sorted(fused.rows.tolist()) == everything
        assert all(a >= b for a, b in pairwise(fused.scores))


@given(rankings)
def test_one_list_alone_keeps_its_order_of_scores(found):
    fused = weighted_z_fusion([found], (1.0,))
    before = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
    assert [before[r] for r in fused.rows.tolist()] == pytest.approx(sorted(before.values(), reverse=True))
