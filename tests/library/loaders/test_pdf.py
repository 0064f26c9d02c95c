"""PDF files with a text layer."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from study_bot.errors import DamagedFileError, EncryptedFileError, FileTooLargeError
from study_bot.library.loaders.pdf import load_pdf
from study_bot.types import BlockKind
from tests.library.loaders.makers import (
    ARTICLES,
    FONT,
    LIMITS,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    article,
    draw_paragraphs,
    pdf,
    texts,
    wrapped,
)

LONG = [article(number) for number in range(1, 19)]


def paged(canvas: Canvas, number: int, total: int) -> None:
    """A running header, a footer and a rule, as offices print them."""
    canvas.setFont(FONT, 9)
    canvas.drawString(80, 800, "某街道学习资料汇编")
    canvas.drawRightString(PAGE_WIDTH - 80, 800, "内部资料")
    canvas.drawCentredString(PAGE_WIDTH / 2, 30, f"— 第 {number} 页 / 共 {total} 页 —")


def draw_pages(canvas: Canvas, paragraphs: list[str], **options: float) -> None:
    """Paragraphs flowing over pages with header and footer, lines cut by the page's end."""
    lines = [(shift, line) for text in paragraphs for shift, line in wrapped(text, 36)]
    pages = [lines[i : i + 9] for i in range(0, len(lines), 9)]
    for number, page in enumerate(pages, 1):
        paged(canvas, number, len(pages))
        canvas.setFont(FONT, 12)
        for row, (shift, line) in enumerate(page):
            canvas.drawString(80 + 12 * shift, 740 - 20 * row, line)
        canvas.showPage()


def test_lines_become_paragraphs_over_page_ends() -> None:
    """First-line indents start paragraphs; headers, footers and page numbers vanish; the page is that of the start."""
    loaded = load_pdf(pdf(lambda canvas: draw_pages(canvas, LONG)), LIMITS)
    assert texts(loaded) == LONG
    assert loaded.pages == 4
    pages = [block.place.page for block in loaded.blocks]
    assert pages == sorted(pages)
    assert (pages[0], pages[-1]) == (1, 4)


def test_paragraphs_without_indent() -> None:
    """Where paragraphs are set apart by space, space starts them."""
    loaded = load_pdf(pdf(lambda canvas: draw_paragraphs(canvas, ARTICLES, spacing=12, indent=0)), LIMITS)
    assert texts(loaded) == list(ARTICLES)


def test_a_reference_at_the_start_of_a_line_opens_nothing() -> None:
    """The line breaks in front of 第三条, in the middle of a sentence."""
    text = "第九条 值班员发现有人违反规定的，应当当面提醒，提醒后不改正的依照第三条的规定处理，并且记入登记簿备查。"
    cut = text.index("第三条")
    lines = [text[: cut - 16], text[cut - 16 : cut], text[cut:]]

    def draw(canvas: Canvas) -> None:
        y = draw_paragraphs(canvas, [LONG[1]], columns=18)
        canvas.drawString(80 + 24, y, lines[0])
        canvas.drawString(80, y - 20, lines[1] + "  ")
        canvas.drawString(80, y - 40, lines[2][:18])
        canvas.drawString(80, y - 60, lines[2][18:])

    assert texts(load_pdf(pdf(draw), LIMITS))[-1] == text


def two_columns(canvas: Canvas, paragraphs: list[str], *, top: float) -> None:
    """Fill the left column to the bottom, then the right one."""
    lines = [(shift, line) for text in paragraphs for shift, line in wrapped(text, 17)]
    half = (len(lines) + 1) // 2
    canvas.setFont(FONT, 12)
    for left, part in ((60, lines[:half]), (310, lines[half:])):
        for row, (shift, line) in enumerate(part):
            canvas.drawString(left + 12 * shift, top - 18 * row, line)


