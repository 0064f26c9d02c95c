"""Words about time in a question: the day it is asked of, and which version of a law is meant."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from study_bot.text import NUMBER, FoundDate, find_dates, parse_number


class VersionWish(StrEnum):
    """Which version of a law a question asks for, beyond the one in force."""

    NONE = "none"
    CURRENT = "current"  # 现行
    NEWEST = "newest"  # 新法, even before it takes effect
    OLD = "old"  # 旧法, 修订前
    BOTH = "both"  # 新旧对比


@dataclass(frozen=True, slots=True)
class TimeWords:
    """What a question says of time. `spans` are the words that say it, in reading order.

    `as_of` None = no day named. `years` are those of 2012年版 or 2025年修订, in reading order.
    """

    as_of: dt.date | None = None
    wish: VersionWish = VersionWish.NONE
    years: tuple[int, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


_BOTH = re.compile(
    r"新[、和与]?旧(?:法|版|条文|规定|对比|条款)?(?:对比|比较)?|修[订改正](?:案)?前后|(?:历次|历史|新旧)版本"
    r"|(?:跟|和|与|同)(?:(?:以前|之前|过去|原来)的?|旧[法版的]|老[法版]|原[法版])[^，。？]{0,8}(?:相?比|区别|不同|变化)"
    r"|修[订改正]了(?:什么|哪些)|[做作]了?(?:什么|哪些)(?:修[订改正]|改动)"
)
_OLD = re.compile(
    r"旧[法版](?:本)?|老[法版](?:本)?|原法|原来的?(?=规定|版本|条文|条例|法)|修[订改正]之?以?前的?"
    r"|(?:以前|过去|之前|从前)的?(?=规定|版本|条文|条例|法)|(?:已经?)?(?:废止|失效)的"
)
_NEWEST = re.compile(r"新[法版](?:本)?(?!院)|新修[订改正]的?|修[订改正]之?以?后的?|最新(?:版本?|修[订改正])?的?")
_CURRENT = re.compile(r"现行有效的?|现行(?=规定|法律|版本|条文|条例)|(?:目前|现在|当前)(?:有效|施行|执行)的?")
_WISHES = (
    (_BOTH, VersionWish.BOTH),
    (_OLD, VersionWish.OLD),
    (_NEWEST, VersionWish.NEWEST),
    (_CURRENT, VersionWish.CURRENT),
)
# Right before the name of a law.
_BEFORE_LAW = re.compile(r"(?:(?P<new>最?新)|(?P<current>现行)|以前|从前|过去|原来|[旧老原])的?$")

_YEAR = r"(?:(?P<year>(?:19|20)\d\d|[零〇○一二三四五六七八九]{4})年?|(?<![\d第])(?P<short>\d\d)年?)"
_VERSION_YEAR = re.compile(_YEAR + r"的?(?:版本?|修[订改正](?:版|本|案)?)的?")
# A version is announced at most this long before its year.
_YEARS_AHEAD = 5
_AFTER_VERSION_DATE = re.compile(
    r"起?(?:修[订正改](?:版|本|案)?|版本?|公布|通过|颁布|发布|施行|实施|生效|出台|制定)的?"
)
_AFTER_AS_OF = re.compile(
    r"份?(?P<word>的?时候|当时|那个?时候?|那会儿?|时(?![间代期刻效])|期间|之前|以前|前(?![往期面提半])|之后|以后|后(?![半期来])"
    r"|年?底|末|初|止|有效|适用|的?法律?规定|的规定|的版本|还?是?适用)"
)
_NOT_A_DAY = re.compile(r"代|[至到—~～-]")
_DAY_NUMBER = re.compile(r"\s*(\d{1,2})号")
# Without such words a question is not about the law, and its dates are part of what it tells.
_LEGAL = re.compile(r"[法罪罚刑]|处分|处置|处理|规定|拘留|违规|违纪|条例")
# Without such words a question may tell what happened to somebody, and its dates are part of that.
_SOMEBODY = re.compile(r"[我她您你]|他(?!人)|本人|朋友|老板|家[人里]|孩子|公司|单位[让叫不]")
# A question that begins with the day and asks for a rule in so many words is about the rule.
_RULE_THEN = re.compile(
    r"^\s*[^，,。？?]{2,20}(?:的?时候|当时|那时)[，,、]?(?=.*(?:期限|标准|制度|办法|要求|程序|条件|学时|多久|多长时间|几次))"
)
# What becomes of somebody who did something: the law of the day of the deed says it.
_DEED = re.compile(
    r"(?:怎么样?|如何|怎样|会|要|该|应当?|受到?(?:什么|何种))被?(?:处?罚|处分|处理|处置|定性|定罪|量刑|判|拘)"
    r"|罚款?(?:多少|几)|[判关](?:几|多)|拘留?(?:几|多)|什么(?:处罚|处分|罪)|构成什么|算不算"
)
_LEADING = re.compile(r"\s*(?:在|于|如果|假如|倘若)?")
_HAPPENED = re.compile(r"(?:那[天年]|当[天年]|[间里内])?所?(?:发生|实施|作出|查获|查处)的?")
_A_DOCUMENT = re.compile(r"年?度?的?.{0,4}(?:工作|计划|总结|报告|会|讲话|通知|文件|方案)")
_BESIDE_LAW = re.compile(r"[\s的《]*")
_BEFORE_AS_OF = re.compile(r"(?:截至|截止到?|在|于|按照?|依照?|假如|如果|发生[在于]|倘若)$")
_BEFORE_WORDS = ("之前", "以前", "前")
_RELATIVE = re.compile(
    rf"(?P<word>去年|前年|大前年|明年|上个?月|昨天|前天|(?P<years>{NUMBER})年(?:之|以)?前)(?:的?时候|当时|那时)?(?P<end>年?底|年?末|年?初)?"
)


def find_time_words(
    text: str, today: dt.date, law_spans: tuple[tuple[int, int], ...] = (), *, about_law: bool = False
) -> TimeWords:
    """Read the time words of a question.

    :param law_spans: where laws are named. In a question about the law, a date is the day asked of when words such as
        时 or 截至 say so or a law is named right beside it; dates inside a law's name do not count.
    :param about_law: the conversation is about the law, whatever this question says.
    """
    spans: list[tuple[int, int]] = []
    years: list[int] = []
    as_of: dt.date | None = None
    for match in _VERSION_YEAR.finditer(text):
        year = parse_number(match["year"]) if match["year"] else 2000 + int(match["short"])
        if year is not None and year <= today.year + _YEARS_AHEAD:
            years.append(year)
            spans.append(match.span())
    legal = (
        about_law
        or bool(law_spans)
        or bool(_LEGAL.search(text) or (_RULE_THEN.match(text) and not _SOMEBODY.search(text)))
    )
    for found in (_with_day_number(text, date) for date in find_dates(text)):
        if _overlaps((found.start, found.end), [*spans, *law_spans]):
            continue
        if after := _AFTER_VERSION_DATE.match(text, found.end):
            if law_spans:
                years.append(found.date.year)
                spans.append((found.start, after.end()))
            continue
        if not legal or _NOT_A_DAY.match(text, found.end):
            continue
        after = _AFTER_AS_OF.match(text, found.end)
        before = _BEFORE_AS_OF.search(text, 0, found.start)
        if after or before or _beside_law(text, found, law_spans):
            as_of = _day_of(found, after["word"] if after else "", today)
            spans.append((before.start() if before else found.start, after.end() if after else found.end))
        elif (end := _end_of_deed_day(text, found)) is not None:
            as_of = _day_of(found, "", today)
            spans.append((found.start, end))
    if as_of is None and legal and (relative := _RELATIVE.search(text)):
        as_of = _relative_day(relative, today)
        spans.append(relative.span())
    wish = VersionWish.NONE
    for start, end, meaning in _version_wishes(text, law_spans):
        if not _overlaps((start, end), spans):
            spans.append((start, end))
            wish = meaning if wish in (VersionWish.NONE, meaning) else VersionWish.BOTH
    return TimeWords(as_of, wish, tuple(dict.fromkeys(years)), tuple(sorted(spans)))


def _version_wishes(text: str, law_spans: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int, VersionWish]]:
    for pattern, meaning in _WISHES:
        for match in pattern.finditer(text):
            yield *match.span(), meaning
    for law_start, _ in law_spans:
        if before := _BEFORE_LAW.search(text, 0, law_start):
            meaning = VersionWish.CURRENT if before["current"] else VersionWish.OLD
            yield *before.span(), VersionWish.NEWEST if before["new"] else meaning


def _with_day_number(text: str, found: FoundDate) -> FoundDate:
    """8月20号 is the 20th, though texts of law write 20日."""
    match = _DAY_NUMBER.match(text, found.end) if found.precision == "month" else None
    if match is None:
        return found
    try:
        return FoundDate(found.start, match.end(), found.date.replace(day=int(match[1])), "day")
    except ValueError:
        return found


def _beside_law(text: str, found: FoundDate, law_spans: tuple[tuple[int, int], ...]) -> bool:
    return any(
        (found.end <= start and _BESIDE_LAW.fullmatch(text, found.end, start))
        or (end <= found.start and _BESIDE_LAW.fullmatch(text, end, found.start))
        for start, end in law_spans
    )


def _end_of_deed_day(text: str, found: FoundDate) -> int | None:
    """Where the words end that give the day of a deed whose consequence is asked for; None if it is no such day."""
    if _SOMEBODY.search(text) or not _DEED.search(text, found.end):
        return None
    if happened := _HAPPENED.match(text, found.end):
        return happened.end()
    leads = _LEADING.fullmatch(text, 0, found.start) and not _A_DOCUMENT.match(text, found.end)
    return found.end if leads else None


def _overlaps(span: tuple[int, int], spans: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in spans)


def _day_of(found: FoundDate, word: str, today: dt.date) -> dt.date:
    """The day a date means: the last one of a month or year, but not after today when today is in it."""
    if word.endswith(_BEFORE_WORDS):
        return found.date - dt.timedelta(days=1)
    if word.endswith("初") or found.precision == "day":
        return found.date
    year, month = found.date.year, found.date.month if found.precision == "month" else 12
    last = dt.date(year, month, calendar.monthrange(year, month)[1])
    return today if found.date <= today < last and not word.endswith(("底", "末")) else last


def _relative_day(match: re.Match[str], today: dt.date) -> dt.date:
    word = match["word"]
    if match["years"]:
        back = parse_number(match["years"]) or 0
        return _years_earlier(today, min(back, today.year - 1))
    if word in ("昨天", "前天"):
        return today - dt.timedelta(days=1 if word == "昨天" else 2)
    if word.startswith("上"):
        return today.replace(day=1) - dt.timedelta(days=1)
    year = today.year + {"去年": -1, "前年": -2, "大前年": -3, "明年": 1}[word]
    at_start = word == "明年" or (match["end"] or "").endswith("初")
    return dt.date(year, 1, 1) if at_start else dt.date(year, 12, 31)


def _years_earlier(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)
