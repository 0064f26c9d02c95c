"""Word documents: headings, tables, tracked changes, text boxes."""

from __future__ import annotations

import io
import zipfile

import pytest
from docx import Document
from docx.enum.text import WD_BREAK
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt

from study_bot.errors import DamagedFileError
from study_bot.library.loaders.word import load_word
from study_bot.types import BlockKind, LoadedFile
from tests.library.loaders.makers import LIMITS, rezip, texts, tracked, word, word_bytes

H, P, L, T = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.TABLE_ROW


def load(document: object) -> LoadedFile:
    return load_word(word_bytes(document), LIMITS)


def shape(document: object) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in load(document).blocks]


def test_title_and_headings() -> None:
    """The title is level 1 and the headings below it come after; the title is the file's own."""
    document = Document()
    document.core_properties.title = "文档1"
    document.add_paragraph("阅览室办法", style="Title")
    document.add_heading("第一章　总则", 1)
    document.add_paragraph("\u3000\u3000第一条　开门。")
    document.add_heading("第一节 预约", 2)
    assert shape(document) == [
        (H, 1, "阅览室办法"),
        (H, 2, "第一章 总则"),
        (P, 0, "第一条 开门。"),
        (H, 3, "第一节 预约"),
    ]
    assert load(document).title == "阅览室办法"


def test_document_property_as_title() -> None:
    """Used when a person wrote it, not when a program did."""
    document = Document()
    document.add_paragraph("正文。")
    document.core_properties.title = "夜读守则"
    assert load(document).title == "夜读守则"
    document.core_properties.title = "Microsoft Word - 新建文档.doc"
    assert load(document).title is None


def test_outline_level_without_style() -> None:
    """A paragraph may carry its level itself."""
    document = Document()
    paragraph = document.add_paragraph("总则")
    paragraph._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {nsdecls("w")} w:val="1"/>'))
    assert shape(document) == [(H, 2, "总则")]


def test_articles_in_heading_style_stay_text() -> None:
    """Authors give whole articles a heading style to have them in the navigation pane."""
    document = Document()
    document.add_heading("第一条 为了让夜读的人有灯有座，制定本办法。", 3)
    document.add_heading("第一章 总则", 1)
    assert [block.kind for block in load(document).blocks] == [P, H]


def test_headings_by_type_size_when_no_style_marks_them() -> None:
    """Larger type, then bold type; long and closed lines stay text."""
    document = Document()
    for text, size, bold in (
        ("夜读的由来", 22, True),
        ("一、第一盏灯", 16, False),
        ("起初只有一盏灯，几个人围着它读书，读到很晚才肯散去，街坊们都记得那个冬天。", 12, False),
        ("几点说明", 12, True),
        ("后来灯多了，人也多了，街道腾出两间屋子，又添了桌椅和书架，夜里总是坐得满满的。", 12, False),
    ):
        run = document.add_paragraph().add_run(text)
        run.font.size, run.font.bold = Pt(size), bold
    assert [(kind, level) for kind, level, _text in shape(document)] == [(H, 1), (H, 2), (P, 0), (H, 3), (P, 0)]


def test_soft_line_breaks() -> None:
    """They split text and join a title."""
    document = Document()
    title = document.add_paragraph(style="Title")
    title.add_run("阅览室").add_break()
    title.add_run("管理办法")
    body = document.add_paragraph()
    body.add_run("甲会通过").add_break(WD_BREAK.LINE)
    body.add_run("乙会修订")
    assert texts(load(document)) == ["阅览室管理办法", "甲会通过", "乙会修订"]


def test_tracked_changes() -> None:
    """Insertions are kept and deletions dropped; a paragraph whose mark was deleted runs on."""
    document = Document()
    first = document.add_paragraph("借期")
    first._p.append(tracked("del", "二十"))
    first._p.append(tracked("ins", "三十"))
    first.add_run("日。")
    second = document.add_paragraph("前半")
    mark = OxmlElement("w:rPr")
    mark.append(OxmlElement("w:del"))
    second._p.get_or_add_pPr().append(mark)
    document.add_paragraph("后半。")
    assert texts(load(document)) == ["借期三十日。", "前半后半。"]


def test_hidden_text_and_field_codes_are_dropped() -> None:
    """The result of a field is text, its code is not."""
    document = Document()
    paragraph = document.add_paragraph("见第")
    for kind, content in (("begin", None), ("code", " REF x "), ("separate", None), ("text", "5"), ("end", None)):
        run = OxmlElement("w:r")
        if kind in ("begin", "separate", "end"):
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText" if kind == "code" else "w:t")
            mark.text = content
        run.append(mark)
        paragraph._p.append(run)
    paragraph.add_run("页")
    paragraph.add_run("藏").font.hidden = True
    assert texts(load(document)) == ["见第5页"]


def test_empty_content_control() -> None:
    """The prompt of a form field is not its content."""
    document = Document()
    paragraph = document.add_paragraph("姓名：")
    prompt = "<w:sdtContent><w:r><w:t>单击此处输入文字。</w:t></w:r></w:sdtContent>"
    paragraph._p.append(parse_xml(f"<w:sdt {nsdecls('w')}><w:sdtPr><w:showingPlcHdr/></w:sdtPr>{prompt}</w:sdt>"))
    assert texts(load(document)) == ["姓名："]


