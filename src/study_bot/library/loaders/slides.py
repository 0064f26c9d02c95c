"""Presentations (.pptx): titles, text in reading order, tables and speaker notes, slide by slide."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError

from study_bot.errors import DamagedFileError, FileTooLargeError
from study_bot.library.loaders.blocks import BlockWriter
from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.numerals import format_number
from study_bot.library.loaders.package import open_package, parse_xml
from study_bot.library.loaders.plain import join_lines
from study_bot.library.loaders.tables import Row, table_blocks
from study_bot.library.loaders.titles import meaningful_title
from study_bot.types import Block, BlockKind, LoadedFile, Place

Shape = Any
"""A python-pptx shape; the package has no type information."""

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_DIAGRAM_DATA = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}dm"

# Automatic numbering of DrawingML (arabicPeriod, ea1ChsPlain, …): beginning of the name -> numbering format.
_NUMBER_FORMATS = (
    ("arabicDb", "decimalFullWidth"),
    ("arabic", "decimal"),
    ("ea1", "chineseCounting"),
    ("circleNum", "decimalEnclosedCircle"),
    ("romanLc", "lowerRoman"),
    ("romanUc", "upperRoman"),
    ("alphaLc", "lowerLetter"),
    ("alphaUc", "upperLetter"),
)

ROW_HEIGHT = 300_000
"""EMU (about 8 mm): shapes whose tops differ by less stand in one row and are read from left to right."""

MAX_GROUP_DEPTH = 50

_NOISE = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER, PP_PLACEHOLDER.SLIDE_NUMBER)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A shape with its position on the slide, groups resolved."""

    shape: Shape
    top: float
    left: float


def load_slides(data: bytes, limits: LoadLimits) -> LoadedFile:
    """Read a .pptx; hidden slides are left out.

    :raises DamagedFileError: no readable presentation.
    :raises EncryptedFileError: behind a password.
    :raises FileTooLargeError: more slides than `limits.max_pages`, or unpacks to more than the limit.
    """
    open_package(data, limits).close()
    try:
        presentation = Presentation(io.BytesIO(data))
        slides = list(presentation.slides)
    except PythonPptxError:
        raise DamagedFileError("演示文稿已损坏，无法打开；请用 PowerPoint 或 WPS 打开后另存为 .pptx 再导入。") from None
    if len(slides) > limits.max_pages:
        raise FileTooLargeError(f"演示文稿有 {len(slides)} 张幻灯片，超过上限 {limits.max_pages}；请拆分后再导入。")
    writer = BlockWriter()
    hidden, pictures = 0, []
    for number, slide in enumerate(slides, 1):
        if slide._element.get("show") in ("0", "false"):
            hidden += 1
            continue
        before = len(writer.blocks)
        _read_slide(slide, writer, Place(slide=number))
        if len(writer.blocks) == before and any(_tag(shape) == "pic" for shape in slide.shapes):
            pictures.append(number)
    warnings = []
    if hidden:
        warnings.append(f"有 {hidden} 张隐藏的幻灯片没有读取；如需收入，请取消隐藏后重新导入。")
    if pictures:
        shown = "、".join(map(str, pictures[:10])) + ("等" if len(pictures) > 10 else "")
        warnings.append(f"第 {shown} 张幻灯片只有图片，图中的文字没有读出；请补充文字或备注。")
    title = meaningful_title(presentation.core_properties.title)
    return LoadedFile("pptx", tuple(writer.blocks), title, warnings=tuple(warnings), pages=len(slides))


def _read_slide(slide: Any, writer: BlockWriter, place: Place) -> None:
    title = slide.shapes.title
    if title is not None and title.has_text_frame:
        lines = [line for p in title.text_frame.paragraphs for line in _lines(p)]
        heading = ""
        for line in lines:
            heading = join_lines(heading, line)
        writer.add(heading, BlockKind.HEADING, level=1, place=place)
    placed = [p for p in _placed(slide.shapes) if title is None or p.shape.shape_id != title.shape_id]
    for item in _reading_order(placed):
        if not _is_layout_noise(item.shape):
            writer.extend(_shape_blocks(item.shape, slide, place))
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        for paragraph in slide.notes_slide.notes_text_frame.paragraphs:
            for line in _lines(paragraph):
                writer.add(line, BlockKind.NOTE, place=place)


def _placed(shapes: Any, scale: tuple[float, float, float, float] = (1, 0, 1, 0), depth: int = 0) -> Iterator[_Placed]:
    """Leaf shapes with positions on the slide. `scale` maps group coordinates: x*a+b, y*c+d."""
    a, b, c, d = scale
    for shape in shapes:
        left, top = (shape.left or 0) * a + b, (shape.top or 0) * c + d
        if _tag(shape) != "grpSp":
            yield _Placed(shape, top, left)
        elif depth < MAX_GROUP_DEPTH:
            inner = shape._element.grpSpPr.find(f"{_A}xfrm")
            offset, extent = (inner.find(f"{_A}chOff"), inner.find(f"{_A}chExt")) if inner is not None else (None, None)
            nested = scale
            if offset is not None and extent is not None:
                sx = a * (shape.width or 0) / (int(extent.get("cx", "0")) or 1)
                sy = c * (shape.height or 0) / (int(extent.get("cy", "0")) or 1)
                nested = (sx, left - int(offset.get("x", "0")) * sx, sy, top - int(offset.get("y", "0")) * sy)
            yield from _placed(shape.shapes, nested, depth + 1)


