"""Word documents (.docx), read from their XML: python-docx knows neither numbering nor tracked changes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree

from study_bot.errors import DamagedFileError
from study_bot.library.loaders.blocks import SECTION_START, BlockWriter, ends_sentence
from study_bot.library.loaders.headings import HeadingJudge
from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.package import open_package, read_xml, related_parts
from study_bot.library.loaders.plain import join_lines
from study_bot.library.loaders.tables import Row, table_blocks
from study_bot.library.loaders.titles import declared_title
from study_bot.library.loaders.word_numbering import LEVELS, Label, Numbering, W, integer, value
from study_bot.library.loaders.word_runs import Runs, alternative, read_runs
from study_bot.library.loaders.word_styles import Style, Styles, is_on
from study_bot.text import normalise_line
from study_bot.types import Block, BlockKind, LoadedFile

_WRAPPERS = frozenset(f"{W}{name}" for name in ("ins", "moveTo", "customXml", "smartTag", "sdtContent"))
_ALTERNATE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_STRUCTURAL_LABEL = re.compile(r"^第.*[编章节条]")

MAX_HEADING_CHARS = 80
"""A longer paragraph is text, even in a heading style."""


def load_word(data: bytes, limits: LoadLimits) -> LoadedFile:
    """Read a .docx. `title` is the paragraph in title style, else the document property.

    :raises DamagedFileError: no readable Word package.
    :raises EncryptedFileError: behind a password.
    :raises FileTooLargeError: unpacks to more than the limit.
    """
    with open_package(data, limits) as archive:
        main = related_parts(archive, "").get("officeDocument", "word/document.xml")
        document = read_xml(archive, main)
        body = document.find(f"{W}body") if document is not None else None
        if body is None:
            raise DamagedFileError("文件里没有 Word 正文，可能已损坏；请用 Word 或 WPS 打开后另存为 .docx 再导入。")
        parts = related_parts(archive, main)
        reader = _Reader(archive, parts)
        reader.read(body)
        reader.read_notes()
        title = reader.title or declared_title(archive)
    return LoadedFile("docx", tuple(reader.finish()), title, warnings=tuple(reader.warnings))


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a block looked, for telling headings in documents without heading styles."""

    index: int
    size: float
    bold: bool


