"""PDF files: text from character boxes, scanned pages by recognition, layout noise removed, paragraphs rejoined."""

from __future__ import annotations

import re
import statistics
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import pypdfium2
import pypdfium2.raw as pdfium

from study_bot.errors import DamagedFileError, EncryptedFileError, FileTooLargeError, UnsupportedFormatError
from study_bot.library.loaders import ocr
from study_bot.library.loaders.blocks import BlockWriter
from study_bot.library.loaders.headings import HeadingJudge
from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.page_columns import frames_of
from study_bot.library.loaders.page_lines import Line, Page
from study_bot.library.loaders.page_marks import remove_running_lines
from study_bot.library.loaders.page_paragraphs import Paragraph, paragraphs_of
from study_bot.library.loaders.pdf_tables import split_tables
from study_bot.library.loaders.pdf_text import PageText, read_characters, segments_of
from study_bot.library.loaders.tables import Row, table_blocks
from study_bot.library.loaders.titles import meaningful_title
from study_bot.types import Block, BlockKind, LoadedFile, Place

_PDFIUM_LOCK = threading.Lock()
"""PDFium is not thread-safe."""

MIN_TEXT = 20
"""Characters below which a page with anything drawn on it is taken for a picture."""

MIN_TEXT_WITH_IMAGE = 120
"""The same for a page that is mostly covered by one image: a stamp or page number may be set over a scan."""

MAX_UNREADABLE = 0.3
"""Share of characters without meaning above which the text layer is useless and the page is recognised."""

LOW_SCORE = 0.85
"""Mean confidence of a page below which the admin is asked to check it."""

_LEADERS = re.compile(r"(?:[.．·…‥]\s*){4,}\s*[（(]?\d{1,4}[)）]?$")
_CONTENTS = re.compile(r"^目\s*录$")


@dataclass(slots=True)
class _Scan:
    """What became of pages that are broken or need recognition."""

    done: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def load_pdf(data: bytes, limits: LoadLimits) -> LoadedFile:
    """Read a PDF.

    :raises DamagedFileError: no readable PDF.
    :raises EncryptedFileError: a password other than the empty one is needed.
    :raises FileTooLargeError: more pages than `limits.max_pages`.
    :raises UnsupportedFormatError: nothing but scanned pages, and recognition is off or not installed.
    """
    scan = _Scan()
    with _PDFIUM_LOCK:
        document = _open(data)
        try:
            count = len(document)
            if count > limits.max_pages:
                raise FileTooLargeError(
                    f"PDF 有 {count} 页，超过上限 {limits.max_pages} 页；请拆分后再导入，或调大 max_pages。"
                )
            title = meaningful_title(document.get_metadata_value("Title"))
            pages = [_read_page_or_blank(document, index, limits, scan) for index in range(count)]
        except pypdfium2.PdfiumError:
            raise _damaged() from None
        finally:
            document.close()
    blocks = _blocks(remove_running_lines(pages))
    if not blocks and scan.unreadable:
        raise UnsupportedFormatError(f"PDF 是扫描件，没有文字层；{_recognition_hint(limits)}")
    if not blocks and scan.broken:
        raise _damaged()
    return LoadedFile(
        "pdf",
        tuple(blocks),
        title,
        warnings=_warnings(scan, limits),
        pages=count,
        ocr_pages=tuple(scan.done),
        ocr_confidence=statistics.fmean(scan.scores) if scan.scores else None,
    )


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise EncryptedFileError("PDF 有密码，打不开；请先去掉密码（另存为不加密的 PDF）再导入。") from None
        raise _damaged() from None


def _damaged() -> DamagedFileError:
    return DamagedFileError("PDF 已损坏，无法读取；请从原处重新取得该文件，或用阅读器打开后另存一份。")


def _recognition_hint(limits: LoadLimits) -> str:
    if not limits.ocr:
        return "请在设置中打开文字识别 ocr（STUDY_BOT_OCR=true）后重新导入。"
    return f"请安装文字识别的可选组件 ocr（{ocr.INSTALL_HINT}）后重新导入。"


def _warnings(scan: _Scan, limits: LoadLimits) -> tuple[str, ...]:
    warnings = []
    if scan.broken:
        warnings.append(f"第 {_numbers(scan.broken)} 页已损坏，没有读出；请核对原文件，或用阅读器打开后另存一份。")
    if scan.unreadable:
        warnings.append(f"第 {_numbers(scan.unreadable)} 页是扫描图像，没有读出文字；{_recognition_hint(limits)}")
    if scan.doubtful:
        shown = "、".join(scan.doubtful[:10]) + ("等" if len(scan.doubtful) > 10 else "")
        warnings.append(f"扫描页文字识别可信度低（{shown}），请对照原件核对。")
    return tuple(warnings)


def _numbers(pages: Sequence[int]) -> str:
    return "、".join(map(str, pages[:10])) + ("等" if len(pages) > 10 else "")


def _read_page_or_blank(document: pypdfium2.PdfDocument, index: int, limits: LoadLimits, scan: _Scan) -> Page:
    """A page; an empty one where it is broken: the others are still worth reading."""
    try:
        return _read_page(document, index, limits, scan)
    except pypdfium2.PdfiumError:
        scan.broken.append(index + 1)
        return Page(index + 1, 0, 0, ())


