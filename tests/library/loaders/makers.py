"""Small documents of every format, made on the spot. The rules of a fictional reading room are their text."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.text.paragraph import Paragraph
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from study_bot.library.loaders import LoadLimits
from study_bot.text import to_chinese_number
from study_bot.types import Block, LoadedFile
from tests.support import missing

LIMITS = LoadLimits()

ARTICLES = (
    "第一条 为了让夜读的人有灯有座，方便街坊借阅图书，制定本办法。",
    "第二条 本办法所称阅览室，是指由街道开办、向全体居民免费开放的阅读场所；企业自办的阅览室，参照本办法执行。",
    "第三条 有下列情形之一的，可以优先预约座位：",
    "（一）正在准备考试的居民；",
    "（二）家中没有书桌的学生。",
    "第四条 连续三次预约后不到的，七日内不得再次预约；"
    "依照本办法第三条规定优先预约的，保留座位十五分钟，过时由值班员另行安排给其他读者使用。",
)

_WHO = ("借阅人", "值班员", "街道书记员", "居民小组长", "义务讲解员")
_WHAT = ("登记图书", "归还钥匙并检查门窗", "整理书架", "记录来访情况，写明姓名、事由和时间", "说明理由", "补齐缺页")
_WHERE = ("阅览室", "街道办事处的服务窗口", "社区学校", "文化站，文化站不开门的，向相邻的文化站")


def article(number: int) -> str:
    """An article of its own; no two of the first hundred are alike."""
    who, what, where = _WHO[number % 5], _WHAT[number % 6], _WHERE[number % 4]
    extra = f"逾期的，暂停借阅{to_chinese_number(number + 3)}日。" if number % 3 else ""
    return f"第{to_chinese_number(number)}条 {who}应当在{to_chinese_number(number + 1)}日内到{where}{what}。{extra}"


FONT = "STSong-Light"
PAGE_WIDTH, PAGE_HEIGHT = 595.0, 842.0


def texts(loaded: LoadedFile | Sequence[Block]) -> list[str]:
    """The texts of all blocks."""
    blocks = loaded.blocks if isinstance(loaded, LoadedFile) else loaded
    return [block.text for block in blocks]


# Word


def word_bytes(document: WordDocument) -> bytes:
    """A Word document as it is saved."""
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def word(*paragraphs: str) -> bytes:
    """A Word document of plain paragraphs."""
    document = Document()
    for text in paragraphs:
        document.add_paragraph(text)
    return word_bytes(document)


def add_list(document: WordDocument, levels: Sequence[dict[str, str]], *, key: int = 500, extra: str = "") -> None:
    """Define list `key`. A level is a dict of w: child names and values (start, numFmt, lvlText, suff, pStyle, …)."""
    numbering = document.part.numbering_part.element
    body = "".join(
        f'<w:lvl w:ilvl="{index}">' + "".join(f'<w:{n} w:val="{v}"/>' for n, v in level.items()) + "</w:lvl>"
        for index, level in enumerate(levels)
    )
    xml = f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{key}">{extra}{body}</w:abstractNum>'
    numbering.insert(0, parse_xml(xml))
    add_use(document, key, key)


def add_use(document: WordDocument, number: int, key: int, overrides: str = "") -> None:
    """Define w:num `number` over list `key`, with lvlOverride elements."""
    xml = f'<w:num {nsdecls("w")} w:numId="{number}"><w:abstractNumId w:val="{key}"/>{overrides}</w:num>'
    document.part.numbering_part.element.append(parse_xml(xml))


def numbered(document: WordDocument, text: str, number: int, level: int = 0) -> Paragraph:
    """A paragraph in list `number`."""
    paragraph = document.add_paragraph(text)
    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_numId().val = number
    properties.get_or_add_ilvl().val = level
    return paragraph


def tracked(tag: str, text: str) -> OxmlElement:
    """A run inside w:ins or w:del."""
    change = OxmlElement(f"w:{tag}")
    change.set(qn("w:id"), "1")
    run = OxmlElement("w:r")
    content = OxmlElement("w:delText" if tag == "del" else "w:t")
    content.text = text
    run.append(content)
    change.append(run)
    return change


# PDF


def pdf(draw: Callable[[Canvas], None], **options: object) -> bytes:
    """A PDF drawn with a Chinese font that is not embedded."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), **options)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def wrapped(text: str, columns: int, indent: int = 2) -> list[tuple[int, str]]:
    """Lines of a paragraph as (indent in characters, text), broken after `columns` characters."""
    lines = [(indent, text[: columns - indent])]
    rest = text[columns - indent :]
    lines += [(0, rest[i : i + columns]) for i in range(0, len(rest), columns)]
    return lines


def draw_paragraphs(
    canvas: Canvas,
    paragraphs: Sequence[str],
    *,
    left: float = 80,
    top: float = 740,
    columns: int = 36,
    size: float = 12,
    pitch: float = 20,
    spacing: float = 0,
    indent: int = 2,
) -> float:
    """Draw paragraphs downwards; the height left."""
    canvas.setFont(FONT, size)
    y = top
    for text in paragraphs:
        for shift, line in wrapped(text, columns, indent):
            canvas.drawString(left + shift * size, y, line)
            y -= pitch
        y -= spacing
    return y


# Scans


def chinese_font() -> str:
    """File of an installed Chinese font; skips the test where there is none."""
    try:
        found = subprocess.run(
            ["fc-list", ":lang=zh-cn", "file"], capture_output=True, text=True, check=False
        ).stdout.splitlines()
    except FileNotFoundError:
        found = []
    fonts = sorted(line.rstrip(": ") for line in found)
    regular = [font for font in fonts if "Regular" in font and "Mono" not in font]
    if not fonts:
        missing("no Chinese font is installed (fonts-noto-cjk)")
    return (regular or fonts)[0]


# Zip


def rezip(data: bytes, changes: dict[str, bytes | None]) -> bytes:
    """An archive with some members replaced, added, or left out (None)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            if content is not None:
                new.writestr(name, content)
    return buffer.getvalue()


def write(folder: Path, name: str, data: bytes) -> Path:
    """Write a file and give its path."""
    path = folder / name
    path.write_bytes(data)
    return path
