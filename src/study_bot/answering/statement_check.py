"""Is a statement borne out by a passage, or contradicted where the passage has other words in the same place?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from study_bot.answering.alignment import (
    Sheet,
    Token,
    aligned_pairs,
    before_blank,
    gaps_after,
    passage_tokens,
    tokenise,
    weight_of,
)
from study_bot.types import Passage

# What a statement may begin with, naming its source; passages do not say where they stand.
_PREFACE = re.compile(
    r"^(?:(?:根据|依照|按照|依据)[^，。；]{1,40}|[^，。；《]{0,10}《[^》]+》(?:的?规定|指出|强调|明确|要求)?)[，,：:]"
)

# Characters that a paraphrase changes freely; a difference in them alone contradicts nothing.
_FREE = frozenset("的了和与及或要应当并且但在对为是以于等之其由地得将被就都也则可须必从本该此")
_NEGATIONS = frozenset("不未无非禁勿莫免")

_PASSAGES_TRACED = 2
"""Passages compared word by word, those nearest to the statement."""

_LONGEST_SWAP = 12
"""Tokens on either side that may stand for each other; beyond, the passage speaks of something else."""

_LONGEST_NEGATION = 4
"""Tokens that a difference may have whose 不 counts alone."""

_NEAR_ENOUGH = 0.6
"""Matched share of a statement from which a passage speaks of the same thing, so that it may contradict it."""

_BORNE_OUT = 0.8
"""Matched share from which a statement without contradiction holds."""

_LONGEST_ADDITION = 4
"""Words in a row that a statement may add to a passage and still be borne out by it."""


class Verdict(StrEnum):
    """What a passage says of a statement."""

    HOLDS = "holds"
    CONTRADICTED = "contradicted"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Finding:
    """`verdict` on a statement by passage number `passage`; `[start, end)` of its own text are the words compared.

    `share` (0..1) of the statement, by weight, matches them.
    """

    verdict: Verdict
    share: float
    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Difference:
    """Tokens of a statement, and of a passage, between two matches; either side may be empty, not both."""

    stated: Sequence[Token]
    written: Sequence[Token]


def check_statement(statement: str, passages: Sequence[Passage]) -> Finding | None:
    """Compare a statement with the passage nearest to its words.

    A number or word that stands where the passage has another contradicts the statement, and so does a 不 that only
    one of them has. Words that the statement adds leave it open if they are many or a number.

    :return: None if there are no passages, or nothing in common.
    """
    stated = tokenise(_PREFACE.sub("", statement))
    if not passages or not stated:
        return None
    sheet = Sheet.of([passage_tokens(passage) for passage in passages])
    near = gaps_after(before_blank(sheet, stated)).max(axis=1)
    findings = []
    for row in np.argsort(-near, kind="stable")[:_PASSAGES_TRACED]:
        written = sheet.tokens[row]
        pairs = aligned_pairs(stated, written)
        if pairs and written[pairs[-1][1]].end:
            share = weight_of(stated[i] for i, _ in pairs) / weight_of(stated)
            verdict = _verdict(list(_differences(stated, written, pairs)), share)
            findings.append(Finding(verdict, share, int(row), written[pairs[0][1]].start, written[pairs[-1][1]].end))
    return max(findings, key=lambda finding: finding.share, default=None)


def _verdict(differences: Sequence[_Difference], share: float) -> Verdict:
    if share < _NEAR_ENOUGH:
        return Verdict.OPEN
    if any(_contradicts(difference) for difference in differences):
        return Verdict.CONTRADICTED
    additions = [difference.stated for difference in differences]
    if share < _BORNE_OUT or any(len(a) > _LONGEST_ADDITION or any(t.is_number for t in a) for a in additions):
        return Verdict.OPEN
    return Verdict.HOLDS


def _contradicts(difference: _Difference) -> bool:
    stated, written = difference.stated, difference.written
    if max(len(stated), len(written)) > _LONGEST_SWAP:
        return False
    if _negations(stated) != _negations(written) and max(len(stated), len(written)) <= _LONGEST_NEGATION:
        return True
    return any(t.text not in _FREE for t in stated) and any(t.text not in _FREE for t in written)


def _negations(tokens: Iterable[Token]) -> int:
    return sum(token.text in _NEGATIONS for token in tokens)


def _differences(
    stated: Sequence[Token], written: Sequence[Token], pairs: Sequence[tuple[int, int]]
) -> Iterator[_Difference]:
    """What lies between matches; before the first and after the last one, only up to the end of the clause."""
    first, last = pairs[0], pairs[-1]
    yield from _difference(_tail(stated[: first[0]]), _tail(written[: first[1]]))
    for (i, j), (k, m) in pairwise(pairs):
        yield from _difference(stated[i + 1 : k], written[j + 1 : m])
    yield from _difference(_head(stated[last[0] + 1 :]), _head(written[last[1] + 1 :]))


def _difference(stated: Sequence[Token], written: Sequence[Token]) -> Iterator[_Difference]:
    one, other = ([token for token in tokens if not token.is_break] for tokens in (stated, written))
    if one or other:
        yield _Difference(one, other)


def _head(tokens: Sequence[Token]) -> Sequence[Token]:
    return next((tokens[:i] for i, token in enumerate(tokens) if token.is_break), tokens)


def _tail(tokens: Sequence[Token]) -> Sequence[Token]:
    return _head(tokens[::-1])[::-1]
