"""Features against their definitions written out, and what must hold for any candidates."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.features import (
    CANDIDATE_FEATURES,
    LAW_TEMPERATURE,
    NEIGHBOURS,
    QUESTION_FEATURES,
    RANK_OFFSET,
    Evidence,
    candidate_features,
    feedback,
    law_support,
    neighbour_support,
    question_features,
    reciprocal_ranks,
)
from tests.retrieval.samples import random_evidence

seeds = st.integers(0, 10_000)
sizes = st.integers(0, 30)
distinct_scores = st.lists(st.integers(-50, 100), max_size=25, unique=True).map(lambda v: np.array(v, np.float64) / 100)
tied_scores = st.lists(st.sampled_from([0.0, 0.5, 0.8, 0.81]), max_size=25).map(lambda v: np.array(v, np.float64))


def column(evidence: Evidence, name: str) -> np.ndarray:
    return candidate_features(evidence)[:, CANDIDATE_FEATURES.index(name)]


def reordered(evidence: Evidence, order: np.ndarray) -> Evidence:
    """The same candidates in another order."""
    of_question = {"weights", "is_word"}
    changed = {f.name: getattr(evidence, f.name) for f in fields(evidence) if f.name not in of_question}
    return replace(evidence, **{name: values[..., order] for name, values in changed.items()})


@given(seeds, sizes, st.integers(0, 8))
def test_any_candidates_give_finite_features(seed: int, size: int, tokens: int):
    evidence = random_evidence(seed, size, tokens)
    features = candidate_features(evidence)
    assert features.shape == (size, len(CANDIDATE_FEATURES))
    assert np.isfinite(features).all()
    question = question_features(evidence)
    assert question.shape == (len(QUESTION_FEATURES),)
    assert np.isfinite(question).all()


@given(seeds, sizes, st.integers(0, 8))
def test_the_order_of_candidates_has_no_part(seed: int, size: int, tokens: int):
    evidence = random_evidence(seed, size, tokens)
    order = np.random.default_rng(seed).permutation(size)
    other = reordered(evidence, order)
    np.testing.assert_allclose(candidate_features(other), candidate_features(evidence)[order], atol=1e-9)
    np.testing.assert_allclose(question_features(other), question_features(evidence), atol=1e-9)


@given(seeds, sizes, st.floats(0.05, 20), st.floats(0, 0.9))
def test_how_wide_the_cosines_of_an_encoder_spread_has_no_part(seed: int, size: int, wider: float, higher: float):
    evidence = random_evidence(seed, size, 4)
    evidence = replace(evidence, dense=np.abs(evidence.dense) + 0.01, adapted=np.abs(evidence.adapted) + 0.01)
    other = replace(evidence, dense=wider * evidence.dense + higher, adapted=wider * evidence.adapted + higher)
    np.testing.assert_allclose(candidate_features(other), candidate_features(evidence), atol=1e-6)
    np.testing.assert_allclose(question_features(other), question_features(evidence), atol=1e-6)


def test_no_candidates():
    evidence = random_evidence(0, 0, 5)
    assert candidate_features(evidence).shape == (0, len(CANDIDATE_FEATURES))
    assert not question_features(evidence).any()


def test_one_candidate_stands_out_in_nothing():
    evidence = random_evidence(3, 1, 5)
    for name in ("dense_z", "adapted_z", "bm25_z", "feedback_z", "dense_gap", "adapted_gap", "law_best", "law_mass"):
        assert column(evidence, name).tolist() == pytest.approx([0], abs=1e-12)


def test_a_question_of_unknown_words_has_no_keyword_evidence():
    evidence = random_evidence(3, 6, 4)
    evidence = replace(evidence, contributions=np.zeros_like(evidence.contributions))
    for name in ("bm25_z", "bm25_rank", "words_covered", "pairs_covered", "words_covered_of_best", "rare_covered"):
        assert not column(evidence, name).any()
    assert question_features(evidence)[QUESTION_FEATURES.index("best_coverage")] == 0


def test_coverage_is_the_share_of_weight_that_occurs():
    evidence = replace(
        random_evidence(1, 2, 4),
        contributions=np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0]]),
        weights=np.array([1.0, 3.0, 5.0, 5.0]),
        is_word=np.array([True, True, False, False]),
    )
    assert column(evidence, "words_covered").tolist() == [0.25, 0.75]
    assert column(evidence, "pairs_covered").tolist() == [0.5, 0]
    assert column(evidence, "words_covered_of_best").tolist() == pytest.approx([1 / 3, 1])
    assert question_features(evidence)[QUESTION_FEATURES.index("best_coverage")] == pytest.approx(6 / 14)


@pytest.mark.parametrize("first_of_keywords", [0, 1])
def test_agreement_tells_whether_keywords_put_the_nearest_first(first_of_keywords: int):
    evidence = replace(
        random_evidence(1, 3, 1),
        adapted=np.array([0.9, 0.8, 0.7]),
        contributions=np.eye(3)[[first_of_keywords]] + 0.1,
    )
    agreement = question_features(evidence)[QUESTION_FEATURES.index("agreement")]
    assert agreement == (1 if first_of_keywords == 0 else RANK_OFFSET / (RANK_OFFSET + 1))


@given(distinct_scores | tied_scores, seeds)
def test_support_of_a_law_by_its_definition(scores: np.ndarray, seed: int):
    law = np.random.default_rng(seed).integers(0, 6, scores.size) * 7
    mass, best = law_support(scores, law)
    share = np.exp((scores - scores.max(initial=0)) / LAW_TEMPERATURE)
    for i in range(scores.size):
        others = [j for j in range(scores.size) if law[j] == law[i] and j != i]
        assert mass[i] == pytest.approx(share[others].sum() / share.sum(), abs=1e-9)
        assert best[i] == pytest.approx(max(scores[others], default=scores.min()) - scores.max(), abs=1e-12)


@given(distinct_scores | tied_scores, seeds)
def test_support_of_neighbours_by_its_definition(scores: np.ndarray, seed: int):
    rng = np.random.default_rng(seed)
    law = rng.integers(0, 3, scores.size)
    article = rng.integers(1, 9, scores.size) + rng.choice([0, 0, 0.01, 0.02], scores.size)
    article[rng.random(scores.size) < 0.2] = np.nan
    support = neighbour_support(scores, law, article)
    for i in range(scores.size):
        near = [
            scores[j] for j in range(scores.size) if law[j] == law[i] and 0 < abs(article[j] - article[i]) <= NEIGHBOURS
        ]
        assert support[i] == pytest.approx(max(near, default=scores.min()) - scores.max(), abs=1e-12)


def test_parts_of_one_article_are_no_neighbours_of_each_other():
    """But an inserted article is one of the article it follows."""
    scores, law = np.array([0.9, 0.8, 0.5]), np.zeros(3, np.int64)
    assert neighbour_support(scores, law, np.array([4.0, 4.0, 30.0])).tolist() == pytest.approx([-0.4] * 3)
    assert neighbour_support(scores, law, np.array([4.0, 4.01, 30.0])).tolist() == pytest.approx([-0.1, 0, -0.4])


@given(seeds, sizes)
def test_feedback_by_its_definition(seed: int, size: int):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((size, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = rng.random(size)
    weights = np.exp(scores / LAW_TEMPERATURE)
    centre = (weights[:, None] * vectors).sum(axis=0)
    expected = vectors @ centre / max(float(np.linalg.norm(centre)), 1e-9)
    np.testing.assert_allclose(feedback(vectors, scores), expected, atol=1e-5)


def test_feedback_prefers_what_is_near_to_the_other_good_ones():
    vectors = np.array([[1, 0], [0.96, 0.28], [0, 1]], np.float32)
    first, second, far = feedback(vectors, np.array([0.9, 0.9, 0.89]))
    assert far < second
    assert far < first


def test_feedback_of_vectors_that_cancel_out():
    assert feedback(np.array([[1, 0], [-1, 0]], np.float32), np.array([0.5, 0.5])).tolist() == [0, 0]


def test_reciprocal_ranks_by_the_formula():
    ranks = reciprocal_ranks(np.array([0.2, 0.9, 0.0, 0.2, -1.0]))
    assert ranks.tolist() == pytest.approx([5 / 6, 1, 0, 5 / 7, 0])
    assert reciprocal_ranks(np.zeros(0)).size == 0
