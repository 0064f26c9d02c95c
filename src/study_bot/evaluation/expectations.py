"""What a set expects of the answer to a question, read from the metadata of its line.

| key | meaning |
| --- | --- |
| `answer`, `answers` | a gold answer, or several of which any one will do; for a choice, all right options |
| `options` | two options or more make the question a choice; `answer` names options by text or by letter (`AC`) |
| `blanks` | the words at each blank of the question, in order; a list in place of a string = any of them will do |
| `must` | strings that the answer must all contain |
| `refuse` | true: the library does not say, a refusal is right |
| `kind`, `category` | group under which results are summed up |
| `conversation` | earlier turns, oldest first, each `{"question", "answer"}` |
| `as_of` | ISO date of the versions to answer from |
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from study_bot.errors import DatasetError
from study_bot.evaluation.datasets import Query
from study_bot.types import Turn

_LETTERS = re.compile(r"[A-Z](?:[\s,，、;；]*[A-Z])*")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is known of the right answer to one question.

    `refuse` None = the set does not say. `relevant` are ids of documents or passages, from the judgements. `right` are
    indices into `options`; both are empty unless the question is a choice. `blanks` are the words that may stand at
    each blank, empty unless there is something to fill in.
    """

    answers: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    refuse: bool | None = None
    options: tuple[str, ...] = ()
    right: frozenset[int] = frozenset()
    relevant: frozenset[str] = frozenset()
    blanks: tuple[tuple[str, ...], ...] = ()
    category: str = ""

    @property
    def unanswerable(self) -> bool:
        """The set says that a refusal is right."""
        return self.refuse is True

    @property
    def answerable(self) -> bool:
        """The set says, or gives the means to know, what a right answer is."""
        return self.refuse is False or (
            self.refuse is None and bool(self.answers or self.must or self.right or self.relevant or self.blanks)
        )


def expectation_of(query: Query, grades: Mapping[str, int] | None = None) -> Expectation:
    """Read what a question expects; `grades` are its judgements (id -> grade, above 0 = relevant), if there are any.

    :raises DatasetError: a value is not of its kind, or the answer to a choice is none of its options.
    """
    metadata = query.metadata
    answers = (*_texts(query, "answers"), *_texts(query, "answer"))
    options = _texts(query, "options")
    if len(options) < 2:
        options = ()
    refuse = metadata.get("refuse")
    if not isinstance(refuse, bool | None):
        raise DatasetError(f"问题 {query.query_id} 的 refuse 应为 true 或 false。")
    return Expectation(
        answers=() if options else tuple(dict.fromkeys(answers)),
        must=_texts(query, "must"),
        refuse=refuse,
        options=options,
        right=_right_options(query, options, answers) if options and answers else frozenset(),
        relevant=frozenset(doc_id for doc_id, grade in (grades or {}).items() if grade > 0),
        blanks=_blanks(query),
        category=category_of(query),
    )


def category_of(query: Query) -> str:
    """The group a question belongs to; "" if its line names none."""
    value = query.metadata.get("kind") or query.metadata.get("category") or ""
    return value if isinstance(value, str) else ""


def conversation_of(query: Query) -> tuple[Turn, ...]:
    """The turns before a question, oldest first.

    :raises DatasetError: they are not a list of objects with a `question`.
    """
    turns = query.metadata.get("conversation") or []
    if not isinstance(turns, list) or not all(
        isinstance(turn, dict) and isinstance(turn.get("question"), str) and isinstance(turn.get("answer", ""), str)
        for turn in turns
    ):
        raise DatasetError(f'问题 {query.query_id} 的 conversation 应为若干 {{"question", "answer"}} 对象的列表。')
    return tuple(Turn(turn["question"], turn.get("answer", "")) for turn in turns)


def as_of_of(query: Query) -> dt.date | None:
    """The day whose versions are asked for; None = today.

    :raises DatasetError: it is not a date written 2026-01-31.
    """
    value = query.metadata.get("as_of")
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise DatasetError(f"问题 {query.query_id} 的 as_of“{value}”不是日期，请写成 2026-01-31 这样。") from None


def _texts(query: Query, key: str) -> tuple[str, ...]:
    """The strings under a key; numbers are written out, empty ones left out. Lists in a list of answers are laid open:
    some sets write `[["16", "十六"]]` for ways to write one answer."""
    value = query.metadata.get(key)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if key in ("answer", "answers"):
        values = [entry for own in values for entry in (own if isinstance(own, list) else [own])]
    if not all(isinstance(entry, str | int | float) for entry in values):
        raise DatasetError(f"问题 {query.query_id} 的 {key} 应为字符串或字符串的列表。")
    return tuple(text for entry in values if (text := str(entry).strip()))


def _blanks(query: Query) -> tuple[tuple[str, ...], ...]:
    value = query.metadata.get("blanks")
    values = value if isinstance(value, list) else [] if value is None else [value]
    golds = tuple(_texts(Query(query.query_id, query.text, {"blanks": own}), "blanks") for own in values)
    if not all(golds):
        raise DatasetError(f"问题 {query.query_id} 的 blanks 中有一个空没有写明应填的字句。")
    return golds


def _right_options(query: Query, options: tuple[str, ...], answers: tuple[str, ...]) -> frozenset[int]:
    if all(answer in options for answer in answers):
        return frozenset(options.index(answer) for answer in answers)
    letters = "".join(answers)
    if _LETTERS.fullmatch(letters):
        places = [ord(letter) - ord("A") for letter in letters if letter.isalpha()]
        if max(places) < len(options):
            return frozenset(places)
    raise DatasetError(f"问题 {query.query_id} 的答案“{'、'.join(answers)}”不在选项之中。")
