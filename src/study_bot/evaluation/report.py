"""What a retrieval run was worth, question by question, as values and JSON. `retrieval_page` shows it to people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from study_bot.evaluation.datasets import Dataset, Run
from study_bot.evaluation.expectations import category_of
from study_bot.evaluation.files import Value
from study_bot.evaluation.measures import PerQuestion, means
from study_bot.evaluation.metrics import Scores, evaluate, first_relevant_rank

# Documents kept of each question: those to show beside the ones that are right.
_KEPT = 3


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One question: its scores, and the 1-based rank of its first relevant document (None = not retrieved).

    `relevant` are the ids of all relevant documents, highest grade first; `retrieved` those of the first few found.
    """

    query_id: str
    text: str
    rank: int | None
    scores: Mapping[str, float]
    category: str = ""
    relevant: tuple[str, ...] = ()
    retrieved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """A run over a split. `metrics` are means over `queries`; `mean_ms` is for one question, None = not measured.

    `categories` are the means of each group of questions, if the set has groups. `documents` are the places of the
    documents that `results` name, by id, as far as they are known.
    """

    dataset: str
    split: str
    mode: str
    build_id: str
    model: str
    queries: int
    metrics: Mapping[str, float]
    mean_ms: float | None
    results: tuple[QueryResult, ...]
    categories: Mapping[str, Mapping[str, float]]
    documents: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    kind: str = "retrieval"

    @property
    def per_question(self) -> PerQuestion:
        """Scores by question id."""
        return {result.query_id: result.scores for result in self.results}

    def to_json(self, *, with_results: bool = True) -> str:
        """The report as indented JSON; `with_results` adds the questions one by one."""
        values = asdict(self)
        if not with_results:
            del values["results"], values["documents"]
        return json.dumps(values, ensure_ascii=False, indent=2)

    def rows(self) -> list[dict[str, Value]]:
        """A row for each question, for CSV."""
        return [
            {
                "query_id": result.query_id,
                "category": result.category,
                "text": result.text,
                "rank": result.rank,
                **result.scores,
                "relevant": " ".join(result.relevant),
                "retrieved": " ".join(result.retrieved),
            }
            for result in self.results
        ]


def score_run(dataset: Dataset, run: Run) -> Scores:
    """The default measures of a run on every question of a set."""
    return evaluate({query_id: [doc_id for doc_id, _ in ranking] for query_id, ranking in run.items()}, dataset.qrels)


def retrieval_report(
    dataset: Dataset,
    run: Run,
    scores: Scores,
    *,
    mode: str,
    build_id: str = "",
    model: str = "",
    mean_ms: float | None = None,
    places: Mapping[str, str] | None = None,
    created: str = "",
) -> RetrievalReport:
    """Put the scores of a run beside its questions, in the order of the dataset.

    :param places: where documents stand, in words, by id; those that the report names are kept.
    """
    results = []
    for query in dataset.queries:
        ranked = [doc_id for doc_id, _ in run.get(query.query_id, ())]
        grades = dataset.qrels[query.query_id]
        relevant = sorted((doc_id for doc_id, grade in grades.items() if grade > 0), key=lambda doc: -grades[doc])
        results.append(
            QueryResult(
                query_id=query.query_id,
                text=query.text,
                rank=first_relevant_rank(ranked, grades),
                scores=scores.per_query[query.query_id],
                category=category_of(query),
                relevant=tuple(relevant),
                retrieved=tuple(ranked[:_KEPT]),
            )
        )
    return RetrievalReport(
        dataset=dataset.name,
        split=dataset.split,
        mode=mode,
        build_id=build_id,
        model=model,
        queries=len(results),
        metrics=dict(scores.mean),
        mean_ms=mean_ms,
        results=tuple(results),
        categories=category_means(scores.per_query, {result.query_id: result.category for result in results}),
        documents={
            doc_id: places[doc_id]
            for result in results
            for doc_id in (*result.relevant, *result.retrieved)
            if places and doc_id in places
        },
        created=created,
    )


def category_means(per_question: PerQuestion, categories: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Means of each category, in order of first appearance; questions without a category are left out."""
    members: dict[str, list[str]] = {}
    for question in per_question:
        if name := categories.get(question):
            members.setdefault(name, []).append(question)
    return {
        name: {"questions": float(len(questions)), **means(per_question, questions)}
        for name, questions in members.items()
    }


def rank_distribution(report: RetrievalReport) -> dict[str, int]:
    """How many questions had their first relevant document at rank 1, 2–5, 6–10, 11–100, lower, or not at all."""
    bands = {"1": 1, "2–5": 5, "6–10": 10, "11–100": 100}
    counts = dict.fromkeys([*bands, "100 以后", "未检出"], 0)
    for result in report.results:
        if result.rank is None:
            counts["未检出"] += 1
        else:
            rank = result.rank
            counts[next((name for name, last in bands.items() if rank <= last), "100 以后")] += 1
    return counts
