"""Names that people give files and categories, made safe: they become parts of paths and are shown on pages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath

from study_bot.errors import InputError
from study_bot.index.sources import CORPUS_SUFFIXES
from study_bot.library.catalog import SIDECAR_NAME
from study_bot.text import normalise_line

MAX_NAME_BYTES = 255
"""Longest name of a file in UTF-8: what file systems allow."""

UNSORTED = "未分类"
"""Category of files that were given none."""

MAX_CATEGORY_CHARS = 50
MAX_TITLE_CHARS = 200

# What some system forbids in names, or gives a meaning. Not what is merely unusual.
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def clean_name(given: str) -> str:
    """The name of a file without folders, control and invisible characters, in NFC.

    :raises InputError: nothing is left of it, it is too long, or it is one of those that mean something here.
    """
    name = _plain(re.split(r"[/\\]", given)[-1]) if len(given) <= 10_000 else given
    if len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise InputError(f"文件名“{name[:20]}…”太长（上限 {MAX_NAME_BYTES} 字节，约 80 个汉字）。请改短后再上传。")
    name = _FORBIDDEN.sub("_", name).lstrip(".~$ ").rstrip(". ")
    if not name.strip("_"):
        raise InputError("文件名是空的，或只有不能用作文件名的字符。请改名后再上传。")
    if name.lower() == SIDECAR_NAME:
        raise InputError(f"{SIDECAR_NAME} 是登记信息用的文件，不是文献。文献的信息请上传后在页面上更正。")
    if name.lower().endswith(CORPUS_SUFFIXES):
        raise InputError("不支持 .jsonl 语料文件。请上传文献本身（docx、pdf、txt 等）。")
    return name


def clean_category(given: str | None) -> str | None:
    """The name of a category, which is also that of a folder; None for none.

    :raises InputError: it is too long, or has characters that a folder cannot have.
    """
    name = _plain(given or "")
    if not name:
        return None
    if len(name) > MAX_CATEGORY_CHARS:
        raise InputError(f"分类名称太长（上限 {MAX_CATEGORY_CHARS} 个字）。")
    if _FORBIDDEN.search(name) or re.search(r"[/\\]", name) or name.startswith((".", "~$")) or name.endswith("."):
        raise InputError('分类名称不能含有 / \\ < > : " | ? * ，也不能以点开头或结尾。')
    return name


def clean_title(given: str | None, what: str = "标题") -> str | None:
    """A title in one line; None for none.

    :raises InputError: it is too long.
    """
    title = _plain(given or "")
    if len(title) > MAX_TITLE_CHARS:
        raise InputError(f"{what}太长（上限 {MAX_TITLE_CHARS} 个字）。")
    return title or None


def suffix_of(name: str) -> str:
    """The suffix of a cleaned name in lower case, dot included; "" if there is none that could be one."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,10}", suffix) else ""


def library_path(category: str | None, name: str, taken: Callable[[str], bool]) -> str:
    """Where a file lies in the library: `category/name`, or `category/2/name` and so on where that is taken.

    The name itself stays as it is: titles and dates are read from it.

    :param category: cleaned; None = UNSORTED.
    :param name: cleaned.
    :param taken: whether a path belongs to another file.
    """
    folder = category or UNSORTED
    path, number = f"{folder}/{name}", 2
    while taken(path):
        path = f"{folder}/{number}/{name}"
        number += 1
    return path


def _plain(text: str) -> str:
    visible = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) not in _INVISIBLE)
    return normalise_line(visible)
