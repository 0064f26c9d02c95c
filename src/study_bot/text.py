"""Chinese script rules: numerals, article references, dates, sentences, titles. Nothing else knows them.

Pure functions over strings; positions are Python string indices, spans half-open.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass

from study_bot.types import ArticleNumber

CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Character-class body of the Han ideographs met in modern texts."""

_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffe]"
)
_SPACES = re.compile(r"[\s\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "Ｏ": 0, "两": 2, "壹": 1, "贰": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_FULL_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")

CHINESE_NUMBER = r"[零〇○一二两三四五六七八九十百千]{1,9}"
ARABIC_NUMBER = r"[0-9０-９]{1,4}"
NUMBER = rf"(?:{ARABIC_NUMBER}|{CHINESE_NUMBER})"
"""Pattern of a number in either script, as used after 第."""


def normalise_line(text: str) -> str:
    """One logical line: control and zero-width characters dropped, runs of any space made one ASCII space, trimmed."""
    return _SPACES.sub(" ", _INVISIBLE.sub("", text)).strip()


def search_form(text: str) -> str:
    """The form in which texts are compared: NFKC (full-width to half-width), lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def parse_number(text: str) -> int | None:
    """Value of a number in digits (half or full width) or Chinese numerals up to 9999; None if it is neither.

    Positional numerals are read as digits: 二〇二五 is 2025. A bare unit counts one: 十二 is 12.
    """
    text = text.strip().translate(_FULL_WIDTH)
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    if not text or any(c not in _DIGITS and c not in _UNITS for c in text):
        return None
    if not any(c in _UNITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total, digit = 0, None
    last_unit = 10_000
    for c in text:
        if c in _UNITS:
            unit = _UNITS[c]
            if unit >= last_unit:
                return None
            total += (1 if digit is None else digit) * unit
            last_unit, digit = unit, None
        elif digit in (None, 0):
            digit = _DIGITS[c]
        else:
            return None
    return total + (digit or 0)


def to_chinese_number(value: int) -> str:
    """Chinese numeral of 0..9999 as statutes write it: 10 is 十, 110 is 一百一十, 1005 is 一千零五.

    :raises ValueError: outside 0..9999.
    """
    if not 0 <= value <= 9999:
        raise ValueError(f"number out of range: {value}")
    if value == 0:
        return "零"
    digits, out, pending_zero = "零一二三四五六七八九", "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // unit % 10
        if digit:
            out += ("零" if pending_zero else "") + digits[digit] + name
            pending_zero = False
        elif out:
            pending_zero = True
    return out[1:] if out.startswith("一十") else out


def article_label(article: ArticleNumber) -> str:
    """第二十六条, 第一百二十条之一."""
    insert = f"之{to_chinese_number(article.insert)}" if article.insert else ""
    return f"第{to_chinese_number(article.number)}条{insert}"


@dataclass(frozen=True, slots=True)
class FoundReference:
    """An article reference found at `[start, end)` of a text; clause (款) and item (项) are 1-based.

    `explicit` is False when 第 was left out (刑法286条), which alone is weak evidence.
    """

    start: int
    end: int
    article: ArticleNumber
    clause: int | None = None
    item: int | None = None
    explicit: bool = True


_S = r"[ \u3000]*"
_REFERENCE = re.compile(
    rf"(?P<first>第)?{_S}(?P<numbers>{NUMBER}(?:{_S}[、,，和及]{_S}{NUMBER})*){_S}"
    rf"(?:条{_S}(?:之{_S}(?P<insert>{NUMBER}))?|之{_S}(?P<insert_before>{NUMBER}){_S}条)"
    rf"(?:{_S}的?第?{_S}(?P<clause>{NUMBER}){_S}款)?"
    rf"(?:{_S}的?第?{_S}[（(]?{_S}(?P<item>{NUMBER}){_S}[）)]?{_S}项)?"
)
_NUMBER_IN_LIST = re.compile(NUMBER)


MAX_ARTICLE = 9999
"""No text has more articles; a greater number is not one (and has no label)."""


def find_article_references(text: str) -> list[FoundReference]:
    """Article references in every spelling, in reading order; 第40、41条 gives two with one span."""
    found = []
    for match in _REFERENCE.finditer(text):
        insert = _optional_number(match["insert"] or match["insert_before"]) or 0
        numbers = [parse_number(m) for m in _NUMBER_IN_LIST.findall(match["numbers"])]
        last = len(numbers) - 1
        for position, number in enumerate(numbers):
            if not number or number > MAX_ARTICLE:
                continue
            found.append(
                FoundReference(
                    start=match.start(),
                    end=match.end(),
                    article=ArticleNumber(number, insert if position == last else 0),
                    clause=_optional_number(match["clause"]) if position == last else None,
                    item=_optional_number(match["item"]) if position == last else None,
                    explicit=match["first"] is not None,
                )
            )
    return found


def _optional_number(text: str | None) -> int | None:
    return parse_number(text) if text else None


_Y, _N = r"(?:[0-9０-９]{4}|[零〇○一二三四五六七八九]{4})", r"(?:[0-9０-９]{1,2}|[零〇一二三四五六七八九十]{1,3})"
_DATE = re.compile(
    rf"(?P<y>{_Y}){_S}年{_S}(?:(?P<m>{_N}){_S}月{_S}(?:(?P<d>{_N}){_S}日)?)?"
    r"|(?P<y2>(?:19|20)[0-9]{2})[-/.](?P<m2>[0-9]{1,2})(?:[-/.](?P<d2>[0-9]{1,2}))?(?![0-9])"
    r"|(?<![0-9])(?P<y3>(?:19|20)[0-9]{2})(?P<m3>[01][0-9])(?P<d3>[0-3][0-9])(?![0-9])"
)


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date found at `[start, end)`. `precision` is "day", "month" or "year"; `date` is its first day."""

    start: int
    end: int
    date: dt.date
    precision: str


