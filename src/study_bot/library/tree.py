"""Assembling the normalised text and the tree of sections from classified lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from study_bot.types import ArticleNumber, Place, Section, SectionKind

RANK = {
    SectionKind.TITLE: 1,
    SectionKind.NOTE: 20,
    SectionKind.PREAMBLE: 3,
    SectionKind.ANNEX: 1,
    SectionKind.SLIDE: 1,
    SectionKind.BOOK: 1,
    SectionKind.SUBBOOK: 2,
    SectionKind.CHAPTER: 3,
    SectionKind.PART: 4,
    SectionKind.ARTICLE: 5,
    SectionKind.CLAUSE: 6,
    SectionKind.ITEM: 7,
    SectionKind.SUBITEM: 8,
    SectionKind.PARAGRAPH: 20,
    SectionKind.TABLE_ROW: 20,
}
"""Depth of a kind; a line closes every open section of the same or a greater rank. Headings rank by level."""

_LEAVES = (SectionKind.TITLE, SectionKind.NOTE)
"""Kinds that never take children, whatever ranks below them follows."""

HEADING_RANK = 1
"""Rank of a level-1 heading; level n ranks HEADING_RANK + n - 1, below paragraphs and above nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A classified line. `heading_length` characters at its start are label and heading words;
    what follows them (an article's first paragraph) becomes a child of kind `body`."""

    text: str
    kind: SectionKind
    label: str = ""
    heading: str = ""
    heading_length: int = 0
    article: ArticleNumber | None = None
    level: int = 1
    place: Place = Place()
    body: SectionKind | None = None

    @property
    def rank(self) -> int:
        """Depth in the tree; smaller is further out."""
        if self.kind is SectionKind.HEADING:
            return HEADING_RANK + self.level - 1
        return RANK[self.kind]


@dataclass(slots=True)
class _Node:
    line: Line
    rank: int
    start: int
    heading_end: int
    end: int
    children: list[_Node] = field(default_factory=list)

    def freeze(self) -> Section:
        children = tuple(child.freeze() for child in self.children)
        end = max([self.end, *(child.end for child in children)])
        line = self.line
        return Section(
            kind=line.kind,
            start=self.start,
            end=end,
            heading_end=self.heading_end,
            label=line.label,
            heading=line.heading,
            article=line.article,
            place=line.place,
            children=children,
        )


def build_tree(lines: Iterable[Line]) -> tuple[str, Section]:
    """Join the lines with line feeds and nest them by rank.

    :return: the text and a root section (kind PARAGRAPH, no heading) that spans all of it.
    """
    root = _Node(Line("", SectionKind.PARAGRAPH), rank=-1, start=0, heading_end=0, end=0)
    stack, parts, position = [root], [], 0
    for line in lines:
        start, end = position, position + len(line.text)
        node = _Node(line, line.rank, start, start + line.heading_length, end)
        while stack[-1].rank >= node.rank:
            stack.pop()
        stack[-1].children.append(node)
        if line.kind in _LEAVES:
            position = end + 1
            parts.append(line.text)
            continue
        stack.append(node)
        if line.body is not None:
            body_start = node.heading_end + _leading_spaces(line.text[line.heading_length :])
            if body_start < end:
                body = _Node(Line("", line.body, place=line.place), RANK[line.body], body_start, body_start, end)
                node.children.append(body)
                stack.append(body)
        parts.append(line.text)
        position = end + 1
    text = "\n".join(parts)
    root.end = len(text)
    return text, root.freeze()


def _leading_spaces(text: str) -> int:
    return len(text) - len(text.lstrip())


def walk(section: Section, path: tuple[Section, ...] = ()) -> Iterable[tuple[tuple[Section, ...], Section]]:
    """Every section below `section` with its ancestors (outermost first, `section` itself left out), in text order."""
    for child in section.children:
        yield path, child
        yield from walk(child, (*path, child))


def articles_of(root: Section) -> list[Section]:
    """The article sections of a tree, in text order."""
    return [section for _, section in walk(root) if section.kind is SectionKind.ARTICLE]
