"""BM25 over token lists. The only importer of bm25s.

score(d, q) = sum over the tokens t of q of  idf(t) * tf / (tf + k1 * (1 - b + b * |d| / average |d|)),
idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5)), the form of Lucene, which is never negative (Kamphuis et al. 2020,
"Which BM25 do you mean?").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from study_bot.errors import DamagedIndexError
from study_bot.index.dense import Mask, Rows
from study_bot.index.vectors import Vectors, best_places

# Lucene's own choice. Measured on statute, quiz and reading questions, everything within k1 0.9..1.5 and b 0.75..0.9
# finds the same within a point; smaller b favours long articles, larger k1 those that repeat a word.
K1 = 1.2
B = 0.75

_INFO = "sparse.json"
_FORMAT = 1


class SparseIndex:
    """BM25 scores of every (token, row) pair, worked out when the index is made. Never changed afterwards.

    Safe to search from several threads.
    """

    def __init__(self, model: Any, rows: int) -> None:
        """Wrap a finished model; None = no row holds a token."""
        self._model = model
        self._rows = rows

    @classmethod
    def from_tokens(cls, lists: Iterable[Sequence[str]]) -> SparseIndex:
        """Index of rows given as token lists; rows and lists may be empty."""
        vocabulary: dict[str, int] = {}
        ids = [[vocabulary.setdefault(token, len(vocabulary)) for token in tokens] for tokens in lists]
        if not vocabulary:
            return cls(None, len(ids))
        import bm25s

        model = bm25s.BM25(method="lucene", k1=K1, b=B)
        # Numbered here, because the library numbers tokens by set order, which differs from run to run, and its
        # own token for empty rows has no column.
        model.index((ids, vocabulary), create_empty_token=False, show_progress=False)
        return cls(model, len(ids))

    def __len__(self) -> int:
        """Number of rows."""
        return self._rows

    def scores(self, tokens: Sequence[str]) -> Vectors:
        """Score of every row, 0 where no token matches. A token given twice counts twice."""
        known = self._known(tokens)
        if not known:
            return np.zeros(self._rows, np.float32)
        result: Vectors = self._model.get_scores_from_ids(known)
        return result

    def document_frequency(self, token: str) -> int:
        """Rows that hold a token; 0 for an unknown one."""
        if self._model is None or (number := self._model.vocab_dict.get(token)) is None:
            return 0
        indptr = self._model.scores["indptr"]
        return int(indptr[number + 1] - indptr[number])

    def contributions(self, tokens: Sequence[str], rows: Sequence[int] | Rows) -> Vectors:
        """What each token adds to the score of each of the given rows: shape (tokens, rows), 0 = does not occur.

        Costs a binary search per token and row, so it is meant for the candidates of a question.
        """
        wanted = np.asarray(rows)
        table = np.zeros((len(tokens), wanted.size), np.float32)
        if self._model is None or not wanted.size:
            return table
        vocabulary: dict[str, int] = self._model.vocab_dict
        start, holders, values = (self._model.scores[name] for name in ("indptr", "indices", "data"))
        wanted = wanted.astype(holders.dtype)  # of another type, each column would be converted
        for line, token in enumerate(tokens):
            if (number := vocabulary.get(token)) is None:
                continue
            begin, end = int(start[number]), int(start[number + 1])
            place = np.minimum(begin + np.searchsorted(holders[begin:end], wanted), end - 1)
            np.multiply(values[place], holders[place] == wanted, out=table[line])
        return table

    def search(self, tokens: Sequence[str], k: int, allowed: Mask | None = None) -> tuple[Vectors, Rows]:
        """Up to `k` rows that share a token with the query, best first; equal scores in row order.

        :param allowed: rows that may be found, one flag for each row; None = all.
        :return: scores (all > 0) and row numbers, of equal length, at most `k`.
        :raises ValueError: the mask does not fit the index.
        """
        if allowed is not None and allowed.shape != (self._rows,):
            raise ValueError(f"mask of shape {allowed.shape} for {self._rows} rows")
        scores = self.scores(tokens)
        if allowed is not None:
            scores = np.where(allowed, scores, np.float32(0))
        return _best(scores, k)

    def search_many(
        self, queries: Iterable[Sequence[str]], k: int, allowed: Mask | None = None
    ) -> list[tuple[Vectors, Rows]]:
        """What `search` gives for each query."""
        return [self.search(tokens, k, allowed) for tokens in queries]

    def save(self, folder: Path) -> None:
        """Write the index into a folder (arrays and JSON, no pickle), not atomically.

        :raises OSError: it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if self._model is not None:
            self._model.save(folder, show_progress=False)
        info = {"format": _FORMAT, "rows": self._rows, "empty": self._model is None}
        (folder / _INFO).write_text(json.dumps(info), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SparseIndex:
        """Open a saved index; the arrays are mapped, so processes share them.

        :raises DamagedIndexError: something is missing or not as it was written.
        """
        import bm25s

        try:
            info = json.loads((folder / _INFO).read_bytes())
            if info["format"] != _FORMAT:
                raise ValueError(f"format {info['format']}")
            rows, empty = int(info["rows"]), bool(info["empty"])
            if empty:
                return cls(None, rows)
            model = bm25s.BM25.load(folder, mmap=True, allow_pickle=False, load_corpus=False, show_progress=False)
            columns = len(model.scores["indptr"]) - 1
            cells = int(model.scores["indptr"][-1])
            consistent = (
                model.scores["num_docs"] == rows
                and len(model.vocab_dict) == columns
                and len(model.scores["data"]) == len(model.scores["indices"]) == cells
            )
            if not consistent:
                raise ValueError("arrays of different sizes")
            for name in ("data", "indices", "indptr"):  # still mapped, but sliced at half the cost
                model.scores[name] = np.asarray(model.scores[name])
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise DamagedIndexError(
                f"关键词索引 {folder} 已损坏或缺失。请重新建立索引（study-bot index build）。"
            ) from error
        return cls(model, rows)

    def _known(self, tokens: Sequence[str]) -> list[int]:
        if self._model is None:
            return []
        vocabulary: dict[str, int] = self._model.vocab_dict
        return [vocabulary[token] for token in tokens if token in vocabulary]


def _best(scores: Vectors, k: int) -> tuple[Vectors, Rows]:
    rows = np.flatnonzero(scores > 0)
    rows = rows[best_places(scores[rows], k)]
    return scores[rows], rows
