"""Vectors in half a byte a number, to find the few rows worth an exact look while reading an eighth of the bytes.

A row is stored as its distance from the mean row; each number is rounded to one of 16 levels, those with the least
squared error for a normal distribution of the column's spread (Max, "Quantizing for Minimum Distortion", 1960). A query
meets the rows by table look-ups in registers (André et al., "Cache locality is not enough", VLDB 2015; here as faiss
has it). What comes out are estimates of inner products; who asks has to work out the real ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from study_bot.index.vectors import Vectors

_POSITIVE = (0.1284, 0.3881, 0.6568, 0.9424, 1.2562, 1.6181, 2.0690, 2.7326)
_LEVELS = np.array([-level for level in reversed(_POSITIVE)] + list(_POSITIVE), np.float32)

_DISTORTION = 0.009497
"""Mean squared error of a standard normal number so rounded."""

# Numbers are looked up in steps of a sixteenth of a deviation, up to four of them.
_STEPS = 16
_NEAREST = np.abs(np.arange(-4 * _STEPS, 4 * _STEPS + 1)[:, np.newaxis] / _STEPS - _LEVELS).argmin(axis=1)
_CODES = _NEAREST.astype(np.uint8)

_BLOCK = 4096
"""Rows converted at a time."""


class Estimates(NamedTuple):
    """Rows in ascending order and estimates of their inner products with the query.

    `lowest`: of no row that is left out was the estimate higher; minus infinity if none is left out. `error` is the
    standard deviation to be expected of the estimates.
    """

    rows: npt.NDArray[np.int64]
    scores: Vectors
    lowest: float
    error: float


class QuantisedRows:
    """The rows of a matrix, coarsely. Never changed once made; safe to search from several threads."""

    def __init__(self, matrix: Vectors) -> None:
        """Convert the rows of a matrix of shape (n, dimension), n >= 1."""
        import faiss

        count, width = matrix.shape
        self._mean = np.asarray(matrix.mean(axis=0, dtype=np.float64), np.float32)
        self._spread = spread = _spread(matrix, self._mean)
        # A column without any spread says nothing; divided by one, all its numbers are the same level of width 0.
        divisor = np.asarray(np.where(spread > 1e-9, spread, 1), np.float32)
        packed = np.empty((count, (width + 1) // 2), np.uint8)
        for start in range(0, count, _BLOCK):
            deviations = matrix[start : start + _BLOCK] - self._mean
            np.divide(deviations, divisor, out=deviations)
            packed[start : start + _BLOCK] = _packed(deviations)
        plain: Any = faiss.IndexPQ(width, width, 4, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector((spread[:, np.newaxis] * _LEVELS).ravel(), plain.pq.centroids)
        faiss.copy_array_to_vector(packed.ravel(), plain.codes)
        plain.ntotal, plain.is_trained = count, True
        self._index: Any = faiss.IndexPQFastScan(plain)

    def nearest(self, query: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> Estimates:
        """About `k` rows with the highest estimates, fewer where fewer are allowed.

        :param query: shape (dimension,).
        :param allowed: rows that may be found; None = all.
        """
        total = int(self._index.ntotal)
        share = 1.0 if allowed is None else max(1, int(np.count_nonzero(allowed))) / total
        wanted = min(total, int(k / share) + 1)
        found, rows = self._index.search(query[np.newaxis], wanted)
        estimates = found[0] + np.float32(query @ self._mean)
        lowest = float(estimates[-1]) if wanted < total else -np.inf
        kept = rows[0] >= 0 if allowed is None else (rows[0] >= 0) & allowed[rows[0]]
        order = np.argsort(rows[0][kept])
        error = float(np.linalg.norm(query * self._spread)) * _DISTORTION**0.5
        return Estimates(rows[0][kept][order], estimates[kept][order], lowest, error)


def _spread(matrix: Vectors, mean: Vectors) -> Vectors:
    """Standard deviation of each column, without a second copy of the matrix."""
    squares = np.zeros(matrix.shape[1])
    for start in range(0, len(matrix), _BLOCK):
        squares += np.square(matrix[start : start + _BLOCK] - mean).sum(axis=0, dtype=np.float64)
    return np.asarray(np.sqrt(squares / len(matrix)), np.float32)


def _packed(deviations: Vectors) -> npt.NDArray[np.uint8]:
    """Codes of numbers given in deviations of their column, two to a byte, the first in the lower half."""
    steps = np.rint(np.clip(deviations * _STEPS, -4 * _STEPS, 4 * _STEPS)).astype(np.int16)
    codes = _CODES[steps + 4 * _STEPS]
    if codes.shape[1] % 2:
        codes = np.pad(codes, ((0, 0), (0, 1)))
    packed: npt.NDArray[np.uint8] = codes[:, ::2] | codes[:, 1::2] << 4
    return packed
