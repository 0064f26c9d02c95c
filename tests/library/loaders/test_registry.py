"""Choosing a loader, limits, and files that mean harm."""

from __future__ import annotations

import contextlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from pptx import Presentation

from study_bot.errors import (
    DamagedFileError,
    EmptyFileError,
    EncryptedFileError,
    FileTooLargeError,
    LoadError,
    UnsupportedFormatError,
)
from study_bot.library.loaders import REFUSED_SUFFIXES, SUPPORTED_SUFFIXES, LoadLimits, load_file
from study_bot.settings import Settings
from tests.library.loaders.makers import ARTICLES, LIMITS, draw_paragraphs, pdf, rezip, texts, word, write

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def sheet() -> bytes:
    book = Workbook()
    book.active.append(["书目", "学时"])
    book.active.append(["甲", 1])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def slides() -> bytes:
    presentation = Presentation()
    presentation.slides.add_slide(presentation.slide_layouts[0]).shapes.title.text = "夜读"
    buffer = io.BytesIO()
    presentation.save(buffer)
    return buffer.getvalue()


def text_pdf() -> bytes:
    return pdf(lambda canvas: draw_paragraphs(canvas, ARTICLES))


SAMPLES = {
    ".txt": "\n".join(ARTICLES).encode(),
    ".md": f"# 办法\n\n{ARTICLES[0]}".encode(),
    ".html": f"<html><body><p>{ARTICLES[0]}</p></body></html>".encode(),
    ".docx": word(*ARTICLES),
    ".xlsx": sheet(),
    ".pptx": slides(),
    ".pdf": text_pdf(),
}


@pytest.mark.parametrize("suffix", sorted(SAMPLES))
def test_every_format(suffix: str, tmp_path: Path) -> None:
    """The suffix may be written in any case."""
    loaded = load_file(write(tmp_path, f"文件{suffix.upper()}", SAMPLES[suffix]), LIMITS)
    assert loaded.blocks
    assert loaded.format == suffix.lstrip(".")
    assert loaded.warnings == ()


def test_suffixes() -> None:
    """What is read and what is refused are apart."""
    assert {".txt", ".md", ".html", ".htm", ".docx", ".pdf", ".pptx", ".xlsx", ".doc"} <= SUPPORTED_SUFFIXES
    assert {".wps", ".xls", ".ppt", ".docm", ".xlsm"} <= REFUSED_SUFFIXES
    assert not SUPPORTED_SUFFIXES & REFUSED_SUFFIXES


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("办法.doc", ".docx", "docx"),
        ("办法.docx", ".pdf", "pdf"),
        ("办法.wps", ".docx", "docx"),
        ("办法.xls", ".xlsx", "xlsx"),
        ("办法.txt", ".pdf", "pdf"),
        ("办法.pdf", ".html", "html"),
        ("办法", ".docx", "docx"),
        ("办法.pdf", ".txt", "txt"),
        ("办法.docx", ".txt", "txt"),
    ],
)
def test_content_decides(name: str, content: str, kind: str, tmp_path: Path) -> None:
    """A wrong suffix leaves a warning and nothing more."""
    loaded = load_file(write(tmp_path, name, SAMPLES[content]), LIMITS)
    assert loaded.format == kind
    assert "已按实际格式读取" in loaded.warnings[0]


def test_html_inside_text_files_is_text(tmp_path: Path) -> None:
    """A note about web pages is a note."""
    assert texts(load_file(write(tmp_path, "a.txt", b"<html> is a tag\n"), LIMITS)) == ["<html> is a tag"]