def test_two_columns_under_a_full_width_title() -> None:
    """The title first, then the left column, then the right one, a sentence running on between them."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(FONT, 20)
        canvas.drawCentredString(PAGE_WIDTH / 2, 770, "阅览室管理办法")
        two_columns(canvas, LONG, top=720)

    loaded = load_pdf(pdf(draw), LIMITS)
    assert texts(loaded) == ["阅览室管理办法", *LONG]
    assert loaded.blocks[0].kind is BlockKind.HEADING


def test_a_short_last_page_of_two_columns() -> None:
    """Pages too short to show their columns are cut like the others."""

    def draw(canvas: Canvas) -> None:
        for _ in range(2):
            two_columns(canvas, LONG, top=760)
            canvas.showPage()
        canvas.setFont(FONT, 12)
        canvas.drawString(84, 760, "（一）左一；")
        canvas.drawString(84, 742, "（二）左二。")
        canvas.drawString(334, 760, "（三）右一。")

    assert texts(load_pdf(pdf(draw), LIMITS))[-3:] == ["（一）左一；", "（二）左二。", "（三）右一。"]


def test_headings_by_type_size() -> None:
    """Centred titles in two lines are one heading; levels follow the sizes."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(FONT, 22)
        canvas.drawCentredString(PAGE_WIDTH / 2, 770, "关于印发街道阅览室夜间开放管理办")
        canvas.drawCentredString(PAGE_WIDTH / 2, 740, "法的通知")
        canvas.setFont(FONT, 15)
        canvas.drawCentredString(PAGE_WIDTH / 2, 700, "第一章 总则")
        canvas.drawCentredString(PAGE_WIDTH / 2, 675, "第一节 宗旨")
        draw_paragraphs(canvas, ARTICLES, top=650)

    blocks = load_pdf(pdf(draw), LIMITS).blocks
    assert [(b.kind, b.level, b.text) for b in blocks[:4]] == [
        (BlockKind.HEADING, 1, "关于印发街道阅览室夜间开放管理办法的通知"),
        (BlockKind.HEADING, 2, "第一章 总则"),
        (BlockKind.HEADING, 2, "第一节 宗旨"),
        (BlockKind.PARAGRAPH, 0, ARTICLES[0]),
    ]


def test_spaces_of_layout_are_not_text() -> None:
    """A program sets digits a quarter apart from ideographs; that is no space. A printed space is one."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(FONT, 12)
        x = 80.0
        for part in ("自", "2021", "年", "8", "月起"):
            canvas.drawString(x, 700, part)
            x += canvas.stringWidth(part, FONT, 12) + 2.6
        canvas.drawString(80, 660, "第一条 开门")

    assert texts(load_pdf(pdf(draw), LIMITS)) == ["自2021年8月起", "第一条 开门"]


def test_overprinted_bold_type_is_read_once() -> None:
    """Some programs print twice, a hair apart."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(FONT, 12)
        for shift in (0, 0.4):
            canvas.drawString(80 + shift, 700, "第一条 天天向上，人人开心。")

    assert texts(load_pdf(pdf(draw), LIMITS)) == ["第一条 天天向上，人人开心。"]


def test_slanted_watermark_is_dropped() -> None:
    """Large turned letters across the page are no text."""

    def draw(canvas: Canvas) -> None:
        draw_paragraphs(canvas, ARTICLES)
        canvas.saveState()
        canvas.translate(200, 300)
        canvas.rotate(45)
        canvas.setFont(FONT, 60)
        canvas.drawString(0, 0, "内部资料")
        canvas.restoreState()

    assert texts(load_pdf(pdf(draw), LIMITS)) == list(ARTICLES)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_text(turn: int) -> None:
    """A landscape page printed on a portrait one."""

    def draw(canvas: Canvas) -> None:
        canvas.translate(PAGE_WIDTH / 2, PAGE_HEIGHT / 2)
        canvas.rotate(turn)
        draw_paragraphs(canvas, ARTICLES, left=-240, top=200)

    assert texts(load_pdf(pdf(draw), LIMITS)) == list(ARTICLES)


def test_turned_page() -> None:
    """The page itself may say that it is to be shown turned; its text then stands upright on it."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(lambda canvas: draw_paragraphs(canvas, ARTICLES)))))
    writer.pages[0].rotate(90)
    buffer = io.BytesIO()
    writer.write(buffer)
    assert texts(load_pdf(buffer.getvalue(), LIMITS)) == list(ARTICLES)


def test_table_of_contents_is_left_out() -> None:
    """Dots and page numbers, and the word above them."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(FONT, 12)
        canvas.drawCentredString(PAGE_WIDTH / 2, 760, "目 录")
        for row, name in enumerate(("第一章 总则", "第二章 借阅", "第三章 附则")):
            canvas.drawString(80, 730 - 20 * row, f"{name}{'.' * 40}{row + 1}")
        canvas.showPage()
        draw_paragraphs(canvas, ARTICLES)

    assert texts(load_pdf(pdf(draw), LIMITS)) == list(ARTICLES)


