"""The words in which two texts differ, marked in both. Pure functions."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from study_bot.text import search_form

if TYPE_CHECKING:
    import rjieba

MAX_WORK = 16_000_000
"""Product of the numbers of words above which two texts are not compared word by word: it would take minutes."""

MIN_SHARED = 0.25
"""Share of equal characters below which single words in common only confuse; both texts are marked as a whole."""

_ISLAND = 1
"""Equal words between two changes are marked with them if they have no more characters than this."""

_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a text; `marked` = it is not in the other version."""

    text: str
    marked: bool = False


def key_of(text: str) -> str:
    """What counts in a comparison: not spaces, not letter case, not the width of characters."""
    return _SPACES.sub("", search_form(text))


def whole(text: str) -> tuple[Run, ...]:
    """A text that is in one version only."""
    return (Run(text, True),) if text else ()


def marked(old: str, new: str) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Both texts in runs, what is not in the other one marked."""
    left, right = words_of(old), words_of(new)
    if len(left) * len(right) > MAX_WORK:
        return whole(old), whole(new)
    matcher = SequenceMatcher(None, [key_of(w) for w in left], [key_of(w) for w in right], autojunk=False)
    blocks = [b for b in matcher.get_matching_blocks() if b.size]
    kept = [b for n, b in enumerate(blocks) if not _is_island(b.a, b.b, b.size, n, len(blocks), left, right)]
    shared = sum(len(word) for b in kept for word in left[b.a : b.a + b.size])
    if shared < MIN_SHARED * min(len(old), len(new)):
        return whole(old), whole(new)
    return (
        _runs(left, [(b.a, b.a + b.size) for b in kept]),
        _runs(right, [(b.b, b.b + b.size) for b in kept]),
    )


def words_of(text: str) -> list[str]:
    """The words of a text; joined, they are the text. Numbers and articles' labels stay whole."""
    words: list[str] = []
    position = 0
    for match in _NUMBERS.finditer(text):
        words += _jieba().cut(text[position : match.start()])
        words.append(match.group())
        position = match.end()
    return [*words, *_jieba().cut(text[position:])]


_N = "[0-9０-９零〇一二三四五六七八九十百千万亿]"
_NUMBERS = re.compile(rf"第{_N}+(?:条(?:之{_N}+)?|[章节款项])|{_N}{{2,}}")


@functools.cache
def _jieba() -> rjieba.Jieba:
    import rjieba

    return rjieba.Jieba()


def _is_island(a: int, b: int, size: int, number: int, count: int, left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether a match stands alone between changes on both sides: a comma in common is not worth a break."""
    if sum(len(word) for word in left[a : a + size]) > _ISLAND:
        return False
    change_before = number > 0 or (a > 0 or b > 0)
    change_after = number < count - 1 or a + size < len(left) or b + size < len(right)
    return change_before and change_after


def _runs(words: Sequence[str], kept: Sequence[tuple[int, int]]) -> tuple[Run, ...]:
    runs: list[Run] = []

    def add(text: str, is_marked: bool) -> None:
        if not text:
            return
        is_marked = is_marked and bool(key_of(text))  # a space more or less is no change
        if runs and runs[-1].marked is is_marked:
            text = runs.pop().text + text
        runs.append(Run(text, is_marked))

    position = 0
    for start, end in kept:
        add("".join(words[position:start]), True)
        add("".join(words[start:end]), False)
        position = end
    add("".join(words[position:]), True)
    return tuple(runs)
