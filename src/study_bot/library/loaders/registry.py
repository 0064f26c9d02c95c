"""Which loader reads a file: decided by its bytes, checked against its name."""

from __future__ import annotations

import importlib
import logging
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from study_bot.errors import (
    DamagedFileError,
    EmptyFileError,
    EncryptedFileError,
    FileTooLargeError,
    LoadError,
    UnsupportedFormatError,
)
from study_bot.library.loaders.limits import LoadLimits, megabytes
from study_bot.library.loaders.sniff import detect, is_text
from study_bot.types import LoadedFile

_log = logging.getLogger(__name__)

_FORMATS = {
    ".txt": "txt",
    ".md": "md",
    ".markdown": "md",
    ".html": "html",
    ".htm": "html",
    ".docx": "docx",
    ".pdf": "pdf",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
    ".doc": "doc",
}

# Loaders are imported when their format is met: some bring large libraries.
_LOADERS = {
    "txt": ("plain", "load_plain"),
    "md": ("markdown", "load_markdown"),
    "html": ("web", "load_web_page"),
    "docx": ("word", "load_word"),
    "pdf": ("pdf", "load_pdf"),
    "pptx": ("slides", "load_slides"),
    "xlsx": ("sheets", "load_sheets"),
    "doc": ("legacy_word", "load_legacy_word"),
    "rtf": ("legacy_word", "load_legacy_word"),
}
_TEXT_FORMATS = frozenset(("txt", "md", "html"))

SUPPORTED_SUFFIXES = frozenset(_FORMATS)
"""Lower-case suffixes, dot included, of files that are read."""

_REFUSALS = {
    ".wps": "不支持 .wps 格式；请用 WPS 另存为 .docx 再导入。",
    ".wpt": "不支持 .wpt 格式；请用 WPS 另存为 .docx 再导入。",
    ".rtf": "不支持 .rtf 格式；请用 Word 或 WPS 另存为 .docx 再导入。",
    ".docm": "不支持带宏的 .docm 格式；请用 Word 另存为 .docx 再导入。",
    ".odt": "不支持 .odt 格式；请另存为 .docx 再导入。",
    ".xls": "不支持旧版 .xls 格式；请用 Excel 或 WPS 另存为 .xlsx 再导入。",
    ".et": "不支持 .et 格式；请用 WPS 另存为 .xlsx 再导入。",
    ".xlsm": "不支持带宏的 .xlsm 格式；请用 Excel 另存为 .xlsx 再导入。",
    ".csv": "不支持 .csv 格式；请用 Excel 或 WPS 另存为 .xlsx 再导入。",
    ".ppt": "不支持旧版 .ppt 格式；请用 PowerPoint 或 WPS 另存为 .pptx 再导入。",
    ".dps": "不支持 .dps 格式；请用 WPS 另存为 .pptx 再导入。",
    ".pptm": "不支持带宏的 .pptm 格式；请用 PowerPoint 另存为 .pptx 再导入。",
    ".ofd": "不支持 .ofd 版式文件；请用版式阅读软件导出为 PDF 再导入。",
    ".caj": "不支持 .caj 格式；请用阅读软件导出为 PDF 再导入。",
    ".mht": "不支持 .mht 网页存档；请用浏览器另存为 .html 再导入。",
}

REFUSED_SUFFIXES = frozenset(_REFUSALS)
"""Suffixes of documents that cannot be read: worth a line in a report, unlike files that are no documents."""

_REFUSED_CONTENTS = {
    "xls": _REFUSALS[".xls"],
    "ppt": _REFUSALS[".ppt"],
    "mht": _REFUSALS[".mht"],
    "ole": "文件是旧版办公格式，无法读取；请用 Office 或 WPS 另存为 .docx、.xlsx 或 .pptx 再导入。",
    "image": "文件是图片；请先转成 PDF 再导入（扫描的 PDF 会自动识别文字）。",
}

