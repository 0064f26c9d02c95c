"""The words that stand at the blank of a sentence, taken from a passage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from study_bot.answering.alignment import (
    EDGE,
    IMPOSSIBLE,
    Sheet,
    Token,
    after_blank,
    before_blank,
    passage_tokens,
    tokenise,
    weight_of,
)
from study_bot.answering.quiz_forms import parse_stem
from study_bot.types import Hit, Passage

MAX_PASSAGES = 8
"""Hits looked at."""

_WINDOW = 40
"""Tokens of the stem looked at on each side of the blank."""

_LONGEST = 40
"""Tokens a filling may have."""

# Of two fillings between the same words the shorter one is meant.
_TOKEN_PRICE = np.float32(0.01)

_LEAST_SHARE = 0.5
"""Of the stem's words, so many must stand around a filling; below, another sentence was found."""


@dataclass(frozen=True, slots=True)
class Filling:
    """The words `[start, end)` of a passage's own text that stand at a blank.

    `share` (0..1) of the stem, by weight, stands around them.
    """

    passage: Passage
    start: int
    end: int
    share: float

    @property
    def text(self) -> str:
        """The words, verbatim."""
        return self.passage.text[self.start : self.end]


def fill_in(question: str, hits: Sequence[Hit], *, blank: int = 0) -> Filling | None:
    """The words at a blank of a question: those between what stands left and right of it in the best passage.

    :param hits: best first; only the first `MAX_PASSAGES` are read.
    :param blank: which blank, from 0; the others are left empty.
    :return: None if no passage holds at least half of the stem around something.
    :raises IndexError: the question has no such blank.
    """
    pieces = parse_stem(question).pieces
    if not 0 <= blank < len(pieces) - 1:
        raise IndexError(f"blank {blank} of {len(pieces) - 1}")
    passages = [hit.passage for hit in hits[:MAX_PASSAGES]]
    if not passages:
        return None
    # A blank at an end of the question is at an end of a clause.
    left = tokenise("".join(pieces[: blank + 1]))[-_WINDOW:] or [EDGE]
    right = tokenise("".join(pieces[blank + 1 :]))[:_WINDOW] or [EDGE]
    sheet = Sheet.of([[EDGE, *passage_tokens(passage)] for passage in passages])
    score, row, start, length = _best_span(sheet, left, right)
    share = score / (weight_of(left) + weight_of(right))
    if share < _LEAST_SHARE:
        return None
    inside = sheet.tokens[row][start : start + length]
    return Filling(passages[row], inside[0].start, inside[-1].end, min(1.0, share))


def _best_span(sheet: Sheet, left: Sequence[Token], right: Sequence[Token]) -> tuple[float, int, int, int]:
    """Score, passage, first token and number of tokens of the best filling.

    It lies in the passage's own text and neither begins nor ends with a break.
    """
    excluded = sheet.matches(EDGE)
    for row, tokens in enumerate(sheet.tokens):
        excluded[row, : sum(not token.end for token in tokens)] = True
    before, after = before_blank(sheet, left), after_blank(sheet, right)
    before[:, :-1][excluded] = after[:, 1:][excluded] = IMPOSSIBLE
    best = (float(IMPOSSIBLE), 0, 0, 1)
    for length in range(1, min(_LONGEST, sheet.ids.shape[1]) + 1):
        scores = before[:, :-length] + after[:, length:] - _TOKEN_PRICE * length
        row, start = (int(i) for i in np.unravel_index(int(scores.argmax()), scores.shape))
        best = max(best, (float(scores[row, start]), row, start, length), key=lambda found: found[0])
    return best
