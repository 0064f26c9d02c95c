"""Bytes decide, whatever is declared."""

from __future__ import annotations

import codecs
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import DamagedFileError
from study_bot.library.loaders.encoding import decode

TEXT = "第一条 阅览室每日八时开门，二十二时闭馆。\n值班员应当提前十分钟到岗，检查灯光与门窗。\n"
TRADITIONAL = "第一條 閱覽室每日八時開門，讀者應當愛護圖書資料，不得在書上塗寫。\n"


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("gb18030", b""),
        ("gbk", b""),
    ],
)
def test_chinese_encodings(encoding: str, mark: bytes) -> None:
    """Every usual encoding gives the same text, with or without mark."""
    assert decode(mark + TEXT.encode(encoding)) == (TEXT, ())


def test_big5_is_not_taken_for_gb18030() -> None:
    """Both decodings succeed; everyday ideographs tell which is meant."""
    assert decode(TRADITIONAL.encode("big5"))[0] == TRADITIONAL


def test_traditional_text_in_gb18030() -> None:
    """Rare ideographs alone do not make a text Big5."""
    assert decode((TEXT + TRADITIONAL).encode("gb18030"))[0] == TEXT + TRADITIONAL


def test_short_gbk_text() -> None:
    """Four characters are enough."""
    assert decode("学习计划".encode("gbk"))[0] == "学习计划"


def test_declared_encoding_loses_against_the_bytes() -> None:
    """A page that calls its UTF-8 gb2312, and the reverse."""
    assert decode(TEXT.encode("utf-8"), "gb2312")[0] == TEXT
    assert decode(TEXT.encode("gb18030"), "utf-8")[0] == TEXT


def test_declared_encoding_wins_where_the_bytes_say_nothing() -> None:
    """Japanese in Shift-JIS is no GB18030 text of everyday ideographs."""
    text = "図書館の利用について、ご案内します。" * 5
    assert decode(text.encode("shift_jis"), "shift_jis")[0] == text


def test_text_cut_in_the_middle_of_a_character() -> None:
    """A truncated download loses its last character, not its encoding."""
    assert decode(TEXT.encode("utf-8")[:-2])[0] == TEXT[:-2]


def test_few_broken_characters_leave_a_warning() -> None:
    """One bad byte in a long text does not cost the text."""
    data = (TEXT * 20).encode("utf-8")
    text, warnings = decode(data[:30] + b"\xff" + data[30:])
    assert text.count("\ufffd") >= 1
    assert TEXT in text
    assert "无法识别" in warnings[0]


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 20, b"\x00\x01\x02\x03" * 500, b"\x7fELF\x02\x01\x01" + b"\0" * 64]
)
def test_binary_data_is_refused(data: bytes) -> None:
    """A program under a .txt name is no text."""
    with pytest.raises(DamagedFileError):
        decode(data)


@given(st.binary(max_size=400))
def test_any_bytes_give_text_or_a_clear_error(data: bytes) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(DamagedFileError):
        decode(data)


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=200))
def test_utf8_is_always_read_back(text: str) -> None:
    """Strict UTF-8 comes before every guess."""
    assert decode(text.encode("utf-8"))[0] == text
