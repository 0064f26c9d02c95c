"""Chinese text to search tokens: words and character pairs together, the same for passages and for questions.

Words find what is meant (治安管理处罚, 取保候审); pairs find what the word list does not know and bridge different
cuts of the same characters. Together they beat either alone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from study_bot.text import CHINESE_NUMBER, CJK, article_label, find_article_references, parse_number, search_form

_RULES_VERSION = 1
"""Raised whenever the rules below give other tokens."""


def _legal_words() -> tuple[str, ...]:
    lines = (
        importlib.resources.files("study_bot.index").joinpath("data/legal_words.txt").read_text("utf-8").splitlines()
    )
    return tuple(word for line in lines if not line.startswith("#") for word in line.split())


_LEGAL_WORDS = _legal_words()

TOKENIZER_VERSION = (
    f"{_RULES_VERSION}+rjieba-{importlib.metadata.version('rjieba')}"
    f"+{hashlib.sha256(' '.join(_LEGAL_WORDS).encode()).hexdigest()[:8]}"
)
"""Indexes made under another version must be made again."""

_WORD_FREQUENCY = 50_000
"""Given to added words: above that of the ordinary words they consist of, so that they are not cut."""

_WORD_TAG = "n"

# Single characters that carry grammar, not meaning. As part of a longer word or of a pair they stay.
_FUNCTION_CHARACTERS = frozenset("的了和与及或在是为于等其之以由对把被并而则且也都就将从向所这那个们着过吗呢吧啊么嘛呀")

_HAN_RUN = re.compile(f"[{CJK}〇]+")
_WORD_CHARACTER = re.compile(r"[^\W_]")

_AMOUNT = re.compile(
    rf"(?<![0-9.万亿零〇一二三四五六七八九十百千])(?P<number>[0-9]{{1,9}}(?:\.[0-9]{{1,4}})?|{CHINESE_NUMBER})"
    r"(?P<scale>万|亿)?个?(?P<unit>年|月|日|天|周|元|岁|小时|分钟|倍|次|人|学时)"
)
_SCALES = {None: 1, "万": 10_000, "亿": 100_000_000}

_LABEL_WEIGHT = 3
"""Tokens an article label counts for: about as many as the words and pairs it stands for. With one, articles that refer
to 第二十六条 of another law outweigh the article itself."""


class Tokenizer:
    """Cuts texts. Safe to share between threads."""

    def __init__(self, extra_words: Iterable[str] = ()) -> None:
        """Load the dictionary.

        :param extra_words: further words to keep whole, such as the titles in the library. An index and the questions
            put to it need the same ones.
        """
        import rjieba

        self._jieba = rjieba.Jieba()
        for word in (*_LEGAL_WORDS, *extra_words):
            form = search_form(word).strip()
            if len(form) > 1:
                self._jieba.add_word(form, _WORD_FREQUENCY, _WORD_TAG)

    def tokens(self, text: str) -> list[str]:
        """Tokens of a text; order carries no meaning, repetition does.

        Article references become their canonical label in any spelling (第26条 and 第二十六条 alike), amounts also one
        token in digits (二百元 and 200元). Punctuation and single function characters are left out.
        """
        words, pairs = self.words_and_pairs(text)
        return words + pairs

    def words_and_pairs(self, text: str) -> tuple[list[str], list[str]]:
        """The tokens of a text in two lists: words, labels and amounts; character pairs. Both with repetition."""
        form = search_form(text)
        words: list[str] = []
        pairs: list[str] = []
        start = 0
        for reference_start, end, label in _article_labels(form):
            if reference_start >= start:
                self._add(form[start:reference_start], words, pairs)
                start = end
            words.extend([label] * _LABEL_WEIGHT)
        self._add(form[start:], words, pairs)
        return words, pairs

    def tags(self, text: str) -> set[str]:
        """Part-of-speech tags that occur in a text, in the ICTCLAS scheme (nr a person's name, ns a place's, …)."""
        return {tag for _, tag in self._jieba.tag(text)}

    def _add(self, form: str, words: list[str], pairs: list[str]) -> None:
        for word in self._jieba.cut_for_search(form):
            if _WORD_CHARACTER.search(word) and word not in _FUNCTION_CHARACTERS:
                words.append(word)
        pairs.extend(_pairs(form))
        words.extend(_amounts(form))


def _article_labels(form: str) -> Iterator[tuple[int, int, str]]:
    for reference in find_article_references(form):
        # Digits strung together (第一二三四五条) are no number a statute could have.
        if reference.explicit and max(reference.article.number, reference.article.insert) <= 9999:
            yield reference.start, reference.end, article_label(reference.article)


def _pairs(form: str) -> Iterator[str]:
    for run in _HAN_RUN.findall(form):
        for i in range(len(run) - 1):
            yield run[i : i + 2]


def _amounts(form: str) -> Iterator[str]:
    for match in _AMOUNT.finditer(form):
        number = match["number"]
        value = Decimal(number) if number[0].isascii() else parse_number(number)
        if value is not None:
            yield f"{int(value * _SCALES[match['scale']])}{match['unit']}"
