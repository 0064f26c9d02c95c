"""Lines to paragraphs by indent, line width, spacing and type size: the same rules for PDF text and scans."""

from __future__ import annotations

import bisect
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.library.loaders.blocks import ARTICLE_START, SECTION_START, ends_sentence
from study_bot.library.loaders.page_columns import Frame
from study_bot.library.loaders.page_lines import Line, join_all, units
from study_bot.library.loaders.plain import is_wide

INDENT = 1.2
"""Ideographs by which a first line stands in from the margin, at least. Chinese text uses two."""

MIN_OWN_LINES = 5
"""Lines a frame must have for its own margins to be seen."""

MIN_MEASURED_LINES = 8
"""Lines of a frame whose width counts as the measure of its side."""

ROOM = 3.2
"""Ideographs left free at the end of a line that mean it was broken on purpose."""

_DIVISION = re.compile(r"^第\s*[零〇一二三四五六七八九十百千0-9０-９]+\s*(?:编|分编|章|节)")

MAX_DIVISION_CHARS = 40
"""A longer line that begins with 第…章 is part of a sentence."""

_FIRST_WORD = re.compile(r"^[A-Za-z0-9.,:/\-]+")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together, across columns and pages."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The lines joined."""
        return join_all(self.lines)


@dataclass(frozen=True, slots=True)
class _Setting:
    """How a document is set: body size, whether first lines are indented, distance of lines and paragraphs."""

    size: float
    indented: bool
    pitch: float
    spaced: bool


@dataclass(frozen=True, slots=True)
class _Margins:
    left: float
    right: float

    @property
    def width(self) -> float:
        """The measure: from margin to margin."""
        return self.right - self.left


def paragraphs_of(frames: Sequence[Frame]) -> list[Paragraph]:
    """Group the lines of a document, given in reading order."""
    frames = [frame for frame in frames if frame.lines]
    if not frames:
        return []
    margins = _margins(frames)
    setting = _setting(frames, margins)
    groups: list[list[Line]] = []
    previous: Line | None = None
    previous_margins = margins[0]
    previous_frame: Frame | None = None
    for frame, margin in zip(frames, margins, strict=True):
        for line in frame.lines:
            same_frame = frame is previous_frame
            if previous is None or _starts(line, margin, previous, previous_margins, setting, same_frame):
                groups.append([line])
            else:
                groups[-1].append(line)
            previous, previous_margins, previous_frame = line, margin, frame
    return [Paragraph(tuple(group)) for group in groups]


def body_size(lines: Sequence[Line]) -> float:
    """Size of most characters."""
    counts: Counter[float] = Counter()
    for line in lines:
        counts[round(line.size * 2) / 2] += len(line.text)
    return max(counts, key=lambda size: counts[size])


def _margins(frames: Sequence[Frame]) -> list[_Margins]:
    """Margins of every frame: its own where its lines show them, those of its side of the document elsewhere."""
    size = body_size([line for frame in frames for line in frame.lines])
    shared: dict[str, _Margins] = {}
    for side in {frame.side for frame in frames}:
        lines = [line for frame in frames if frame.side == side for line in frame.lines]
        shared[side] = _Margins(_left_edge(lines, size), _right_edge(lines, size))
    widths: dict[str, list[float]] = {}
    own = [_Margins(_left_edge(frame.lines, size), _right_edge(frame.lines, size)) for frame in frames]
    for frame, found in zip(frames, own, strict=True):
        if len(frame.lines) >= MIN_MEASURED_LINES:
            widths.setdefault(frame.side, []).append(found.width)
    measures = {side: statistics.median(values) for side, values in widths.items()}
    result = []
    for frame, found in zip(frames, own, strict=True):
        common = shared[frame.side]
        if len(frame.lines) < MIN_OWN_LINES:
            result.append(common)
            continue
        # Even and odd pages may be shifted against each other: the measure stays the same.
        shifted = abs(found.width - measures.get(frame.side, 0.0)) < size
        left = found.left if shifted or found.left - common.left < size else common.left
        right = found.right if shifted or common.right - found.right < 2.5 * size else common.right
        result.append(_Margins(left, right))
    return result


def _left_edge(lines: Sequence[Line], size: float) -> float:
    """The leftmost edge that several lines share."""
    needed = max(2, round(0.06 * len(lines)))
    edges = sorted(line.left for line in lines)
    for index, edge in enumerate(edges):
        near = edges[index : bisect.bisect_left(edges, edge + 0.6 * size, index)]
        if len(near) >= needed:
            return statistics.median(near)
    return edges[0]


