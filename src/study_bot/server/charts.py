"""Drawings of figures. The SVG holds no text and stretches to its box; words stand beside it in HTML, at their size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Column:
    """A column of two parts, the lower one first; `words` say what it shows."""

    label: str
    low: int
    high: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns drawn: the drawing, the end of its scale and the labels below it; `each` = one for every column."""

    drawing: Markup
    top: int
    labels: tuple[str, ...]
    each: bool = False


def columns(title: str, found: Sequence[Column], *, labels: int = 5) -> Chart:
    """Columns over a common scale that ends at a round number.

    :param labels: at most so many labels, spread evenly, first and last among them.
    """
    top = round_up(max((column.low + column.high for column in found), default=0))
    slot = 10
    parts = [
        Markup('<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>').format(slot * len(found), y, y)
        for y in (0, 50, 100)
    ]
    for place, column in enumerate(found):
        low, high = (100 * part / top for part in (column.low, column.high))
        parts.append(
            Markup('<g><title>{}</title><rect class="catch" x="{}" y="0" width="{}" height="100"/>').format(
                column.words, place * slot, slot
            )
        )
        if column.low:
            parts.append(_rect("bar", place * slot, 100 - low, low))
        if column.high:
            parts.append(_rect("bar-2", place * slot, 100 - low - high, high))
        parts.append(Markup("</g>"))
    drawing = Markup(
        '<svg class="chart columns" viewBox="0 0 {} 100" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(max(slot * len(found), 1), title, Markup("").join(parts))
    return Chart(drawing, top, spread([column.label for column in found], labels), len(found) <= labels)


def round_up(count: int) -> int:
    """The smallest of 1, 2, 4, 5, 10, 20, … that is at least `count`, so that half of it is a label too."""
    if count <= 2:
        return 2
    power = 10 ** math.floor(math.log10(count))
    return next(int(step * power) for step in (1, 2, 4, 6, 8, 10) if step * power >= count)


def spread(labels: Sequence[str], most: int) -> tuple[str, ...]:
    """At most so many labels at even distances, the first and the last among them."""
    if len(labels) <= most:
        return tuple(labels)
    return tuple(labels[round(i * (len(labels) - 1) / (most - 1))] for i in range(most))


def _rect(kind: str, x: float, y: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.2f}" width="7" height="{:.2f}"/>').format(kind, x + 1.5, y, height)
