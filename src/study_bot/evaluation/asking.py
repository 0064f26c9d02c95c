"""Putting one question of a set to the program, with whatever its line asks for, and recording what came back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from study_bot.errors import QuestionError
from study_bot.evaluation.datasets import Query
from study_bot.evaluation.expectations import as_of_of, conversation_of, expectation_of
from study_bot.evaluation.records import Record, answer_record
from study_bot.types import Answer, AnswerMode, Filters, Hit, QuestionContext, RefusalReason, Turn

Ask = Callable[[Query], Record]
"""Gives the record of one question."""


class Chosen(Protocol):
    """What came of a choice: indices of the options picked, and a score of each option."""

    @property
    def picked(self) -> tuple[int, ...]:
        """Indices into the options, empty = undecided."""

    @property
    def scores(self) -> tuple[float, ...]:
        """One for each option, higher = likelier."""


class Filled(Protocol):
    """What stands at a blank."""

    @property
    def text(self) -> str:
        """The words, verbatim."""


class Respondent(Protocol):
    """Whoever is asked; `services.Services` is one. All raise QuestionError where a question cannot be handled."""

    def answer(self, question: str, *, filters: Filters, conversation: Sequence[Turn]) -> Answer:
        """The answer or the refusal."""

    def choose(self, question: str, options: Sequence[str], *, filters: Filters) -> Chosen:
        """The options that are right."""

    def fill_in(self, question: str, *, filters: Filters) -> tuple[Sequence[Filled | None], Sequence[Hit]]:
        """The words at each blank (None = no text says), and the passages looked at."""


def asker(respondent: Respondent, build_id: str) -> Ask:
    """What `run_answers` calls for every question.

    The turns of `conversation` come before the question, `as_of` limits the versions, a question with options is put
    as a choice too, one with blanks also to be filled in. A question that cannot be handled (empty, too long) is a
    refusal.
    """

    def ask(query: Query) -> Record:
        filters = Filters(as_of=as_of_of(query))
        try:
            given = respondent.answer(query.text, filters=filters, conversation=conversation_of(query))
        except QuestionError as error:
            given = _unclear(query.text, str(error), build_id)
        record = {**answer_record(given, query.query_id), **request_of(query)}
        expected = expectation_of(query)
        if expected.options:
            record["choice"] = _choice(query.text, expected.options, filters, respondent)
        if expected.blanks:
            record["blanks"] = _fillings(query.text, filters, respondent)
        return record

    return ask


def request_of(query: Query) -> Record:
    """What was asked, as it stands in the record: a record of another request does not answer this question."""
    request: Record = {"question": query.text}
    if (as_of := as_of_of(query)) is not None:
        request["as_of"] = as_of.isoformat()
    if turns := conversation_of(query):
        request["conversation"] = [{"question": turn.question, "answer": turn.answer} for turn in turns]
    return request


def _choice(question: str, options: Sequence[str], filters: Filters, respondent: Respondent) -> Record:
    try:
        chosen = respondent.choose(question, options, filters=filters)
    except QuestionError:
        return {"options": list(options), "picked": [], "scores": []}
    return {
        "options": list(options),
        "picked": [options[place] for place in chosen.picked],
        "scores": [round(score, 4) for score in chosen.scores],
    }


def _fillings(question: str, filters: Filters, respondent: Respondent) -> list[str | None]:
    try:
        fillings, _ = respondent.fill_in(question, filters=filters)
    except QuestionError:
        return []
    return [None if filling is None else filling.text for filling in fillings]


def context_of(query: Query) -> QuestionContext:
    """What a question is put with.

    :raises DatasetError: its turns or its day are malformed.
    """
    return QuestionContext(conversation_of(query), as_of_of(query))


def _unclear(question: str, message: str, build_id: str) -> Answer:
    return Answer(
        question=question,
        statements=(),
        citations=(),
        hits=(),
        refused=True,
        reason=RefusalReason.UNCLEAR,
        message=message,
        mode=AnswerMode.EXTRACTIVE,
        build_id=build_id,
    )