def find_dates(text: str) -> list[FoundDate]:
    """Dates in reading order: 2025年6月27日, 二〇二五年六月, 2025-06-27, 20210429. Impossible ones are skipped."""
    found = []
    for match in _DATE.finditer(text):
        groups = [next((g for g in match.group(*names) if g), None) for names in _DATE_GROUPS]
        year, month, day = (_optional_number(g) for g in groups)
        try:
            date = dt.date(year or 0, month or 1, day or 1)
        except ValueError:
            continue
        precision = "day" if day else "month" if month else "year"
        found.append(FoundDate(match.start(), match.end(), date, precision))
    return found


_DATE_GROUPS = (("y", "y2", "y3"), ("m", "m2", "m3"), ("d", "d2", "d3"))


def parse_date(text: str) -> dt.date | None:
    """The first date in `text` (a missing month or day counts as 1), or None."""
    found = find_dates(text)
    return found[0].date if found else None


_SENTENCE = re.compile(r"[^。！？；!?;\n]*(?:[。！？；!?;]+[”’」』）)》】\"]*|\n|$)")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Sentence spans in order; they cover every non-space character and are trimmed of spaces at both ends."""
    spans = []
    for match in _SENTENCE.finditer(text):
        raw = match.group()
        stripped = raw.strip()
        if stripped:
            start = match.start() + raw.index(stripped[0])
            spans.append((start, start + len(stripped)))
    return spans


_STATE_PREFIX = "中华人民共和国"
_PARTY_PREFIX = "中国共产党"
_BRACKETED_TAIL = re.compile(
    r"[（(\[【][^（(\[【）)\]】]*(?:[0-9０-９]{4}|年|修订|修正|修改|版|施行|扫描|附|双栏|打印|含|编号|通过|公布|全文|网页|加密|损坏)"
    r"[^（(\[【）)\]】]*[）)\]】]\s*$"
)


def strip_version_words(title: str) -> str:
    """A title without 《》, bracketed version remarks at its end, a trailing year and file-name leftovers.

    治安管理处罚法（2025年修订，2026年1月1日起施行） becomes 治安管理处罚法; 监察法2024修正 becomes 监察法;
    （试行） and （一） stay, they are part of a name.
    """
    title = normalise_line(title).replace("_", " ").strip()
    while (match := _BRACKETED_TAIL.search(title)) and match.start() > 0:
        title = title[: match.start()].rstrip()
    title = re.sub(r"\s*(?:19|20)\d{2}(?:\d{4}|年)?\s*(?:修正|修订|修改)?(?:版|本)?$", "", title)
    if title.startswith("《") and title.endswith("》") and title.count("《") == 1:
        title = title[1:-1]
    return title.strip()


def short_title(title: str) -> str:
    """The name in everyday use: 中华人民共和国 and 中国共产党 dropped where enough remains (刑法, 纪律处分条例)."""
    title = strip_version_words(title)
    if title.startswith(_STATE_PREFIX) and len(title) - len(_STATE_PREFIX) >= 2:
        return title[len(_STATE_PREFIX) :]
    if title.startswith(_PARTY_PREFIX) and len(title) - len(_PARTY_PREFIX) >= 4:
        return title[len(_PARTY_PREFIX) :]
    return title
