"""What happens while a question is answered, in the order it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from study_bot.types import Answer, Hit, Statement


@dataclass(frozen=True, slots=True)
class StageEvent:
    """A stage begins."""

    stage: Literal["understanding", "retrieving", "answering"]


@dataclass(frozen=True, slots=True)
class HitsEvent:
    """Passages were found, best first."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class StatementEvent:
    """The next statement of the answer; its citations are in the answer that ends the stream."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class AnswerReady:
    """Always the last event."""

    answer: Answer


AnswerEvent = StageEvent | HitsEvent | StatementEvent | AnswerReady
