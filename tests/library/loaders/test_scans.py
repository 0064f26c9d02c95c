"""Scanned pages: a real recognition of a page drawn here, slightly turned and noisy."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from study_bot.errors import UnsupportedFormatError
from study_bot.library.loaders import ocr
from study_bot.library.loaders.page_lines import Line, Page
from study_bot.library.loaders.pdf import load_pdf
from study_bot.types import LoadedFile
from tests.library.loaders.makers import FONT, LIMITS, PAGE_WIDTH, chinese_font, draw_paragraphs, pdf, texts, wrapped
from tests.support import missing

SCANNED = (
    "第一条 为了让夜读的人有灯有座，方便街坊借阅图书，制定本办法。",
    "第二条 借阅人每次最多借三册图书，借期三十日，到期以前可以续借一次，续借期为十五日。",
    "逾期不还的，停借一个月。",
)


def scan(paragraphs: tuple[str, ...], *, turn: float = 0.6, title: str = "阅览室办法") -> Image.Image:
    """A picture of a page at 110 dpi, an A5 sheet put on the glass a little askew."""
    font, large = ImageFont.truetype(chinese_font(), 24), ImageFont.truetype(chinese_font(), 38)
    image = Image.new("L", (900, 640), 246)
    draw = ImageDraw.Draw(image)
    draw.text((450, 60), title, font=large, fill=20, anchor="mm")
    y = 120
    for text in paragraphs:
        for shift, line in wrapped(text, 29):
            draw.text((100 + 24 * shift, y), line, font=font, fill=20)
            y += 40
    image = image.rotate(turn, resample=Image.Resampling.BICUBIC, fillcolor=246)
    noise = np.random.default_rng(7).normal(0, 6, (image.height, image.width))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype("uint8"))


def scanned_pdf(*images: Image.Image) -> bytes:
    buffer = io.BytesIO()
    images[0].save(buffer, "PDF", resolution=110, save_all=True, append_images=images[1:])
    return buffer.getvalue()


@pytest.fixture(scope="module")
def loaded() -> LoadedFile:
    """One recognition for all tests: it takes seconds."""
    if not ocr.is_available():
        missing("rapidocr is not installed (extra `ocr`)")
    return load_pdf(scanned_pdf(scan(SCANNED)), LIMITS)


def test_recognised_lines_become_paragraphs(loaded: LoadedFile) -> None:
    """Sentences broken at line ends are whole, and the space after 第N条 is back."""
    assert texts(loaded) == ["阅览室办法", *SCANNED]


def test_recognised_text_is_marked(loaded: LoadedFile) -> None:
    """Readers must know that the text may hold errors."""
    assert loaded.ocr_pages == (1,)
    assert all(block.ocr and block.place.page == 1 for block in loaded.blocks)
    assert loaded.pages == 1


def test_scan_without_recognition() -> None:
    """Switched off, or not installed: the message says which, and what to do."""
    data = scanned_pdf(Image.new("L", (600, 800), 200))
    with pytest.raises(UnsupportedFormatError, match="STUDY_BOT_OCR"):
        load_pdf(data, replace(LIMITS, ocr=False))


def test_recognition_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra."""
    monkeypatch.setattr(ocr, "is_available", lambda: False)
    with pytest.raises(UnsupportedFormatError, match=r"study-bot\[ocr\]"):
        load_pdf(scanned_pdf(Image.new("L", (600, 800), 200)), LIMITS)


def test_mixed_file_without_recognition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages with text are kept, the others are named."""
    monkeypatch.setattr(ocr, "is_available", lambda: False)
    picture = io.BytesIO()
    Image.new("L", (60, 80), 200).save(picture, "PNG")

    def draw(canvas: Canvas) -> None:
        draw_paragraphs(canvas, SCANNED)
        canvas.showPage()
        picture.seek(0)
        canvas.drawImage(ImageReader(picture), 0, 0, PAGE_WIDTH, 842)
        canvas.setFont(FONT, 9)
        canvas.drawString(290, 30, "2")

    loaded = load_pdf(pdf(draw), LIMITS)
    assert texts(loaded)[:3] == list(SCANNED)
    assert loaded.ocr_pages == ()
    assert "第 2 页是扫描图像" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ("第一条为了夜读", "第一条 为了夜读"),
        ("第十二条之一借阅人", "第十二条之一 借阅人"),
        ("第二章借阅", "第二章 借阅"),
        ("第三条规定的人", "第三条规定的人"),
        ("第三条、第四条", "第三条、第四条"),
        ("第三条第二款", "第三条第二款"),
        ("第一条 为了", "第一条 为了"),
        ("依照第一条", "依照第一条"),
    ],
)
def test_restore_space(text: str, restored: str) -> None:
    """Only where an article or division opens, not where it is referred to."""
    assert ocr.restore_space(text) == restored


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("(一)借阅人,读者;", "（一）借阅人，读者；"),
        ("《办法》(试行)", "《办法》（试行）"),
        ("f(x), y:z", "f(x), y:z"),
        ("2021年(8:30)起", "2021年(8:30)起"),
    ],
)
def test_repair(text: str, repaired: str) -> None:
    """Half-width punctuation among ideographs is made full-width, elsewhere left."""
    assert ocr.repair(text) == repaired


@pytest.mark.parametrize(("width", "height", "scale"), [(595, 842, 2.0), (2480, 3508, 0.741), (300, 200, 4.0)])
def test_image_scale(width: float, height: float, scale: float) -> None:
    """Large sheets do not exhaust memory, small ones are enlarged."""
    assert ocr.image_scale(width, height) == pytest.approx(scale, abs=0.01)


def test_cover_over_a_picture_keeps_its_own_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognition that finds no more than the text layer is not used."""
    picture = io.BytesIO()
    Image.new("L", (60, 80), 200).save(picture, "PNG")

    def draw(canvas: Canvas) -> None:
        picture.seek(0)
        canvas.drawImage(ImageReader(picture), 0, 0, PAGE_WIDTH, 842)
        canvas.setFont(FONT, 20)
        canvas.drawString(100, 500, "街道阅览室夜间开放工作资料汇编第一册")

    seen = Line("街道阅览室夜问开放工作资料汇编第一册", 100, 480, 320, 345, 20, 1)
    monkeypatch.setattr(ocr, "is_available", lambda: True)
    monkeypatch.setattr(ocr, "recognise", lambda *_arguments: (Page(1, PAGE_WIDTH, 842, (seen,), ocr=True), 0.9))
    loaded = load_pdf(pdf(draw), LIMITS)
    assert texts(loaded) == ["街道阅览室夜间开放工作资料汇编第一册"]
    assert loaded.ocr_pages == ()


def test_doubtful_recognition_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page and its confidence are named."""
    seen = Line("看不太清的一行字，勉强认出来。", 100, 480, 320, 345, 20, 1)
    monkeypatch.setattr(ocr, "is_available", lambda: True)
    monkeypatch.setattr(ocr, "recognise", lambda *_arguments: (Page(1, PAGE_WIDTH, 842, (seen,), ocr=True), 0.62))
    loaded = load_pdf(scanned_pdf(Image.new("L", (600, 800), 200)), LIMITS)
    assert loaded.ocr_pages == (1,)
    assert "第 1 页 62%" in loaded.warnings[0]
