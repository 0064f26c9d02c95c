"""The report of a retrieval run, as JSON and as a page."""

from __future__ import annotations

import json
from pathlib import Path

from study_bot.evaluation.datasets import Dataset, Query
from study_bot.evaluation.metrics import evaluate
from study_bot.evaluation.report import RetrievalReport, rank_distribution, retrieval_report, to_markdown, write_report

DATA = Dataset(
    name="set",
    split="dev",
    queries=(Query("q1", "谁来|值班？"), Query("q2", "迟到\n怎么办？"), Query("q3", "谁批准？")),
    qrels={"q1": {"d1": 1}, "q2": {"d2": 1}, "q3": {"d3": 1}},
)
RUN = {
    "q1": [("d1", 2.0), ("d2", 1.0)],
    "q2": [(f"x{n}", float(-n)) for n in range(30)] + [("d2", -99.0)],
    "q3": [("d1", 1.0)],
}


def _report() -> RetrievalReport:
    rankings = {query_id: [doc_id for doc_id, _ in ranking] for query_id, ranking in RUN.items()}
    scores = evaluate(rankings, DATA.qrels, ["R@1", "R@100"])
    return retrieval_report(DATA, RUN, scores, mode="hybrid", build_id="b1", model="m", mean_ms=12.34)


def test_figures_and_ranks() -> None:
    report = _report()
    assert report.metrics == {"R@1": 1 / 3, "R@100": 2 / 3}
    assert [(result.query_id, result.rank) for result in report.results] == [("q1", 1), ("q2", 31), ("q3", None)]
    assert rank_distribution(report) == {"1": 1, "2–5": 0, "6–10": 0, "11–100": 1, "100 以后": 0, "未检出": 1}


def test_json_has_every_query_or_only_the_means() -> None:
    full = json.loads(_report().to_json())
    assert full["results"][1] == {
        "query_id": "q2",
        "text": "迟到\n怎么办？",
        "rank": 31,
        "scores": {"R@1": 0.0, "R@100": 1.0},
    }
    short = json.loads(_report().to_json(with_results=False))
    assert set(full) - set(short) == {"results"}
    assert short["metrics"]["R@1"] == 1 / 3
    assert (short["dataset"], short["split"], short["mode"], short["queries"]) == ("set", "dev", "hybrid", 3)


def test_page_lists_what_was_missed_worst_first() -> None:
    page = to_markdown(_report())
    assert "| R@1 | 0.3333 |" in page
    assert page.index("| q3 | 未检出 | 谁批准？ |") < page.index("| q2 | 31 | 迟到 怎么办？ |")
    assert "| q1 |" not in page


def test_cells_cannot_break_the_table() -> None:
    run = {**RUN, "q1": []}
    report = retrieval_report(DATA, run, evaluate({}, DATA.qrels, ["R@1"]), mode="dense")
    assert "谁来\\|值班？" in to_markdown(report)


def test_files_are_named_after_the_run(tmp_path: Path) -> None:
    paths = write_report(_report(), tmp_path / "reports")
    assert [path.name for path in paths] == ["set-dev-hybrid.json", "set-dev-hybrid.md"]
    assert json.loads(paths[0].read_text(encoding="utf-8"))["build_id"] == "b1"
    assert paths[1].read_text(encoding="utf-8").startswith("# 检索评测：set（dev）")
