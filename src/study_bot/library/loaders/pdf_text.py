"""Characters of a PDF page to segments of text, from the boxes PDFium gives."""

from __future__ import annotations

import ctypes
import math
import statistics
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2
import pypdfium2.raw as pdfium

from study_bot.library.loaders.page_lines import Line
from study_bot.library.loaders.plain import is_wide

SEGMENT_GAP = 1.3
"""Ideographs between two characters that belong to different segments (columns, cells)."""

MAX_TILT = math.radians(8)
"""Characters turned further against the text are watermarks."""

# Radicals some fonts give instead of the ideographs; the Kangxi block is covered by NFKC.
_RADICALS = str.maketrans(
    "⺟⺠⻄⻅⻆⻉⻋⻓⻔⻘⻚⻛⻜⻝⻢⻥⻦⻨⻩⻬⻮⻰⻳", "母民西见角贝车长门青页风飞食马鱼鸟麦黄齐齿龙龟"
)


@dataclass(frozen=True, slots=True)
class Character:
    """A printed character. y grows downwards; `base` is the baseline."""

    text: str
    left: float
    right: float
    base: float
    size: float
    bold: bool
    space: bool


@dataclass(frozen=True, slots=True)
class PageText:
    """Characters of a page as it is read, with the share of those the font gives no meaning for.

    `box` is the page in its own coordinates (left, bottom, right, top); `turned` says that those are not upright.
    """

    characters: tuple[Character, ...]
    width: float
    height: float
    unreadable: float
    box: tuple[float, float, float, float]
    turned: bool


def read_characters(page: pypdfium2.PdfPage) -> PageText:
    """Characters with places, turned upright when the page or its text is turned."""
    textpage = page.get_textpage()
    try:
        left, bottom, right, top = page.get_bbox()
        raw = _raw_characters(textpage)
    finally:
        textpage.close()
    turn = _main_turn(raw)
    box = (left, bottom, right, top)
    characters, bad = [], 0
    for text, x, y, advance, size, angle, bold in raw:
        if abs(_angle_difference(angle, turn)) > MAX_TILT or not (
            left - 1 <= x <= right + 1 and bottom - 1 <= y <= top + 1
        ):
            continue
        if text == "\ufffd" or unicodedata.category(text[0]) in ("Co", "Cn", "Cc"):
            bad += 1
            continue
        across, down = _upright(x, y, turn, box)
        characters.append(Character(text, across, across + advance, down, size, bold, not text.strip()))
    width, height = (right - left, top - bottom) if _quarter(turn) % 2 == 0 else (top - bottom, right - left)
    unreadable = bad / max(bad + len(characters), 1)
    return PageText(tuple(characters), width, height, unreadable, box, _quarter(turn) != 0)


_Raw = tuple[str, float, float, float, float, float, bool]


def _raw_characters(textpage: pypdfium2.PdfTextPage) -> list[_Raw]:
    """(text, x, y, advance, size, angle, bold) of every character that is in the file; PDFium's own spaces are not."""
    box, origin_x, origin_y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    matrix = pdfium.FS_MATRIX()
    raw: list[_Raw] = []
    for index in range(textpage.count_chars()):
        code = pdfium.FPDFText_GetUnicode(textpage, index)
        if pdfium.FPDFText_IsGenerated(textpage, index) == 1 or code in (0, 10, 13, 0xFFFE) or code > 0x10FFFF:
            continue
        if not pdfium.FPDFText_GetLooseCharBox(textpage, index, box):
            continue
        pdfium.FPDFText_GetCharOrigin(textpage, index, origin_x, origin_y)
        scale = 1.0
        if pdfium.FPDFText_GetMatrix(textpage, index, matrix):
            scale = math.hypot(matrix.c, matrix.d) or 1.0
        angle = pdfium.FPDFText_GetCharAngle(textpage, index)
        quarter = _quarter(angle) % 2
        advance = abs(box.top - box.bottom) if quarter else abs(box.right - box.left)
        size = pdfium.FPDFText_GetFontSize(textpage, index) * scale
        bold = pdfium.FPDFText_GetFontWeight(textpage, index) >= 600
        raw.append(
            (_text(code), origin_x.value, origin_y.value, advance, size or advance or 1.0, max(angle, 0.0), bold)
        )
    return raw


