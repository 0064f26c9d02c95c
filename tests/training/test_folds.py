from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import DatasetError
from study_bot.training.folds import folds_of, groups_of, joint_folds, random_folds

golds = st.lists(st.frozensets(st.sampled_from("abcdefghijkl"), min_size=1, max_size=3), min_size=1, max_size=25)


@given(golds)
def test_questions_of_one_document_are_one_group_and_strangers_are_not(own: list[frozenset[str]]) -> None:
    groups = groups_of(own)
    assert groups[0] == 0
    for i, first in enumerate(own):
        assert all(groups[i] == groups[j] for j, second in enumerate(own) if first & second)
    of_group = [frozenset().union(*(g for g, n in zip(own, groups, strict=True) if n == k)) for k in set(groups)]
    assert sum(map(len, of_group)) == len(frozenset().union(*own))


@given(golds, golds, st.integers(0, 5))
def test_no_document_is_on_both_sides_of_a_fold(
    first: list[frozenset[str]], second: list[frozenset[str]], seed: int
) -> None:
    try:
        folds = joint_folds([first, second], 3, seed)
    except DatasetError:
        assert len(set(groups_of([*first, *second]))) < 3
        return
    assert [len(own) for own in folds] == [len(first), len(second)]
    together = list(zip([*first, *second], np.concatenate(folds), strict=True))
    assert {fold for _, fold in together} == {0, 1, 2}
    for documents, fold in together:
        assert all(fold == other for others, other in together if documents & others)


def test_folds_are_about_equally_large() -> None:
    groups = groups_of([frozenset({f"d{i % 40}"}) for i in range(100)])
    assert np.ptp(np.bincount(folds_of(groups, 5, seed=1))) <= 3


def test_too_few_documents_are_told() -> None:
    with pytest.raises(DatasetError, match="只有 2 组"):
        folds_of(groups_of([frozenset("a"), frozenset("b")]), 5, seed=1)


def test_random_folds_are_even_and_differ_between_sets() -> None:
    first, second = random_folds([50, 50], 5, seed=1)
    assert np.bincount(first).tolist() == [10] * 5
    assert not np.array_equal(first, second)
