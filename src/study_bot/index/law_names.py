"""Names of laws as people write them: how they are compared, and the short forms that follow from a title."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from study_bot.index.known_laws import SHORT_NAMES

LAW_SUFFIX = (
    "法典|法|条例|规定|办法|细则|规则|准则|章程|条令|通则|总则|解释|决定|批复|决议|守则|规程|规范|标准|意见|通知|公约"
)
"""Alternatives of a pattern: how the titles of normative texts end."""

_LAW_TITLE = re.compile(rf"(?:{LAW_SUFFIX})(?:[(（][^()（）]*[)）])*$")
_DROPPED = frozenset("《》〈〉<>「」『』“”‘’\"'【】·•")
_PREFIXES = ("中华人民共和国", "中国共产党")
# What must remain for a name without its prefix to be a name: 刑法, but not 章程 (of the Party).
_PREFIX_REST = {"中华人民共和国": 2, "中国共产党": 4}
_REMARK = re.compile(r"\((?:[^()]*(?:年|版|修|施行|试行|暂行|旧|新|现行|失效|废止|全文|草案)[^()]*)\)$")
_VERSION_TAIL = re.compile(r"(?:19|20)\d\d(?:\d{4}|年)?(?:修正|修订|修改)?[版本]?$")
_VERSION_HEAD = re.compile(
    r"^(?:(?:19|20)\d\d年?(?:修正|修订|修改)?[版本]?的?|现行有?效?的?|最新版?的?|[新旧老原]版?的?|修[订正改][前后]的?)+"
)


def fold_with_map(text: str) -> tuple[str, list[int]]:
    """The form in which names are compared, and the index in `text` of each of its characters.

    NFKC, lower case, without spaces, quotation and title marks, and without the comma between two courts.
    """
    folded: list[str] = []
    positions: list[int] = []
    for index, original in enumerate(text):
        if original in _DROPPED or original.isspace():
            continue
        if original == "、" and text[index - 1 : index] == "院" and text[index + 1 : index + 2] == "最":
            continue
        for character in unicodedata.normalize("NFKC", original).lower():
            if not character.isspace():
                folded.append(character)
                positions.append(index)
    return "".join(folded), positions


def fold(text: str) -> str:
    """`fold_with_map` without the map."""
    return fold_with_map(text)[0]


def looks_like_law(title: str) -> bool:
    """Whether a title ends as those of laws, rules and interpretations do."""
    return _LAW_TITLE.search(title.strip("《》 ")) is not None


def without_remarks(folded: str) -> str:
    """A folded title without the year or the bracketed remark about its version at its end."""
    name = folded
    while (match := _REMARK.search(name)) and match.start() > 1:
        name = name[: match.start()]
    return _VERSION_TAIL.sub("", name) or name


def without_version_words(folded: str) -> str:
    """A folded name as a question has it, without the year, 修订, 新 or 旧 before or after it."""
    name = without_remarks(folded)
    rest = _VERSION_HEAD.sub("", name)
    return rest if len(rest) > 1 else name


def without_prefix(folded: str) -> str:
    """A folded name without 中华人民共和国 or 中国共产党 at its start, where enough remains."""
    for prefix in _PREFIXES:
        if folded.startswith(prefix) and len(folded) - len(prefix) >= _PREFIX_REST[prefix]:
            return folded[len(prefix) :]
    return folded


def official_names(title: str) -> tuple[str, ...]:
    """Folded spellings of one title that nobody would call a short name, longest first."""
    full = fold(title)
    names = {full, without_prefix(full), full.replace("中华人民共和国", "") or full, *_court_spellings(full)}
    return tuple(sorted((n for n in names if len(n) > 1), key=lambda n: (-len(n), n)))


_COURTS = (
    ("最高人民法院最高人民检察院", ("两高",)),
    ("最高人民法院", ("最高法院", "最高法", "最高院")),
    ("最高人民检察院", ("最高检察院", "最高检")),
    ("全国人民代表大会常务委员会", ("全国人大常委会",)),
)


def _court_spellings(full: str) -> Iterator[str]:
    for issuer, short_forms in _COURTS:
        if full.startswith(issuer):
            rest = full[len(issuer) :].replace("中华人民共和国", "")
            yield from (form + rest for form in short_forms)
            return


_INTERPRETS = re.compile(r"关于(?:适用|执行|贯彻执行)(?P<law>.*法.*)的(?P<kind>解释|规定|意见)(?P<part>\([^()]*\))?$")
_ABOUT = re.compile(r"^.{2,30}?关于(?P<topic>.+?)的?(?P<kind>解释|规定|意见|批复|决定)(?P<part>\([^()]*\))?$")
_PART = re.compile(r"\(([一二三四五六七八九十])\)$")
_LAW_WORDS = re.compile(r"(?:具体)?(?:应用|适用)法律(?:的)?(?:若干)?问题|若干问题|适用法律")
_LEADING_VERB = re.compile(r"^(?:适用|办理|审理|关于)+")
_CASES = re.compile(r"(?:刑事|民事|行政|纠纷)*案件$")
_WORKING_WORDS = re.compile(r"(?:工作|管理|暂行|试行)+(?=(?:条例|规定|办法|细则|规则)$)")


def derived_names(title: str) -> frozenset[str]:
    """Folded short forms that follow from a title by habit (公安机关 dropped, 工作条例 as 条例, …).

    They may fit several laws; the caller decides what an ambiguous one is worth.
    """
    base = without_prefix(without_remarks(fold(title)))
    names = set(_interpretation_names(base))
    if base.startswith("公安机关"):
        rest = base.removeprefix("公安机关")
        names |= {rest, _LEADING_VERB.sub("", rest)}
    if looks_like_law(base) and not names:
        names.add(_WORKING_WORDS.sub("", base))
    names.discard(base)
    return frozenset(n for n in names if len(n) >= 4)


def _interpretation_names(base: str) -> Iterator[str]:
    for name in _plain_interpretation_names(base):
        yield name
        yield _PART.sub(r"\1", name)


def _plain_interpretation_names(base: str) -> Iterator[str]:
    plain = base.replace("中华人民共和国", "")
    if match := _INTERPRETS.search(plain):
        subject, part = _LAW_WORDS.sub("", match["law"]), match["part"] or ""
        for law in {subject, *(short for short in SHORT_NAMES if SHORT_NAMES[short] == subject)}:
            for end in ("解释", "司法解释", "的解释", "的司法解释") if match["kind"] == "解释" else (match["kind"],):
                yield f"{law}{end}{part}"
            yield f"关于适用{law}的{match['kind']}{part}"
            yield f"适用{law}的{match['kind']}{part}"
    elif match := _ABOUT.search(plain):
        part = match["part"] or ""
        topic = _LEADING_VERB.sub("", match["topic"])
        core = _LAW_WORDS.sub("", topic)
        yield f"关于{match['topic']}的{match['kind']}{part}"
        yield f"{match['topic']}的{match['kind']}{part}"
        for short in filter(None, dict.fromkeys((core.removesuffix("案件"), _CASES.sub("", core)))):
            for word in dict.fromkeys((match["kind"], f"案件{match['kind']}", "司法解释", "案件司法解释")):
                yield f"{short}{word}{part}"
