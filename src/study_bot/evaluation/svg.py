"""Plots as inline SVG, drawn with the reader's fonts and the colours of the page around them (classes, no values).

Every function returns one `<svg>` element. Labels are escaped here; numbers are those of the caller.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 16, 46
_PLOT_WIDTH, _PLOT_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

# Size of the small drawings that stand in a cell of a table.
_CELL_WIDTH, _CELL_HEIGHT = 160, 18


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name and its points, x rising. `style` is 1 or 2: colour and dash."""

    name: str
    points: Sequence[tuple[float, float]]
    style: int = 1


def columns(
    title: str, bars: Sequence[tuple[str, int]], *, x_title: str = "", muted: frozenset[str] = frozenset()
) -> str:
    """Upright bars of counts, each with its number; those named in `muted` are drawn as what went wrong."""
    top = max((count for _, count in bars), default=0) or 1
    slot = _PLOT_WIDTH / max(len(bars), 1)
    parts = [_line(_LEFT, _y(0), WIDTH - _RIGHT, _y(0), "axis")]
    for place, (label, count) in enumerate(bars):
        x = _LEFT + place * slot
        height = (_PLOT_HEIGHT - 14) * count / top
        kind = "bar bad" if label in muted else "bar"
        parts.append(
            f'<rect class="{kind}" x="{x + slot * 0.14:.1f}" y="{_y(0) - height:.1f}" width="{slot * 0.72:.1f}" '
            f'height="{height:.1f}" rx="2"/>'
        )
        middle = x + slot / 2
        parts.append(_text(middle, _y(0) - height - 4, str(count), "value", "middle"))
        parts.append(_text(middle, _y(0) + 15, label, "tick", "middle"))
    if x_title:
        parts.append(_text(_LEFT + _PLOT_WIDTH / 2, HEIGHT - 6, x_title, "axis-title", "middle"))
    return _svg(title, parts)


def curves(
    title: str,
    series: Sequence[Series],
    *,
    x_title: str,
    x_mark: tuple[float, str] | None = None,
    y_top: float = 1.0,
) -> str:
    """Lines over 0..1, with a legend above; `x_mark` is an upright line with a name. The y axis ends at `y_top`."""
    parts = _frame(x_title, y_top)
    if x_mark is not None:
        x = _x(x_mark[0])
        anchor = "end" if x_mark[0] > 0.6 else "start"
        parts.append(_line(x, _TOP, x, _y(0), "mark"))
        parts.append(_text(x + (-5 if anchor == "end" else 5), _TOP + 11, x_mark[1], "tick", anchor))
    for line in series:
        points = " ".join(f"{_x(x):.1f},{_y(min(y / y_top, 1)):.1f}" for x, y in line.points)
        parts.append(f'<polyline class="line s{line.style}" points="{points}"/>')
        if len(line.points) == 1:
            x, y = line.points[0]
            parts.append(f'<circle class="dot s{line.style}" cx="{_x(x):.1f}" cy="{_y(min(y / y_top, 1)):.1f}" r="4"/>')
    return _svg(title, parts)


