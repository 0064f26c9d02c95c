"""Everyday words in the place of which the library says something else: 开枪 is 使用武器 in a statute.

A word is exchanged only where the library does not have it, but has the other: what the library says itself is the best
thing to search for. Vectors bridge some of such gaps; keywords, the reader and the gate none.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Callable, Mapping

from study_bot.text import search_form

DocumentFrequency = Callable[[str], int]
"""Number of passages that have a token."""

_NOT_WORDS = re.compile(r"[^\w]+")


class Wording:
    """Rewrites questions for one library. Holds no state of a question: safe for many threads at once."""

    def __init__(self, document_frequency: DocumentFrequency, entries: Mapping[str, str] | None = None) -> None:
        """Get ready for one library.

        :param entries: what is said by everyday word; None = those that ship along.
        """
        entries = packaged_entries() if entries is None else entries
        self._said = {
            everyday: said
            for everyday, said in entries.items()
            if not _has(document_frequency, everyday) and _has_any(document_frequency, said)
        }
        longest_first = sorted(self._said, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def rewritten(self, text: str) -> str:
        """The text in the words of the library; itself where nothing is to be exchanged."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._said[match[0]], text)


@functools.cache
def packaged_entries() -> Mapping[str, str]:
    """The entries that ship along: what is said, by everyday word."""
    text = importlib.resources.files("study_bot.retrieval").joinpath("data/wording.txt").read_text("utf-8")
    return parse_entries(text)


def parse_entries(text: str) -> dict[str, str]:
    """Read lines `everyday words = what is said`; empty lines and those that begin with # are left out.

    :raises ValueError: a line has no `=`, or nothing on one of its sides.
    """
    entries = {}
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        everyday, mark, said = line.partition("=")
        if not (mark and everyday.strip() and said.strip()):
            raise ValueError(f"no entry: {line}")
        entries.update({word: said.strip() for word in everyday.split() if word != said.strip()})
    return entries


def _has(document_frequency: DocumentFrequency, word: str) -> bool:
    """Whether the library may have a word: all pairs of its characters, and for one character that."""
    form = _NOT_WORDS.sub("", search_form(word))
    pairs = [form[i : i + 2] for i in range(len(form) - 1)] or [form]
    return all(document_frequency(pair) for pair in pairs)


def _has_any(document_frequency: DocumentFrequency, said: str) -> bool:
    """Whether the library has one of the words that stand side by side in an entry."""
    return any(_has(document_frequency, part) for part in said.split("、"))
