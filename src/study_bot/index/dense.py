"""Exact nearest neighbours over unit vectors. faiss is imported only when an index is made or loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from study_bot.errors import DamagedIndexError
from study_bot.index.quantised import QuantisedRows
from study_bot.index.vectors import Vectors, best_places

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_Found = tuple[Vectors, Rows] | None

_FEW = 8
"""Up to this many queries, all vectors are read once, by the calling thread: reading is what takes the time. The
library would read them for each query, and its threads wait busily for each other, which costs most where the machine
has other work."""

_BLOCK_BYTES = 2 << 20
"""Vectors that are met with one query after the other while they are in the cache."""

_GATHERED = 4
"""Where at most one row in this many is allowed, only those are read."""

MANY = 16_384
"""From so many rows on, `prepare` makes a coarse copy to be read instead of the vectors; fewer are read in no time."""

_LOOKED_AT = (8, 200)
"""Rows looked at exactly: so many times those wanted, and so many more."""

_DOUBT = 5.0
"""Standard deviations by which the estimate of a row that was not looked at may be too low; one in three million is
lower."""

_WIDE = 128
"""Of narrower vectors a single number decides too much for estimates to spread evenly."""


class DenseIndex:
    """Inner products of a query with every row: exact, and fast enough to about a million rows.

    Safe to search from several threads. Never changed once made.
    """

    def __init__(self, index: Any, threads: int = 0) -> None:
        """Wrap a finished flat inner-product index.

        :param threads: CPU threads for a search with many queries; 0 = as many as there are cores.
        """
        self._index = index
        self._threads = threads
        self._coarse: QuantisedRows | None = None
        self._helpers: ThreadPoolExecutor | None = None

    def prepare(self, threads: int = 0) -> None:
        """Get ready for many questions: of a large index, make a copy in half a byte a number (some tenths of a second
        for 100 000 rows), so that a question reads an eighth of the bytes. What is found stays the same.

        :param threads: CPU threads that may search at the same time for one question; 0 = as many as there are cores.
        """
        if self._coarse is None and len(self) >= MANY and self.dimension >= _WIDE:
            cores = threads or os.cpu_count() or 1
            self._helpers = ThreadPoolExecutor(cores, thread_name_prefix="dense") if cores > 1 else None
            self._coarse = QuantisedRows(self._matrix())

    @classmethod
    def from_vectors(cls, matrix: Vectors) -> DenseIndex:
        """Index of the rows of a float32 matrix of shape (n, dimension); n may be 0, the dimension not.

        :raises ValueError: the matrix has another shape.
        """
        if matrix.ndim != 2 or not matrix.shape[1]:
            raise ValueError(f"vectors must have shape (n, dimension), not {matrix.shape}")
        import faiss

        index = faiss.IndexFlatIP(matrix.shape[1])
        index.add(np.ascontiguousarray(matrix, np.float32))
        return cls(index)

    def __len__(self) -> int:
        """Number of rows."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Width of the vectors."""
        return int(self._index.d)

    def search(self, queries: Vectors, k: int, allowed: Mask | None = None) -> tuple[Vectors, Rows]:
        """The `k` best rows of each query, best first.

        :param queries: shape (n, dimension).
        :param allowed: rows that may be found, one flag for each row of the index; None = all.
        :return: scores and row numbers, both of shape (n, k); where fewer rows can be found the rest is
            filled with score minus infinity and row -1.
        :raises ValueError: a shape does not fit the index.
        """
        import faiss

        queries = self._checked(queries)
        if allowed is not None and allowed.shape != (len(self),):
            raise ValueError(f"mask of shape {allowed.shape} for {len(self)} rows")
        if k <= 0 or not len(queries):
            return np.empty((len(queries), max(k, 0)), np.float32), np.empty((len(queries), max(k, 0)), np.int64)
        if len(queries) <= _FEW:
            return self._search_few(queries, k, allowed)
        parameters = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            # The keyword and the array are added to the generated classes when the module is loaded.
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg, arg-type]
        if self._threads:
            faiss.omp_set_num_threads(self._threads)  # counts for the calling thread only, so each time
        found = min(k, max(len(self), 1))
        scores, rows = self._index.search(queries, found, params=parameters)
        padding = ((0, 0), (0, k - found))
        rows = np.pad(rows, padding, constant_values=-1)
        return np.where(rows >= 0, np.pad(scores, padding), np.float32(-np.inf)), rows

    def scores(self, query: Vectors, rows: Sequence[int] | Rows) -> Vectors:
        """Inner products of one query (one-dimensional) with the given rows, in their order.

        :raises ValueError: a shape does not fit, or there is no such row.
        """
        vector = self._checked(query[np.newaxis])[0]
        products: Vectors = self.rows(rows) @ vector
        return products

    def rows(self, rows: Sequence[int] | Rows) -> Vectors:
        """The vectors of the given rows, in their order, shape (n, dimension).

        :raises ValueError: there is no such row.
        """
        wanted: Rows = np.asarray(rows, np.int64)
        if not wanted.size:
            return np.zeros((0, self.dimension), np.float32)
        if wanted.min() < 0 or wanted.max() >= len(self):
            raise ValueError(f"rows {wanted.min()}..{wanted.max()} of {len(self)}")
        stored: Vectors = self._matrix()[wanted]
        return stored

    def vectors(self) -> Vectors:
        """All rows in order, shape (n, dimension); a copy."""
        rows: Vectors = (
            self._index.reconstruct_n(0, len(self)) if len(self) else np.zeros((0, self.dimension), np.float32)
        )
        return rows

    def save(self, path: Path) -> None:
        """Write the index to a file, not atomically.

        :raises OSError: the file cannot be written.
        """
        import faiss

        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise OSError(f"cannot write {path}: {error}") from error

    @classmethod
    def load(cls, path: Path, threads: int = 0) -> DenseIndex:
        """Open a saved index. The vectors stay in the file and are mapped, so processes share them.

        :param threads: CPU threads for a search with many queries; 0 = as many as there are cores.
        :raises DamagedIndexError: the file is missing or not such an index.
        """
        import faiss

        try:
            # Of the two mapping flags this is the one that maps the vectors of a flat index.
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise DamagedIndexError(
                f"向量索引 {path} 已损坏或缺失。请重新建立索引（study-bot index build）。"
            ) from error
        if not isinstance(index, faiss.IndexFlat) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise DamagedIndexError(f"{path} 不是本程序的向量索引。请重新建立索引（study-bot index build）。")
        return cls(index, threads)

    def _search_few(self, queries: Vectors, k: int, allowed: Mask | None) -> tuple[Vectors, Rows]:
        """`search` for a few queries; equal scores in row order."""
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        gathered = allowed is not None and int(np.count_nonzero(allowed)) * _GATHERED <= len(self)
        coarse = None if gathered else self._coarse
        left = list(range(len(queries)))
        if coarse is not None:
            found = self._side_by_side(lambda query: self._found_closer(query, k, allowed, coarse), queries)
            left = [line for line, one in enumerate(found) if one is None]
            for line, one in enumerate(found):
                if one is not None:
                    scores[line], rows[line] = one
        if left:
            scores[left], rows[left] = self._search_all(queries[left], k, allowed, gathered=gathered)
        return scores, rows

    def _side_by_side(self, search: Callable[[Vectors], _Found], queries: Vectors) -> list[_Found]:
        """What `search` gives for each query: for the first in this thread, for the others in helpers, if one is free
        by then."""
        others = queries[1:] if self._helpers is not None else queries[:0]
        asked = [self._helpers.submit(search, query) for query in others] if self._helpers is not None else []
        own = [search(query) for query in queries[: len(queries) - len(asked)]]
        late = [search(query) if one.cancel() else one.result() for query, one in zip(others, asked, strict=True)]
        return own + late

    def _found_closer(self, query: Vectors, k: int, allowed: Mask | None, coarse: QuantisedRows) -> _Found:
        """The `k` best among the rows with the best estimates; None if a row that was left out might belong to them."""
        near = coarse.nearest(query, _LOOKED_AT[0] * k + _LOOKED_AT[1], allowed)
        exact = self._products(query[np.newaxis], self.rows(near.rows))[0]
        best = best_places(exact, k)
        if best.size < k:
            return None
        error = max(near.error, float((exact - near.scores).std()))
        if float(exact[best[-1]]) <= near.lowest + _DOUBT * error:
            return None
        return exact[best], near.rows[best]

    def _search_all(self, queries: Vectors, k: int, allowed: Mask | None, *, gathered: bool) -> tuple[Vectors, Rows]:
        """`search` by the products with all rows.

        :param gathered: few rows are allowed, so that only those are read.
        """
        eligible = None if allowed is None else np.flatnonzero(allowed)
        if eligible is None:
            products = self._products(queries, self._matrix())
        elif gathered:
            products = self._products(queries, self._matrix()[eligible])
        else:
            products = self._products(queries, self._matrix())[:, eligible]
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        for line, values in enumerate(products):
            best = best_places(values, k)
            scores[line, : best.size] = values[best]
            rows[line, : best.size] = best if eligible is None else eligible[best]
        return scores, rows

    def _products(self, queries: Vectors, vectors: Vectors) -> Vectors:
        """Inner products, shape (queries, vectors), with the library's own kernel."""
        import faiss

        products = np.empty((len(queries), len(vectors)), np.float32)
        width = self.dimension
        block = max(1, _BLOCK_BYTES // (4 * width))
        for start in range(0, len(vectors), block):
            part = vectors[start : start + block]
            stored = faiss.swig_ptr(part)
            for query, line in zip(queries, products, strict=True):
                target = faiss.swig_ptr(line[start:])
                faiss.fvec_inner_products_ny(  # type: ignore[attr-defined]
                    target, faiss.swig_ptr(query), stored, width, len(part)
                )
        return products

    def _matrix(self) -> Vectors:
        """All rows where they are, not to be written to."""
        import faiss

        size = len(self) * self.dimension
        if not size:
            return np.zeros((0, self.dimension), np.float32)
        stored: Vectors = faiss.rev_swig_ptr(self._index.get_xb(), size).reshape(len(self), self.dimension)
        return stored

    def _checked(self, queries: Vectors) -> Vectors:
        if queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(f"queries of shape {queries.shape} for an index of dimension {self.dimension}")
        return np.ascontiguousarray(queries, np.float32)