def test_rows_of_a_table_stay_apart() -> None:
    """Three cells in a row make a block of their own."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(FONT, 12)
        for row, cells in enumerate((("序号", "书目", "学时"), ("1", "灯下集", "2"), ("2", "门与窗", "3"))):
            for column, cell in enumerate(cells):
                canvas.drawString(80 + 120 * column, 700 - 20 * row, cell)

    assert texts(load_pdf(pdf(draw), LIMITS)) == ["序号 书目 学时", "1 灯下集 2", "2 门与窗 3"]


def test_page_number_of_a_single_page() -> None:
    """Nothing repeats on one page, but a page number looks like one."""

    def draw(canvas: Canvas) -> None:
        draw_paragraphs(canvas, ARTICLES)
        canvas.drawCentredString(PAGE_WIDTH / 2, 30, "- 1 -")

    assert texts(load_pdf(pdf(draw), LIMITS)) == list(ARTICLES)


def test_headers_of_even_and_odd_pages_and_of_chapters() -> None:
    """Each comes back on some pages only."""

    def draw(canvas: Canvas) -> None:
        for number in range(1, 9):
            canvas.setFont(FONT, 9)
            canvas.drawString(80, 805, "街道文件汇编" if number % 2 else f"第{'一' if number < 5 else '二'}章 某某规定")
            canvas.drawString(80 if number % 2 else 480, 30, str(number))
            draw_paragraphs(canvas, [article(number)])
            canvas.showPage()

    assert texts(load_pdf(pdf(draw), LIMITS)) == [article(number) for number in range(1, 9)]


def test_even_pages_shifted_against_odd_ones() -> None:
    """For binding on both sides: the margin of a page is its own."""

    def draw(canvas: Canvas) -> None:
        lines = [(shift, line) for text in LONG for shift, line in wrapped(text, 36)]
        for number, start in enumerate(range(0, len(lines), 9)):
            canvas.setFont(FONT, 12)
            for row, (shift, line) in enumerate(lines[start : start + 9]):
                canvas.drawString((100 if number % 2 else 70) + 12 * shift, 730 - 20 * row, line)
            canvas.showPage()

    assert texts(load_pdf(pdf(draw), LIMITS)) == LONG


def test_a_broken_page_does_not_cost_the_others() -> None:
    """It is named in a warning."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(lambda canvas: draw_pages(canvas, LONG)))))
    kids = writer.root_object["/Pages"]["/Kids"]
    writer._replace_object(kids[1].idnum, writer.root_object["/Pages"]["/Kids"].__class__())
    buffer = io.BytesIO()
    writer.write(buffer)
    loaded = load_pdf(buffer.getvalue(), LIMITS)
    assert texts(loaded)[0] == LONG[0]
    assert "第 2 页已损坏" in loaded.warnings[0]


def test_title_of_the_file() -> None:
    """The property, unless a program put it there."""

    def draw(title: str) -> bytes:
        def act(canvas: Canvas) -> None:
            canvas.setTitle(title)
            draw_paragraphs(canvas, ARTICLES)

        return pdf(act)

    assert load_pdf(draw("阅览室管理办法"), LIMITS).title == "阅览室管理办法"
    assert load_pdf(draw("Microsoft Word - 办法.doc"), LIMITS).title is None