@pytest.mark.parametrize(
    ("name", "data", "error", "says"),
    [
        ("空.txt", b"", EmptyFileError, "0 字节"),
        ("空白.txt", " \n\u3000\n".encode(), EmptyFileError, "没有文字"),
        ("空.docx", word(""), EmptyFileError, "没有文字"),
        ("旧.wps", OLE, UnsupportedFormatError, "另存为 .docx"),
        ("旧.wps", OLE + "WordDocument".encode("utf-16-le"), UnsupportedFormatError, "另存为 .docx"),
        ("旧.xls", OLE + "Workbook".encode("utf-16-le"), UnsupportedFormatError, "另存为 .xlsx"),
        ("旧.ppt", OLE + "PowerPoint Document".encode("utf-16-le"), UnsupportedFormatError, "另存为 .pptx"),
        ("旧.doc", OLE + "PowerPoint Document".encode("utf-16-le"), UnsupportedFormatError, "另存为 .pptx"),
        ("密.docx", OLE + "EncryptedPackage".encode("utf-16-le"), EncryptedFileError, "密码"),
        ("宏.docm", SAMPLES[".txt"], UnsupportedFormatError, "另存为 .docx"),
        ("图.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", UnsupportedFormatError, "转成 PDF"),
        ("图.pdf", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", UnsupportedFormatError, "转成 PDF"),
        ("包.zip", rezip(SAMPLES[".docx"], {"[Content_Types].xml": None}), UnsupportedFormatError, "解压"),
        ("程序.exe", b"MZ\x90\0", UnsupportedFormatError, "不支持"),
        ("假.docx", b"\x01\x02\x03" + "只是文字".encode(), DamagedFileError, "不是有效的 .docx"),
        ("尾.pdf", b"trailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n", DamagedFileError, "不是有效的 .pdf"),
        ("断.docx", SAMPLES[".docx"][: len(SAMPLES[".docx"]) // 2], DamagedFileError, ".docx"),
        ("断.xlsx", SAMPLES[".xlsx"][: len(SAMPLES[".xlsx"]) // 2], DamagedFileError, ".xlsx"),
        ("断.pptx", SAMPLES[".pptx"][: len(SAMPLES[".pptx"]) // 2], DamagedFileError, ".pptx"),
        ("乱.txt", bytes(range(256)) * 10, DamagedFileError, "二进制"),
    ],
)
def test_refusals(name: str, data: bytes, error: type[LoadError], says: str, tmp_path: Path) -> None:
    """Each has its own class and one line that says what to do."""
    with pytest.raises(error, match=says) as caught:
        load_file(write(tmp_path, name, data), LIMITS)
    message = str(caught.value)
    assert "\n" not in message
    assert "；" in message or "，" in message
    assert str(tmp_path) not in message


def test_missing_file_and_folder(tmp_path: Path) -> None:
    """Gone between listing and reading."""
    for path in (tmp_path / "没有.txt", tmp_path):
        with pytest.raises(LoadError, match="打不开"):
            load_file(path, LIMITS)


def test_size_is_checked_before_reading(tmp_path: Path) -> None:
    """The message gives both sizes and the setting."""
    path = write(tmp_path, "大.txt", b"a" * 3000)
    with pytest.raises(FileTooLargeError, match="max_file_mb"):
        load_file(path, replace(LIMITS, max_bytes=2000))


def test_limits_from_settings() -> None:
    """Megabytes become bytes."""
    limits = LoadLimits.from_settings(Settings(max_file_mb=1, max_uncompressed_mb=2, max_pages=3, ocr=False, threads=4))
    assert (limits.max_bytes, limits.max_uncompressed_bytes) == (1 << 20, 2 << 20)
    assert (limits.max_pages, limits.ocr, limits.threads) == (3, False, 4)


@pytest.mark.parametrize(("suffix", "part"), [(".docx", "word/a.xml"), (".xlsx", "xl/a.xml"), (".pptx", "ppt/a.xml")])
def test_zip_bombs(suffix: str, part: str, tmp_path: Path) -> None:
    """By sum and by ratio, without unpacking."""
    bomb = write(tmp_path, f"弹{suffix}", rezip(SAMPLES[suffix], {part: b"<a/>" + b" " * (30 << 20)}))
    with pytest.raises(FileTooLargeError, match="压缩比"):
        load_file(bomb, LIMITS)
    with pytest.raises(FileTooLargeError, match="max_uncompressed_mb"):
        load_file(bomb, replace(LIMITS, max_uncompressed_bytes=20 << 20))


ENTITIES = '<!DOCTYPE a [<!ENTITY b "字字字字">' + "".join(
    f'<!ENTITY {chr(99 + n)} "{f"&{chr(98 + n)};" * 10}">' for n in range(9)
)
MAIN = {".docx": "word/document.xml", ".xlsx": "xl/workbook.xml", ".pptx": "ppt/presentation.xml"}


@pytest.mark.parametrize("suffix", sorted(MAIN))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("before", ["", "<!-- 注 -->\n", "<?xml version='1.0' encoding='{}'?>\n<?a b?>"])
def test_entity_bombs(suffix: str, encoding: str, before: str, tmp_path: Path) -> None:
    """A document type is refused in any encoding and behind comments."""
    xml = f"{before.format(encoding)}{ENTITIES}]><a>&k;</a>".encode(encoding)
    path = write(tmp_path, f"实体{suffix}", rezip(SAMPLES[suffix], {MAIN[suffix]: xml}))
    with pytest.raises(DamagedFileError, match="实体"):
        load_file(path, LIMITS)


def test_external_entities_are_not_fetched(tmp_path: Path) -> None:
    """Neither from the disk nor from elsewhere."""
    secret = write(tmp_path, "secret.txt", "机密".encode())
    xml = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'.encode()
    with pytest.raises(DamagedFileError):
        load_file(write(tmp_path, "外.docx", rezip(SAMPLES[".docx"], {MAIN[".docx"]: xml})), LIMITS)


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


@pytest.mark.parametrize("inner", ["<w:ins>", "<w:tbl><w:tr><w:tc>"])
def test_deep_nesting(inner: str, tmp_path: Path) -> None:
    """Thousands of levels end in a clear error, hundreds in text or the same error."""
    outer = "".join(f"</{tag[1:]}" for tag in reversed(inner.replace(">", "> ").split()))
    for depth in (60, 5000):
        body = inner * depth + "<w:p><w:r><w:t>深处</w:t></w:r></w:p>" + outer * depth
        xml = f"<w:document {W}><w:body>{body}</w:body></w:document>".encode()
        path = write(tmp_path, "深.docx", rezip(SAMPLES[".docx"], {MAIN[".docx"]: xml}))
        if depth == 60:
            assert texts(load_file(path, LIMITS)) == ["深处"]
        else:
            with pytest.raises(DamagedFileError):
                load_file(path, LIMITS)


def test_encrypted_zip_members(tmp_path: Path) -> None:
    """The flag in the directory of the archive."""
    data = bytearray(SAMPLES[".docx"])
    with zipfile.ZipFile(io.BytesIO(SAMPLES[".docx"])) as archive:
        start = archive.start_dir
    data[start + 8] |= 1
    with pytest.raises(EncryptedFileError):
        load_file(write(tmp_path, "密.docx", bytes(data)), LIMITS)


def check(path: Path) -> None:
    """Blocks or a LoadError, and nothing else."""
    with contextlib.suppress(LoadError):
        assert load_file(path, LIMITS).blocks


@pytest.mark.parametrize("suffix", sorted({*SUPPORTED_SUFFIXES, ".wps", ".xls", ""} - {".doc"}))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(min_size=1, max_size=600), head=st.sampled_from([b"", b"%PDF-1.7\n", b"PK\x03\x04", OLE[:16]]))
def test_random_bytes(suffix: str, data: bytes, head: bytes, tmp_path: Path) -> None:
    """Blocks or a LoadError, whatever the bytes."""
    path = write(tmp_path, f"乱{suffix}", head + data)
    check(path)


@pytest.mark.parametrize("suffix", [".docx", ".xlsx", ".pptx", ".pdf"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_changed_bytes(suffix: str, data: st.DataObject, tmp_path: Path) -> None:
    """A file with a few bytes changed, or cut off, is read or refused, never a traceback."""
    content = bytearray(SAMPLES[suffix])
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))
    path = write(tmp_path, f"改{suffix}", bytes(content[: cut if data.draw(st.booleans()) else None]))
    check(path)


@pytest.mark.parametrize(
    ("suffix", "part"),
    [
        (".docx", "word/document.xml"),
        (".docx", "word/numbering.xml"),
        (".docx", "word/styles.xml"),
        (".xlsx", "xl/worksheets/sheet1.xml"),
        (".xlsx", "xl/workbook.xml"),
        (".pptx", "ppt/presentation.xml"),
        (".pptx", "ppt/slides/slide1.xml"),
    ],
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_changed_parts(suffix: str, part: str, data: st.DataObject, tmp_path: Path) -> None:
    """XML inside an intact archive: attributes and names replaced at random."""
    with zipfile.ZipFile(io.BytesIO(SAMPLES[suffix])) as archive:
        content = archive.read(part)
    words = data.draw(st.lists(st.sampled_from([b"w:val", b"w:", b"r:id", b'"1"', b'"0"', b"a:", b"p:", b"s", b"ref"])))
    for word_ in words:
        content = content.replace(word_, data.draw(st.sampled_from([b"", b'"-1"', b'"x"', b"w:p", b"q:"])), 3)
    path = write(tmp_path, f"部{suffix}", rezip(SAMPLES[suffix], {part: content}))
    check(path)
