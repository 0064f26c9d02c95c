"""From a loaded file to the normalised text and its tree: one entry for statutes, prose, slides and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from study_bot.library.statute import is_statute, is_title_note, statute_lines
from study_bot.library.tree import Line, build_tree
from study_bot.text import CHINESE_NUMBER, CJK, NUMBER, strip_version_words
from study_bot.types import Block, BlockKind, DocumentKind, LoadedFile, SectionKind, VersionText

PARSER_VERSION = "1"
"""Raise when the same blocks would give another tree; parsed texts cached under another value are not used."""

MAX_HEADING_CHARS = 40
"""A plain line that looks like a numbered heading but is longer is a paragraph."""

_SPACE_BETWEEN_HAN = re.compile(rf"(?<=[{CJK}])[ \u3000]+(?=[{CJK}])")
_NUMBERED_HEADINGS = (
    (2, re.compile(rf"^(?:第{NUMBER}(?:部分|讲|课|单元|专题|章|节)|{CHINESE_NUMBER}、)")),
    (3, re.compile(rf"^[（(]{CHINESE_NUMBER}[）)]")),
)
_SENTENCE_MARK = re.compile(r"[。！？；!?;]")
_ENDS_LIKE_TEXT = re.compile(r"[。！？；，、：:,;!?…）)]$")


def kind_of(loaded: LoadedFile) -> DocumentKind:
    """How a file is to be cut, from its format and its lines."""
    if loaded.format == "pptx":
        return DocumentKind.SLIDES
    if loaded.format == "xlsx":
        return DocumentKind.TABLE
    lines = ["" if b.kind in (BlockKind.TABLE_ROW, BlockKind.NOTE) else b.text for b in loaded.blocks]
    return DocumentKind.STATUTE if is_statute(lines) else DocumentKind.PROSE


def parse_structure(loaded: LoadedFile, title: str) -> VersionText:
    """Parse a loaded file. `title` names the document; a line that repeats it becomes its TITLE section.

    The text is the classified lines joined by line feeds. Equal words give equal trees whatever the format.
    """
    kind = kind_of(loaded)
    warnings: list[str] = []
    if kind is DocumentKind.STATUTE:
        lines, warnings = statute_lines(loaded.blocks, title)
    elif kind is DocumentKind.SLIDES:
        lines = _slide_lines(loaded.blocks)
    elif kind is DocumentKind.TABLE:
        lines = _table_lines(loaded.blocks)
    else:
        lines = _prose_lines(loaded.blocks, title)
    text, root = build_tree(lines)
    return VersionText(
        text=text,
        root=root,
        kind=kind,
        title=title,
        ocr=bool(loaded.ocr_pages),
        warnings=(*loaded.warnings, *warnings),
    )


def _heading(block: Block, level: int) -> Line:
    text = _SPACE_BETWEEN_HAN.sub("", block.text)
    return Line(
        text, SectionKind.HEADING, heading=text, heading_length=len(text), level=min(level, 9), place=block.place
    )


def _prose_lines(blocks: Sequence[Block], title: str) -> list[Line]:
    wanted, lines, title_seen = strip_version_words(title), [], False
    for index, block in enumerate(blocks):
        if not title_seen and index < 5 and strip_version_words(_SPACE_BETWEEN_HAN.sub("", block.text)) == wanted:
            title_seen = True
            text = _SPACE_BETWEEN_HAN.sub("", block.text)
            lines.append(Line(text, SectionKind.TITLE, heading=text, heading_length=len(text), place=block.place))
        elif index < 5 and is_title_note(block.text) and len(block.text) < 100:
            lines.append(Line(block.text, SectionKind.NOTE, place=block.place))
        elif block.kind is BlockKind.TABLE_ROW:
            lines.append(Line(block.text, SectionKind.TABLE_ROW, place=block.place))
        elif (level := _heading_level(block)) is not None:
            lines.append(_heading(block, level))
        else:
            lines.append(Line(block.text, SectionKind.PARAGRAPH, place=block.place))
    return lines


def _heading_level(block: Block) -> int | None:
    """Level of a heading, None for text. Numbered plain lines count when short and without sentence marks."""
    if block.kind is BlockKind.HEADING:
        return max(block.level, 1)
    if block.kind is not BlockKind.PARAGRAPH or len(block.text) > MAX_HEADING_CHARS:
        return None
    if _SENTENCE_MARK.search(block.text) or _ENDS_LIKE_TEXT.search(block.text):
        return None
    return next((level for level, pattern in _NUMBERED_HEADINGS if pattern.match(block.text)), None)


def _slide_lines(blocks: Sequence[Block]) -> list[Line]:
    lines: list[Line] = []
    slide = None
    for block in blocks:
        if block.place.slide != slide:
            slide = block.place.slide
            if block.kind is BlockKind.HEADING:
                text = block.text
                lines.append(Line(text, SectionKind.SLIDE, heading=text, heading_length=len(text), place=block.place))
            else:
                lines.append(Line(block.text, SectionKind.SLIDE, place=block.place))
            continue
        kind = SectionKind.TABLE_ROW if block.kind is BlockKind.TABLE_ROW else SectionKind.PARAGRAPH
        lines.append(Line(block.text, kind, place=block.place))
    return lines


def _table_lines(blocks: Sequence[Block]) -> list[Line]:
    lines = []
    for block in blocks:
        if block.kind is BlockKind.TABLE_ROW:
            lines.append(Line(block.text, SectionKind.TABLE_ROW, place=block.place))
        elif block.kind is BlockKind.HEADING:
            lines.append(_heading(block, max(block.level, 1)))
        else:
            lines.append(Line(block.text, SectionKind.PARAGRAPH, place=block.place))
    return lines