def _read_page(document: pypdfium2.PdfDocument, index: int, limits: LoadLimits, scan: _Scan) -> Page:
    number = index + 1
    page = document[index]
    try:
        text = read_characters(page)
        if _needs_recognition(page, text):
            if limits.ocr and ocr.is_available():
                scale = ocr.image_scale(*page.get_size())
                image = page.render(scale=scale, may_draw_forms=False, rev_byteorder=False).to_numpy()
                recognised, score = ocr.recognise(_three_channels(image), scale, number, limits.threads)
                if _adds_text(recognised, text):
                    scan.done.append(number)
                    scan.scores.append(score)
                    if score < LOW_SCORE:
                        scan.doubtful.append(f"第 {number} 页 {score:.0%}")
                    return recognised
            else:
                scan.unreadable.append(number)
        tables, flow = split_tables(page, text, number)
        return Page(number, text.width, text.height, (*segments_of(flow, number), *tables))
    finally:
        page.close()


def _adds_text(recognised: Page, text: PageText) -> bool:
    """Whether recognition found more than the page's own text, which a cover over a picture has in full."""
    found = sum(len(segment.text) for segment in recognised.segments)
    return found > 0 if text.unreadable > MAX_UNREADABLE else found > 1.3 * _printed(text)


def _printed(text: PageText) -> int:
    return sum(1 for character in text.characters if not character.space)


def _three_channels(image: object) -> object:
    """BGR from whatever PDFium rendered (grey, BGR, BGRX)."""
    import numpy as np

    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array[:, :, :3])


def _needs_recognition(page: pypdfium2.PdfPage, text: PageText) -> bool:
    printed = _printed(text)
    if text.unreadable > MAX_UNREADABLE:
        return True
    if printed >= MIN_TEXT_WITH_IMAGE:
        return False
    area = max(text.width * text.height, 1.0)
    images, drawn = 0.0, 0
    for item in page.get_objects(max_depth=4):
        drawn += 1
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = item.get_bounds()
            images = max(images, (right - left) * (top - bottom))
        if drawn > 5000:
            break
    if images > 0.4 * area:
        return True
    # Text drawn as curves leaves many paths and no characters.
    return printed < MIN_TEXT and (images > 0.02 * area or drawn > 300)


def _blocks(pages: Sequence[Page]) -> list[Block]:
    paragraphs = _without_contents(paragraphs_of(frames_of(pages)))
    scanned = {page.number for page in pages if page.ocr}
    lengths = [len(paragraph.text) for paragraph in paragraphs]
    bold = sum(size for size, p in zip(lengths, paragraphs, strict=True) if _is_bold(p))
    judge = HeadingJudge(
        [(_size(p), size) for size, p in zip(lengths, paragraphs, strict=True)],
        ratio=1.25 if scanned else 1.1,
        bold_share=bold / max(sum(lengths), 1),
    )
    writer = BlockWriter()
    tables: list[Line] = []
    for paragraph in paragraphs:
        first = paragraph.lines[0]
        if first.table:
            tables.append(first)
            continue
        _write_tables(writer, tables)
        recognised = first.page in scanned
        text = ocr.restore_space(paragraph.text) if recognised else paragraph.text
        level = judge.level(text, _size(paragraph), _is_bold(paragraph)) if first.cells < 3 else None
        writer.add(
            text,
            BlockKind.PARAGRAPH if level is None else BlockKind.HEADING,
            level=level or 0,
            place=Place(page=first.page),
            ocr=recognised,
        )
    _write_tables(writer, tables)
    return writer.blocks


def _write_tables(writer: BlockWriter, tables: list[Line]) -> None:
    """Write tables that follow each other; one that goes on over pages is one, its header said again or not."""
    rows: list[Row] = []
    places: list[Place] = []
    for table, following in zip_longest(tables, tables[1:]):
        repeated = bool(rows) and rows[0] == table.table[0]
        rows.extend(table.table[repeated:])
        places.extend([Place(page=table.page)] * (len(table.table) - repeated))
        goes_on = (
            following is not None
            and following.page == table.page + 1
            and len(following.table[0]) == len(table.table[0])
            and abs(following.left - table.left) + abs(following.right - table.right) < table.size
        )
        if not goes_on:
            writer.extend(table_blocks(rows, place=places.__getitem__))
            rows, places = [], []
    tables.clear()


def _without_contents(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Leave out the lines of a table of contents (dots and a page number), and its heading."""
    entries = {index for index, paragraph in enumerate(paragraphs) if _LEADERS.search(paragraph.text)}
    if len(entries) < 3:
        return list(paragraphs)
    return [
        paragraph
        for index, paragraph in enumerate(paragraphs)
        if index not in entries and not (index + 1 in entries and _CONTENTS.match(paragraph.text))
    ]


def _size(paragraph: Paragraph) -> float:
    return max(paragraph.lines, key=lambda line: len(line.text)).size


def _is_bold(paragraph: Paragraph) -> bool:
    return all(line.bold for line in paragraph.lines)