def test_headers_footers_and_contents_are_dropped() -> None:
    """What a program puts on every page, and its table of contents."""
    document = Document()
    document.sections[0].header.paragraphs[0].text = "页眉的字"
    document.sections[0].footer.paragraphs[0].text = "第 1 页"
    style = document.styles.add_style("toc 1", 1)
    document.add_paragraph("第一章 总则\t1", style=style)
    document.add_paragraph("正文。")
    assert texts(load(document)) == ["正文。"]


def test_text_boxes_come_after_their_paragraph_once() -> None:
    """Word stores a box twice, for new and old programs."""
    document = Document()
    paragraph = document.add_paragraph("锚点段落。")
    box = "<w:txbxContent><w:p><w:r><w:t>框里的字</w:t></w:r></w:p></w:txbxContent>"
    paragraph._p.append(
        parse_xml(
            f'<w:r {nsdecls("w")} xmlns:x="urn:x" '
            'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
            f'<mc:AlternateContent><mc:Choice Requires="x"><w:drawing><x:a>{box}</x:a></w:drawing></mc:Choice>'
            f"<mc:Fallback><w:pict><x:b>{box}</x:b></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        )
    )
    assert texts(load(document)) == ["锚点段落。", "框里的字"]


def test_tables_stand_in_their_place() -> None:
    """Rows carry their header; cells merged to the right are said once, merged downwards in every row."""
    document = Document()
    document.add_paragraph("前文。")
    table = document.add_table(4, 3)
    rows = [("类别", "时段", "值班"), ("平日", "早", "老陈"), ("平日", "晚", "小林"), ("周末", "", "小周")]
    for cells, values in zip(table.rows, rows, strict=True):
        for cell, value in zip(cells.cells, values, strict=True):
            cell.text = value
    table.cell(1, 0).merge(table.cell(2, 0)).text = "平日"
    table.cell(3, 0).merge(table.cell(3, 1)).text = "周末"
    document.add_paragraph("后文。")
    loaded = load(document)
    assert texts(loaded) == [
        "前文。",
        "类别：平日；时段：早；值班：老陈",
        "类别：平日；时段：晚；值班：小林",
        "类别：周末；值班：小周",
        "后文。",
    ]
    assert loaded.blocks[1].kind is T
    assert loaded.blocks[3].cells == ("周末", "", "小周")


def test_title_row_of_a_table() -> None:
    """A row merged over the whole width is the table's title, not its header."""
    document = Document()
    table = document.add_table(3, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "值班表"
    for row, values in ((1, ("时段", "值班")), (2, ("早", "老陈"))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    assert texts(load(document)) == ["值班表", "时段：早；值班：老陈"]


def test_forms() -> None:
    """Cells that name their neighbour are no header."""
    document = Document()
    table = document.add_table(2, 4)
    for row, values in enumerate((("姓名：", "老陈", "职务：", "值班员"), ("电话：", "", "住址：", "灯下巷"))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    assert texts(load(document)) == ["姓名：老陈；职务：值班员", "住址：灯下巷"]


def test_footnotes_come_last_and_leave_no_mark() -> None:
    """Only those the text refers to."""
    document = Document()
    paragraph = document.add_paragraph("正文")
    reference = OxmlElement("w:footnoteReference")
    reference.set(qn("w:id"), "2")
    paragraph.add_run()._r.append(reference)
    paragraph.add_run("继续。")
    notes = "".join(f'<w:footnote w:id="{n}"><w:p><w:r><w:t>脚注{n}。</w:t></w:r></w:p></w:footnote>' for n in (1, 2))
    data = word_bytes(document)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        rels = archive.read("word/_rels/document.xml.rels")
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    link = b'<Relationship Id="n1" Type="' + kind + b'" Target="footnotes.xml"/></Relationships>'
    changed = {
        "word/_rels/document.xml.rels": rels.replace(b"</Relationships>", link),
        "word/footnotes.xml": f"<w:footnotes {nsdecls('w')}>{notes}</w:footnotes>".encode(),
    }
    assert texts(load_word(rezip(data, changed), LIMITS)) == ["正文继续。", "注：脚注2。"]


def test_frames_made_of_tables_are_text() -> None:
    """One cell around a text is no table."""
    document = Document()
    cell = document.add_table(1, 1).cell(0, 0)
    cell.text = "第一条 开门。"
    cell.add_paragraph("第二条 关门。")
    assert shape(document) == [(P, 0, "第一条 开门。"), (P, 0, "第二条 关门。")]


def test_dangling_relationship_does_no_harm() -> None:
    """Some programs leave relationships to parts that are not there."""
    data = word("正文。")
    rels = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="r9" Target="NULL" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"/></Relationships>'
    )
    assert texts(load_word(rezip(data, {"word/_rels/document.xml.rels": rels}), LIMITS)) == ["正文。"]


def test_package_without_body() -> None:
    """A zip that is no document."""
    with pytest.raises(DamagedFileError, match="Word"):
        load_word(rezip(word("正文。"), {"word/document.xml": None}), LIMITS)
