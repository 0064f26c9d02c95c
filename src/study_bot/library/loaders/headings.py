"""Which paragraphs are headings, where only the size and weight of the type say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from study_bot.library.loaders.blocks import ends_sentence

MAX_CHARS = 60
"""A longer paragraph is text however it is set."""

MAX_BOLD_CHARS = 40
"""A longer bold paragraph is emphasis."""

MAX_BOLD_SHARE = 0.25
"""In a document with more bold text than this, bold type says nothing."""


class HeadingJudge:
    """Levels by rank of the type sizes above the body's; bold type of body size comes after them."""

    def __init__(self, sizes: Iterable[tuple[float, int]], *, ratio: float = 1.1, bold_share: float = 0.0) -> None:
        """
        :param sizes: size and number of characters of each paragraph.
        :param ratio: how many times the body's size a heading has at least.
        :param bold_share: share of all characters in wholly bold paragraphs.
        """
        counts: Counter[float] = Counter()
        for size, characters in sizes:
            counts[round(size * 2) / 2] += characters
        self.body = max(counts, key=lambda size: counts[size]) if counts else 0.0
        self._larger = sorted((size for size in counts if size >= self.body * ratio), reverse=True)
        self._bold_counts = bold_share <= MAX_BOLD_SHARE

    def level(self, text: str, size: float, bold: bool) -> int | None:
        """Level 1.. of a heading, None for text."""
        if not self.body or len(text) > MAX_CHARS or ends_sentence(text) or text.endswith(("，", "、")):
            return None
        size = round(size * 2) / 2
        if size in self._larger:
            return min(self._larger.index(size) + 1, 6)
        if bold and self._bold_counts and size >= self.body and len(text) <= MAX_BOLD_CHARS:
            return min(len(self._larger) + 1, 7)
        return None
