"""Putting two ranked lists into one. Pure functions; a ranking is rows with their scores, best first."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]

RRF_K = 60
"""Constant of reciprocal rank fusion: how slowly the weight of a rank falls."""


# A question none of whose words stand together in a passage is left to the dense list but for a fifth; one that a
# passage covers wholly is left to the keywords but for a tenth. Between them the dense share falls evenly. On lay
# questions about statutes the dense list is the better one, on questions in a passage's own words the keywords are;
# how much of the question's vocabulary, rare words counting more, one passage covers tells the two apart.
_DENSE_SHARE = 0.8
_DENSE_SHARE_COVERED = 0.1


class Ranking(NamedTuple):
    """Rows of passages and their scores, best first; no row twice."""

    rows: Rows
    scores: Scores


def ranking(rows: Sequence[int] | NDArray[np.integer], scores: Sequence[float] | NDArray[np.floating]) -> Ranking:
    """A ranking from a search's answer; the padding (rows below 0) is dropped.

    :raises ValueError: rows and scores differ in length.
    """
    all_rows, all_scores = np.asarray(rows, np.int64), np.asarray(scores, np.float64)
    if all_rows.shape != all_scores.shape:
        raise ValueError(f"{all_rows.shape} rows but {all_scores.shape} scores")
    real = all_rows >= 0
    return Ranking(all_rows[real], all_scores[real])


def z_scores(scores: Scores) -> Scores:
    """Scores as distances from their mean in standard deviations; zeros where all are equal."""
    if scores.size == 0:
        return scores
    deviation = float(scores.std())
    return (scores - scores.mean()) / deviation if deviation > 0 else np.zeros_like(scores)


def reciprocal_rank_fusion(rankings: Sequence[Ranking], weights: Sequence[float], k: int = RRF_K) -> Ranking:
    """Each list gives 1/(k + rank) times its weight to its rows (Cormack, Clarke, Büttcher, SIGIR 2009)."""
    parts = [(r.rows, w / (k + 1 + np.arange(r.rows.size))) for r, w in zip(rankings, weights, strict=True)]
    return _summed(parts)


def weighted_z_fusion(rankings: Sequence[Ranking], weights: Sequence[float]) -> Ranking:
    """Weighted sum of z-scores. A row that a list does not have gets the lowest z-score of that list.

    A list whose best rows stand far above the rest of it thereby outweighs one that is undecided.
    """
    union = np.unique(np.concatenate([r.rows for r in rankings])) if rankings else np.zeros(0, np.int64)
    total = np.zeros(union.size)
    for found, weight in zip(rankings, weights, strict=True):
        if found.rows.size == 0:
            continue
        z = z_scores(found.scores)
        column = np.full(union.size, z.min())
        column[np.searchsorted(union, found.rows)] = z
        total += weight * column
    return ordered(union, total)


def merged(lists: Sequence[Ranking]) -> Ranking:
    """One list of several that score the same way; a row that is in more than one keeps its first score."""
    rows = np.concatenate([found.rows for found in lists]) if lists else np.zeros(0, np.int64)
    scores = np.concatenate([found.scores for found in lists]) if lists else np.zeros(0)
    union, first = np.unique(rows, return_index=True)
    return ordered(union, scores[first])


def vocabulary_coverage(
    question: Collection[str],
    passages: Sequence[Collection[str]],
    document_frequency: Callable[[str], int],
    documents: int,
) -> float:
    """Share (0..1) of a question's tokens, weighted by rarity, that the best single one of some passages has.

    :param document_frequency: in how many of the `documents` indexed a token occurs.
    """
    counts = {token: document_frequency(token) for token in set(question)}
    weights = {token: math.log1p((documents - count + 0.5) / (count + 0.5)) for token, count in counts.items()}
    total = sum(weights.values())
    if total <= 0:
        return 0.0
    return max((sum(weights.get(token, 0.0) for token in set(words)) / total for words in passages), default=0.0)


def dense_share(coverage: float) -> float:
    """Weight of the dense list, 0..1, for a question of that vocabulary coverage; the rest is the keywords'."""
    return _DENSE_SHARE - (_DENSE_SHARE - _DENSE_SHARE_COVERED) * min(max(coverage, 0.0), 1.0)


def ordered(rows: Rows, scores: Scores) -> Ranking:
    """Best first; equal scores in row order, so that the result never depends on chance."""
    order = np.lexsort((rows, -scores))
    return Ranking(rows[order], scores[order])


def _summed(parts: Sequence[tuple[Rows, Scores]]) -> Ranking:
    if not parts:
        return Ranking(np.zeros(0, np.int64), np.zeros(0))
    union, place = np.unique(np.concatenate([rows for rows, _ in parts]), return_inverse=True)
    total = np.zeros(union.size)
    np.add.at(total, place, np.concatenate([scores for _, scores in parts]))
    return ordered(union, total)
