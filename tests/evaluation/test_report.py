"""The report of a retrieval run."""

from __future__ import annotations

import json

from study_bot.evaluation.datasets import Dataset, Query
from study_bot.evaluation.metrics import evaluate
from study_bot.evaluation.report import RetrievalReport, rank_distribution, retrieval_report, score_run

DATA = Dataset(
    name="set",
    split="dev",
    queries=(
        Query("q1", "谁来|值班？", {"kind": "duty"}),
        Query("q2", "迟到\n怎么办？", {"kind": "late"}),
        Query("q3", "谁批准？", {"kind": "duty"}),
    ),
    qrels={"q1": {"d1": 1, "d7": 2, "d8": 0}, "q2": {"d2": 1}, "q3": {"d3": 1}},
)
RUN = {
    "q1": [("d1", 2.0), ("d2", 1.0)],
    "q2": [(f"x{n}", float(-n)) for n in range(30)] + [("d2", -99.0)],
    "q3": [("d1", 1.0)],
}


def make_report() -> RetrievalReport:
    rankings = {query_id: [doc_id for doc_id, _ in ranking] for query_id, ranking in RUN.items()}
    scores = evaluate(rankings, DATA.qrels, ["hit@1", "R@100"])
    places = {"d1": "《值班法》第一条", "d2": "《值班法》第二条", "other": "《刑法》"}
    return retrieval_report(
        DATA, RUN, scores, mode="hybrid", build_id="b1", model="m", mean_ms=12.34, places=places, created="今天"
    )


def test_figures_and_ranks() -> None:
    report = make_report()
    assert report.metrics == {"hit@1": 1 / 3, "R@100": 0.5}
    assert [(result.query_id, result.rank) for result in report.results] == [("q1", 1), ("q2", 31), ("q3", None)]
    assert rank_distribution(report) == {"1": 1, "2–5": 0, "6–10": 0, "11–100": 1, "100 以后": 0, "未检出": 1}
    assert report.categories == {
        "duty": {"questions": 2.0, "hit@1": 0.5, "R@100": 0.25},
        "late": {"questions": 1.0, "hit@1": 0.0, "R@100": 1.0},
    }


def test_relevant_and_retrieved_documents_are_named() -> None:
    report = make_report()
    assert report.results[0].relevant == ("d7", "d1")  # highest grade first, grade 0 left out
    assert report.results[1].retrieved == ("x0", "x1", "x2")
    assert report.documents == {"d1": "《值班法》第一条", "d2": "《值班法》第二条"}


def test_json_has_every_query_or_only_the_means() -> None:
    full = json.loads(make_report().to_json())
    assert full["results"][1] == {
        "query_id": "q2",
        "text": "迟到\n怎么办？",
        "rank": 31,
        "scores": {"hit@1": 0.0, "R@100": 1.0},
        "category": "late",
        "relevant": ["d2"],
        "retrieved": ["x0", "x1", "x2"],
    }
    short = json.loads(make_report().to_json(with_results=False))
    assert set(full) - set(short) == {"results", "documents"}
    assert short["metrics"]["R@100"] == 0.5
    assert [short[key] for key in ("kind", "dataset", "split", "mode", "queries")] == [
        "retrieval",
        "set",
        "dev",
        "hybrid",
        3,
    ]


def test_rows_for_a_spreadsheet() -> None:
    row = make_report().rows()[2]
    assert (row["query_id"], row["category"], row["rank"], row["R@100"], row["retrieved"]) == (
        "q3",
        "duty",
        None,
        0.0,
        "d1",
    )


def test_default_measures_of_a_run() -> None:
    assert score_run(DATA, RUN).mean["R@100"] == 0.5
