"""What the answers to a set were worth, question by question, as values and JSON. `answers_page` shows it to people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from study_bot.evaluation.answer_metrics import (
    answer_text,
    chosen_options,
    citations_of,
    filled_blanks,
    is_right,
    right_texts,
    score_answer,
)
from study_bot.evaluation.calibration import (
    Bin,
    CoveragePoint,
    ThresholdPoint,
    area_under_risk,
    best_threshold,
    brier_score,
    calibration_error,
    reliability_bins,
    risk_coverage,
    threshold_curve,
)
from study_bot.evaluation.expectations import Expectation
from study_bot.evaluation.files import Value
from study_bot.evaluation.measures import PerQuestion, counts, means
from study_bot.evaluation.report import category_means
from study_bot.evaluation.runner import latency_summary


@dataclass(frozen=True, slots=True)
class Source:
    """A citation as a report shows it."""

    title: str
    locator: str
    quote: str


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """One question, what was expected and what was given.

    `expected` are the golds, the strings required, the right options, or the relevant ids, whichever decide; empty for
    a question to be refused or one of which the set says nothing. `right` None = cannot be known. `picked` are the
    options chosen, None unless the question is a choice; `filled` the words at its blanks, None unless it has some.
    """

    query_id: str
    text: str
    category: str
    unanswerable: bool
    expected: tuple[str, ...]
    right: bool | None
    refused: bool
    reason: str
    answer: str
    confidence: float
    picked: tuple[str, ...] | None
    filled: tuple[str | None, ...] | None
    sources: tuple[Source, ...]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Both kinds of errors of the gate. Rates are in `metrics`; `best` is the threshold with the least mean error."""

    answerable: int
    unanswerable: int
    false_refusals: int
    false_answers: int
    threshold: float | None
    best: ThresholdPoint | None
    curve: tuple[ThresholdPoint, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the confidence of the answers given is worth; `answered` of them can be judged. None without any."""

    answered: int
    brier: float | None
    error: float | None
    bins: tuple[Bin, ...]
    area_under_risk: float | None
    risk_coverage: tuple[CoveragePoint, ...]


@dataclass(frozen=True, slots=True)
class AnswersReport:
    """Answers to a set. `metrics` are means over the `counts` questions that have the measure."""

    dataset: str
    split: str
    build_id: str
    questions: int
    refused: int
    metrics: Mapping[str, float]
    counts: Mapping[str, int]
    categories: Mapping[str, Mapping[str, float]]
    refusal: Refusal
    calibration: Calibration
    latency_ms: Mapping[str, Mapping[str, float]]
    results: tuple[AnswerResult, ...]
    created: str = ""
    kind: str = "answers"

    @property
    def per_question(self) -> PerQuestion:
        """Scores by question id."""
        return {result.query_id: result.scores for result in self.results}

    @property
    def is_scored(self) -> bool:
        """Whether the set says of any question what is right."""
        return any(result.right is not None or result.unanswerable for result in self.results)

    def to_json(self, *, with_results: bool = True) -> str:
        """The report as indented JSON; `with_results` adds the questions one by one."""
        values = asdict(self)
        if not with_results:
            del values["results"]
        return json.dumps(values, ensure_ascii=False, indent=2)

    def rows(self) -> list[dict[str, Value]]:
        """A row for each question, for CSV."""
        return [
            {
                "query_id": result.query_id,
                "category": result.category,
                "question": result.text,
                "expected": "拒答" if result.unanswerable else "；".join(result.expected),
                "answer": result.answer,
                "refused": int(result.refused),
                "reason": result.reason,
                "confidence": result.confidence,
                "picked": None if result.picked is None else "；".join(result.picked),
                "filled": None if result.filled is None else "；".join(words or "—" for words in result.filled),
                **result.scores,
                "sources": "；".join(f"《{source.title}》{source.locator}" for source in result.sources),
                "quotes": "\n".join(source.quote for source in result.sources),
            }
            for result in self.results
        ]


def answers_report(
    records: Sequence[Mapping[str, object]],
    expected: Mapping[str, Expectation],
    *,
    dataset: str,
    split: str = "",
    threshold: float | None = None,
    created: str = "",
) -> AnswersReport:
    """Score records, in the order of `expected` (question id -> what is right); others are left out.

    :param threshold: the confidence below which the program refuses, if it is known.
    """
    by_id = {str(record.get("_id")): record for record in records}
    results = tuple(_result(q, by_id[q], wanted) for q, wanted in expected.items() if q in by_id)
    per_question = {result.query_id: result.scores for result in results}
    return AnswersReport(
        dataset=dataset,
        split=split,
        build_id=next((str(record["build_id"]) for record in records if record.get("build_id")), ""),
        questions=len(results),
        refused=sum(result.refused for result in results),
        metrics=means(per_question),
        counts=counts(per_question),
        categories=category_means(per_question, {result.query_id: result.category for result in results}),
        refusal=_refusal(results, threshold),
        calibration=_calibration(results),
        latency_ms=latency_summary([by_id[result.query_id] for result in results]),
        results=results,
        created=created,
    )


def _result(query_id: str, record: Mapping[str, object], expected: Expectation) -> AnswerResult:
    confidence = record.get("confidence")
    return AnswerResult(
        query_id=query_id,
        text=str(record.get("question", "")),
        category=expected.category,
        unanswerable=expected.unanswerable,
        expected=_expected(expected),
        right=is_right(record, expected),
        refused=bool(record.get("refused")),
        reason=str(record.get("reason") or ""),
        answer=answer_text(record),
        confidence=float(confidence) if isinstance(confidence, int | float) else 0.0,
        picked=tuple(sorted(chosen_options(record))) if "choice" in record else None,
        filled=filled_blanks(record) if "blanks" in record else None,
        sources=tuple(
            Source(str(c.get("title", "")), str(c.get("locator", "")), str(c.get("quote", "")))
            for c in citations_of(record)
        ),
        scores=score_answer(record, expected),
    )


def _expected(expected: Expectation) -> tuple[str, ...]:
    if expected.unanswerable:
        return ()
    if expected.options:
        return tuple(option for option in expected.options if option in right_texts(expected))
    if expected.blanks:
        return tuple(" / ".join(golds) for golds in expected.blanks)
    return expected.must or expected.answers or tuple(sorted(expected.relevant))


def _refusal(results: Sequence[AnswerResult], threshold: float | None) -> Refusal:
    answerable = [result for result in results if "false_refusal" in result.scores]
    unanswerable = [result for result in results if result.unanswerable]
    curve = threshold_curve([r.confidence for r in answerable], [r.confidence for r in unanswerable])
    return Refusal(
        answerable=len(answerable),
        unanswerable=len(unanswerable),
        false_refusals=sum(result.refused for result in answerable),
        false_answers=sum(not result.refused for result in unanswerable),
        threshold=threshold,
        best=best_threshold(curve),
        curve=tuple(curve) if answerable or unanswerable else (),
    )


def _calibration(results: Sequence[AnswerResult]) -> Calibration:
    """Over the answers whose rightness is known; an answer to a question that has none is wrong.

    Choices and blanks are left out: the confidence of a record is that of its answer, not of what was picked or filled.
    """
    judged = [r for r in results if r.right is not None and r.picked is None and r.filled is None]
    answered = [(result.confidence, bool(result.right)) for result in judged if not result.refused]
    bins = reliability_bins(answered)
    points = risk_coverage(answered, len(judged)) if judged else []
    return Calibration(
        answered=len(answered),
        brier=brier_score(answered),
        error=calibration_error(bins),
        bins=tuple(bins),
        area_under_risk=area_under_risk(points),
        risk_coverage=tuple(points),
    )
