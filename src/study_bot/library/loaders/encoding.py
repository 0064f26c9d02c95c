"""Bytes to text when nothing, or something false, says how they are encoded."""

from __future__ import annotations

import codecs
import unicodedata

from study_bot.errors import DamagedFileError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_SAMPLE = 50_000
"""Characters looked at when judging whether a decoding makes sense."""

MIN_PLAUSIBLE = 0.9
"""Share of ordinary characters below which decoded bytes are not text."""

MAX_BAD_SHARE = 0.005
"""Share of undecodable characters that is put up with, with a warning."""


def decode(data: bytes, declared: str | None = None) -> tuple[str, tuple[str, ...]]:
    """Text of `data` without byte order mark, and warnings.

    Order: byte order mark, zero bytes of UTF-16, strict UTF-8, strict GB18030 (against Big5), the declared
    encoding, statistics, and last UTF-8 or GB18030 with a few unreadable characters. `declared` never beats
    the bytes.

    :raises DamagedFileError: the bytes are no text in any of these.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], name)
    if b"\0" in data:
        text = _utf16_without_mark(data)
        if text is None:
            raise DamagedFileError("文件内容是二进制数据，不是文本；请确认后缀名无误，或从原处重新取得该文件。")
        return text, ()
    for candidate in (_strict(data, "utf-8"), _utf8_cut_short(data), _chinese(data), _declared(data, declared)):
        if candidate is not None and _plausibility(candidate) >= MIN_PLAUSIBLE:
            return candidate, ()
    guessed = _guess(data)
    if guessed is not None and _plausibility(guessed) >= MIN_PLAUSIBLE:
        return guessed, ()
    return _with_few_errors(data)


def _strict(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeDecodeError, LookupError):
        return None


def _decode_marked(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    text = data.decode(name, errors="replace")
    bad = text.count("\ufffd")
    if _plausibility(text) < MIN_PLAUSIBLE or bad > 1 + MAX_BAD_SHARE * len(text):
        raise DamagedFileError("文本文件有大量无法识别的字符，可能已损坏；请用记事本重新另存为 UTF-8 编码。")
    return text.rstrip("\ufffd"), (_bad_warning(bad),) if bad else ()


def _bad_warning(count: int) -> str:
    return f"有 {count} 处字符无法识别，请核对原文件的编码。"


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 by the byte order that gives everyday characters; the other one gives rare ones."""
    candidates = [text for name in ("utf-16-le", "utf-16-be") if (text := _strict(data, name)) is not None]
    text = max(candidates, key=_familiar_share, default=None)
    if text is None or _familiar_share(text) < 0.6 or _plausibility(text) < MIN_PLAUSIBLE:
        return None
    return text


def _familiar_share(text: str) -> float:
    """Share of ASCII, common ideographs and their punctuation."""
    sample = text[:_SAMPLE]
    familiar = sum(1 for c in sample if " " <= c <= "~" or c in "\r\n\t" or "\u3000" <= c <= "\u303f" or c > "\uff00")
    ideographs = [c for c in sample if "\u3400" <= c <= "\u9fff"]
    return (familiar + len(ideographs) * _everyday_share(text, "gb2312", 0xB0, 0xF7)) / max(len(sample), 1)


def _utf8_cut_short(data: bytes) -> str | None:
    """UTF-8 whose last character was cut by the end of the file."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and len(data) - error.start < 4:
            return _strict(data[: error.start], "utf-8")
    return None


def _chinese(data: bytes) -> str | None:
    """GB18030 or Big5, whichever gives everyday ideographs."""
    simplified = _strict(data, "gb18030")
    if simplified is None:
        return _strict(data, "big5hkscs")
    everyday = _everyday_share(simplified, "gb2312", 0xB0, 0xD7)
    if everyday < 0.7:
        traditional = _strict(data, "big5hkscs")
        if traditional is not None and _everyday_share(traditional, "big5", 0xA4, 0xC6) > max(everyday, 0.7):
            return traditional
        if everyday < 0.4:
            return None
    return simplified


def _everyday_share(text: str, charset: str, low: int, high: int) -> float:
    """Share of ideographs that belong to the charset's first level (the common ones); 1.0 without ideographs."""
    ideographs = [c for c in text[:_SAMPLE] if "\u3400" <= c <= "\u9fff"]
    if not ideographs:
        return 1.0
    common = sum(1 for c in ideographs if low <= c.encode(charset, errors="replace")[0] <= high)
    return common / len(ideographs)


def _declared(data: bytes, declared: str | None) -> str | None:
    return _strict(data, declared) if declared else None


def _guess(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000]).best()
    return _strict(data, best.encoding) if best is not None else None


def _with_few_errors(data: bytes) -> tuple[str, tuple[str, ...]]:
    candidates = [data.decode(name, errors="replace") for name in ("utf-8", "gb18030")]
    text = min(candidates, key=lambda candidate: candidate.count("\ufffd"))
    bad = text.count("\ufffd")
    if bad > max(1, MAX_BAD_SHARE * len(text)) or _plausibility(text) < MIN_PLAUSIBLE:
        raise DamagedFileError("看不出文件的文字编码，可能已损坏；请用记事本打开核对，再另存为 UTF-8 编码。")
    return text, (_bad_warning(bad),) if bad else ()


def _plausibility(text: str) -> float:
    """Share of characters met in ordinary texts; 1.0 for the empty string."""
    sample = text[:_SAMPLE]
    if not sample:
        return 1.0
    return sum(map(_is_ordinary, sample)) / len(sample)


def _is_ordinary(character: str) -> bool:
    if character in "\t\n\r\f\v\ufeff\u200b":
        return True
    return unicodedata.category(character) not in ("Cc", "Cn", "Co", "Cs") and character != "\ufffd"
