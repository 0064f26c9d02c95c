"""Vectors in one byte a number, to find the few rows worth an exact look in a quarter of the reading.

A row is stored as its distance from the mean row, each number as a share of the largest in its column; the mean and the
shares go to the query's side. What comes out are estimates of inner products; who asks has to work out the real ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from study_bot.index.vectors import Vectors

_LEVELS = 127
_BLOCK = 8192
"""Rows converted at a time."""


class Estimates(NamedTuple):
    """Rows in ascending order and estimates of their inner products with the query. `lowest` = no row that is left out
    was estimated higher."""

    rows: npt.NDArray[np.int64]
    scores: Vectors
    lowest: float


class QuantisedRows:
    """The rows of a matrix, coarsely. Never changed once made; safe to search from several threads."""

    def __init__(self, matrix: Vectors) -> None:
        """Convert the rows of a matrix of shape (n, dimension), n >= 1."""
        import faiss

        blocks = range(0, len(matrix), _BLOCK)
        width = matrix.shape[1]
        self._mean = np.asarray(matrix.mean(axis=0, dtype=np.float64), np.float32)
        reach = np.zeros(width, np.float32)
        for start in blocks:
            np.maximum(reach, np.abs(matrix[start : start + _BLOCK] - self._mean).max(axis=0), out=reach)
        self._reach = np.where(reach > 0, reach, np.float32(1))
        self._index: Any = faiss.IndexScalarQuantizer(
            width, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
        )
        for start in blocks:
            part = (matrix[start : start + _BLOCK] - self._mean) * (_LEVELS / self._reach)
            self._index.add(np.ascontiguousarray(np.rint(part), np.float32))

    def nearest(self, query: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> Estimates:
        """The `k` rows with the highest estimates, fewer where fewer are allowed.

        :param query: shape (dimension,).
        :param allowed: rows that may be found; None = all.
        """
        import faiss

        weighted = query * self._reach
        step = float(np.abs(weighted).max()) / _LEVELS or 1.0
        asked = np.rint(weighted / np.float32(step))[np.newaxis]
        parameters = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            # The keyword and the array are added to the generated classes when the module is loaded.
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg, arg-type]
        found, rows = self._index.search(asked, k, params=parameters)
        real = rows[0] >= 0
        rows, products = rows[0][real], found[0][real]
        scores = products * np.float32(step / _LEVELS) + np.float32(query @ self._mean)
        order = np.argsort(rows)
        lowest = float(scores.min()) if rows.size == k else -np.inf
        return Estimates(rows[order], scores[order], lowest)
