"""Where the words of a sentence stand in a passage: alignment of a stem, and of what fills its blank, with texts.

Smith & Waterman (1981), "Identification of common molecular subsequences", over characters, with numbers as single
tokens, so that 二个月 and 2个月 are one. The stem is aligned locally (its far ends may find nothing), what fills the
blank globally (all of it counts). A gap costs by its length up to a limit: a long insertion is one deviation, not many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from study_bot.text import parse_number, search_form
from study_bot.types import Passage

Scores = npt.NDArray[np.float32]
"""Shape (passages, positions): the best score of an alignment that ends, or begins, at a position of a passage."""

IMPOSSIBLE = np.float32(-1e6)
"""Score of the positions beyond the end of a passage."""

# In units of one matching character. Half or double of any of them changes one or two answers in a hundred.
_MISMATCH = 0.6
_SKIP_STEM = 0.5
_SKIP_PASSAGE = 0.4
_LONGEST_GAP = 4.0
# The end of a clause says where words stop, but less than a word does.
_BREAK_WEIGHT = 0.5

_BREAK = "|"
_BREAKS = frozenset("。！？；，：!?;,:\n")

_HAN_DIGITS = "零〇一二两三四五六七八九十百千"
_NUMBER = re.compile(
    rf"百分之(?P<percent>[{_HAN_DIGITS}]+|[0-9]+(?:\.[0-9]+)?)"
    rf"|(?P<below>[{_HAN_DIGITS}]+|[0-9]+)分之(?P<above>[{_HAN_DIGITS}]+|[0-9]+)"
    rf"|(?P<number>[0-9]+(?:\.[0-9]+)?|[{_HAN_DIGITS}]+)(?P<scale>[万亿%])?"
)
_LABEL = re.compile(
    rf"^\s*(?:第(?:[{_HAN_DIGITS}]+|[0-9]+)条(?:之[{_HAN_DIGITS}]+)?\s|[（(](?:[{_HAN_DIGITS}]+|[0-9]+)[）)]|[0-9]+[.．、](?![0-9]))",
    re.MULTILINE,
)
_SCALES = {None: 1, "万": 10_000, "亿": 100_000_000, "%": 1}


@dataclass(frozen=True, slots=True)
class Token:
    """A character, a number in canonical form ("#50%"), or a break between clauses; it stands at `[start, end)`."""

    text: str
    start: int
    end: int

    @property
    def is_break(self) -> bool:
        """Whether it is the end of a clause or, no different, of a sentence: a quiz may stop where the text goes on."""
        return self.text == _BREAK

    @property
    def is_number(self) -> bool:
        """Whether it is a number, which nothing but the same number bears out."""
        return self.text.startswith("#")

    @property
    def weight(self) -> float:
        """What a match of it is worth: 1 for words and numbers, less for breaks."""
        return _BREAK_WEIGHT if self.is_break else 1.0


EDGE = Token(_BREAK, 0, 0)
"""A break before the first word of a text."""


def tokenise(text: str) -> list[Token]:
    """Tokens in reading order. Marks within a clause, brackets and spaces leave none; one break stands for several."""
    form = _form_in_place(text)
    tokens: list[Token] = []
    position = 0
    for match in _NUMBER.finditer(form):
        value = _canonical_number(match)
        if value is not None:
            _add_characters(form, position, match.start(), tokens)
            tokens.append(Token(value, *match.span()))
            position = match.end()
    _add_characters(form, position, len(form), tokens)
    return tokens


def passage_tokens(passage: Passage) -> list[Token]:
    """Tokens of a passage; a break stands for the number of an article or item, which no question repeats.

    The sentence that a part of a long article hangs from comes first, as context: its tokens are outside of the
    passage's own text and stand at `[0, 0)`.
    """
    tokens = [Token(token.text, 0, 0) for token in tokenise(passage.lead)]
    position = 0
    for match in _LABEL.finditer(passage.text):
        _add_part(passage.text, position, match.start(), tokens)
        if not (tokens and tokens[-1].is_break):
            tokens.append(Token(_BREAK, *match.span()))
        position = match.end()
    _add_part(passage.text, position, len(passage.text), tokens)
    return tokens


def weight_of(tokens: Iterable[Token]) -> float:
    """What matches of all the tokens are worth together."""
    return sum(token.weight for token in tokens)


def _add_part(text: str, start: int, end: int, tokens: list[Token]) -> None:
    for token in tokenise(text[start:end]):
        if not (token.is_break and tokens and tokens[-1].is_break):
            tokens.append(Token(token.text, token.start + start, token.end + start))


def _form_in_place(text: str) -> str:
    """`search_form`, except where it would move the characters that follow."""
    form = search_form(text)
    if len(form) == len(text):
        return form
    return "".join(new if len(new := search_form(old)) == 1 else old for old in text)


def _add_characters(form: str, start: int, end: int, tokens: list[Token]) -> None:
    for position in range(start, end):
        character = form[position]
        if character.isalnum():
            tokens.append(Token(character, position, position + 1))
        elif character in _BREAKS and not (tokens and tokens[-1].is_break):
            tokens.append(Token(_BREAK, position, position + 1))


def _canonical_number(match: re.Match[str]) -> str | None:
    if match["percent"]:
        value = _value(match["percent"])
        return None if value is None else f"#{value:f}%"
    if match["below"]:
        above, below = _value(match["above"]), _value(match["below"])
        return None if above is None or below is None else f"#{above:f}/{below:f}"
    value = _value(match["number"])
    if value is None:
        return None
    scaled = (value * _SCALES[match["scale"]]).normalize()
    return f"#{scaled:f}" + ("%" if match["scale"] == "%" else "")


def _value(text: str) -> Decimal | None:
    number = text if text[0].isascii() else parse_number(text)
    return None if number is None else Decimal(number).normalize()


@dataclass(frozen=True, slots=True)
class Sheet:
    """Passages side by side.

    `vocabulary` numbers the texts of tokens; `ids` (passages, longest) holds these numbers, -1 beyond the end of a
    passage. `outside` (passages, longest + 1) flags the positions beyond it.
    """

    tokens: tuple[tuple[Token, ...], ...]
    vocabulary: dict[str, int]
    ids: npt.NDArray[np.int32]
    outside: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, token_lists: Sequence[Sequence[Token]]) -> Sheet:
        """A sheet of passages given as tokens; there may be none, and passages may be empty."""
        lengths = np.array([len(tokens) for tokens in token_lists], np.int32)
        vocabulary: dict[str, int] = {}
        ids = np.full((len(token_lists), max(lengths, default=0)), -1, np.int32)
        for row, tokens in enumerate(token_lists):
            ids[row, : len(tokens)] = [vocabulary.setdefault(token.text, len(vocabulary)) for token in tokens]
        outside = np.arange(ids.shape[1] + 1) > lengths[:, None]
        return cls(tuple(tuple(tokens) for tokens in token_lists), vocabulary, ids, outside)

    def mirrored(self) -> Sheet:
        """The sheet read from right to left: position p becomes longest - p."""
        tokens = tuple(row[::-1] for row in self.tokens)
        return Sheet(tokens, self.vocabulary, self.ids[:, ::-1], self.outside[:, ::-1])

    def matches(self, token: Token) -> npt.NDArray[np.bool_]:
        """Flags (passages, longest) of the places where a token stands."""
        flags: npt.NDArray[np.bool_] = self.ids == self.vocabulary.get(token.text, -2)
        return flags


def before_blank(sheet: Sheet, left: Sequence[Token]) -> Scores:
    """How well the words left of a blank are borne out by what stands right before each position.

    :return: (passages, longest + 1), each from 0 to the weight of the words; IMPOSSIBLE outside of a passage.
    """
    scores = np.zeros((sheet.ids.shape[0], sheet.ids.shape[1] + 1), np.float32)
    # Best score at each position of all rows so far: a long stretch of the stem may be skipped at a fixed price.
    leap = scores - np.float32(_LONGEST_GAP)
    for number, token in enumerate(left, start=1):
        step = _step(sheet, scores, token, token.weight, _SKIP_STEM * token.weight)
        np.maximum(step, leap, out=step)
        np.maximum(step, 0, out=step)
        # What stands between the last word and the blank is left to whoever fills it.
        scores = step if number == len(left) else gaps_after(step)
        np.maximum(leap, scores - np.float32(_LONGEST_GAP), out=leap)
    return np.where(sheet.outside, IMPOSSIBLE, scores)


def after_blank(sheet: Sheet, right: Sequence[Token]) -> Scores:
    """The same for the words right of a blank and what begins at each position."""
    return before_blank(sheet.mirrored(), right[::-1])[:, ::-1]


def through(sheet: Sheet, scores: Scores, words: Sequence[Token], each: float) -> Scores:
    """Go on through all of some words: a match of one is worth `each`, a missing one costs as much, a gap in between
    costs in proportion.

    :param scores: (passages, longest + 1): what an alignment has gained where the words begin.
    :return: the same where they end.
    """
    for token in words:
        scores = gaps_after(_step(sheet, scores, token, each, each), each, None)
    return scores


def gaps_after(scores: Scores, each: float = 1.0, longest: float | None = _LONGEST_GAP) -> Scores:
    """Scores where any number of the passage's tokens may be left out behind the positions given.

    :param each: what a match of one of them would be worth.
    :param longest: what the longest gap costs; None = there is no limit.
    """
    slope = np.arange(scores.shape[1], dtype=np.float32) * np.float32(_SKIP_PASSAGE * each)
    result: Scores = np.maximum.accumulate(scores + slope, axis=1) - slope
    if longest is not None:
        np.maximum(result, np.maximum.accumulate(scores, axis=1) - np.float32(longest), out=result)
    return result


def _step(sheet: Sheet, scores: Scores, token: Token, weight: float, skip: float) -> Scores:
    """One more token: matched or mismatched with the next of the passage, or skipped."""
    step = scores - np.float32(skip)
    gain = np.where(sheet.matches(token), np.float32(weight), np.float32(-_MISMATCH * weight))
    np.maximum(step[:, 1:], scores[:, :-1] + gain, out=step[:, 1:])
    return step


def aligned_pairs(stem: Sequence[Token], passage: Sequence[Token]) -> list[tuple[int, int]]:
    """Indices (stem, passage) of the tokens that match in the best local alignment, in order; empty if nothing does."""
    sheet = Sheet.of([passage])
    table = [np.zeros((1, len(passage) + 1), np.float32)]
    for token in stem:
        step = _step(sheet, table[-1], token, token.weight, _SKIP_STEM * token.weight)
        table.append(gaps_after(np.maximum(step, 0), longest=None))
    rows = np.concatenate(table)
    row, column = (int(i) for i in np.unravel_index(int(rows.argmax()), rows.shape))
    pairs = []
    while row and column and rows[row, column] > 0:
        token, score = stem[row - 1], rows[row, column]
        if token.text == passage[column - 1].text and _same(score, rows[row - 1, column - 1] + token.weight):
            pairs.append((row - 1, column - 1))
            row, column = row - 1, column - 1
        elif _same(score, rows[row - 1, column - 1] - _MISMATCH * token.weight):
            row, column = row - 1, column - 1
        elif _same(score, rows[row - 1, column] - _SKIP_STEM * token.weight):
            row -= 1
        else:
            column -= 1
    return pairs[::-1]


def _same(one: float, other: float) -> bool:
    return bool(abs(one - other) < 1e-3)
