"""When a law was announced and from when it holds: its own closing article and the note below its title say it.

No search is needed where a question names the law and asks for nothing else, and a similar sentence of another law must
not be quoted. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from study_bot.answering.extractive import Selection
from study_bot.text import split_sentences
from study_bot.types import Passage

MAX_NOTE_CHARS = 600
"""A note below the title is quoted whole up to this length, beyond it only its sentences that name the asked act."""


class AskedDate(StrEnum):
    """Which date of a law is asked for."""

    COMMENCEMENT = "commencement"
    ANNOUNCEMENT = "announcement"  # passed, announced, amended


_WHEN = r"(?:什么时[候间]|何时|啥时候?|哪一?[年月日天]|几[年月号]|[日时][期间])"
_BEGIN = r"(?:施行|实施|生效|执行)"
_ANNOUNCE = r"(?:公布|颁布|发布|印发|通过|制定|出台|修[订正改])"
_ASKED = {
    AskedDate.COMMENCEMENT: re.compile(rf"{_WHEN}.{{0,5}}{_BEGIN}|{_BEGIN}.{{0,4}}{_WHEN}"),
    AskedDate.ANNOUNCEMENT: re.compile(rf"{_WHEN}.{{0,5}}{_ANNOUNCE}|{_ANNOUNCE}.{{0,4}}{_WHEN}"),
}
_EMPTY = re.compile(
    r"请问|正式|开始|最[近新后早初]一?次?|第一次|这部?|那部|该|法律|法规|条例|规定|是|从|自|在|于|起|的|了|呢|啊|吗|才|就|被|由|有|过|[\W_]"
)

# The closing article speaks of the law itself: 本法自……起施行.
_COMMENCES = re.compile(r"本[^，。；\n]{1,8}自[^，。；\n]{2,24}(?:起|之日)[^，。；\n]{0,3}(?:施行|实施|生效)")
_NOTED_BEGIN = re.compile(r"(?:起|日)\s*(?:施行|实施|生效)")
_NOTED_ACT = re.compile(_ANNOUNCE)
_BY_ANNOUNCEMENT = re.compile(r"(?:公布|发布|印发|颁布|通过)之日")


def asked_date(rest: str) -> AskedDate | None:
    """The date that is asked for; None if the question asks for anything else.

    :param rest: the question without the names of laws.
    """
    for asked, pattern in _ASKED.items():
        if (match := pattern.search(rest)) and not _EMPTY.sub("", rest[: match.start()] + rest[match.end() :]):
            return asked
    return None


def select_dates(passages: Sequence[Passage], asked: AskedDate, *, is_dated: bool) -> list[Selection]:
    """What a version's own words say of the date; empty if they say nothing.

    :param passages: of one version, in text order.
    :param is_dated: whether the closing article's date is this version's, and not that of the law's first text only.
    """
    notes = _notes(passages)
    if asked is AskedDate.ANNOUNCEMENT:
        return _of_note(notes, _NOTED_ACT)
    closing = next((found for passage in reversed(passages) if (found := _closing(passage)) is not None), None)
    if closing is None:
        return _of_note(notes, _NOTED_BEGIN)
    quoted = closing.passage.text[slice(*closing.spans[0])]
    if is_dated and not _BY_ANNOUNCEMENT.search(quoted):
        return [closing]
    return [closing, *_of_note(notes, _NOTED_ACT)]


def _closing(passage: Passage) -> Selection | None:
    """The whole article if it is short, as closing articles are, else the sentence."""
    if passage.article is None or (match := _COMMENCES.search(passage.text)) is None:
        return None
    if len(passage.text) <= MAX_NOTE_CHARS // 4:
        return Selection(passage, ((0, len(passage.text)),))
    spans = [span for span in split_sentences(passage.text) if span[0] <= match.start() < span[1]]
    return Selection(passage, tuple(spans))


def _notes(passages: Sequence[Passage]) -> list[Passage]:
    """What stands before the first article."""
    first = next((i for i, passage in enumerate(passages) if passage.article is not None), 0)
    return list(passages[:first])


def _of_note(notes: Sequence[Passage], act: re.Pattern[str]) -> list[Selection]:
    for note in notes:
        if not act.search(note.text):
            continue
        if len(note.text) <= MAX_NOTE_CHARS:
            return [Selection(note, ((0, len(note.text)),))]
        spans = tuple(span for span in split_sentences(note.text) if act.search(note.text[slice(*span)]))
        return [Selection(note, spans)]
    return []
