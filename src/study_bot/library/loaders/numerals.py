"""Numbers as word processors write them: 一、壹、甲、①、IV, １."""

from __future__ import annotations

from collections.abc import Callable

from study_bot.text import to_chinese_number

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
_BANKERS = str.maketrans("一二三四五六七八九零十百千", "壹贰叁肆伍陆柒捌玖零拾佰仟")
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_POSITIONAL = str.maketrans("0123456789", "〇一二三四五六七八九")


def _chinese(value: int) -> str:
    return to_chinese_number(value) if 0 <= value <= 9999 else str(value)


def _bankers(value: int) -> str:
    text = _chinese(value)
    return (f"一{text}" if text.startswith("十") else text).translate(_BANKERS)


def _roman(value: int) -> str:
    if not 0 < value < 4000:
        return str(value)
    out = ""
    for number, letters in _ROMAN:
        count, value = divmod(value, number)
        out += letters * count
    return out


def _letter(value: int) -> str:
    """a..z, then aa, bb, …: word processors repeat the letter."""
    if not 0 < value <= 26 * 30:
        return str(value)
    rounds, index = divmod(value - 1, 26)
    return chr(ord("a") + index) * (rounds + 1)


def _cycle(symbols: str) -> Callable[[int], str]:
    return lambda value: symbols[(value - 1) % len(symbols)] if value > 0 else str(value)


def _from(first: str, last: int) -> Callable[[int], str]:
    """Consecutive symbols from `first` for 1..last, digits beyond."""
    return lambda value: chr(ord(first) + value - 1) if 0 < value <= last else str(value)


def _circled(value: int) -> str:
    if value > 20:
        return chr(0x3250 + value - 20) if value <= 35 else str(value)
    return _from("①", 20)(value)


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda value: f"{value:02d}",
    "upperRoman": lambda value: _roman(value).upper(),
    "lowerRoman": _roman,
    "upperLetter": lambda value: _letter(value).upper(),
    "lowerLetter": _letter,
    "decimalFullWidth": lambda value: str(value).translate(_FULL_WIDTH),
    "decimalFullWidth2": lambda value: str(value).translate(_FULL_WIDTH),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalEnclosedParen": _from("⑴", 20),
    "decimalEnclosedFullstop": _from("⒈", 20),
    "ideographEnclosedCircle": _from("㊀", 10),
    "ideographTraditional": _cycle(_STEMS),
    "ideographZodiac": _cycle(_BRANCHES),
    "ideographZodiacTraditional": lambda value: _cycle(_STEMS)(value) + _cycle(_BRANCHES)(value),
    "ideographDigital": lambda value: str(value).translate(_POSITIONAL),
    "japaneseDigitalTenThousand": lambda value: str(value).translate(_POSITIONAL),
    "taiwaneseDigital": lambda value: str(value).translate(_POSITIONAL),
    "chineseLegalSimplified": _bankers,
    "ideographLegalTraditional": _bankers,
    "japaneseLegal": _bankers,
    "numberInDash": lambda value: f"- {value} -",
    "hex": lambda value: f"{value:X}",
    "ordinal": lambda value: f"{value}.",
    "none": lambda _value: "",
    "bullet": lambda _value: "",
}

# From 100 on these differ (百, 一百, 一○○); all are written as citations write them: 一百.
_COUNTING = (
    "chineseCounting",
    "chineseCountingThousand",
    "japaneseCounting",
    "taiwaneseCounting",
    "taiwaneseCountingThousand",
    "koreanCounting",
)
_FORMATS.update(dict.fromkeys(_COUNTING, _chinese))


def format_number(value: int, name: str) -> str:
    """`value` in the numbering format of that OOXML name; an unknown format gives digits."""
    return _FORMATS.get(name, str)(value)
