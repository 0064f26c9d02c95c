"""Small hand-made values for the tests of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from study_bot.evaluation.asking import Ask, asker
from study_bot.types import (
    Answer,
    Citation,
    Filters,
    Hit,
    Latency,
    Locator,
    Passage,
    PassageKind,
    RefusalReason,
    Statement,
    Turn,
)


def make_passage(passage_id: str, doc_id: str, *, row: bool = True, text: str = "值班室应当有人。") -> Passage:
    return Passage(
        passage_id=passage_id,
        version_id=doc_id,
        doc_id=doc_id,
        kind=PassageKind.ROW if row else PassageKind.ARTICLE,
        text=text,
        start=0,
        end=len(text),
        title="值班办法",
        locator=Locator(("第一章 总则", "第三条")),
    )


def make_hit(passage_id: str, doc_id: str, score: float, *, row: bool = True) -> Hit:
    return Hit(make_passage(passage_id, doc_id, row=row), score, dense=0.5)


def make_answer(question: str, build_id: str = "b1", *, total: float = 30.0) -> Answer:
    hit = make_hit("p1", "d1", 0.9, row=False)
    citation = Citation(
        n=1,
        passage_id="p1",
        version_id="d1",
        doc_id="d1",
        title="值班办法",
        locator=hit.passage.locator,
        quote="值班室应当有人。",
        start=0,
        end=8,
    )
    return Answer(
        question=question,
        statements=(Statement("值班室应当有人。", (1,)),),
        citations=(citation,),
        hits=(hit,),
        confidence=0.8,
        latency=Latency(encode=5.0, retrieve=10.0, answer=total - 10.0, total=total),
        build_id=build_id,
    )


def make_refusal(question: str, build_id: str = "b1") -> Answer:
    return Answer(
        question=question,
        statements=(),
        citations=(),
        hits=(make_hit("p1", "d1", 0.1, row=False),),
        refused=True,
        reason=RefusalReason.NOT_IN_LIBRARY,
        message="文献中没有写。",
        latency=Latency(encode=5.0, retrieve=10.0, answer=1.0, total=11.0),
        build_id=build_id,
    )


@dataclass(frozen=True)
class FixedChoice:
    """A choice made beforehand."""

    picked: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Words:
    """What was found for a blank."""

    text: str


@dataclass
class Respondent:
    """Answers with a function that needs the words of a question alone; notes what else came with them."""

    function: Callable[[str], Answer]
    choice: FixedChoice = FixedChoice()
    fillings: tuple[Words | None, ...] = ()
    asked: list[tuple[str, Filters, Sequence[Turn]]] = field(default_factory=list)

    def answer(self, question: str, *, filters: Filters, conversation: Sequence[Turn]) -> Answer:
        self.asked.append((question, filters, conversation))
        return self.function(question)

    def choose(self, question: str, options: Sequence[str], *, filters: Filters) -> FixedChoice:
        return self.choice

    def fill_in(self, question: str, *, filters: Filters) -> tuple[tuple[Words | None, ...], tuple[Hit, ...]]:
        return self.fillings, ()


def asking(function: Callable[[str], Answer], build_id: str = "b1") -> Ask:
    """Asks a function."""
    return asker(Respondent(function), build_id)
