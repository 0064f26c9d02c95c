"""Figures of training: the measures of evaluation, taken from rows of an index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from study_bot.evaluation.metrics import recall, reciprocal_rank

MEASURES = ("R@1", "R@10", "R@100", "MRR@10")
"""Columns of `question_measures`."""

Figures = npt.NDArray[np.float64]

_DEPTH = 100
_SPARE = 2
"""Rows looked at for each document wanted: a long document has several."""

_CHUNK = 128
"""Questions compared with the whole library at a time."""


def question_measures(rows: Iterable[int], documents: Sequence[str], golds: Collection[str]) -> Figures:
    """Measures of one question, shape (len(MEASURES),), each 0..1.

    :param rows: of the index, best first.
    :param documents: the document of each row of the index.
    :param golds: the right documents.
    """
    ranked = list(dict.fromkeys(documents[row] for row in rows))[:_DEPTH]
    grades = dict.fromkeys(golds, 1)
    return np.array(
        [
            recall(ranked, grades, 1),
            recall(ranked, grades, 10),
            recall(ranked, grades, _DEPTH),
            reciprocal_rank(ranked, grades, 10),
        ]
    )


def dense_measures(
    vectors: npt.NDArray[np.float32],
    passages: npt.NDArray[np.float32],
    documents: Sequence[str],
    golds: Sequence[Collection[str]],
) -> Figures:
    """Measures of questions ranked by cosine alone, shape (n, len(MEASURES)).

    :param vectors: of the questions, (n, dimension); `passages` those of the index, (rows, dimension).
    """
    found = np.zeros((len(vectors), len(MEASURES)))
    depth = min(_SPARE * _DEPTH, len(passages))
    for start in range(0, len(vectors), _CHUNK):
        scores = vectors[start : start + _CHUNK] @ passages.T
        top = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
        for i, rows in enumerate(np.take_along_axis(top, order, axis=1), start=start):
            found[i] = question_measures(rows.tolist(), documents, golds[i])
    return found


def means(figures: Figures) -> dict[str, float]:
    """Means over questions by name, to four digits; empty for no question."""
    if not len(figures):
        return {}
    return {name: round(float(value), 4) for name, value in zip(MEASURES, figures.mean(axis=0), strict=True)}
