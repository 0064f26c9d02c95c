"""Numbers in the formats of word processors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.library.loaders.numerals import format_number
from study_bot.text import parse_number


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("decimal", 12, "12"),
        ("decimalZero", 3, "03"),
        ("decimalFullWidth", 12, "１２"),
        ("chineseCounting", 10, "十"),
        ("chineseCountingThousand", 21, "二十一"),
        ("chineseCountingThousand", 120, "一百二十"),
        ("chineseCountingThousand", 1005, "一千零五"),
        ("japaneseCounting", 15, "十五"),
        ("taiwaneseCountingThousand", 101, "一百零一"),
        ("ideographTraditional", 3, "丙"),
        ("ideographTraditional", 12, "乙"),
        ("ideographZodiac", 4, "卯"),
        ("ideographDigital", 10, "一〇"),
        ("chineseLegalSimplified", 12, "壹拾贰"),
        ("ideographEnclosedCircle", 2, "㊁"),
        ("decimalEnclosedCircle", 20, "⑳"),
        ("decimalEnclosedCircle", 21, "㉑"),
        ("decimalEnclosedCircle", 40, "40"),
        ("decimalEnclosedParen", 2, "⑵"),
        ("upperRoman", 1994, "MCMXCIV"),
        ("lowerRoman", 4, "iv"),
        ("upperLetter", 27, "AA"),
        ("lowerLetter", 3, "c"),
        ("none", 7, ""),
        ("bullet", 7, ""),
        ("formatOfTheFuture", 7, "7"),
    ],
)
def test_formats(name: str, value: int, text: str) -> None:
    """One sample of each."""
    assert format_number(value, name) == text


@given(st.integers(1, 9999), st.sampled_from(["chineseCounting", "chineseCountingThousand", "japaneseCounting"]))
def test_counting_formats_can_be_read_back(value: int, name: str) -> None:
    """Article numbers resolved from lists mean the same number to the rest of the program."""
    assert parse_number(format_number(value, name)) == value


@given(st.integers(-5, 100_000), st.text(max_size=20))
def test_nothing_raises(value: int, name: str) -> None:
    """Damaged files hold any number."""
    assert isinstance(format_number(value, name), str)
