"""What a file is by its bytes, whatever its name says."""

from __future__ import annotations

import io
import re
import zipfile

from study_bot.errors import LoadError
from study_bot.library.loaders.encoding import decode

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS = (
    ("encrypted", "EncryptedPackage"),
    ("doc", "WordDocument"),
    ("ppt", "PowerPoint Document"),
    ("xls", "Workbook"),
    ("xls", "Book"),
)
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_HTML = re.compile(rb"<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>])", re.IGNORECASE)
_HEAD = 2048

_PDF_PIECES = ("<<", "%%EOF", "xref", "trailer", "endobj", "endstream")
"""With these begins what is left of a PDF whose beginning is lost."""


def detect(data: bytes) -> str | None:
    """`pdf docx pptx xlsx doc xls ppt encrypted ole zip rtf html mht image`, or None for text and the unknown.

    `zip` is an archive that is no Office file, or one whose directory is destroyed; `encrypted` an Office file
    behind a password.
    """
    head = data[:_HEAD]
    text_head = head.lstrip(b"\xef\xbb\xbf \t\r\n\f\0")
    if text_head.startswith(b"%PDF-"):
        return "pdf"
    if data.startswith(_OLE):
        return _ole_kind(data)
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data)
    if text_head.startswith(b"{\\rtf"):
        return "rtf"
    if data.startswith(_IMAGES) and b"\0" in data[:64]:
        return "image"
    if text_head[:200].lower().startswith((b"mime-version:", b"from: <saved by")) and b"multipart/related" in head:
        return "mht"
    return "html" if _HTML.search(head.replace(b"\0", b"")) else None


def is_text(data: bytes) -> bool:
    """Whether the bytes are certainly a text, though the name says otherwise; pieces of a damaged file are none."""
    try:
        text, doubts = decode(data)
    except LoadError:
        return False
    controls = sum(1 for character in text if character < " " and character not in "\t\r\n\f")
    return bool(text.strip()) and not doubts and not controls and not text.lstrip().startswith(_PDF_PIECES)


def _ole_kind(data: bytes) -> str:
    return next((kind for kind, name in _OLE_STREAMS if name.encode("utf-16-le") in data), "ole")


def _zip_kind(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "zip"
    for kind, folder in (("docx", "word/"), ("xlsx", "xl/"), ("pptx", "ppt/")):
        if "[Content_Types].xml" in names and any(name.startswith(folder) for name in names):
            return kind
    return "zip"
