"""What is known of each candidate passage of a question, as numbers a small model can weigh.

Every feature is made comparable over questions, libraries and models: scores as distances from the mean of the
question's candidates in standard deviations, coverage as shares, ranks as reciprocals. Pure functions over arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RANK_OFFSET = 5
"""Reciprocal rank features are 1 / (RANK_OFFSET + rank), rank from 0, scaled to 1 for the first."""

LAW_TEMPERATURE = 0.75
"""How sharply scores are turned into shares when the candidates of one law are summed up, in standard deviations of the
question's candidates: cosines differ by hundredths with one encoder and by tenths with another."""

NEIGHBOURS = 3
"""How many article numbers away a candidate still counts as standing beside another."""

RARE_TOKENS = 3
"""The rarest words of a question that are looked at separately."""

CANDIDATE_FEATURES = (
    "dense_z",
    "adapted_z",
    "bm25_z",
    "dense_gap",
    "adapted_gap",
    "bm25_gap",
    "dense_rank",
    "adapted_rank",
    "bm25_rank",
    "words_covered",
    "pairs_covered",
    "words_covered_of_best",
    "rare_covered",
    "title_covered",
    "title_share",
    "law_mass",
    "law_best",
    "neighbour_best",
    "feedback_z",
    "length",
    "is_article",
    "named",
    "announces",
)
"""Names of the columns of `candidate_features`. Whether a version is in force is none of them: which versions may
answer is decided before, and a model would learn how often the sets it is trained on happen to judge old ones right."""

QUESTION_FEATURES = ("best_coverage", "agreement", "dense_spread", "bm25_spread", "length")
"""Names of what describes the question as a whole."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The candidates of one question, n of them, in any order.

    `dense` and `adapted` are cosines with the question's vector before and after the adapter (the same without one).
    `contributions` (tokens, n) is what each distinct token of the question adds to a candidate's BM25 score,
    `weights` (tokens,) their inverse document frequencies, `is_word` (tokens,) tells words from character pairs.
    `law` (n,) numbers the law or document a candidate belongs to, `article` (n,) is its article number (not a number
    for a passage that is no article). `feedback` (n,) are cosines with the candidates' own centre (see `feedback`).
    `title_covered` (n,) is the share of its title's words that the question has, `title_share` (n,) the share of the
    question's words that stand in the title. `lengths` (n,) are characters; the flags (n,) are booleans:
    `announces` tells of a list of just the things that are asked for.
    """

    dense: Floats
    adapted: Floats
    contributions: Floats
    weights: Floats
    is_word: npt.NDArray[np.bool_]
    law: npt.NDArray[np.int64]
    article: Floats
    feedback: Floats
    title_covered: Floats
    title_share: Floats
    lengths: npt.NDArray[np.int64]
    is_article: npt.NDArray[np.bool_]
    named: npt.NDArray[np.bool_]
    announces: npt.NDArray[np.bool_]


