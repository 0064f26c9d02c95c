"""Automatic numbering of Word documents, resolved to the text a reader sees (第十二条, （三）, 1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from lxml import etree

from study_bot.library.loaders.numerals import format_number

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LEVELS = 9

_PLACEHOLDER = re.compile(r"%([1-9])")
# After these no space is wanted between number and text, as in typed documents.
_CLOSED = re.compile(r"[）、．】》：，]$")


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a list. `text` has placeholders %1..%9; `restart` None = after any higher level, 0 = never."""

    start: int = 1
    format: str = "decimal"
    text: str = ""
    suffix: str = "tab"
    restart: int | None = None
    style: str = ""
    legal: bool = False


@dataclass(slots=True)
class _List:
    """A list definition with its running counters; None = the level has not begun."""

    levels: dict[int, Level]
    counters: list[int | None] = field(default_factory=lambda: [None] * LEVELS)


@dataclass(frozen=True, slots=True)
class _Instance:
    """A use of a definition (w:num): its own levels and starts where it overrides them."""

    key: int
    levels: dict[int, Level]
    starts: dict[int, int]


@dataclass(frozen=True, slots=True)
class Label:
    """The resolved number of one paragraph. `text` is "" for bullets."""

    text: str
    bullet: bool
    separator: str = " "

    def put_before(self, paragraph: str) -> str:
        """The paragraph as the reader sees it."""
        return f"{self.text}{self.separator}{paragraph}" if self.text else paragraph


class Numbering:
    """Counts through a document. `next_label` must be called once for every numbered paragraph, in order."""

    def __init__(self, root: etree._Element | None) -> None:
        self._lists: dict[int, _List] = {}
        self._instances: dict[int, _Instance] = {}
        self._started: set[tuple[int, int]] = set()
        if root is not None:
            self._read(root)

    def _read(self, root: etree._Element) -> None:
        by_style: dict[str, int] = {}
        links: dict[int, str] = {}
        for element in root.iterchildren(f"{W}abstractNum"):
            key = integer(element.get(f"{W}abstractNumId"), -1)
            self._lists[key] = _List(dict(map(_level, element.iterchildren(f"{W}lvl"))))
            if name := value(element.find(f"{W}styleLink")):
                by_style[name] = key
            if name := value(element.find(f"{W}numStyleLink")):
                links[key] = name
        for key, name in links.items():
            if name in by_style:
                self._lists[key] = self._lists[by_style[name]]
        for element in root.iterchildren(f"{W}num"):
            self._read_instance(element)

    def _read_instance(self, element: etree._Element) -> None:
        levels, starts = {}, {}
        for override in element.iterchildren(f"{W}lvlOverride"):
            index = integer(override.get(f"{W}ilvl"), 0)
            if (own := override.find(f"{W}lvl")) is not None:
                levels[index] = _level(own)[1]
            start = override.find(f"{W}startOverride")
            if start is not None:
                starts[index] = integer(value(start), 1)
        key = integer(value(element.find(f"{W}abstractNumId")), -1)
        self._instances[integer(element.get(f"{W}numId"), -1)] = _Instance(key, levels, starts)

    def level_of_style(self, number: int, style: str) -> int:
        """The level a paragraph style is tied to in list `number`; 0 if none is."""
        instance = self._instances.get(number)
        definition = self._lists.get(instance.key) if instance else None
        if definition is None:
            return 0
        return next((i for i, level in definition.levels.items() if level.style == style), 0)

    def next_label(self, number: int, index: int) -> Label | None:
        """Advance list `number` at level `index` (0-based) and write its label; None if there is no such list."""
        instance = self._instances.get(number)
        definition = self._lists.get(instance.key) if instance else None
        if instance is None or definition is None or not 0 <= index < LEVELS:
            return None
        levels = definition.levels | instance.levels
        level = levels.get(index, Level())
        counters = definition.counters
        self._advance(counters, number, index, instance, level)
        for deeper in range(index + 1, LEVELS):
            restart = levels.get(deeper, Level()).restart
            if restart is None or 0 < index + 1 <= restart:
                counters[deeper] = None
        return Label(
            text=_PLACEHOLDER.sub(
                lambda match: _counter(counters, levels, int(match[1]) - 1, level), level.text
            ).strip()
            if level.format != "bullet"
            else "",
            bullet=level.format == "bullet",
            separator="" if level.suffix == "nothing" or _CLOSED.search(level.text) else " ",
        )

    def _advance(self, counters: list[int | None], number: int, index: int, instance: _Instance, level: Level) -> None:
        current = counters[index]
        if index in instance.starts and (number, index) not in self._started:
            counters[index] = instance.starts[index]
        elif current is None:
            counters[index] = instance.starts.get(index, level.start)
        else:
            counters[index] = current + 1
        self._started.add((number, index))


def _counter(counters: list[int | None], levels: dict[int, Level], index: int, shown: Level) -> str:
    level = levels.get(index, Level())
    count = counters[index]
    legal = shown.legal and level.format != "decimal"
    return format_number(level.start if count is None else count, "decimal" if legal else level.format)


def _level(element: etree._Element) -> tuple[int, Level]:
    restart = value(element.find(f"{W}lvlRestart"))
    level = Level(
        start=integer(value(element.find(f"{W}start")), 1),
        format=_format(element),
        text=value(element.find(f"{W}lvlText")) or "",
        suffix=value(element.find(f"{W}suff")) or "tab",
        style=value(element.find(f"{W}pStyle")) or "",
        legal=element.find(f"{W}isLgl") is not None,
    )
    if restart is not None:
        level = replace(level, restart=integer(restart, 0))
    return integer(element.get(f"{W}ilvl"), 0), level


def _format(element: etree._Element) -> str:
    """The numbering format; newer ones hide in mc:AlternateContent as a custom format."""
    found = next((node for node in element.iter(f"{W}numFmt")), None)
    return value(found) or "decimal"


def value(element: etree._Element | None) -> str | None:
    """The w:val attribute, None if the element or the attribute is absent."""
    return None if element is None else element.get(f"{W}val")


def integer(text: str | None, default: int) -> int:
    """A number of an attribute; `default` where there is none or it is no number."""
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default