class _Reader:
    """Walks a document body. Counters and pending text live here, so one reader reads one document, in order."""

    def __init__(self, archive: zipfile.ZipFile, parts: dict[str, str]) -> None:
        self._styles = Styles(_part(archive, parts, "styles"))
        self._numbering = Numbering(_part(archive, parts, "numbering"))
        self._notes = {kind: _part(archive, parts, f"{kind}s") for kind in ("footnote", "endnote")}
        self._referenced: list[tuple[str, str]] = []
        self._writer = BlockWriter()
        self._layouts: list[_Layout] = []
        self._carried = ""
        self._styled_headings = False
        self.title: str | None = None
        self.warnings: list[str] = []

    def read(self, container: etree._Element) -> None:
        """Append the blocks of a body, cell or text box."""
        for child in _flow(container):
            if child.tag == f"{W}p":
                self._read_paragraph(child)
            elif child.tag == f"{W}tbl":
                self._read_table(child)
            elif child.tag == f"{W}altChunk":
                self.warnings.append("文档嵌入了外部内容（altChunk），这一部分没有读出；请在 Word 中打开并另存一份。")

    def finish(self) -> list[Block]:
        """All blocks, levels under the title moved down by one, headings judged by type size if no style marks them."""
        blocks = self._writer.blocks
        if self.title is not None:
            blocks = [
                replace(b, level=min(b.level + 1, 9)) if b.kind is BlockKind.HEADING and b.text != self.title else b
                for b in blocks
            ]
        if self._styled_headings:
            return blocks
        lengths = [len(blocks[layout.index].text) for layout in self._layouts]
        bold = sum(size for size, layout in zip(lengths, self._layouts, strict=True) if layout.bold)
        judge = HeadingJudge(
            [(layout.size, size) for size, layout in zip(lengths, self._layouts, strict=True)],
            bold_share=bold / max(sum(lengths), 1),
        )
        for layout in self._layouts:
            block = blocks[layout.index]
            if block.kind is BlockKind.PARAGRAPH:
                level = judge.level(block.text, layout.size, layout.bold)
                if level is not None:
                    blocks[layout.index] = replace(block, kind=BlockKind.HEADING, level=level)
        return blocks

    def _read_paragraph(self, paragraph: etree._Element) -> None:
        properties = paragraph.find(f"{W}pPr")
        style = self._styles.get(value(properties.find(f"{W}pStyle")) if properties is not None else None)
        runs = read_runs(paragraph, style)
        self._referenced.extend(runs.notes)
        text, self._carried = self._carried + runs.text, ""
        if properties is not None and properties.find(f"{W}rPr/{W}del") is not None:
            self._carried = text  # its mark was deleted: the paragraph runs on into the next one
        elif not style.contents:
            label = self._label(properties, style)
            self._write(text, label, self._outline(properties, style), runs, style)
        for box in runs.boxes:
            self.read(box)

    def _label(self, properties: etree._Element | None, style: Style) -> Label | None:
        number, level, named = style.number, style.level, style.number_style
        if properties is not None:
            direct = value(properties.find(f"{W}numPr/{W}numId"))
            depth = value(properties.find(f"{W}numPr/{W}ilvl"))
            if direct is not None:
                number, level, named = integer(direct, 0), None, value(properties.find(f"{W}pStyle")) or ""
            if depth is not None:
                level = integer(depth, 0)
        if not number:
            return None
        if level is None:
            level = self._numbering.level_of_style(number, named)
        return self._numbering.next_label(number, min(level, LEVELS - 1))

    def _outline(self, properties: etree._Element | None, style: Style) -> int | None:
        direct = value(properties.find(f"{W}outlineLvl")) if properties is not None else None
        if direct is None:
            return style.outline
        return integer(direct, 9) + 1 if integer(direct, 9) < 9 else None

    def _write(self, text: str, label: Label | None, outline: int | None, runs: Runs, style: Style) -> None:
        lines = [line for line in map(normalise_line, text.split("\n")) if line]
        if not lines:
            return
        if outline is not None and _is_heading("".join(lines)):
            heading = lines[0]
            for line in lines[1:]:
                heading = join_lines(heading, line)
            heading = label.put_before(heading) if label else heading
            if outline == 0 and self.title is None:
                self.title = heading
            self._styled_headings = self._styled_headings or outline > 0
            self._writer.add(heading, BlockKind.HEADING, level=max(outline, 1))
            return
        kind = BlockKind.PARAGRAPH
        if label is not None:
            lines[0] = label.put_before(lines[0])
            if not _STRUCTURAL_LABEL.match(label.text):
                kind = BlockKind.LIST_ITEM
        for line in lines:
            self._layouts.append(_Layout(len(self._writer.blocks), runs.size or style.size, runs.all_bold))
            self._writer.add(line, kind)
            kind = BlockKind.PARAGRAPH

    def _read_table(self, table: etree._Element) -> None:
        rows: list[Row] = []
        cells_of: list[list[Block]] = []
        header_rows = 0
        above: dict[int, str] = {}
        for row in _flow(table):
            if row.tag != f"{W}tr" or row.find(f"{W}trPr/{W}del") is not None:
                continue
            mark = row.find(f"{W}trPr/{W}tblHeader")
            header_rows += mark is not None and is_on(value(mark)) and header_rows == len(rows)
            rows.append(self._read_row(row, above, cells_of))
        sizes = [sum(len(block.text) for block in blocks) for blocks in cells_of]
        single = max(map(len, rows), default=0) < 2
        if single or (sizes and max(sizes) >= 300 and max(sizes) > 0.6 * sum(sizes)):
            for blocks in cells_of:  # a frame around text, or a page arranged with a table
                self._writer.extend(blocks)
        else:
            self._writer.extend(table_blocks(rows, header_rows=header_rows or None))

    def _read_row(self, row: etree._Element, above: dict[int, str], cells_of: list[list[Block]]) -> Row:
        before = integer(value(row.find(f"{W}trPr/{W}gridBefore")), 0)
        line: list[str | None] = [""] * min(before, 100)
        for cell in _flow(row):
            if cell.tag != f"{W}tc":
                continue
            blocks = self._read_cell(cell)
            text = " ".join(block.text for block in blocks)
            merge = cell.find(f"{W}tcPr/{W}vMerge")
            if merge is not None and value(merge) != "restart":
                text = text or above.get(len(line), "")
            else:
                cells_of.append(blocks)
            above[len(line)] = text
            span = min(max(integer(value(cell.find(f"{W}tcPr/{W}gridSpan")), 1), 1), 100)
            line.extend([text, *[None] * (span - 1)])
        return line

    def _read_cell(self, cell: etree._Element) -> list[Block]:
        """Blocks of a cell, through the same counters but into a list of its own."""
        outer, layouts = self._writer, self._layouts
        self._writer, self._layouts = BlockWriter(), []
        try:
            self.read(cell)
            return self._writer.blocks
        finally:
            self._writer, self._layouts = outer, layouts

    def read_notes(self) -> None:
        """Append the foot- and endnotes that the text refers to; their marks in the text are dropped."""
        for reference, identifier in self._referenced:
            root = self._notes[reference.removesuffix("Reference")]
            for note in root if root is not None else ():
                if note.get(f"{W}id") == identifier:
                    text = " ".join(block.text for block in self._read_cell(note))
                    self._writer.add(f"注：{text}" if text else "")


def _part(archive: zipfile.ZipFile, parts: dict[str, str], kind: str) -> etree._Element | None:
    return read_xml(archive, parts[kind]) if kind in parts else None


def _flow(container: etree._Element) -> Iterator[etree._Element]:
    """Children in reading order, looking through wrappers; deletions and tables of contents are left out."""
    stack = list(reversed(container))
    while stack:
        child = stack.pop()
        if child.tag in _WRAPPERS:
            stack.extend(reversed(child))
        elif child.tag == f"{W}sdt":
            gallery = value(child.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery"))
            if gallery != "Table of Contents":
                stack.extend(reversed(child))
        elif child.tag == _ALTERNATE:
            for branch in alternative(child):
                stack.extend(reversed(branch))
        elif child.tag not in (f"{W}del", f"{W}moveFrom"):
            yield child


def _is_heading(text: str) -> bool:
    """Whether text in a heading style can be one: authors also style whole articles so."""
    if len(text) > MAX_HEADING_CHARS:
        return False
    return not (ends_sentence(text) and text.endswith(("。", "；", "！")) and SECTION_START.match(text))
