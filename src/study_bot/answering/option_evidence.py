"""How well each option of a quiz question, put into its blank, is borne out by passages, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from study_bot.answering.alignment import (
    Scores,
    Sheet,
    Token,
    after_blank,
    before_blank,
    gaps_after,
    passage_tokens,
    through,
    tokenise,
    weight_of,
)
from study_bot.answering.quiz_forms import Stem, parts_of
from study_bot.types import Passage

_WINDOW = 40
"""Tokens of the stem looked at on each side of the blank."""

_FILLING_WEIGHT = 12.0
"""What an option is worth, in matching characters of the stem, however long it is: options compete with each other,
not by their length. From 6 to 30 one or two answers in a hundred change."""

_TIE = 1e-3
"""Scores this near to each other are equal: they are sums in single precision."""


@dataclass(frozen=True, slots=True)
class Place:
    """The words `[start, end)` of passage number `passage` (of its own text), where an option is borne out."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What passages say of one option.

    `share` (0..1) of the filled sentence stands there, and at least `context` (0..1) of the stem around it. `gain` is
    what the option adds to the sentence with its blank left empty, in parts of its own weight: 1 if all of it stands at
    the blank, -1 if nothing of it does, more than 1 where an empty blank would not do. `place` is None where no word of
    the option was found in the passage's own text.
    """

    share: float
    context: float
    gain: float
    place: Place | None


@dataclass(frozen=True, slots=True)
class _Frame:
    """The words around a blank and how they stand in the passages: `before` it, and `after` it."""

    sheet: Sheet
    before: Scores
    after: Scores
    weight: float

    @property
    def empty(self) -> float:
        """Best score with nothing in the blank."""
        return float((gaps_after(self.before) + self.after).max())

    def fill(self, words: Sequence[Token]) -> tuple[float, Place | None]:
        """Best score with the blank filled, and where the filling stands.

        What a passage has between stem and filling costs as much as what it has within the filling: this is to be
        what stands at the blank, not a part of it.
        """
        each = _FILLING_WEIGHT / max(1, len(words))
        entered = gaps_after(self.before, each)
        leaving = _mirrored(gaps_after(_mirrored(self.after), each))
        totals = through(self.sheet, entered, words, each) + leaving
        row, end = (int(i) for i in np.unravel_index(int(totals.argmax()), totals.shape))
        back = _mirrored(through(self.sheet.mirrored(), _mirrored(leaving), words[::-1], each))
        begins = (entered + back)[row, : end + 1]
        start = int(np.flatnonzero(begins >= begins.max() - _TIE)[-1])
        inside = _trimmed(self.sheet.tokens[row][start:end], words)
        return float(totals[row, end]), Place(row, inside[0].start, inside[-1].end) if inside else None


def _mirrored(scores: Scores) -> Scores:
    return scores[:, ::-1]


def _trimmed(tokens: Sequence[Token], words: Sequence[Token]) -> Sequence[Token]:
    """Tokens of the passage's own text from the first to the last that is among the words."""
    wanted = {word.text for word in words}
    hits = [i for i, token in enumerate(tokens) if token.text in wanted and token.end]
    return tokens[hits[0] : hits[-1] + 1] if hits else ()


def weigh(stem: Stem, options: Sequence[str], passages: Sequence[Passage]) -> list[Evidence]:
    """Evidence for each option, in their order.

    Options with a part for each of several blanks are judged part by part, each with the other parts filled in; an
    option that is one piece goes into the blank where it fits best.
    """
    if not passages:
        return [Evidence(0.0, 0.0, -1.0, None) for _ in options]
    sheet = Sheet.of([passage_tokens(passage) for passage in passages])
    blanks = len(stem.pieces) - 1
    parts = [parts_of(option, blanks) for option in options] if blanks > 1 else []
    if parts and all(parts):
        return [_weigh_parts(stem, own, sheet) for own in parts if own is not None]
    by_blank = [
        _weigh_at("".join(stem.pieces[:blank]), "".join(stem.pieces[blank:]), options, sheet)
        for blank in range(1, blanks + 1)
    ]
    return [max(own, key=lambda e: e.share) for own in zip(*by_blank, strict=True)]


def _weigh_parts(stem: Stem, parts: Sequence[str], sheet: Sheet) -> Evidence:
    found = []
    for blank, part in enumerate(parts):
        filled = [piece + word for piece, word in zip(stem.pieces, (*parts, ""), strict=True)]
        left = "".join(filled[:blank]) + stem.pieces[blank]
        found += _weigh_at(left, "".join(filled[blank + 1 :]), [part], sheet)
    share, context, gain = (
        float(np.mean(values)) for values in zip(*((e.share, e.context, e.gain) for e in found), strict=True)
    )
    return Evidence(share, context, gain, min(found, key=lambda e: e.share).place)


def _weigh_at(left: str, right: str, options: Sequence[str], sheet: Sheet) -> list[Evidence]:
    right = _without_repetition(right, options)
    frames = list(_frames(left, right, sheet))
    empty = max(frame.empty for frame in frames)
    evidence = []
    for option in options:
        words = [token for token in tokenise(option) if not token.is_break]
        filled = [frame.fill(words) for frame in frames]
        best = max(range(len(frames)), key=lambda i: filled[i][0])
        total, place = filled[best]
        stem = frames[best].weight
        evidence.append(
            Evidence(
                share=_clipped(total / (stem + _FILLING_WEIGHT)),
                context=_clipped((total - _FILLING_WEIGHT) / max(1.0, stem)),
                gain=(total - empty) / _FILLING_WEIGHT,
                place=place,
            )
        )
    return evidence


def _clipped(value: float) -> float:
    return min(1.0, max(0.0, value))


def _without_repetition(right: str, options: Sequence[str]) -> str:
    """The words behind the blank without those that every option brings itself: （ ）条 and 第五条."""
    for length in range(min(map(len, options), default=0), 0, -1):
        if all(option.endswith(right[:length]) for option in options) and len(right) >= length:
            return right[length:]
    return right


def _frames(left: str, right: str, sheet: Sheet) -> Iterator[_Frame]:
    """The blank in its sentence; where it is at an end, also the sentence turned round: what X是Y says, Y是X says."""
    before, after = tokenise(left)[-_WINDOW:], tokenise(right)[:_WINDOW]
    orders = [(before, after)]
    if all(token.is_break for token in after):
        orders.append(([], before))
    elif all(token.is_break for token in before):
        orders.append((after, []))
    for one, other in orders:
        yield _Frame(sheet, before_blank(sheet, one), after_blank(sheet, other), weight_of(one) + weight_of(other))