def candidate_features(evidence: Evidence) -> Floats:
    """Features of shape (n, len(CANDIDATE_FEATURES)), in the order of the names."""
    bm25 = evidence.contributions.sum(axis=0)
    present = evidence.contributions > 0
    words = _coverage(present, evidence.weights * evidence.is_word)
    pairs = _coverage(present, evidence.weights * ~evidence.is_word)
    dense, adapted = deviations(evidence.dense), deviations(evidence.adapted)
    mass, best = law_support(adapted, evidence.law)
    columns = (
        dense,
        adapted,
        deviations(bm25),
        dense - dense.max(initial=-np.inf),
        adapted - adapted.max(initial=-np.inf),
        _share(bm25) - 1,
        reciprocal_ranks(evidence.dense),
        reciprocal_ranks(evidence.adapted),
        reciprocal_ranks(bm25),
        words,
        pairs,
        _share(words),
        _coverage(present, _rarest(evidence.weights * evidence.is_word)),
        evidence.title_covered,
        evidence.title_share,
        mass,
        best,
        neighbour_support(adapted, evidence.law, evidence.article),
        deviations(evidence.feedback),
        np.log1p(evidence.lengths) - 4.5,
        evidence.is_article,
        evidence.named,
        evidence.announces,
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def question_features(evidence: Evidence) -> Floats:
    """Features of shape (len(QUESTION_FEATURES),), in the order of the names; zeros without candidates."""
    if not evidence.dense.size:
        return np.zeros(len(QUESTION_FEATURES))
    present = evidence.contributions > 0
    bm25 = evidence.contributions.sum(axis=0)
    covered = _coverage(present, evidence.weights)
    first = np.argsort(-evidence.adapted, kind="stable")[:1]
    return np.array(
        [
            covered.max(),
            float(reciprocal_ranks(bm25)[first[0]]),
            _peak(evidence.adapted),
            _peak(bm25),
            np.log1p(evidence.weights.size) - 3.5,
        ]
    )


def deviations(scores: Floats) -> Floats:
    """Distances from the mean in standard deviations; zeros where all are equal."""
    deviation = float(scores.std()) if scores.size else 0.0
    return (scores - scores.mean()) / deviation if deviation > 1e-9 else np.zeros_like(scores)


def law_support(scores: Floats, law: Sequence[int] | npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """How much the other candidates of the same law speak for it.

    :param scores: in deviations.
    :return: the law's share (0..1) of the candidates' softmax mass less the candidate's own, and the best score among
        the law's other candidates less the best of all (<= 0; the lowest score stands in where there is no other).
    """
    if not scores.size:
        return np.zeros(0), np.zeros(0)
    mass = np.exp((scores - scores.max()) / LAW_TEMPERATURE)
    mass /= mass.sum()
    _, groups = np.unique(law, return_inverse=True)
    total = np.bincount(groups, weights=mass)
    order = np.lexsort((-scores, groups))
    first = np.searchsorted(groups[order], np.arange(total.size))
    second = np.minimum(first + 1, scores.size - 1)
    alone = groups[order[second]] != np.arange(total.size)
    alone |= second == first
    best, runner_up = scores[order[first]], np.where(alone, scores.min(), scores[order[second]])
    own = order[first][groups] == np.arange(scores.size)
    return total[groups] - mass, np.where(own, runner_up[groups], best[groups]) - scores.max()


def neighbour_support(scores: Floats, law: npt.NDArray[np.int64], article: Floats) -> Floats:
    """The best score among candidates up to NEIGHBOURS articles away in the same law, less the best of all (<= 0; the
    lowest score stands in where there is none). Provisions on one matter stand together."""
    if not scores.size:
        return np.zeros(0)
    order = np.lexsort((article, law))
    own_law, number, value = law[order], article[order], scores[order]
    best = np.full(scores.size, scores.min())
    # Side by side once sorted; what is near to one further on is near to all between, unless it has the same number.
    for step in range(1, scores.size):
        distance = np.where(own_law[step:] == own_law[:-step], number[step:] - number[:-step], np.inf)
        if not (distance <= NEIGHBOURS).any():
            break
        near = (distance <= NEIGHBOURS) & (distance > 0)
        best[step:] = np.where(near, np.maximum(best[step:], value[:-step]), best[step:])
        best[:-step] = np.where(near, np.maximum(best[:-step], value[step:]), best[:-step])
    support: Floats = np.empty(scores.size)
    support[order] = best - scores.max()
    return support


def feedback(vectors: npt.NDArray[np.floating], scores: Floats) -> Floats:
    """Cosines of the candidates (rows of `vectors`, unit length) with their mean weighted by softmax of the scores.

    Pseudo-relevance feedback with the question itself left out (Rocchio, "Relevance Feedback in Information Retrieval",
    1971): a candidate near to the other good ones is likelier to be right.

    :param scores: of the candidates, in deviations.
    """
    if not scores.size:
        return np.zeros(0)
    weights = np.exp((scores - scores.max()) / LAW_TEMPERATURE)
    exact = np.asarray(vectors, np.float64)
    centre = (weights / weights.sum()) @ exact
    length = float(np.linalg.norm(centre))
    cosines: Floats = exact @ centre / length if length > 0 else np.zeros(scores.size)
    return cosines


def reciprocal_ranks(scores: Floats) -> Floats:
    """RANK_OFFSET / (RANK_OFFSET + rank), best 1, equal scores in order of place; 0 for scores not above 0."""
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(scores.size)
    ranks[order] = np.arange(scores.size)
    return np.where(scores > 0, RANK_OFFSET / (RANK_OFFSET + ranks), 0.0)


def _coverage(present: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Share (0..1) of the weight whose tokens occur, per candidate; 0 where nothing has weight."""
    total = float(weights.sum())
    covered: Floats = (weights @ present) / total if total > 0 else np.zeros(present.shape[1])
    return covered


def _rarest(weights: Floats) -> Floats:
    """The weights of the rarest tokens, 0 for the others."""
    kept = np.zeros_like(weights)
    top = np.argsort(-weights, kind="stable")[:RARE_TOKENS]
    kept[top] = weights[top]
    return kept


def _share(scores: Floats) -> Floats:
    """Scores (>= 0) as shares of the highest; zeros if there is none above 0."""
    top = float(scores.max(initial=0.0))
    return scores / top if top > 0 else np.zeros_like(scores)


def _peak(scores: Floats) -> float:
    """How far the best score stands above the mean of the candidates, in standard deviations, scaled to about one."""
    return float(deviations(scores).max()) / 5
