"""Which piece of an old text became which piece of a new one. Pure functions."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

MIN_LIKENESS = 0.43
"""Share of common words, weighted, from which two pieces of different numbers count as versions of each other."""

MIN_LIKENESS_SAME_LABEL = 0.3
"""The same for pieces of the same number."""

SAME_LABEL_BONUS = 0.1
DISTANCE_MALUS = 0.1
"""What an equal number adds to the likeness, and a place at the other end of the text takes from it."""

CONTAINED = 0.75
"""Likeness of two pieces one of which is wholly in the other, however long that is: articles are mostly added to."""

MAX_POSTINGS = 40
"""Character pairs that occur in more pieces than this do not make two of them candidates."""

CANDIDATES = 8
"""Candidates looked at for one piece."""

_Piece = tuple[str, str]


def pair_units(old: Sequence[_Piece], new: Sequence[_Piece]) -> dict[int, int]:
    """Partners by position: old -> new. Each piece has one at most.

    :param old: label ("" = none) and text of each piece, in order.
    """
    pairs = _equal(old, new)
    left = [i for i in range(len(old)) if i not in pairs]
    taken = set(pairs.values())
    right = [j for j in range(len(new)) if j not in taken]
    scored = sorted(_scored(old, new, left, right), key=lambda s: (-s[0], s[1], s[2]))
    for _, i, j in scored:
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _equal(old: Sequence[_Piece], new: Sequence[_Piece]) -> dict[int, int]:
    """Pieces with the same words: those with the same label first, the rest in order."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for by_label in (True, False):
        waiting: dict[_Piece, deque[int]] = defaultdict(deque)
        for j, (label, text) in enumerate(new):
            if j not in taken:
                waiting[label if by_label else "", text].append(j)
        for i, (label, text) in enumerate(old):
            if i not in pairs and (queue := waiting.get((label if by_label else "", text))):
                pairs[i] = queue.popleft()
                taken.add(pairs[i])
    return pairs


def _scored(
    old: Sequence[_Piece], new: Sequence[_Piece], left: Sequence[int], right: Sequence[int]
) -> Iterator[tuple[float, int, int]]:
    """Pairs that are like enough, with their score."""
    old_grams = {i: _grams(old[i][1]) for i in left}
    new_grams = {j: _grams(new[j][1]) for j in right}
    weights = _weights([*old_grams.values(), *new_grams.values()])
    postings: dict[str, list[int]] = defaultdict(list)
    for j, grams in new_grams.items():
        for gram in grams:
            postings[gram].append(j)
    by_label = {new[j][0]: j for j in right if new[j][0]}
    for i, grams in old_grams.items():
        for j in _candidates(grams, postings, weights, by_label.get(old[i][0])):
            likeness = _likeness(grams, new_grams[j], weights)
            same = bool(old[i][0]) and old[i][0] == new[j][0]
            if likeness >= (MIN_LIKENESS_SAME_LABEL if same else MIN_LIKENESS):
                distance = abs(i / len(old) - j / len(new))
                yield likeness + SAME_LABEL_BONUS * same - DISTANCE_MALUS * distance, i, j


def _candidates(
    grams: Mapping[str, int],
    postings: Mapping[str, Sequence[int]],
    weights: Mapping[str, float],
    same_label: int | None,
) -> Iterator[int]:
    shared: dict[int, float] = defaultdict(float)
    for gram in grams:
        found = postings.get(gram, ())
        if len(found) <= MAX_POSTINGS:
            for j in found:
                shared[j] += weights[gram]
    best = heapq.nsmallest(CANDIDATES, shared, key=lambda j: (-shared[j], j))
    yield from best
    if same_label is not None and same_label not in best:
        yield same_label


def _grams(text: str) -> Counter[str]:
    """Pairs of neighbouring characters with their numbers; of a single character itself."""
    return Counter(text[i : i + 2] for i in range(max(1, len(text) - 1)))


def _weights(pieces: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """How much a pair of characters tells: the rarer the more."""
    occurrences = Counter(gram for grams in pieces for gram in grams)
    return {gram: math.log(1 + len(pieces) / count) for gram, count in occurrences.items()}


def _likeness(one: Counter[str], other: Counter[str], weights: Mapping[str, float]) -> float:
    """0 = nothing in common, 1 = the same words."""
    common = sum(weights[gram] * min(count, other[gram]) for gram, count in one.items() if gram in other)
    sizes = [sum(weights[gram] * count for gram, count in grams.items()) for grams in (one, other)]
    return max(2 * common / sum(sizes), CONTAINED * common / min(sizes)) if min(sizes) > 0 else 0.0
