"""Small numeric helpers shared by the encoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from study_bot.errors import ModelError

Vectors = npt.NDArray[np.float32]
"""Shape (n, dimension), C-contiguous, every row of length one (or all zero)."""

Scores = npt.NDArray[np.float32]
"""Shape (n,)."""

_GROUP = 64
"""Scores of which the highest stands for all when the best of many are looked for."""


def unit_rows(matrix: npt.ArrayLike, dimension: int) -> Vectors:
    """Rows scaled to length one; an all-zero row stays zero. An empty input gives shape (0, dimension).

    :raises ModelError: the width is not `dimension`, or a value is not a finite number.
    """
    rows = np.array(matrix, dtype=np.float32, order="C", ndmin=2)
    if rows.size == 0:
        return np.zeros((0, dimension), np.float32)
    if rows.shape[1] != dimension:
        raise ModelError(
            f"向量模型给出 {rows.shape[1]} 维向量，应为 {dimension} 维。请确认模型没有被替换，然后重建索引。"
        )
    if not np.isfinite(rows).all():
        raise ModelError("向量模型给出了无效数值，模型文件可能已损坏。请重新准备或更换向量模型。")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, lengths, out=rows, where=lengths > 0)
    return rows


def best_places(scores: Scores, k: int) -> npt.NDArray[np.int64]:
    """Places of the `k` highest scores, best first; equal ones by place."""
    if k <= 0:
        return np.zeros(0, np.int64)
    # Of many scores most are dropped first: k groups hold a score that high, so the k-th highest is no lower.
    groups = scores[: scores.size - scores.size % _GROUP].reshape(_GROUP, -1).max(axis=0, initial=-np.inf)
    places = np.flatnonzero(scores >= _kth(groups, k)) if k < groups.size else np.arange(scores.size)
    if k < places.size:
        # Everything that ties with the k-th score stays in, so that the order below decides, not chance.
        found = scores[places]
        places = places[found >= _kth(found, k)]
    return places[np.lexsort((places, -scores[places]))][:k]


def _kth(scores: Scores, k: int) -> np.float32:
    """The k-th highest of more than k scores."""
    highest: np.float32 = np.partition(scores, scores.size - k)[scores.size - k]
    return highest


def length_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions grouped so that a batch padded to its longest member stays within `budget`, longest first.

    Every position occurs once; a member longer than the budget is a batch of its own.
    """
    batch: list[int] = []
    longest = 0
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and longest * (len(batch) + 1) > budget:
            yield batch
            batch = []
        if not batch:
            longest = max(lengths[position], 1)
        batch.append(position)
    if batch:
        yield batch
