"""Presentations."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image
from pptx import Presentation
from pptx.util import Emu, Inches

from study_bot.errors import FileTooLargeError
from study_bot.library.loaders.slides import load_slides
from study_bot.types import BlockKind, LoadedFile, Place
from tests.library.loaders.makers import LIMITS

H, P, L, T, N = (
    BlockKind.HEADING,
    BlockKind.PARAGRAPH,
    BlockKind.LIST_ITEM,
    BlockKind.TABLE_ROW,
    BlockKind.NOTE,
)


def load(presentation: object) -> LoadedFile:
    buffer = io.BytesIO()
    presentation.save(buffer)
    return load_slides(buffer.getvalue(), LIMITS)


def box(slide: object, text: str, left: float, top: float) -> None:
    slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(0.5)).text_frame.text = text


def test_titles_text_and_notes() -> None:
    """One heading a slide, then its text, then the notes; the page is the slide."""
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "夜读\v活动"
    slide.placeholders[1].text = "第一点。\n第二点。"
    slide.placeholders[1].text_frame.paragraphs[1].level = 1
    slide.notes_slide.notes_text_frame.text = "讲到这里停一停。"
    loaded = load(presentation)
    assert [(b.kind, b.text) for b in loaded.blocks] == [
        (H, "夜读活动"),
        (P, "第一点。"),
        (L, "第二点。"),
        (N, "讲到这里停一停。"),
    ]
    assert {block.place for block in loaded.blocks} == {Place(slide=1)}
    assert loaded.pages == 1


def test_reading_order_and_groups() -> None:
    """Rows from top to bottom, each from left to right, whatever order the shapes were drawn in."""
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    box(slide, "丁", 5, 3)
    box(slide, "乙", 5, 1.1)
    group = slide.shapes.add_group_shape()
    inner = group.shapes.add_textbox(Inches(1), Inches(3), Inches(1), Inches(0.5))
    inner.text_frame.text = "丙"
    box(slide, "甲", 1, 1)
    assert [block.text for block in load(presentation).blocks] == ["甲", "乙", "丙", "丁"]


def test_scaled_group() -> None:
    """Positions inside a group are in its own units."""
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    box(slide, "后", 1, 4)
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(6), Inches(1), Inches(1)).text_frame.text = "先"
    group.top = Emu(0)  # moved up; the units inside stay
    assert [block.text for block in load(presentation).blocks] == ["先", "后"]


def test_tables() -> None:
    """Rows with header, merged cells as everywhere."""
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    table = slide.shapes.add_table(3, 2, Inches(1), Inches(1), Inches(4), Inches(2)).table
    for row, values in enumerate((("时段", "值班"), ("早", "老陈"), ("晚", ""))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    table.cell(1, 1).merge(table.cell(2, 1))
    loaded = load(presentation)
    assert [block.text for block in loaded.blocks] == ["时段：早；值班：老陈", "时段：晚；值班：老陈"]
    assert loaded.blocks[0].kind is T
    assert loaded.blocks[0].place.slide == 1


def test_automatic_numbers() -> None:
    """Chinese and Arabic numbering is written out."""
    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    frame = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(3), Inches(3)).text_frame
    frame.text = "甲\n乙\n丙"
    for paragraph, kind in zip(frame.paragraphs, ("ea1ChsPlain", "ea1ChsPlain", "arabicPeriod"), strict=True):
        properties = paragraph._p.get_or_add_pPr()
        mark = properties.makeelement(
            "{http://schemas.openxmlformats.org/drawingml/2006/main}buAutoNum", {"type": kind}
        )
        properties.append(mark)
    assert [block.text for block in load(presentation).blocks] == ["一、甲", "二、乙", "3. 丙"]


def test_hidden_and_picture_slides_are_reported() -> None:
    """Nothing is left out in silence."""
    presentation = Presentation()
    first = presentation.slides.add_slide(presentation.slide_layouts[6])
    box(first, "看得见", 1, 1)
    second = presentation.slides.add_slide(presentation.slide_layouts[6])
    box(second, "看不见", 1, 1)
    second._element.set("show", "0")
    third = presentation.slides.add_slide(presentation.slide_layouts[6])
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    picture.seek(0)
    third.shapes.add_picture(picture, 0, 0)
    loaded = load(presentation)
    assert [block.text for block in loaded.blocks] == ["看得见"]
    assert "1 张隐藏" in loaded.warnings[0]
    assert "第 3 张" in loaded.warnings[1]


def test_too_many_slides() -> None:
    """The limit of pages counts slides."""
    presentation = Presentation()
    for _ in range(3):
        presentation.slides.add_slide(presentation.slide_layouts[6])
    buffer = io.BytesIO()
    presentation.save(buffer)
    with pytest.raises(FileTooLargeError, match="3 张"):
        load_slides(buffer.getvalue(), replace(LIMITS, max_pages=2))