def encrypted(user: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(lambda canvas: draw_paragraphs(canvas, ARTICLES)))))
    writer.encrypt(user, "owner", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_passwords() -> None:
    """A password to open it stops it; one that only forbids printing does not."""
    assert texts(load_pdf(encrypted(""), LIMITS)) == list(ARTICLES)
    with pytest.raises(EncryptedFileError, match="密码"):
        load_pdf(encrypted("secret"), LIMITS)


def test_damage_and_limits() -> None:
    """Cut off, not a PDF inside, too many pages."""
    data = pdf(lambda canvas: draw_pages(canvas, LONG))
    with pytest.raises(DamagedFileError):
        load_pdf(b"%PDF-1.7\n" + b"\0" * 500, LIMITS)
    with pytest.raises(DamagedFileError):
        load_pdf(data[: len(data) // 4], LIMITS)
    with pytest.raises(FileTooLargeError, match="4 页"):
        load_pdf(data, replace(LIMITS, max_pages=3))


def test_positions_are_finite() -> None:
    """Characters of no size do not divide by zero."""

    def draw(canvas: Canvas) -> None:
        draw_paragraphs(canvas, ARTICLES)
        canvas.setFont(FONT, 0.001)
        canvas.drawString(80, 300, "极小")

    loaded = load_pdf(pdf(draw), LIMITS)
    assert texts(loaded)[: len(ARTICLES)] == list(ARTICLES)
    assert math.isfinite(loaded.blocks[0].level)


def ruled(canvas: Canvas, rows: list[tuple[str, ...]], *, top: float, widths: tuple[float, ...] = (60, 90, 90)) -> None:
    """A table with rules; a cell's text is cut into lines of seven characters. "^" is merged with the cell above."""
    canvas.setFont(FONT, 12)
    edges = [80 + sum(widths[:i]) for i in range(len(widths) + 1)]
    y = top
    canvas.line(edges[0], y, edges[-1], y)
    for number, row in enumerate(rows):
        height = 8 + 16 * max(len(wrapped(cell, 7, 0)) for cell in row)
        for column, cell in enumerate(row):
            for index, (_shift, line) in enumerate(wrapped(cell, 7, 0)):
                if cell != "^":
                    canvas.drawString(edges[column] + 3, y - 14 - 16 * index, line)
            below = rows[number + 1][column] if number + 1 < len(rows) else ""
            if below != "^":
                canvas.line(edges[column], y - height, edges[column + 1], y - height)
        for x in edges:
            canvas.line(x, y, x, y - height)
        y -= height


TABLE = [
    ("类别", "值班人员安排", "注意事项"),
    ("平日", "老陈与小林轮流，每人值一周", "检查门窗"),
    ("^", "小周替班", "带上备用钥匙，值完交还"),
    ("周末", "小周", "早到半小时"),
]
TABLE_TEXTS = [
    "类别：平日；值班人员安排：老陈与小林轮流，每人值一周；注意事项：检查门窗",
    "类别：平日；值班人员安排：小周替班；注意事项：带上备用钥匙，值完交还",
    "类别：周末；值班人员安排：小周；注意事项：早到半小时",
]


def test_ruled_tables() -> None:
    """Cells of several lines are whole, merged ones repeated, and text around the table is in its place."""

    def draw(canvas: Canvas) -> None:
        draw_paragraphs(canvas, ARTICLES[:2])
        ruled(canvas, TABLE, top=600)
        draw_paragraphs(canvas, ARTICLES[2:], top=380)

    loaded = load_pdf(pdf(draw), LIMITS)
    assert texts(loaded) == [*ARTICLES[:2], *TABLE_TEXTS, *ARTICLES[2:]]
    assert [block.kind for block in loaded.blocks].count(BlockKind.TABLE_ROW) == 3


@pytest.mark.parametrize("repeated", [True, False], ids=["header repeated", "header once"])
def test_table_over_two_pages(repeated: bool) -> None:
    """One table; each row knows its page."""

    def draw(canvas: Canvas) -> None:
        ruled(canvas, TABLE[:3], top=400)
        canvas.showPage()
        ruled(canvas, [TABLE[0], TABLE[3]] if repeated else TABLE[3:], top=700)

    loaded = load_pdf(pdf(draw), LIMITS)
    assert texts(loaded) == TABLE_TEXTS
    assert [block.place.page for block in loaded.blocks] == [1, 1, 2]


def test_a_page_arranged_with_rules_is_text() -> None:
    """A frame with one cell full of text is no table."""

    def draw(canvas: Canvas) -> None:
        draw_paragraphs(canvas, LONG[:12])
        canvas.rect(60, 250, 480, 520)
        canvas.line(60, 280, 540, 280)
        canvas.line(300, 250, 300, 280)
        canvas.setFont(FONT, 12)
        canvas.drawString(70, 262, "拟稿：老陈")
        canvas.drawString(310, 262, "核稿：小林")

    assert texts(load_pdf(pdf(draw), LIMITS))[:12] == LONG[:12]
