"""Finding the names of laws in a text: the longest known name, and only where it is the whole name.

行政复议法实施条例 must not be taken for 行政复议法, nor 人民武装警察法 for 警察法, whether or not the
library holds the longer one; what is named and not held is reported with no documents.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from study_bot.index.known_laws import GENRES, SHORT_NAMES, WELL_KNOWN
from study_bot.index.law_names import LAW_SUFFIX, fold, fold_with_map, looks_like_law, without_version_words
from study_bot.text import CJK, find_article_references


@dataclass(frozen=True, slots=True)
class LawMention:
    """A law or document named at `[start, end)` of a text, title marks included.

    `doc_ids` are the documents of that name, empty when the library has none. `name` is the title in the
    library, or the words as written. `statute` is False for speeches, plans and the like.
    """

    start: int
    end: int
    doc_ids: tuple[str, ...]
    name: str
    statute: bool = True


@dataclass(frozen=True, slots=True)
class NamedLaws:
    """What a name stands for: indices of laws. `strict` names count only where no longer word can begin before them."""

    laws: tuple[int, ...]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class FoundName:
    """A name at `[start, end)` of a text; `laws` empty = not in the library, `name` as written then."""

    start: int
    end: int
    laws: tuple[int, ...]
    name: str


class _Kind(Enum):
    LAW = 0
    ABSENT = 1
    GENRE = 2


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A possible name at `[start, end)` of the folded text."""

    start: int
    end: int
    kind: _Kind
    laws: tuple[int, ...] = ()
    strict: bool = False


# After a law's name: the words that make it the name of another text.
_LONGER = re.compile(
    r"的?(?:实施|施行|执行)(?:条例|细则|办法|规定|意见|方案|规则)(?:\([^()]{1,8}\))?"
    rf"|(?:的?[{CJK}]{{1,6}}编)?的?(?:司法|立法)解释(?:\([^()]{{1,3}}\)|[一二三四五](?!条))?"
    r"|(?:若干|有关)问题的?(?:规定|解释|意见)|补充规定|若干(?:规定|解释)"
    r"|修正案(?:\([^()]{1,6}\))?|(?:修[正订])?草案|征求意见稿"
    rf"|(?:的?[{CJK}]{{1,6}}编)?解释(?:\([^()]{{1,3}}\)|[一二三四五](?!条))?(?=第|[0-9]|[一二三四五六七八九十百]+条|$|[?？。，,的中里])"
)
# Before it: 关于适用…, where …的解释 follows.
_ABOUT = re.compile(
    r"(?:(?:最高人?民?法院?|最高人?民?检察?院?|两高|人大常委会|国务院|公安部|司法部)[^，。？]{0,12}关于[^，。？]{0,8}"
    r"|关于[^，。？]{0,6}(?:适用|执行|修改|贯彻|废止))$"
)
_INTERPRETING = re.compile(r"[^第，。？?！!]{0,30}?的(?:若干)?(?:解释|规定|决定|意见|通知|批复)(?:\([^()]{1,4}\))?")
# Before it: a place, whose own rules often carry the name of the law (…省实施…法办法).
_PLACE = re.compile(
    rf"[{CJK}]{{2,9}}?(?<![我本全该各哪某城超股门都集夜上])(?:省|市|自治区|自治州|特别行政区|县)"
    r"(?:人大(?:常委会)?)?(?P<carrying_out>实施|贯彻|执行)?$"
)
_LOCAL_RULE = re.compile(r"的?(?:实施)?(?:若干)?(?:办法|条例|规定|细则|意见)")
# Characters after which a short name may begin; any other ideograph may belong to a longer name.
_BOUNDARY = frozenset(
    "和与及或同跟的在对是查看下问据照按依反用新旧老版中国考学道解把将由从向比如里年后前正订读背讲说述叫称到了个部章条第于为"
    "候那请我们你您现当时让使就会有引若今目阅找答出自篇名款项吧吗呢啊以"
)
# After 法: what makes it the beginning of another word.
_WORD_OF_LAW = re.compile(r"[院律官庭警医务]|人(?!民)|制(?!定)|治(?!安)|学(?!习)|规(?![定范])|定(?![义罪])")
_TITLE_MARKS = re.compile(r"[《》]")
_RUN = re.compile(rf"[{CJK}()（）《》〈〉“”]*$")
_CONNECTING = re.compile(r"[\s》〉”\"'’）)]*(?:[（(][^（）()]{1,16}[）)])?[\s》]*(?:里面?|中|当中)?的?[\s]*$")
_SUFFIX_END = re.compile(rf"(?:{LAW_SUFFIX})(?:\([^()]{{1,8}}\))?$")
# Words that end like a law's name and name none: 本办法, 上述规定, 法律规定.
_GENERIC = re.compile(
    rf"^(?:[本该此这那其同新旧老原上前现][个部件条行述款]?(?:规范性|法律|党内)?)?(?:{LAW_SUFFIX}|法律|法规|规章)$"
    r"|(?:法|法律|条例|法规|有关|相关|上述|[本该此这其])(?:规定|标准)$"
)
# Words before a name that are no part of it.
_LEAD_IN = re.compile(
    r".*(?:请问|问一?下|根据|依据|依照|按照|遵照|参照|违反|对于|我国|现行|查[一查]?下|看[一看]?下|什么是|告诉我|知道|讲讲|说说"
    r"|以及|如果|比如|例如|还有|那么|另外|触犯|引用|所谓|第?[一二三四五六七八九十百]+[条款项][和与及]?)"
)
# Characters of a name that is reported as unknown or read as an abbreviation, at least.
_MIN_UNKNOWN = 3
# Share of a law's characters that an abbreviation of it has.
_MIN_SHARE = 0.6


