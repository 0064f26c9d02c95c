"""Text recognition of scanned pages with rapidocr, whose models travel in its package."""

from __future__ import annotations

import functools
import importlib
import math
import os
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from study_bot.library.loaders.blocks import ARTICLE_START
from study_bot.library.loaders.page_lines import Line, Page, units

INSTALL_HINT = "pip install 'study-bot[ocr]'"

MAX_SIDE = 2600
"""Pixels of the longer side of a page image."""

SCALE = 2.0
"""Pixels per point: 144 dpi reads as well as 300 and is several times faster."""

POOR_SCORE = 0.75
"""Mean confidence below which the page may stand on its head."""

MIN_SCORE = 0.5
"""Confidence below which a recognised line is a smudge."""

SIZE_NOISE = 0.22
"""Share by which the height or the width of a recognised line varies without another type size behind it."""

_BRACKETS = str.maketrans({"(": "（", ")": "）", ",": "，", ";": "；", ":": "："})
_HALF_WIDTH = re.compile(
    r"(?<=[\u4e00-\u9fff）》”])[(),;:](?![0-9A-Za-z])|(?<![0-9A-Za-z])[(),;:](?=[\u4e00-\u9fff《“])"
)


@functools.lru_cache(maxsize=1)
def is_available() -> bool:
    """Whether rapidocr and the engine it runs on are installed and can be loaded (system libraries may be missing)."""
    try:
        importlib.import_module("onnxruntime")
        importlib.import_module("rapidocr")
    except (ImportError, OSError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Box:
    """One recognised line: its four corners as (x, y) pixels from the top left, clockwise."""

    corners: tuple[tuple[float, float], ...]
    text: str
    score: float

    @property
    def tilt(self) -> float:
        """Radians the upper edge falls to the right."""
        (x0, y0), (x1, y1) = self.corners[0], self.corners[1]
        return math.atan2(y1 - y0, x1 - x0)

    @property
    def length(self) -> float:
        """Pixels along the upper edge."""
        (x0, y0), (x1, y1) = self.corners[0], self.corners[1]
        return math.hypot(x1 - x0, y1 - y0)


@functools.lru_cache(maxsize=1)
def _engine(threads: int) -> Any:
    """One engine per process: it holds a hundred megabytes."""
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": MAX_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def image_scale(width: float, height: float) -> float:
    """Pixels per point at which a page of this size (points) is rendered."""
    longest = max(width, height, 1.0)
    return min(max(SCALE, 1600 / longest), MAX_SIDE / longest, 4.0)


def recognise(image: Any, scale: float, number: int, threads: int = 0) -> tuple[Page, float]:
    """Recognise a page image.

    :param image: BGR array (height, width, 3), `scale` pixels per point.
    :param number: page number of the lines.
    :return: the page in points, and the mean confidence 0..1 (1.0 for an empty page).
    """
    engine = _engine(threads or os.cpu_count() or 1)
    boxes, turned = _read_upright(engine, image)
    height, width = turned.shape[0] / scale, turned.shape[1] / scale
    lines = _lines(boxes, scale, number, turned.shape[1] / 2, turned.shape[0] / 2)
    score = statistics.fmean(box.score for box in boxes) if boxes else 1.0
    return Page(number, width, height, tuple(lines), ocr=True), score


def _read_upright(engine: Any, image: Any) -> tuple[list[_Box], Any]:
    """Boxes and the image they belong to; other turns of the page are tried when the first reads badly."""
    import numpy as np

    boxes = _read(engine, image)
    tall = sum(1 for box in boxes if _height(box) > 1.5 * box.length and len(box.text) > 1)
    turns: tuple[int, ...] = (1, 3) if boxes and tall > 0.5 * len(boxes) else ()
    if not turns and boxes and statistics.fmean(box.score for box in boxes) < POOR_SCORE:
        turns = (2,)
    best = (boxes, image)
    for turn in turns:
        other = np.ascontiguousarray(np.rot90(image, turn))
        found = _read(engine, other)
        if _worth(found) > _worth(best[0]):
            best = (found, other)
    return best


def _worth(boxes: Sequence[_Box]) -> float:
    """Well-read characters."""
    return sum(len(box.text) * box.score**4 for box in boxes)


def _height(box: _Box) -> float:
    (x0, y0), (x3, y3) = box.corners[0], box.corners[3]
    return math.hypot(x3 - x0, y3 - y0)


def _read(engine: Any, image: Any) -> list[_Box]:
    result = engine(image, use_cls=False)
    if result.txts is None or result.boxes is None:
        return []
    return [
        _Box(tuple((float(x), float(y)) for x, y in corners), text, float(score))
        for corners, text, score in zip(result.boxes, result.txts, result.scores, strict=True)
        if text.strip() and score >= MIN_SCORE
    ]


def _lines(boxes: Sequence[_Box], scale: float, number: int, centre_x: float, centre_y: float) -> list[Line]:
    """Boxes as lines, the slant of the sheet taken out."""
    long = [box for box in boxes if box.length > 4 * _height(box)] or list(boxes)
    slant = statistics.median(box.tilt for box in long) if long else 0.0
    cos, sin = math.cos(-slant), math.sin(-slant)
    sizes = [box.length / units(box.text) / scale for box in long if units(box.text) > 6]
    heights = [_height(box) / scale for box in long]
    # Type size from the length of long lines; a short one's is judged by its height against theirs.
    ratio = statistics.median(sizes) / statistics.median(heights) if sizes else 0.75
    usual = statistics.median(sizes) if sizes else None
    lines = []
    for box in boxes:
        xs, ys = [], []
        for x, y in box.corners:
            dx, dy = x - centre_x, y - centre_y
            xs.append((centre_x + dx * cos - dy * sin) / scale)
            ys.append((centre_y + dx * sin + dy * cos) / scale)
        top, bottom = (ys[0] + ys[1]) / 2, (ys[2] + ys[3]) / 2
        size = (bottom - top) * ratio
        measures = (size, box.length / units(box.text) / scale)
        if usual is not None and any(abs(measure - usual) < SIZE_NOISE * usual for measure in measures):
            size = usual
        lines.append(
            Line(
                text=repair(box.text),
                left=min(xs),
                right=max(xs),
                top=top,
                bottom=bottom,
                size=size,
                page=number,
            )
        )
    return lines


def repair(text: str) -> str:
    """Half-width punctuation that recognition puts between ideographs made full-width again."""
    return _HALF_WIDTH.sub(lambda match: match[0].translate(_BRACKETS), text)


def restore_space(text: str) -> str:
    """The space after 第N条 or 第N章 at the start of a block, which recognition loses."""
    match = ARTICLE_START.match(text)
    if match is None or match.end() >= len(text) or text[match.end()] == " ":
        return text
    return f"{text[: match.end()]} {text[match.end() :]}"
