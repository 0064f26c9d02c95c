"""Putting ranked lists into one. Pure functions; a ranking is rows with their scores, best first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]

RRF_K = 60
"""Constant of reciprocal rank fusion: how slowly the weight of a rank falls."""


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


def reciprocal_rank_fusion(rankings: Sequence[Ranking], weights: Sequence[float], k: int = RRF_K) -> Ranking:
    """Each list gives 1/(k + rank) times its weight to its rows (Cormack, Clarke, Büttcher, SIGIR 2009)."""
    parts = [(r.rows, w / (k + 1 + np.arange(r.rows.size))) for r, w in zip(rankings, weights, strict=True)]
    return _summed(parts)


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
