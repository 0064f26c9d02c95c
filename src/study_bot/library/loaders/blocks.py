"""Building blocks in one way: text cleaned, empty blocks dropped, names of sections recognised at a line's start."""

from __future__ import annotations

import re

from study_bot.text import normalise_line
from study_bot.types import Block, BlockKind, Place

_NUMBER = r"[零〇○一二三四五六七八九十百千两0-9０-９]+"

_LINE_BREAKS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")

SECTION_START = re.compile(
    rf"^(?:第\s*{_NUMBER}\s*(?:编|分编|章|节|条)|[（(]\s*{_NUMBER}\s*[）)]"
    rf"|[一二三四五六七八九十]{{1,3}}、|[0-9０-９]{{1,2}}[.．、](?![0-9０-９])|[①-⑳])"
)
"""A line that may open a section of a statute or a numbered paragraph."""

# What follows 第N条 where the words refer to an article instead of opening one.
_REFERENCE_TAIL = r"(?!\s*(?:规定|第|[、，,；;。）)》”]|和|至|到|或|的|所|以外|之[一二三四五六七八九十]|与|及))"

ARTICLE_START = re.compile(
    rf"^第\s*{_NUMBER}\s*(?:编|分编|章|节|条(?:\s*之\s*[一二三四五六七八九十]+(?![章节条款项]))?){_REFERENCE_TAIL}"
)
"""A line that opens an article or a division rather than refers to one."""

_TERMINAL = re.compile(r"[。！？；：!?;:…][”’」』）)》】\]]*$")


def ends_sentence(text: str) -> bool:
    """Whether a line ends where a sentence or clause may end (。；： and closing marks after them)."""
    return _TERMINAL.search(text) is not None


def split_lines(text: str) -> list[str]:
    """Lines at every kind of line break, the break dropped."""
    return _LINE_BREAKS.split(text)


class BlockWriter:
    """Collects blocks in reading order. Text is normalised here and nowhere else; empty text leaves no block."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def add(
        self,
        text: str,
        kind: BlockKind = BlockKind.PARAGRAPH,
        *,
        level: int = 0,
        place: Place = Place(),
        ocr: bool = False,
        cells: tuple[str, ...] = (),
    ) -> None:
        """Append one block; `level` is kept for headings only and limited to 1..9."""
        line = normalise_line(text)
        if not line:
            return
        level = min(max(level, 1), 9) if kind is BlockKind.HEADING else 0
        self.blocks.append(Block(line, kind, level, place, ocr, cells))

    def extend(self, blocks: list[Block]) -> None:
        """Append blocks already made by another writer."""
        self.blocks.extend(blocks)