def _right_edge(lines: Sequence[Line], size: float) -> float:
    """The rightmost edge that several lines reach, punctuation and all."""
    needed = max(2, round(0.06 * len(lines)))
    edges = sorted(line.right for line in lines)
    for index in range(len(edges) - 1, -1, -1):
        if index + 1 - bisect.bisect_right(edges, edges[index] - 1.2 * size, 0, index + 1) >= needed:
            return edges[index]
    return edges[-1]


def _setting(frames: Sequence[Frame], margins: Sequence[_Margins]) -> _Setting:
    size = body_size([line for frame in frames for line in frame.lines])
    indents = 0
    total = 0
    steps: list[float] = []
    for frame, margin in zip(frames, margins, strict=True):
        for line in frame.lines:
            total += 1
            indents += INDENT * size <= line.left - margin.left <= 3.0 * size and line.right > margin.right - 12 * size
        pairs = zip(frame.lines, frame.lines[1:], strict=False)
        steps.extend(b.middle - a.middle for a, b in pairs if abs(a.size - b.size) < 0.15 * size)
    steps = [step for step in steps if 0 < step < 4 * size]
    pitch = statistics.quantiles(steps, n=10)[2] if len(steps) > 4 else 1.6 * size
    wide = sum(1 for step in steps if step > 1.3 * pitch)
    return _Setting(size, indents >= max(2, 0.06 * total), pitch, wide >= max(2, 0.1 * len(steps)))


def _is_centred(line: Line, margin: _Margins, setting: _Setting) -> bool:
    """Whether a line stands in the middle. An indented first line that ends early must not pass for centred."""
    before, after = line.left - margin.left, margin.right - line.right
    least = (2.7 if setting.indented and line.size < 1.12 * setting.size else 1.5) * setting.size
    return before > least and after > least and abs(before - after) < max(1.2 * setting.size, 0.04 * line.width)


def _is_symmetric(line: Line, margin: _Margins, size: float) -> bool:
    return abs((line.left - margin.left) - (margin.right - line.right)) < 0.4 * size


def _starts(
    line: Line, margin: _Margins, previous: Line, previous_margin: _Margins, setting: _Setting, same_frame: bool
) -> bool:
    """Whether `line` opens a paragraph, given the line before it."""
    size = setting.size
    if line.cells >= 3 or previous.cells >= 3 or line.table or previous.table:
        return True
    if abs(line.size - previous.size) > 0.16 * max(line.size, previous.size) and not _is_mark(line, previous):
        return True
    if ARTICLE_START.match(line.text) and _is_division(previous):
        return True
    gap = (line.middle - previous.middle) / setting.pitch if same_frame else 1.0
    full = previous.right > previous_margin.right - ROOM * size - _first_word_width(line)
    ended = ends_sentence(previous.text)
    if previous.size > 1.12 * size:  # display type: a title in two lines
        return gap > 1.6 * previous.size / size or not (full or _is_centred(previous, previous_margin, setting))
    centred, after_centred = _is_centred(line, margin, setting), _is_centred(previous, previous_margin, setting)
    if centred or after_centred:
        wraps = full or previous.width > 0.85 * previous_margin.width
        return not (centred and wraps and gap < 1.3 and not ended)
    if same_frame and gap > (1.3 if setting.spaced else 1.9):
        return True
    if setting.indented and line.left - margin.left > INDENT * size:
        # A block set in as a whole: its lines begin where the line before begins, and run on.
        runs_on = abs(line.left - previous.left) < 0.3 * size
        # Two centred lines, the first filling the measure.
        runs_on = runs_on or (_is_symmetric(line, margin, size) and _is_symmetric(previous, previous_margin, size))
        return not (runs_on and full and not ended and same_frame and not SECTION_START.match(line.text))
    if not full:
        return True
    if ended and (ARTICLE_START.match(line.text) or (SECTION_START.match(line.text) and not setting.indented)):
        return True
    return not same_frame and ended and setting.spaced and not setting.indented


def _is_mark(line: Line, previous: Line) -> bool:
    """A footnote mark in small type does not end a paragraph."""
    return len(min(line, previous, key=lambda one: one.size).text) <= 2


def _is_division(line: Line) -> bool:
    """A heading such as 第二章 总则: the article after it is never its second line."""
    return bool(_DIVISION.match(line.text)) and len(line.text) <= MAX_DIVISION_CHARS and not ends_sentence(line.text)


def _first_word_width(line: Line) -> float:
    """Width of what could not be broken off onto the line before."""
    word = _FIRST_WORD.match(line.text)
    if word is None:
        return 0.0 if line.text[:1] and is_wide(line.text[0]) else line.size
    return units(word[0]) * line.size
