"""Dividing questions into folds: at random, or so that no gold document of a held-out question was trained on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from study_bot.errors import DatasetError

FOLDS = 5

Numbers = npt.NDArray[np.int64]


def groups_of(golds: Sequence[Collection[str]]) -> Numbers:
    """A number for each question, shape (n,); questions that share a gold document, directly or through others, share
    the number. Numbers count from 0 in order of first appearance."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for documents in golds:
        first, *others = sorted(documents)
        for other in others:
            parent[root(other)] = root(first)
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(root(min(own)), len(numbers)) for own in golds], np.int64)


def folds_of(groups: Numbers, folds: int, seed: int) -> Numbers:
    """A fold (0 .. folds-1) for each question, shape (n,): groups stay whole, folds become about equally large.

    The largest group goes first, each into the fold that is smallest so far; equal groups go in random order.

    :raises DatasetError: fewer groups than folds.
    """
    sizes = np.bincount(groups)
    if len(sizes) < folds:
        raise DatasetError(
            f"这些问题的正确段落只有 {len(sizes)} 组，不够分成 {folds} 份交叉检验。请补充针对其他段落的问题。"
        )
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros(folds, np.int64)
    fold_of_group = np.empty(len(sizes), np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold = int(filled.argmin())
        fold_of_group[group] = fold
        filled[fold] += sizes[group]
    found: Numbers = fold_of_group[groups]
    return found


def joint_folds(golds: Sequence[Sequence[Collection[str]]], folds: int, seed: int) -> list[Numbers]:
    """Folds of several sets at once: a gold document that two sets share is in the same fold for both.

    :param golds: per set, per question, ids of its gold documents.
    :return: per set the fold of each question.
    :raises DatasetError: too few groups.
    """
    together = folds_of(groups_of([own for questions in golds for own in questions]), folds, seed)
    ends = np.cumsum([len(questions) for questions in golds])
    return np.split(together, ends[:-1])


def random_folds(sizes: Sequence[int], folds: int, seed: int) -> list[Numbers]:
    """Folds of several sets, questions divided at random whatever they ask for; each set on its own."""
    return [np.random.default_rng([seed, number]).permutation(size) % folds for number, size in enumerate(sizes)]