def _reading_order(placed: list[_Placed]) -> list[_Placed]:
    """Top to bottom, and from left to right among shapes that stand in one row."""
    rows: list[list[_Placed]] = []
    for item in sorted(placed, key=lambda p: (p.top, p.left)):
        if rows and item.top - rows[-1][0].top < ROW_HEIGHT:
            rows[-1].append(item)
        else:
            rows.append([item])
    return [item for row in rows for item in sorted(row, key=lambda p: p.left)]


def _is_layout_noise(shape: Shape) -> bool:
    """Date, footer, header and slide number."""
    return bool(shape.is_placeholder) and shape.placeholder_format.type in _NOISE


def _tag(shape: Shape) -> str:
    return str(etree.QName(shape._element).localname)


def _shape_blocks(shape: Shape, slide: Any, place: Place) -> list[Block]:
    writer = BlockWriter()
    if getattr(shape, "has_table", False):
        table = shape.table
        rows = [_row(row) for row in table.rows]
        writer.extend(table_blocks(rows, header_rows=1 if table.first_row else None, place=lambda _index: place))
    elif shape.has_text_frame:
        _write_frame(shape.text_frame, writer, place)
    elif (relation := next(shape._element.iter(_DIAGRAM), None)) is not None:
        for text in _diagram_texts(slide, relation.get(_DIAGRAM_DATA, "")):
            writer.add(text, BlockKind.LIST_ITEM, place=place)
    elif getattr(shape, "has_chart", False) and shape.chart.has_title:
        writer.add(shape.chart.chart_title.text_frame.text, place=place)
    return writer.blocks


def _row(row: Any) -> Row:
    cells: list[str | None] = []
    for cell in row.cells:
        if cell.is_spanned and not cell.is_merge_origin:
            # Merged to the right: covered. Merged downwards: the value is said again.
            origin = _origin(row, cell, len(cells))
            cells.append(origin)
        else:
            cells.append(" ".join(cell.text_frame.text.split()))
    return cells


def _origin(row: Any, cell: Any, column: int) -> str | None:
    if cell._tc.get("hMerge") in ("1", "true"):
        return None
    rows = list(row._tr.getparent().iterchildren(row._tr.tag))
    for above in reversed(rows[: rows.index(row._tr)]):
        origin = above.tc_lst[column] if column < len(above.tc_lst) else None
        if origin is not None and origin.get("vMerge") not in ("1", "true"):
            return " ".join(_paragraph_texts(origin))
    return ""


def _write_frame(frame: Any, writer: BlockWriter, place: Place) -> None:
    counters: dict[int, int] = {}
    for paragraph in frame.paragraphs:
        lines = _lines(paragraph)
        if not lines:
            continue
        number = _number(paragraph, counters)
        kind = BlockKind.LIST_ITEM if number or paragraph.level else BlockKind.PARAGRAPH
        writer.add(number + lines[0], kind, place=place)
        for line in lines[1:]:
            writer.add(line, place=place)


def _lines(paragraph: Any) -> list[str]:
    """Lines of a paragraph: python-pptx writes its line breaks as vertical tabs."""
    return [line for line in (part.strip() for part in paragraph.text.split("\v")) if line]


def _number(paragraph: Any, counters: dict[int, int]) -> str:
    """The automatic number of a paragraph, "" if it has none; counts go on within a text frame."""
    level = paragraph.level
    properties = paragraph._p.pPr
    mark = properties.find(f"{_A}buAutoNum") if properties is not None else None
    for deeper in [key for key in counters if key > level]:
        del counters[deeper]
    if mark is None:
        counters.pop(level, None)
        return ""
    counters[level] = counters[level] + 1 if level in counters else int(mark.get("startAt", "1"))
    kind = mark.get("type", "")
    text = format_number(
        counters[level], next((f for start, f in _NUMBER_FORMATS if kind.startswith(start)), "decimal")
    )
    if kind.startswith("circleNum"):
        return text
    if kind.startswith("ea1"):
        return f"{text}、"
    if kind.endswith("ParenBoth"):
        return f"（{text}）"
    return f"{text}) " if kind.endswith("ParenR") else f"{text}. "


def _diagram_texts(slide: Any, relation: str) -> list[str]:
    """Texts of a SmartArt diagram, in the order of its data."""
    if relation not in slide.part.rels:
        return []
    return _paragraph_texts(parse_xml(slide.part.related_part(relation).blob))


def _paragraph_texts(root: etree._Element) -> list[str]:
    return ["".join(text.text or "" for text in paragraph.iter(f"{_A}t")) for paragraph in root.iter(f"{_A}p")]
