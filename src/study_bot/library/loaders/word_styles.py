"""Paragraph styles of Word documents: outline level, numbering, size and weight, inherited through `basedOn`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from study_bot.library.loaders.word_numbering import W, integer, value

_HEADING_NAME = re.compile(r"^(?:heading|标题)\s*([1-9])$", re.IGNORECASE)
_TITLE_NAMES = frozenset(("title", "标题", "文档标题"))
_CONTENTS_NAME = re.compile(r"^(?:toc|目录)\s*\d*$|^table of figures$", re.IGNORECASE)

_TRUE = ("1", "true", "on")

DEFAULT_SIZE = 21.0
"""Half-points: 五号, Word's default for Chinese."""


@dataclass(frozen=True, slots=True)
class Style:
    """What matters of a paragraph style. `outline` 1..9 for headings, 0 for the title, None for text.

    `number_style` is the id of the style that `number` comes from, its own or one it is based on.
    """

    outline: int | None = None
    contents: bool = False
    number: int | None = None
    number_style: str = ""
    level: int | None = None
    size: float = DEFAULT_SIZE
    bold: bool = False


class Styles:
    """Styles by id; an unknown id is the default paragraph style."""

    def __init__(self, root: etree._Element | None) -> None:
        self._elements: dict[str, etree._Element] = {}
        self._resolved: dict[str, Style] = {}
        self._default_id = ""
        self._base = Style()
        if root is None:
            return
        size = root.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr/{W}sz")
        self._base = Style(size=float(integer(value(size), int(DEFAULT_SIZE))))
        for element in root.iterchildren(f"{W}style"):
            if element.get(f"{W}type") == "paragraph":
                name = element.get(f"{W}styleId", "")
                self._elements[name] = element
                if element.get(f"{W}default") in _TRUE:
                    self._default_id = name

    def get(self, name: str | None) -> Style:
        """The resolved style of that id."""
        key = name if name in self._elements else self._default_id
        return self._resolve(key or "", frozenset())

    def _resolve(self, key: str, seen: frozenset[str]) -> Style:
        if key in self._resolved:
            return self._resolved[key]
        element = self._elements.get(key)
        if element is None or key in seen or len(seen) > 50:
            return self._base
        base = self._resolve(value(element.find(f"{W}basedOn")) or "", seen | {key})
        self._resolved[key] = style = _own(element, base)
        return style


def _own(element: etree._Element, base: Style) -> Style:
    name = (value(element.find(f"{W}name")) or "").strip().lower()
    outline = base.outline
    level = value(element.find(f"{W}pPr/{W}outlineLvl"))
    if named := _HEADING_NAME.match(name):
        outline = int(named[1])
    elif name in _TITLE_NAMES:
        outline = 0
    elif level is not None:
        outline = integer(level, 9) + 1 if integer(level, 9) < 9 else None
    number = value(element.find(f"{W}pPr/{W}numPr/{W}numId"))
    depth = value(element.find(f"{W}pPr/{W}numPr/{W}ilvl"))
    size = value(element.find(f"{W}rPr/{W}sz"))
    bold = element.find(f"{W}rPr/{W}b")
    return Style(
        outline=outline,
        contents=base.contents or bool(_CONTENTS_NAME.match(name)),
        number=integer(number, 0) if number is not None else base.number,
        number_style=element.get(f"{W}styleId", "") if number is not None else base.number_style,
        level=integer(depth, 0) if depth is not None else base.level,
        size=float(integer(size, int(base.size))),
        bold=base.bold if bold is None else is_on(value(bold)),
    )


def is_on(setting: str | None) -> bool:
    """Whether a switch element such as w:b is on, by its w:val; None (no value) means on."""
    return setting is None or setting.lower() in _TRUE
