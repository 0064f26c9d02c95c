"""款 and 项 as a question names them after an article, or alone."""

from __future__ import annotations

import re

from study_bot.text import NUMBER, parse_number

Part = tuple[int | None, int | None]
"""Clause (款) and item (项), 1-based; None = not named."""

_S = r"[ \u3000]*"
_ONE = rf"第?{_S}[（(]?{_S}{NUMBER}{_S}[）)]?"
_STEP = re.compile(
    rf"{_S}(?P<joint>[、,，及和与或至到—~～-]|以及)?{_S}的?"
    rf"(?P<numbers>{_ONE}(?:{_S}[、,，及和与至到—~～-]{_S}{_ONE})*){_S}(?P<unit>款|项)(?!目)"
)
_NUMBER = re.compile(rf"(?P<range>[至到—~～-])?{_S}第?{_S}[（(]?{_S}(?P<number>{NUMBER})")
_ALONE = re.compile(rf"第{_S}[（(]?{_S}{NUMBER}{_S}[）)]?{_S}[款项](?!目)|(?<![零一二三四五六七八九十百\d]){NUMBER}款")
# 第一款至第九款 is spelled out up to this many.
_MAX_RANGE = 30


def read_parts(text: str, position: int) -> list[Part]:
    """The parts named from `position` on, in order: 第一款和第三款, 第二款第（一）至（三）项. [] if none are."""
    parts: list[Part] = []
    clause: int | None = None
    while match := _STEP.match(text, position):
        numbers = _numbers(match, parts)
        if match["unit"] == "款":
            parts += [(number, None) for number in numbers]
            clause = numbers[-1] if numbers else clause
        else:
            if match["joint"] is None and parts and parts[-1] == (clause, None):
                parts.pop()
            parts += [(clause, number) for number in numbers]
        position = match.end()
    return list(dict.fromkeys(parts))


def find_lone_parts(text: str) -> list[Part]:
    """The parts named in a question that names no article (那第二款呢)."""
    first = _ALONE.search(text)
    return read_parts(text, first.start()) if first else []


def _numbers(match: re.Match[str], before: list[Part]) -> list[int]:
    """The numbers of one step, ranges spelled out; one that opens with 至 goes on from the step before."""
    numbers: list[int] = []
    if match["joint"] in tuple("至到—~～-") and before:
        numbers = [n for n in (before[-1][0 if match["unit"] == "款" else 1],) if n]
    continued = bool(numbers)
    for found in _NUMBER.finditer(match["numbers"]):
        value = parse_number(found["number"])
        if not value:
            continue
        if numbers and (found["range"] or (continued and len(numbers) == 1)):
            numbers += range(numbers[-1] + 1, min(value, numbers[-1] + _MAX_RANGE))
        numbers.append(value)
    return numbers
