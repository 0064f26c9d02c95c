"""Plain text: every line a block, unless the file was wrapped at a fixed width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from study_bot.library.loaders.blocks import SECTION_START, BlockWriter, ends_sentence, split_lines
from study_bot.library.loaders.encoding import decode
from study_bot.library.loaders.limits import LoadLimits
from study_bot.types import LoadedFile

_INDENT = re.compile(r"^(?:\u3000| {2,}|\t)")
_RULE = re.compile(r"^[\s=\-—_*~·.。]{3,}$")

MIN_WIDTH = 40
"""Columns below which lines of one length are a list rather than a wrapped text."""

_TOLERANCE = 4
"""Columns (half an ideograph each) by which a full line may fall short of the width."""


def load_plain(data: bytes, _limits: LoadLimits) -> LoadedFile:
    """Read a text file.

    :raises DamagedFileError: the bytes are no text.
    """
    text, warnings = decode(data)
    writer = BlockWriter()
    lines = split_lines(text)
    for line in unwrap(lines, wrap_width(lines)):
        if not _RULE.match(line):
            writer.add(line)
    return LoadedFile("txt", tuple(writer.blocks), warnings=warnings)


def unwrap(lines: Sequence[str], width: int | None) -> list[str]:
    """Rejoin the lines of a text that was wrapped at `width` columns; None leaves them as they are."""
    if width is None:
        return list(lines)
    out: list[str] = []
    previous = ""
    for line in lines:
        continues = (
            previous.strip()
            and line.strip()
            and _columns(previous) >= width - _TOLERANCE
            and not _INDENT.match(line)
            and not (SECTION_START.match(line.strip()) and ends_sentence(previous.rstrip()))
        )
        if continues:
            out[-1] = join_lines(out[-1], line)
        else:
            out.append(line)
        previous = line
    return out


def join_lines(left: str, right: str) -> str:
    """Two halves of a wrapped sentence: a space only between two words of a spaced script."""
    left, right = left.rstrip(), right.lstrip()
    if not left or not right or is_wide(left[-1]) or is_wide(right[0]):
        return left + right
    if left[-1] == "-" and left[-2:-1].isalpha() and right[0].islower():
        return left[:-1] + right
    return f"{left} {right}"


def is_wide(character: str) -> bool:
    """Whether a character belongs to a script written without spaces (ideographs and their punctuation)."""
    return unicodedata.east_asian_width(character) in "WF" or character in "“”‘’…—·"


def _columns(line: str) -> int:
    return sum(2 if is_wide(c) else 1 for c in line.rstrip())


def wrap_width(lines: Sequence[str]) -> int | None:
    """Columns a text was wrapped at: most lines reach them and break off in the middle of a sentence. None = not."""
    filled = [line for line in lines if line.strip()]
    if len(filled) < 8:
        return None
    widths = sorted(_columns(line) for line in filled)
    width = widths[int(len(widths) * 0.9)]
    if width < MIN_WIDTH:
        return None
    full = [line for line in filled if width - _TOLERANCE <= _columns(line) <= width + 2]
    broken = [line for line in full if not ends_sentence(line.rstrip())]
    if widths[-1] > width + 8 or len(full) < 0.5 * len(filled) or len(broken) < 0.6 * len(full):
        return None
    return width
