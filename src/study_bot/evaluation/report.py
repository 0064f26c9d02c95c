"""What an evaluation found, as JSON for programs and as a page for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from study_bot.evaluation.datasets import Dataset, Run
from study_bot.evaluation.metrics import Scores, first_relevant_rank

# Questions without a good result that the page lists; the JSON has all.
_LISTED_MISSES = 30

# A question counts as missed when its first relevant document stands below this rank.
_MISSED_BELOW = 10


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One question: its scores, and the 1-based rank of its first relevant document (None = not retrieved)."""

    query_id: str
    text: str
    rank: int | None
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """A run over a split. `metrics` are means over `queries`; `mean_ms` is for one question, None = not measured."""

    dataset: str
    split: str
    mode: str
    build_id: str
    model: str
    queries: int
    metrics: Mapping[str, float]
    mean_ms: float | None
    results: tuple[QueryResult, ...]

    def to_json(self, *, with_results: bool = True) -> str:
        """The report as indented JSON; `with_results` adds the questions one by one."""
        values = asdict(self)
        if not with_results:
            del values["results"]
        return json.dumps(values, ensure_ascii=False, indent=2)


def retrieval_report(
    dataset: Dataset,
    run: Run,
    scores: Scores,
    *,
    mode: str,
    build_id: str = "",
    model: str = "",
    mean_ms: float | None = None,
) -> RetrievalReport:
    """Put the scores of a run beside its questions, in the order of the dataset."""
    results = tuple(
        QueryResult(
            query_id=query.query_id,
            text=query.text,
            rank=first_relevant_rank(
                [doc_id for doc_id, _ in run.get(query.query_id, ())], dataset.qrels[query.query_id]
            ),
            scores=scores.per_query[query.query_id],
        )
        for query in dataset.queries
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
        results=results,
    )


def write_report(report: RetrievalReport, directory: Path) -> tuple[Path, Path]:
    """Write `<dataset>-<split>-<mode>.json` and `.md` into `directory` (made if absent), replacing older ones.

    :returns: the two paths.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{report.dataset}-{report.split}-{report.mode}"
    data, page = directory / f"{stem}.json", directory / f"{stem}.md"
    data.write_text(report.to_json() + "\n", encoding="utf-8")
    page.write_text(to_markdown(report), encoding="utf-8")
    return data, page


def to_markdown(report: RetrievalReport) -> str:
    """A page: the figures, where the first relevant document stood, and the questions that were missed."""
    lines = [
        f"# 检索评测：{report.dataset}（{report.split}）",
        "",
        f"- 方式：{report.mode}",
        f"- 索引：{report.build_id or '—'}",
        f"- 向量模型：{report.model or '—'}",
        f"- 问题数：{report.queries}",
        f"- 平均每题：{report.mean_ms:.1f} 毫秒" if report.mean_ms is not None else "- 平均每题：未测",
        "",
        *_table(("指标", "值"), [(name, f"{value:.4f}") for name, value in report.metrics.items()]),
        "",
        "## 首个正确结果的名次",
        "",
        *_table(("名次", "问题数"), [(name, str(count)) for name, count in rank_distribution(report).items()]),
    ]
    missed = [result for result in report.results if result.rank is None or result.rank > _MISSED_BELOW]
    if missed:
        listed = sorted(missed, key=lambda result: (-(result.rank or 10**9), result.query_id))[:_LISTED_MISSES]
        lines += [
            "",
            f"## 前 {_MISSED_BELOW} 名内没有正确结果的问题（{len(missed)} 个，列出 {len(listed)} 个）",
            "",
            *_table(("编号", "名次", "问题"), [(r.query_id, str(r.rank or "未检出"), r.text) for r in listed]),
        ]
    return "\n".join(lines) + "\n"


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


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
