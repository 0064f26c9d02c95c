"""A web page as a flat list of pieces of text, with what is needed to tell the article from its surroundings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from study_bot.library.loaders.blocks import SECTION_START
from study_bot.library.loaders.tables import Row

Node = Any
"""A selectolax node; the package has no type information."""

_DROPPED_TAGS = {
    "script", "style", "noscript", "template", "iframe", "svg", "nav", "aside", "footer", "button", "input",
    "select", "textarea", "object", "head", "link", "meta",
}  # fmt: skip
_BLOCK_TAGS = {
    "address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend",
    "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead",
    "title", "tr", "ul",
}  # fmt: skip
_BOLD_TAGS = frozenset(("b", "strong", "h1", "h2", "h3", "h4", "h5", "h6"))

# Words in a class or id that name what surrounds an article.
_BOILERPLATE_WORDS = {
    "nav", "navbar", "navigation", "menu", "crumb", "crumbs", "breadcrumb", "breadcrumbs", "side", "sidebar",
    "sidenav", "aside", "foot", "footer", "copyright", "share", "sharing", "related", "recommend", "comment",
    "comments", "login", "search", "toolbar", "pager", "pagination", "prenext", "banner", "hot", "rank",
    "ranking", "logo", "topbar", "qrcode", "weixin", "xgyd", "location", "dqwz", "daohang", "dibu",
    "friendlink",
}  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BROKEN_LINE = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef])[ \t]*[\r\n]\s*(?=[\u2e80-\u9fff\uff00-\uffef])")

MAX_SPAN = 200
"""Columns or rows a cell may claim to cover."""

MAX_CELL_PARTS = 8
"""A cell with more paragraphs and lists in it is a part of the page, not a value."""


@dataclass(slots=True)
class Element:
    """An element of the page. `weight` is the amount of article-like text in it; filled in by the caller."""

    parent: int
    tag: str
    boilerplate: bool
    weight: float = 0.0


@dataclass(slots=True)
class Piece:
    """Text between two block boundaries. `linked` and `bold` count its characters inside links and bold type."""

    text: str
    element: int
    tag: str
    linked: int = 0
    bold: int = 0
    number: str = ""
    rows: list[Row] = field(default_factory=list)
    header_rows: int | None = None


class PageWalker:
    """Walks a page once, without recursion: a hostile page may nest a hundred thousand elements."""

    def __init__(self, root: Node) -> None:
        self.elements: list[Element] = []
        self.pieces: list[Piece] = []
        self._text: list[str] = []
        self._linked = self._bold = 0
        self._numbers: list[int | None] = []
        self._pending_number = ""
        self._walk(root)

    def _walk(self, root: Node) -> None:
        # (node, element index, inside a link, inside bold, inside pre, closing)
        stack: list[tuple[Node, int, bool, bool, bool, bool]] = [(root, -1, False, False, False, False)]
        while stack:
            node, parent, link, bold, pre, closing = stack.pop()
            if closing:
                self._close(node.tag, parent)
            elif node.is_text_node:
                self._add_text(node.text_content or "", parent, link, bold, pre)
            elif node.is_element_node and not _is_hidden(node):
                tag = node.tag
                if tag == "br":
                    self._flush(parent)
                    continue
                index = self._open(node, tag, parent)
                if tag == "table" and (rows := _data_rows(node)) is not None:
                    self._add_table(node, rows, index)
                    continue
                link, bold, pre = link or tag == "a", bold or tag in _BOLD_TAGS, pre or tag == "pre"
                stack.append((node, index, link, bold, pre, True))
                stack.extend((child, index, link, bold, pre, False) for child in reversed(list(children(node))))
        self._flush(0)

    def _open(self, node: Node, tag: str, parent: int) -> int:
        if tag in _BLOCK_TAGS:
            self._flush(parent)
        if tag in ("ol", "ul"):
            self._numbers.append(_start_of(node) if tag == "ol" else None)
        elif tag == "li" and self._numbers and self._numbers[-1] is not None:
            self._pending_number = f"{self._numbers[-1]}. "
            self._numbers[-1] += 1
        above = self.elements[parent] if parent >= 0 else None
        self.elements.append(Element(parent, tag, (above is not None and above.boilerplate) or _is_named_so(node)))
        return len(self.elements) - 1

    def _close(self, tag: str, index: int) -> None:
        if tag in _BLOCK_TAGS:
            self._flush(index)
        if tag in ("ol", "ul") and self._numbers:
            self._numbers.pop()

    def _add_text(self, text: str, element: int, link: bool, bold: bool, pre: bool) -> None:
        if pre:
            for line in text.splitlines():
                self._text.append(line)
                self._flush(element)
            return
        self._text.append(text)
        size = len("".join(text.split()))
        self._linked += size * link
        self._bold += size * bold

    def _flush(self, element: int) -> None:
        text = _BROKEN_LINE.sub("", "".join(self._text)).strip()
        if text and self.elements:
            number = "" if SECTION_START.match(text) else self._pending_number
            block = self._block_of(element)
            self.pieces.append(Piece(text, block, self.elements[block].tag, self._linked, self._bold, number))
            self._pending_number = ""
        self._text.clear()
        self._linked = self._bold = 0

    def _block_of(self, element: int) -> int:
        """The nearest element that makes a block; list items win over paragraphs inside them."""
        index = max(element, 0)
        while self.elements[index].tag not in _BLOCK_TAGS and self.elements[index].parent >= 0:
            index = self.elements[index].parent
        above = self.elements[index].parent
        if self.elements[index].tag in ("p", "div") and above >= 0 and self.elements[above].tag == "li":
            return above
        return index

    def _add_table(self, node: Node, rows: tuple[list[Row], int | None], element: int) -> None:
        text = " ".join(cell for row in rows[0] for cell in row if cell)
        linked = sum(len("".join(a.text().split())) for a in node.css("a"))
        if text:
            self.pieces.append(Piece(text, element, "table", linked, rows=rows[0], header_rows=rows[1]))


def children(node: Node) -> Iterator[Node]:
    """Child nodes in order, text included."""
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _is_hidden(node: Node) -> bool:
    if node.tag in _DROPPED_TAGS:
        return True
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _is_named_so(node: Node) -> bool:
    attributes = node.attributes
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    return any(word.lower() in _BOILERPLATE_WORDS for word in _WORDS.findall(names))


def _start_of(node: Node) -> int:
    start = node.attributes.get("start") or "1"
    return int(start) if start.isdecimal() and len(start) < 6 else 1


def _data_rows(table: Node) -> tuple[list[Row], int | None] | None:
    """Cells of a table and its number of header rows; None when the table only arranges the page."""
    if len(table.css("table")) > 1 or table.css_first("h1, h2, h3") is not None:
        return None
    grid: list[list[str | None]] = []
    below: dict[int, tuple[int, str]] = {}
    header_rows = 0
    for row in table.css("tr"):
        cells = [cell for cell in children(row) if cell.is_element_node and cell.tag in ("td", "th")]
        heads = bool(cells) and all(cell.tag == "th" for cell in cells)
        header_rows += heads and header_rows == len(grid)
        line: list[str | None] = []
        for cell in cells:
            if len(cell.css("p, div, li")) > MAX_CELL_PARTS:
                return None
            _fill_from_above(line, below)
            text = cell_text(cell)
            columns, rows = _span(cell, "colspan"), _span(cell, "rowspan")
            if rows > 1:
                below[len(line)] = (rows - 1, text)
            line.extend([text, *[None] * (columns - 1)])
        _fill_from_above(line, below)
        grid.append(line)
    sizes = [len(cell) for line in grid for cell in line if cell]
    largest, total = max(sizes, default=0), sum(sizes)
    if max(map(len, grid), default=0) < 2 or (largest >= 300 and largest > 0.6 * total):
        return None
    return list(grid), header_rows or None


def _fill_from_above(line: list[str | None], below: dict[int, tuple[int, str]]) -> None:
    while (column := len(line)) in below:
        left, text = below[column]
        line.append(text)
        if left > 1:
            below[column] = (left - 1, text)
        else:
            del below[column]


def cell_text(cell: Node) -> str:
    """Text of a cell, its paragraphs and line breaks separated by spaces."""
    return " ".join(piece.text for piece in PageWalker(cell).pieces)


def _span(cell: Node, name: str) -> int:
    value = (cell.attributes.get(name) or "1").strip()
    return min(max(int(value), 1), MAX_SPAN) if value.isdecimal() and len(value) < 6 else 1