PARSER_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What parsers raise on malformed input."""

_DAMAGED = "文件内容不符合格式，无法读取（可能已损坏）；请从原处重新取得该文件，或用办公软件打开后另存一份。"


def load_file(path: Path, limits: LoadLimits) -> LoadedFile:
    """Read one file into blocks. The content decides how; a suffix that says otherwise leaves a warning.

    :raises LoadError: with one Chinese line that says what to do, without the path: EmptyFileError,
        DamagedFileError, EncryptedFileError, UnsupportedFormatError, FileTooLargeError or LoadTimeoutError.
    """
    data = _read(path, limits)
    suffix = path.suffix.lower()
    kind, warnings = _choose(data, suffix)
    try:
        loaded = _loader(kind)(data, limits)
    except MemoryError:
        raise FileTooLargeError("读取这个文件需要的内存过大，已停止；请拆分后再导入。") from None
    except PARSER_FAILURES as error:
        _log.info("loader %s failed", kind, exc_info=error)
        raise DamagedFileError(_DAMAGED) from None
    if not loaded.blocks:
        raise EmptyFileError("文件里没有文字内容，请换上有文字的文件。")
    return replace(loaded, warnings=(*warnings, *loaded.warnings)) if warnings else loaded


def _read(path: Path, limits: LoadLimits) -> bytes:
    try:
        size = path.stat().st_size
        if size > limits.max_bytes:
            raise FileTooLargeError(
                f"文件有 {megabytes(size)}，超过上限 {megabytes(limits.max_bytes)}；请拆分文件，或调大 max_file_mb。"
            )
        data = path.read_bytes()
    except OSError:
        raise LoadError("文件打不开（不存在、没有读取权限，或不是普通文件）；请检查后重试。") from None
    if not data:
        raise EmptyFileError("文件是空的（0 字节），请换上有内容的文件。")
    return data


def _choose(data: bytes, suffix: str) -> tuple[str, tuple[str, ...]]:
    """Format to read the bytes as, and a warning where the suffix says something else."""
    expected = _FORMATS.get(suffix)
    actual = detect(data)
    if actual == "html" and (expected in _TEXT_FORMATS or expected is None):
        actual = None
    if actual == "encrypted":
        raise EncryptedFileError("文件有密码，请先在 Office 或 WPS 中去掉密码，另存后再导入。")
    if actual in ("doc", "rtf") and suffix in _REFUSALS:
        raise UnsupportedFormatError(_REFUSALS[suffix])
    if actual in _REFUSED_CONTENTS:
        raise UnsupportedFormatError(_REFUSALS.get(suffix, _REFUSED_CONTENTS[actual]))
    if actual in _LOADERS:
        if actual == expected or (actual == "rtf" and expected == "doc"):
            return actual, ()
        shown = f"后缀名是 {suffix}" if suffix else "没有后缀名"
        return actual, (f"文件{shown}，内容实际是 {actual} 格式，已按实际格式读取；建议改正后缀名。",)
    if suffix in _REFUSALS:
        raise UnsupportedFormatError(_REFUSALS[suffix])
    if actual == "zip" and expected in (None, "txt", "md", "html"):
        raise UnsupportedFormatError("文件是压缩包；请解压后导入里面的文件。")
    if expected in _TEXT_FORMATS:
        return expected, ()
    if expected is not None and actual is None and is_text(data):
        return "txt", (f"文件后缀名是 {suffix}，内容实际是 txt 格式，已按实际格式读取；建议改正后缀名。",)
    if expected is not None:
        raise DamagedFileError(f"文件不是有效的 {suffix} 文件，可能已损坏或下载不完整；请从原处重新取得该文件。")
    names = "、".join(sorted(SUPPORTED_SUFFIXES))
    raise UnsupportedFormatError(f"不支持 {suffix or '没有后缀名'} 的文件；可导入的格式：{names}。")


def _loader(kind: str) -> Callable[[bytes, LoadLimits], LoadedFile]:
    module, function = _LOADERS[kind]
    loader: Callable[[bytes, LoadLimits], LoadedFile] = getattr(
        importlib.import_module(f"study_bot.library.loaders.{module}"), function
    )
    return loader
