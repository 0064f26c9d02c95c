"""What people type about people and units, made uniform and checked."""

from __future__ import annotations

import re
import unicodedata

from study_bot.errors import InputError
from study_bot.text import normalise_line

MAX_BADGE_CHARS = 64
MAX_NAME_CHARS = 100
MAX_PHONE_CHARS = 40

UNIT_SEPARATOR = "/"
"""Between the names of a unit's path, the root first."""

_BADGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]*[A-Za-z0-9])?")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]*")


def clean_badge(text: str) -> str:
    """A badge number: ASCII letters, digits and . _ @ - inside; letters keep their case, which never counts.

    :raises InputError: empty, too long, or other characters.
    """
    badge = unicodedata.normalize("NFKC", text).strip()
    if not badge:
        raise InputError("警号不能为空。")
    if len(badge) > MAX_BADGE_CHARS or not _BADGE.fullmatch(badge):
        raise InputError(
            f"警号只能由字母、数字和 . _ @ - 组成，以字母或数字开头和结尾，最多 {MAX_BADGE_CHARS} 个字符。"
        )
    return badge


def clean_name(text: str) -> str:
    """A person's name.

    :raises InputError: empty or too long.
    """
    return _line(text, "姓名", MAX_NAME_CHARS)


def clean_unit_name(text: str) -> str:
    """The name of one unit, without its path.

    :raises InputError: empty, too long, or with the sign that separates the names of a path.
    """
    name = _line(text, "单位名称", MAX_NAME_CHARS)
    if UNIT_SEPARATOR in name:
        raise InputError(f"单位名称里不能有“{UNIT_SEPARATOR}”，它用来分隔上下级。")
    return name


def clean_phone(text: str) -> str:
    """A telephone number, "" if there is none.

    :raises InputError: not a telephone number.
    """
    phone = normalise_line(unicodedata.normalize("NFKC", text))
    if phone and (len(phone) > MAX_PHONE_CHARS or not _PHONE.fullmatch(phone)):
        raise InputError("电话号码只能由数字、空格、括号、+ 和 - 组成。")
    return phone


def _line(text: str, what: str, longest: int) -> str:
    line = normalise_line(unicodedata.normalize("NFC", text))
    if not line:
        raise InputError(f"{what}不能为空。")
    if len(line) > longest:
        raise InputError(f"{what}最多 {longest} 个字符。")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Cn") for c in line):
        raise InputError(f"{what}里有不能显示的字符。")
    return line
