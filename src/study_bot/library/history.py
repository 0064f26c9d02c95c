"""What a text and its file name say of its own validity: dates, repeal, title. Pure functions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.library.tree import articles_of, walk
from study_bot.text import CJK, find_dates, normalise_line, parse_date, search_form, strip_version_words
from study_bot.types import DocumentKind, LoadedFile, SectionKind, VersionText

GENRES = "法典|法|条例|规定|办法|细则|准则|章程|规则|决定|通则|规程|解释|意见|宪法|制度"
"""Words with which titles of normative texts end."""

_TITLE_GENRE = re.compile(rf"(?:{GENRES})$")
_IN_FORCE_ON = re.compile(
    r"(?:自|从|于)?(?P<date>[^，。；、自从于]{4,16}?日?)\s*(?:起|开始)?\s*(?:正式)?(?:施行|实施|生效)"
)
_ON_PUBLICATION = re.compile(r"自(?:公布|发布|印发|颁布|通过)之日起(?:施行|实施|生效)")
_PUBLISHED = re.compile(r"公布|发布|颁布|印发")
_NAMED = re.compile(r"《([^《》]{2,60})》")
_OLD_WORDS = re.compile(r"旧版|旧法|已废止|已失效|失效|历史版本|原版")
_REPLACED = re.compile(r"(?P<date>\d{4}年\d{1,2}月\d{1,2}日)起?(?:被|由|已被)[^，。）)]*(?:取代|代替|废止|替代)")
_SENTENCE_MARK = re.compile(r"[。！？；!?;]")


@dataclass(frozen=True, slots=True)
class History:
    """Dates a text or its name states; None = not stated. `old` = the name says that it is superseded.

    `amended_since` is True when the closing article's date is older than the version (an amended law keeps
    the date on which its first version began), so that the date of this version is unknown from the text.
    """

    promulgated: dt.date | None = None
    effective: dt.date | None = None
    repealed: dt.date | None = None
    old: bool = False
    amended_since: bool = False
    repeals: tuple[str, ...] = ()


def read_history(version_text: VersionText, file_stem: str) -> History:
    """Read the title note, the closing articles and the file name of a normative text; prose gives an empty History."""
    if version_text.kind is not DocumentKind.STATUTE:
        return History()
    notes = [version_text.text[s.start : s.end] for _, s in walk(version_text.root) if s.kind is SectionKind.NOTE]
    promulgated, published, effective = _from_notes(notes)
    named = _from_name(file_stem)
    promulgated = promulgated or named.promulgated
    closing = _closing_text(version_text)
    amended_since = False
    if effective is None:
        effective, amended_since = _from_closing(closing, promulgated, published)
    return History(
        promulgated=promulgated,
        effective=effective or named.effective,
        repealed=named.repealed,
        old=named.old,
        amended_since=amended_since and named.effective is None,
        repeals=_repealed_titles(closing),
    )


def _from_notes(notes: Sequence[str]) -> tuple[dt.date | None, dt.date | None, dt.date | None]:
    """Latest date of adoption or publication; the day of publication of that version; its commencement.

    The day of publication is known when the latest date is one of 公布/发布, or the only one.
    """
    adopted: dict[dt.date, bool] = {}
    effective = None
    for note in notes:
        commencements = {d for m in _IN_FORCE_ON.finditer(note) if (d := parse_date(m["date"])) is not None}
        effective = max([*commencements, *([effective] if effective else [])], default=None)
        found = [f for f in find_dates(note) if f.precision == "day" and f.date not in commencements]
        for position, date in enumerate(found):
            following = found[position + 1].start if position + 1 < len(found) else len(note)
            words = note[date.end : following]
            adopted[date.date] = adopted.get(date.date, False) or bool(_PUBLISHED.search(words))
    promulgated = max(adopted, default=None)
    known = promulgated is not None and (adopted[promulgated] or len(adopted) == 1)
    if effective is not None and promulgated is not None and effective < promulgated:
        effective = None
    return promulgated, promulgated if known else None, effective


def _from_name(stem: str) -> History:
    repealed = parse_date(match["date"]) if (match := _REPLACED.search(stem)) else None
    rest = _REPLACED.sub("", stem)
    effective = parse_date(match["date"]) if (match := _IN_FORCE_ON.search(rest)) else None
    days = [f.date for f in find_dates(rest) if f.precision == "day" and f.date != effective]
    return History(
        promulgated=max(days, default=None),
        effective=effective,
        repealed=repealed,
        old=bool(repealed or _OLD_WORDS.search(stem)),
    )


def _closing_text(version_text: VersionText) -> str:
    """Text of the last three articles, where commencement and repeal are laid down."""
    articles = articles_of(version_text.root)
    return "\n".join(version_text.text[a.start : a.end] for a in articles[-3:])


def _from_closing(closing: str, promulgated: dt.date | None, published: dt.date | None) -> tuple[dt.date | None, bool]:
    """Commencement by the closing articles, and whether that date belongs to an older version."""
    if _ON_PUBLICATION.search(closing):
        return published, promulgated is not None and published is None
    dates = [d for m in _IN_FORCE_ON.finditer(closing) if (d := parse_date(m["date"])) is not None]
    if not dates:
        return None, False
    date = max(dates)
    if promulgated is not None and date < promulgated:
        return None, True
    return date, False


def _repealed_titles(closing: str) -> tuple[str, ...]:
    """Titles named in sentences that repeal: 《甲》《乙》同时废止."""
    titles: list[str] = []
    for sentence in re.split(r"[。\n]", closing):
        if "废止" in sentence:
            titles += _NAMED.findall(sentence)
    return tuple(dict.fromkeys(titles))


def choose_title(loaded: LoadedFile, file_stem: str, *, statute: bool) -> str:
    """The document's name.

    Front matter decides; then a line near the top that agrees with the file name (for a normative text: one that ends
    like the name of one); then what the format declares, if it agrees; then the file name without version words.
    """
    if declared := loaded.metadata.get("title"):
        return strip_version_words(declared)
    stem = strip_version_words(file_stem) or file_stem
    for block in loaded.blocks[:12]:
        line = strip_version_words(_close_up(block.text))
        if _fits(line, stem, statute=statute):
            # A prose name may say more than the line: 重要论述（一）, 讲话（2021年2月20日）.
            return line if statute or line not in file_stem else file_stem
    if statute and loaded.blocks:
        line = strip_version_words(_close_up(loaded.blocks[0].text))
        if len(line) <= 40 and _TITLE_GENRE.search(line) and not _SENTENCE_MARK.search(line):
            return line
    formal = strip_version_words(_close_up(loaded.title or ""))
    if formal and _fits(formal, stem, statute=statute):
        return formal
    return stem if statute else normalise_line(file_stem)


def _fits(line: str, stem: str, *, statute: bool) -> bool:
    """Whether a line can be the title of a file of that name: most of the name's characters, in words, are in it."""
    if not 2 <= len(line) <= 60 or _SENTENCE_MARK.search(line):
        return False
    if statute and not _TITLE_GENRE.search(line):
        return False
    plain_line, plain_stem = _plain(line), _plain(stem)
    if not plain_line or not plain_stem:
        return False
    if plain_stem in plain_line or plain_line in plain_stem:
        return len(plain_line) >= 0.4 * len(plain_stem)
    pairs = {plain_stem[i : i + 2] for i in range(len(plain_stem) - 1)}
    shared = sum(1 for i in range(len(plain_line) - 1) if plain_line[i : i + 2] in pairs)
    return shared >= 0.6 * max(len(plain_line) - 1, 1)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", search_form(text))


def _close_up(text: str) -> str:
    return re.sub(rf"(?<=[{CJK}]) (?=[{CJK}])", "", normalise_line(text))
