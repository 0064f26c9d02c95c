"""An answer as it is kept with its question, and back again for the person who asked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study_bot.types import Answer, AnswerMode, Citation, Locator, RefusalReason, Statement

ANSWERED = "answered"
"""The outcome of a question that was answered; any other is the `RefusalReason` it was refused for."""

_MARKS = re.compile(r"(?:\[\d{1,4}\])+$")
_NUMBER = re.compile(r"\d+")

# What a database or a file cannot hold: NUL, and halves of characters.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a version, its title, and the locator in one line ("" = the document as a whole)."""

    version_id: str
    title: str
    locator: str = ""


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question with its answer. `answer` is its text with [n] marks, or what the refusal said.

    `cited` and `passages` are in the order shown, each place once; `asker` is "" where it is one's own or unknown.
    """

    id: int
    at: dt.datetime
    conversation: str
    question: str
    answer: Answer
    outcome: str
    cited: tuple[Place, ...]
    passages: tuple[Place, ...]
    took_ms: float
    asker: str = ""

    @property
    def answered(self) -> bool:
        """Whether it was not refused."""
        return self.outcome == ANSWERED


def storable(text: str) -> str:
    """The text without what no database takes."""
    return _UNSTORABLE.sub("", text)


def outcome_of(answer: Answer) -> str:
    """The word for what became of a question."""
    if not answer.refused:
        return ANSWERED
    return (answer.reason or RefusalReason.NOT_IN_LIBRARY).value


def cited_records(answer: Answer) -> list[dict[str, Any]]:
    """The citations as JSON, with all that `answer_from` needs."""
    return [
        {
            "n": c.n,
            "version_id": c.version_id,
            "doc_id": c.doc_id,
            "passage_id": c.passage_id,
            "title": storable(c.title),
            "locator": storable(c.locator.label),
            "breadcrumb": [storable(step) for step in c.locator.breadcrumb],
            "quote": storable(c.quote),
            "start": c.start,
            "end": c.end,
            "version": c.version_label,
        }
        for c in answer.citations
    ]


def passage_records(answer: Answer) -> list[dict[str, Any]]:
    """The passages that were shown, best first, as JSON."""
    return [
        {
            "version_id": hit.passage.version_id,
            "title": storable(hit.passage.title),
            "locator": storable(hit.passage.locator.label),
        }
        for hit in answer.hits
    ]


def places(records: Iterable[Mapping[str, Any]]) -> tuple[Place, ...]:
    """The places that records name, each once."""
    found = (Place(str(r.get("version_id", "")), str(r.get("title", "")), str(r.get("locator", ""))) for r in records)
    return tuple(dict.fromkeys(found))


def answer_from(question: str, text: str, outcome: str, mode: str, cited: Sequence[Mapping[str, Any]]) -> Answer:
    """The answer that was kept, as far as it was: statements and citations, without the passages beside them."""
    if outcome != ANSWERED:
        reason = next((r for r in RefusalReason if r.value == outcome), RefusalReason.NOT_IN_LIBRARY)
        return Answer(question, (), (), (), refused=True, reason=reason, message=text)
    citations = tuple(_citation(record) for record in cited)
    statements = tuple(_statement(line, {c.n for c in citations}) for line in text.split("\n") if line.strip())
    return Answer(question, statements, citations, (), mode=AnswerMode(mode))


def _statement(line: str, known: set[int]) -> Statement:
    marks = _MARKS.search(line)
    numbers = tuple(int(n) for n in _NUMBER.findall(marks[0])) if marks else ()
    if marks is None or not set(numbers) <= known:  # else the marks are part of what was quoted
        return Statement(line, connective=line.endswith("："))
    return Statement(line[: marks.start()], numbers)


def _citation(record: Mapping[str, Any]) -> Citation:
    breadcrumb = tuple(record.get("breadcrumb", ())) or tuple(filter(None, [record.get("locator", "")]))
    return Citation(
        n=record["n"],
        passage_id=record["passage_id"],
        version_id=record["version_id"],
        doc_id=record["doc_id"],
        title=record["title"],
        locator=Locator(breadcrumb),
        quote=record["quote"],
        start=record["start"],
        end=record["end"],
        version_label=record["version"],
    )
