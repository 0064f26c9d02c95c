"""What a quiz question looks like: where its blanks are, whether it asks for what does not hold, or for several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.text import CJK

_PRINTED_BLANK = re.compile(r"[（(【\[][\s\u3000_＿]*[)）】\]]|[_＿]{2,}")
# Text taken from a web page keeps of an underlined blank only the space. Between digits and letters a single space is
# a matter of taste (2026 年), between Han characters or marks it is not.
_BARE_BLANK = re.compile(rf"\s{{2,}}|(?:(?<=[{CJK}，。、；：？！“”《》（）])|^)\s(?=[{CJK}，。、；：？！“”《》（）]|$)")
_INTERROGATIVE = re.compile(
    r"哪(?:一|几|些)?(?:年|月|天|日|次|个|种|项|位|部|座|类|本|场|条|处|家|些|级)?(?:人|里|儿)?|什么(?:时候|地方|人)?|谁|何[时地人]"
    r"|多少|多[久长]|几(?=[年月日天次个项种周小])"
)
# Only where it governs what is asked for: a stem may well speak of 错误 or say 不包括 itself.
_NEGATIVE = re.compile(
    r"(?:下列|以下|下面|哪)[^。？]{0,15}(?:不|没有|未)(?:属于|包括|包含|正确|是|对|符合|准确|恰当|列入)"
    r"|(?:不正确|不准确|错误|有误|不当)的(?:是|有|为|一项|选项)"
    r"|(?:不属于|不包括|不包含|除了?)\s*[（(]\s*[)）]"
)
_SEVERAL = re.compile(
    r"^\W*(?:多选|不定项)|[（(【\[]\s*(?:多选|不定项)(?:题|选择题?)?\s*[)）】\]]|哪些|哪几|都有"
    r"|(?:有|包括|包含)[（(]\s*[)）][。.？?：:]*$"
)

_STATEMENTS = re.compile(r"(?:说法|表述|叙述|描述|陈述|理解|做法)[^。？]{0,8}(?:正确|错误|有误|准确|不对|不当)")

_JUDGING = re.compile(r"^\s*判断(?:题|正误|对错)?[：:，,]?\s*|(?:是否正确|对吗|对不对|是对的吗|正确吗)[？?]?\s*$")

_TRUE = frozenset(("对", "正确", "√", "是", "真", "✓", "对的", "正确的"))
_FALSE = frozenset(("错", "错误", "×", "否", "假", "✗", "不对", "不正确", "错的", "错误的"))

_ALL = re.compile(r"^(?:以上|上述)?(?:选项|各项|几项)?(?:全部|全|都|均|皆)(?:是|对|正确|属于|包括|可以)?$")
_NONE = re.compile(r"^(?:以上|上述)?(?:选项|各项|几项)?(?:全|都|均|皆)不(?:是|对|正确|属于|包括)$")
_LETTERS = re.compile(r"^[A-H](?:[、,，和及]?[A-H])+(?:都对|都是|均是|均正确)?$")
_LABEL = re.compile(r"^\s*[（(]?[A-Ha-h][)）.．、:：]\s*(?=\S)")
_SEPARATOR = re.compile(r"[、/／；;，,\s]+")


@dataclass(frozen=True, slots=True)
class Stem:
    """A question cut at its blanks: `pieces` are the words around them, one more than there are blanks (at least 1).

    `negative`: what does not hold is asked for. `several`: more than one option may be right.
    `about_statements`: the options are sentences of their own, to be judged one by one.
    """

    pieces: tuple[str, ...]
    negative: bool = False
    several: bool = False
    about_statements: bool = False

    @property
    def text(self) -> str:
        """The question without its blanks, for searching."""
        return " ".join(piece.strip() for piece in self.pieces if piece.strip())


def parse_stem(question: str) -> Stem:
    """Find the blanks of a question.

    Printed blanks come before bare spaces. Brackets behind a question put in words (…是哪一年？（ ）) only take the
    answer: the blank is where the interrogative stands. Without any blank it is at the end.
    """
    question = question.strip("\n\r")
    spans = [match.span() for match in _PRINTED_BLANK.finditer(question)]
    signs = [bool(sign.search(question)) for sign in (_NEGATIVE, _SEVERAL, _STATEMENTS)]
    if not spans:
        spans = [match.span() for match in _BARE_BLANK.finditer(question)]
    words = question[: spans[0][0]] if len(spans) == 1 else question
    trailing = len(spans) == 1 and not question[spans[0][1] :].strip("。.？? ")
    if (not spans or trailing) and (asked := _INTERROGATIVE.search(words)):
        question, spans = words, [asked.span()]
    if not spans:
        spans = [(len(question), len(question))]
    edges = [0, *(edge for span in spans for edge in span), len(question)]
    pieces = tuple(question[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    return Stem(pieces, *signs)


def statement_of(question: str) -> str:
    """A statement to be judged, without the brackets that take the judgement."""
    return _JUDGING.sub("", _PRINTED_BLANK.sub("", question)).strip()


def search_texts(question: str, options: Sequence[str] = ()) -> tuple[str, ...]:
    """What to search for: the question without its blanks; before it each option that is a sentence of its own."""
    if truth_options(options) is not None:
        return (statement_of(question),)
    stem = parse_stem(question)
    return (*map(plain_option, options), stem.text) if stem.about_statements else (stem.text,)


def plain_option(option: str) -> str:
    """An option without its letter."""
    return _LABEL.sub("", option).strip()


def truth_options(options: Sequence[str]) -> tuple[int, int] | None:
    """Indices of 对 and 错 (in any of their spellings) where these are all the options; else None."""
    plain = [plain_option(option) for option in options]
    if len(plain) != 2:
        return None
    for right, wrong in ((0, 1), (1, 0)):
        if plain[right] in _TRUE and plain[wrong] in _FALSE:
            return right, wrong
    return None


def parts_of(option: str, blanks: int) -> tuple[str, ...] | None:
    """An option cut into one part for each blank (国务院、公安部 for two); None if it has another number of parts."""
    parts = tuple(part for part in _SEPARATOR.split(option.strip()) if part)
    return parts if len(parts) == blanks else None


def referred_options(options: Sequence[str]) -> dict[int, frozenset[int]]:
    """Options that speak of the others, and of which: 以上都是, A和B; for 以上都不是 the empty set."""
    plain = [plain_option(option) for option in options]
    own = frozenset(i for i, o in enumerate(plain) if not (_ALL.match(o) or _NONE.match(o) or _LETTERS.match(o)))
    referred = {}
    for index, option in enumerate(plain):
        if _ALL.match(option):
            referred[index] = own
        elif _NONE.match(option):
            referred[index] = frozenset()
        elif _LETTERS.match(option):
            letters = frozenset(ord(letter) - ord("A") for letter in re.findall("[A-H]", option))
            if letters <= own:
                referred[index] = letters
    return referred