def log_curve(title: str, points: Sequence[tuple[int, float]], *, x_title: str) -> str:
    """A line of shares over whole numbers from 1 on a logarithmic axis, each point named on it."""
    last = math.log(points[-1][0]) or 1.0
    placed = [(math.log(x) / last, y) for x, y in points]
    parts = []
    for step in range(5):
        share = step / 4
        parts.append(_line(_LEFT, _y(share), WIDTH - _RIGHT, _y(share), "grid" if step else "axis"))
        parts.append(_text(_LEFT - 6, _y(share) + 4, _percent(share), "tick", "end"))
    parts.append('<polyline class="line s1" points="' + " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in placed) + '"/>')
    for (name, _), (x, y) in zip(points, placed, strict=True):
        parts.append(f'<circle class="dot s1" cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="3"/>')
        parts.append(_text(_x(x), _y(0) + 15, str(name), "tick", "middle"))
    parts.append(_text(_LEFT + _PLOT_WIDTH / 2, HEIGHT - 6, x_title, "axis-title", "middle"))
    return _svg(title, parts)


def reliability(title: str, bins: Sequence[tuple[float, float, int]], *, x_title: str) -> str:
    """Points (confidence, accuracy, answers) against the diagonal of perfect calibration; area grows with answers."""
    most = max((count for _, _, count in bins), default=1)
    parts = [*_frame(x_title, 1.0), _line(_x(0), _y(0), _x(1), _y(1), "mark")]
    points = " ".join(f"{_x(confidence):.1f},{_y(accuracy):.1f}" for confidence, accuracy, _ in bins)
    parts.append(f'<polyline class="line s1 thin" points="{points}"/>')
    for confidence, accuracy, count in bins:
        radius = 3 + 7 * math.sqrt(count / most)
        words = html.escape(f"置信度 {confidence:.2f}，正确 {accuracy:.2f}，{count} 题")
        parts.append(
            f'<circle class="dot s1" cx="{_x(confidence):.1f}" cy="{_y(accuracy):.1f}" r="{radius:.1f}">'
            f"<title>{words}</title></circle>"
        )
    return _svg(title, parts)


def share_bar(value: float, low: float | None = None, high: float | None = None, *, bad: bool = False) -> str:
    """A bar of 0..1 for a table cell, with a whisker from `low` to `high` if given."""
    parts = [
        _rect("track", 0, 5, _CELL_WIDTH, 8),
        _rect("bar bad" if bad else "bar", 0, 5, _CELL_WIDTH * min(max(value, 0), 1), 8),
    ]
    if low is not None and high is not None:
        left, right = (_CELL_WIDTH * min(max(end, 0), 1) for end in (low, high))
        parts += [_line(left, 9, right, 9, "whisker"), _line(left, 4, left, 14, "whisker")]
        parts.append(_line(right, 4, right, 14, "whisker"))
    return _cell(parts)


def interval(low: float, middle: float, high: float, reach: float, kind: str) -> str:
    """An interval around 0 for a table cell, the axis running from `-reach` to `reach`; `kind`: good, bad or same."""

    def place(value: float) -> float:
        return _CELL_WIDTH * (0.5 + 0.48 * max(min(value / reach, 1), -1)) if reach else _CELL_WIDTH / 2

    parts = [
        _line(_CELL_WIDTH / 2, 0, _CELL_WIDTH / 2, _CELL_HEIGHT, "axis"),
        _line(place(low), 9, place(high), 9, f"range {kind}"),
        f'<circle class="point {kind}" cx="{place(middle):.1f}" cy="9" r="4"/>',
    ]
    return _cell(parts)


def thirds(better: int, same: int, worse: int) -> str:
    """How many questions got better, stayed and got worse, as parts of one bar for a table cell."""
    total = better + same + worse or 1
    widths = [_CELL_WIDTH * count / total for count in (better, same, worse)]
    parts = []
    x = 0.0
    for kind, width in zip(("good", "track", "bad"), widths, strict=True):
        parts.append(_rect(f"bar {kind}" if kind != "track" else "track", x, 4, width, 10))
        x += width
    return _cell(parts)


def histogram(values: Sequence[float], most: int = 9) -> list[tuple[str, int]]:
    """Counts of `values` (>= 0) in steps of a round width, at most `most` of them; what is beyond goes in the last.

    Labels are the lower ends of the steps; that of the last ends in `+` when the step is open.
    """
    if not values:
        return []
    ordered = sorted(values)
    reach = ordered[min(math.ceil(0.99 * len(ordered)), len(ordered)) - 1]
    step = _round_step(max(reach, 1e-9) / most)
    steps = min(int(reach / step) + 1, most)
    counts = [0] * steps
    for value in values:
        counts[min(int(value / step), steps - 1)] += 1
    open_end = ordered[-1] >= steps * step
    return [
        (f"{place * step:g}" + ("+" if open_end and place == steps - 1 else ""), count)
        for place, count in enumerate(counts)
    ]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, … times a power of ten that is at least `least`."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _frame(x_title: str, y_top: float) -> list[str]:
    """Axes from 0 to 1 and from 0 to `y_top`, with a grid."""
    parts = []
    for step in range(5):
        share = step / 4
        parts.append(_line(_LEFT, _y(share), WIDTH - _RIGHT, _y(share), "grid" if step else "axis"))
        parts.append(_text(_LEFT - 6, _y(share) + 4, _percent(share * y_top), "tick", "end"))
        parts.append(_text(_x(share), _y(0) + 15, f"{share:g}", "tick", "middle"))
    parts.append(_text(_LEFT + _PLOT_WIDTH / 2, HEIGHT - 6, x_title, "axis-title", "middle"))
    return parts


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _x(value: float) -> float:
    return _LEFT + _PLOT_WIDTH * value


def _y(value: float) -> float:
    return _TOP + _PLOT_HEIGHT * (1 - value)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="2"/>'


def _text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )


def _cell(parts: Sequence[str]) -> str:
    """A drawing that repeats the numbers beside it, so readers of the screen skip it."""
    return f'<svg class="cell" viewBox="0 0 {_CELL_WIDTH} {_CELL_HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'