class LawFinder:
    """Finds names in texts. `names` maps folded names to laws."""

    def __init__(self, names: Mapping[str, NamedLaws]) -> None:
        self._names = dict(names)
        self._absent = {name for name in (*WELL_KNOWN, *SHORT_NAMES) if name not in self._names}
        lengths: dict[str, set[int]] = defaultdict(set)
        for name in (*self._names, *self._absent, *GENRES):
            lengths[name[:2]].add(len(name))
        self._lengths = {head: tuple(sorted(sizes, reverse=True)) for head, sizes in lengths.items()}
        self._abbreviable: dict[str, list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
        for name, entry in self._names.items():
            if not entry.strict and _SUFFIX_END.search(name):
                self._abbreviable[name[0] + name[-2:]].append((name, entry.laws))

    def resolve(self, name: str) -> tuple[int, ...]:
        """Laws of one name as written, with or without title marks and version words; () = none."""
        folded = fold(name)
        for form in (folded, without_version_words(folded)):
            if form in self._names:
                return self._names[form].laws
        return () if folded in self._absent else self._abbreviated(without_version_words(folded))

    def find(self, text: str) -> list[FoundName]:
        """Names in reading order, without overlaps."""
        folded, positions = fold_with_map(text)
        blocked: list[tuple[int, int]] = []
        candidates = [*self._bracketed(text, positions, blocked), *self._scanned(folded)]
        taken: list[_Candidate] = []
        found: list[FoundName] = []
        genres_end = {c.end for c in candidates if c.kind is _Kind.GENRE}
        for candidate in _longest_first(candidates, blocked):
            if any(candidate.start < t.end and t.start < candidate.end for t in taken):
                continue
            if candidate.kind is not _Kind.GENRE:
                if _goes_on(text, positions, candidate):
                    continue
                if (
                    candidate.strict
                    and candidate.start not in genres_end
                    and not _may_begin(text, positions, candidate)
                ):
                    continue
                found.append(self._named(text, folded, positions, candidate))
            taken.append(candidate)
        found = _without_overlaps(found)
        found += list(self._unknown_before_articles(text, found))
        return sorted(_without_overlaps(found), key=lambda f: f.start)

    def _bracketed(self, text: str, positions: list[int], blocked: list[tuple[int, int]]) -> Iterator[_Candidate]:
        """Names in 《》. A title that is not known hides the known names inside it (added to `blocked`)."""
        for start, end in _outer_brackets(text):
            content = text[start + 1 : end - 1]
            span = bisect_left(positions, start), bisect_left(positions, end)
            if span[0] == span[1] or any(r.explicit for r in find_article_references(content)):
                continue
            laws = self.resolve(content)
            name = without_version_words(fold(content))
            if laws:
                yield _Candidate(*span, _Kind.LAW, laws)
            elif looks_like_law(name) and not _GENERIC.search(name):
                yield _Candidate(*span, _Kind.ABSENT)
            else:
                blocked.append(span)

    def _scanned(self, folded: str) -> Iterator[_Candidate]:
        for start in range(len(folded) - 1):
            for length in self._lengths.get(folded[start : start + 2], ()):
                name = folded[start : start + length]
                if len(name) < length:
                    continue
                if (entry := self._names.get(name)) is not None:
                    yield _Candidate(start, start + length, _Kind.LAW, entry.laws, entry.strict)
                elif name in GENRES:
                    yield _Candidate(start, start + length, _Kind.GENRE)
                elif name in self._absent:
                    yield _Candidate(start, start + length, _Kind.ABSENT, strict=True)

    def _named(self, text: str, folded: str, positions: list[int], candidate: _Candidate) -> FoundName:
        """The mention a candidate makes, lengthened to the other text's name where it is only a part of one."""
        start, end, laws = candidate.start, candidate.end, candidate.laws
        before = folded[:start]
        about = _ABOUT.search(before)
        if about and (interpreting := _INTERPRETING.match(folded, end)):
            start, end, laws = about.start(), interpreting.end(), ()
        elif longer := _LONGER.match(folded, end):
            end = longer.end()
            laws = self.resolve(folded[start:end])
        elif (place := _PLACE.search(before)) and (rule_end := _local_rule_end(folded, start, end, place)):
            start, end, laws = place.start() + len(_lead_in(place.group())), rule_end, ()
        outer_start, outer_end = positions[start], positions[end - 1] + 1
        outer_end = _closing(text, outer_start, outer_end)
        if (
            outer_start
            and text[outer_start - 1] in '《〈“"'
            and text[outer_end - 1 : outer_end] in ("》", "〉", "”", '"')
        ):
            outer_start -= 1
        return FoundName(outer_start, outer_end, laws, text[outer_start:outer_end].strip('《》〈〉“”" '))

    def _unknown_before_articles(self, text: str, found: list[FoundName]) -> Iterator[FoundName]:
        """Words that end like a law's name right before 第N条 where nothing known was found."""
        for reference in find_article_references(text):
            connecting = _CONNECTING.search(text, 0, reference.start)
            stop = connecting.start() if connecting else reference.start
            earlier = [f for f in found if f.end <= reference.start]
            floor = max((f.end for f in earlier), default=0)
            if floor > stop or any(f.start < stop <= f.end for f in found):
                continue
            run = _RUN.search(text, floor, stop)
            words = run.group() if run else ""
            name = words[len(_lead_in(words)) :]
            folded = fold(name)
            if len(folded) < _MIN_UNKNOWN or not _SUFFIX_END.search(folded) or _GENERIC.search(folded):
                continue
            yield self._closest(text, stop, name)

    def _closest(self, text: str, stop: int, name: str) -> FoundName:
        """The longest ending of `name` that abbreviates a known law, else `name` as an unknown one."""
        for offset in range(len(name) - _MIN_UNKNOWN + 1):
            if offset and name[offset - 1] not in _BOUNDARY:
                continue
            if laws := self._abbreviated(fold(name[offset:])):
                return FoundName(stop - len(name) + offset, stop, laws, name[offset:])
        return FoundName(stop - len(name), stop, (), name.strip("《》〈〉“”()（） "))

    def _abbreviated(self, folded: str) -> tuple[int, ...]:
        """The one law whose name begins and ends alike and has all the characters in order; () if none or several.

        Most of the characters must be there, so that little is guessed: 治安管理法, not 治法.
        """
        if len(folded) < _MIN_UNKNOWN or folded in GENRES or folded in self._absent:
            return ()
        fits = {
            laws
            for name, laws in self._abbreviable.get(folded[0] + folded[-2:], ())
            if len(name) * _MIN_SHARE <= len(folded) < len(name) and _is_subsequence(folded, name)
        }
        return next(iter(fits)) if len(fits) == 1 else ()


def _longest_first(candidates: list[_Candidate], blocked: list[tuple[int, int]]) -> list[_Candidate]:
    kept = [c for c in candidates if not any(b[0] <= c.start and c.end <= b[1] for b in blocked)]
    return sorted(kept, key=lambda c: (c.start - c.end, c.start, c.kind.value))


def _without_overlaps(found: list[FoundName]) -> list[FoundName]:
    """Longer names win: a name lengthened to that of another text swallows what lies inside it."""
    kept: list[FoundName] = []
    for name in sorted(found, key=lambda f: (f.start - f.end, f.start)):
        if not any(name.start < k.end and k.start < name.end for k in kept):
            kept.append(name)
    return kept


def _lead_in(words: str) -> str:
    """The part of `words` before a name: 请问, 根据 and the like."""
    match = _LEAD_IN.match(words)
    return match.group() if match else ""


def _may_begin(text: str, positions: list[int], candidate: _Candidate) -> bool:
    before = text[: positions[candidate.start]][-1:]
    return not before or before in _BOUNDARY or not re.match(f"[{CJK}]", before)


def _goes_on(text: str, positions: list[int], candidate: _Candidate) -> bool:
    """Whether the 法 at the end belongs to the next word: 公民法律意识, 交法院处理."""
    last = positions[candidate.end - 1]
    return text[last] == "法" and _WORD_OF_LAW.match(text, last + 1) is not None


def _outer_brackets(text: str) -> Iterator[tuple[int, int]]:
    """Spans of outermost 《…》 pairs, marks included; unbalanced ones are passed over."""
    depth, start = 0, 0
    for match in _TITLE_MARKS.finditer(text):
        if match.group() == "《":
            if depth == 0:
                start = match.start()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield start, match.end()


def _local_rule_end(folded: str, start: int, end: int, place: re.Match[str]) -> int | None:
    """Where the name of a local rule ends that a national one at `[start, end)` is part of; None if it is none.

    …省实施…法办法, or a 条例 or 规定 of that place; a place right before a 法 only tells where.
    """
    if place["carrying_out"]:
        rule = _LOCAL_RULE.match(folded, end)
        return rule.end() if rule else None
    return None if folded[start:end].endswith(("法", "法典")) else end


def _closing(text: str, start: int, end: int) -> int:
    """Take in the closing mark of a name that has its opening mark just before it, or inside it."""
    opened = text[max(start - 1, 0) : end]
    for opening, closing in ("《》", "〈〉", "“”"):
        if opened.count(opening) > opened.count(closing) and text[end : end + 1] == closing:
            return end + 1
    return end


def _is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)
