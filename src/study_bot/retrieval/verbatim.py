"""Questions that are words of a text: the passages they were cut from go first.

Short quotations share most of their words with many passages, and a ranking that weighs meaning puts a paraphrase
before the passage itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from study_bot.retrieval.features import Evidence
from study_bot.retrieval.fusion import Ranking
from study_bot.retrieval.hybrid import Candidates
from study_bot.text import CJK, search_form
from study_bot.types import Passage

MIN_CHARS = 6
"""Han characters a quotation has at least; fewer are a term, which may stand anywhere."""

MAX_PASSAGES = 3
"""Words that stand in more passages are a common phrase, and say nothing about where they were taken from."""

_LOOKED_INTO = 20
"""Passages whose text is read."""

# Where the text has a mark between two characters and the quotation has none, the pair of them is missing. So many
# pairs of a quotation may be, or one in so many of a long one.
_MISSING, _MISSING_SHARE = 2, 3

_HAN = re.compile(f"[{CJK}]")
_BETWEEN = re.compile(r"[\W_]+")


def plain_form(text: str) -> str:
    """The characters that are compared: letters and digits of any script, in one width and case."""
    return _BETWEEN.sub("", search_form(text))


def quoted_rows(found: Candidates, texts: Sequence[str], passages: Sequence[Passage]) -> frozenset[int]:
    """The candidates in which one of `texts` stands word for word, white space and punctuation apart.

    None if `texts` are short or stand in many candidates.

    :param texts: the question as it is searched for; further ways to write it.
    """
    wanted = {form for text in texts if len(_HAN.findall(form := plain_form(text))) >= MIN_CHARS}
    if not wanted:
        return frozenset()
    likely = found.rows[_may_hold(found.evidence)]
    held = frozenset(row for row in likely.tolist() if _holds(passages[row].text, wanted))
    return held if len(held) <= MAX_PASSAGES else frozenset()


def moved_first(ranked: Ranking, rows: Set[int]) -> Ranking:
    """The ranking with `rows` first, both they and the others in their order; scores stay with the places."""
    if not rows:
        return ranked
    first = np.fromiter((row in rows for row in ranked.rows.tolist()), np.bool_, ranked.rows.size)
    return Ranking(np.concatenate([ranked.rows[first], ranked.rows[~first]]), ranked.scores)


def _may_hold(evidence: Evidence) -> NDArray[np.int64]:
    """Places of the candidates that have most character pairs of the question, those with most of them first."""
    pairs = (evidence.contributions[~evidence.is_word] > 0).sum(axis=0)
    total = int((~evidence.is_word).sum())
    places = np.flatnonzero(pairs >= total - max(_MISSING, total // _MISSING_SHARE))
    return places[np.argsort(-pairs[places], kind="stable")][:_LOOKED_INTO]


def _holds(text: str, wanted: Set[str]) -> bool:
    form = plain_form(text)
    return any(one in form for one in wanted)