def _text(code: int) -> str:
    character = "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
    if 0x2E80 <= code <= 0x2EFF:
        return character.translate(_RADICALS)
    if 0x2F00 <= code <= 0x2FDF or 0xF900 <= code <= 0xFAFF or 0xFB00 <= code <= 0xFB06:
        return unicodedata.normalize("NFKC", character)
    return character


def _quarter(angle: float) -> int:
    return round(angle / (math.pi / 2)) % 4


def _angle_difference(left: float, right: float) -> float:
    return (left - right + math.pi) % (2 * math.pi) - math.pi


def _main_turn(raw: Sequence[_Raw]) -> float:
    """Multiple of 90 degrees most characters are turned by (clockwise as PDFium counts)."""
    counts = [0, 0, 0, 0]
    for character in raw:
        counts[_quarter(character[5])] += 1
    return counts.index(max(counts)) * math.pi / 2


def _upright(x: float, y: float, turn: float, box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Distance from the left and from the top of the page as it is read."""
    left, bottom, right, top = box
    return (
        (x - left, top - y),
        (top - y, right - x),
        (right - x, y - bottom),
        (y - bottom, x - left),
    )[_quarter(turn)]


def segments_of(characters: Sequence[Character], page: int) -> list[Line]:
    """Rows of characters, cut at wide gaps, with spaces only where the page shows them."""
    segments: list[Line] = []
    for row in _rows(characters):
        parts: list[list[Character]] = []
        for character in row:
            if parts and character.left - _last_print(parts[-1]).right <= SEGMENT_GAP * max(character.size, 1.0):
                parts[-1].append(character)
            elif not character.space:
                parts.append([character])
        segments.extend(_segment(part, page) for part in parts)
    return segments


def _last_print(part: Sequence[Character]) -> Character:
    return next(character for character in reversed(part) if not character.space)


def _rows(characters: Sequence[Character]) -> list[list[Character]]:
    """Characters by baseline, each row from left to right, overprinted ones once."""
    rows: list[list[Character]] = []
    bases: list[float] = []
    for character in sorted(characters, key=lambda c: (c.base, c.left)):
        near = next(
            (
                i
                for i in range(len(rows) - 1, max(len(rows) - 4, -1), -1)
                if abs(bases[i] - character.base) < _tolerance(rows[i], character)
            ),
            None,
        )
        if near is None:
            rows.append([character])
            bases.append(character.base)
        else:
            rows[near].append(character)
    return [_without_overprint(sorted(row, key=lambda c: (c.left, c.right))) for row in rows]


def _tolerance(row: Sequence[Character], character: Character) -> float:
    """Raised and lowered small type stays in its row."""
    small, large = sorted((row[0].size, character.size))
    return (0.55 if small < 0.8 * large else 0.3) * large


def _without_overprint(row: Sequence[Character]) -> list[Character]:
    """Some programs print bold type by printing a character twice, a little apart."""
    kept: list[Character] = []
    for character in row:
        double = any(
            other.text == character.text and abs(other.left - character.left) < 0.25 * max(character.size, 1.0)
            for other in kept[-2:]
        )
        if not double or character.space:
            kept.append(character)
    return kept


def _segment(part: Sequence[Character], page: int) -> Line:
    printed = [character for character in part if not character.space]
    size = statistics.median(character.size for character in printed)
    gaps = [b.left - a.right for a, b in pairwise(printed) if is_wide(a.text) and is_wide(b.text)]
    usual = max(statistics.median(gaps), 0.0) if gaps else 0.0
    text = printed[0].text
    spaced = False
    before = printed[0]
    for character in part[1:]:
        if character.space:
            spaced = True
            continue
        if spaced or _shows_space(before, character, usual):
            text += " "
        text += character.text
        before, spaced = character, False
    base = statistics.median(character.base for character in printed)
    return Line(
        text=text,
        left=printed[0].left,
        right=max(character.right for character in printed),
        top=base - 0.88 * size,
        bottom=base + 0.12 * size,
        size=size,
        page=page,
        bold=all(character.bold for character in printed),
    )


def _shows_space(left: Character, right: Character, usual: float) -> bool:
    """Whether a gap is a space: programs set ideographs and Latin letters a little apart without one."""
    gap = (right.left - left.right - usual) / max(left.size, right.size, 1.0)
    wide = is_wide(left.text) + is_wide(right.text)
    return gap > (0.15 if wide == 0 else 0.28 if wide == 1 else 0.2)
