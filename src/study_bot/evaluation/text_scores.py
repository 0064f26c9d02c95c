"""How near a given text comes to an expected one. Pure functions; every score lies in 0..1, 1 being equal.

Texts are compared after `plain`: NFKC, lower case, without white space, punctuation and symbols, as the scripts of
SQuAD (Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, EMNLP 2016) and of CMRC 2018
(Cui et al., A Span-Extraction Dataset for Chinese Machine Reading Comprehension, EMNLP 2019) do.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from study_bot.text import search_form

# A run of letters and digits without spaces between them is one unit, any other character is one by itself.
_UNIT = re.compile(r"[a-z0-9]+|.", re.DOTALL)


def plain(text: str) -> str:
    """The characters that are compared: letters and digits of any script, in one form of width and case."""
    return "".join(char for char in search_form(text) if unicodedata.category(char)[0] in "LN")


def units(text: str) -> list[str]:
    """What overlap is counted in: every Han character, and every run of Latin letters and digits (2018, wto)."""
    return _UNIT.findall(plain(text))


def exact_match(given: str, gold: str) -> float:
    """1 if both are the same after `plain`, else 0."""
    return float(plain(given) == plain(gold))


def contains(given: str, gold: str) -> bool:
    """Whether `gold` stands in `given`, both after `plain`. A gold without a letter or digit is never there."""
    wanted = plain(gold)
    return bool(wanted) and wanted in plain(given)


def character_f1(given: str, gold: str) -> float:
    """`2PR / (P + R)` over the units two texts have in common, counted with repetition, in any order.

    That is the F1 of SQuAD (Rajpurkar et al., 2016) with Chinese characters for words. The script of CMRC 2018 cuts
    texts into the same units but counts only the longest run they share, so its values are never higher than these.
    """
    mine, theirs = units(given), units(gold)
    return _f_measure((Counter(mine) & Counter(theirs)).total(), len(mine), len(theirs))


def rouge_l(given: str, gold: str) -> float:
    """`2PR / (P + R)` with `P` and `R` the longest common subsequence as a share of each text's units.

    Source: Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004, section 3, with beta = 1.
    """
    mine, theirs = units(given), units(gold)
    return _f_measure(common_subsequence(mine, theirs), len(mine), len(theirs))


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    A row of the usual table is kept as the bits of one number. Source: Crochemore, Iliopoulos, Pinzon, Reid, A Fast
    and Practical Bit-Vector Algorithm for the Longest Common Subsequence Problem, IPL 80(6), 2001.
    """
    places: dict[str, int] = {}
    for position, unit in enumerate(first):
        places[unit] = places.get(unit, 0) | 1 << position
    everything = (1 << len(first)) - 1
    row = everything
    for unit in second:
        matched = row & places.get(unit, 0)
        row = (row + matched | row - matched) & everything
    return len(first) - row.bit_count()


def quoted_share(given: str, sources: str, shortest: int = 5) -> float:
    """Share of `given` that is made of runs found in `sources`, both after `plain`; 1 for a text without characters.

    Runs are taken from the left, each as long as it can be; those under `shortest` characters do not count unless
    they are the whole text. This is the coverage of Grusky, Naaman, Artzi, Newsroom, NAACL 2018, section 4, with a
    shortest length, since single characters recur everywhere in Chinese.
    """
    text, source = plain(given), plain(sources)
    if not text or text in source:
        return 1.0
    quoted = position = 0
    while position < len(text):
        length = _longest_run(text, position, source)
        if length >= shortest:
            quoted += length
        position += max(length, 1) if length >= shortest else 1
    return quoted / len(text)


def _longest_run(text: str, start: int, source: str) -> int:
    """Characters of the longest run of `text` from `start` that stands in `source`, found by halving."""
    low, high = 0, len(text) - start
    while low < high:
        middle = (low + high + 1) // 2
        if text[start : start + middle] in source:
            low = middle
        else:
            high = middle - 1
    return low


def _f_measure(common: int, given: int, gold: int) -> float:
    """F1 of `common` units out of two counts; two empty texts are equal."""
    if not given and not gold:
        return 1.0
    return 2 * common / (given + gold)
