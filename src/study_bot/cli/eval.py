"""`study-bot eval`: measure retrieval, and answer a file of questions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import typer
from rich.console import Console
from rich.table import Table

from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.progress import progress_bar
from study_bot.cli.words import Command, new_app
from study_bot.evaluation.baselines import dense_only, sparse_only
from study_bot.evaluation.datasets import Dataset, Run, read_dataset, read_queries, read_run, write_run
from study_bot.evaluation.metrics import Scores, evaluate
from study_bot.evaluation.report import RetrievalReport, rank_distribution, retrieval_report, write_report
from study_bot.evaluation.runner import AnswersSummary, SearchMany, document_id, run_answers, run_retrieval

if TYPE_CHECKING:
    from study_bot.services import Services

app = new_app("用问题集评测检索和回答。")

# Documents retrieved for each question, the deepest cut-off of the measures.
_DEPTH = 100


class Mode(StrEnum):
    """Which lists of candidates are used."""

    HYBRID = "hybrid"
    DENSE = "dense"
    SPARSE = "sparse"


DatasetArgument = Annotated[
    Path, typer.Argument(metavar="DATASET", help="BEIR 格式的目录，含 queries.jsonl[.gz] 和 qrels/。")
]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="qrels 目录中的分组。")]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="DIR", help="把报告（JSON 和 Markdown）写到这个目录。")
]


@app.command("retrieval", cls=Command)
def retrieval(
    ctx: typer.Context,
    dataset: DatasetArgument,
    split: SplitOption = "dev",
    index: IndexOption = None,
    mode: Annotated[
        Mode, typer.Option("--mode", metavar="MODE", help="检索方式：hybrid 融合，dense 只用向量，sparse 只用关键词。")
    ] = Mode.HYBRID,
    run: Annotated[Path | None, typer.Option("--run", metavar="FILE", help="把检索结果写成 TREC 格式的文件。")] = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """用一个问题集评测检索：召回率、命中率、MRR、nDCG、MAP。"""
    data = read_dataset(dataset, split)
    with services_for(ctx, index) as services, progress_bar() as show:
        snapshot = services.snapshot()
        search_many = _search_many(services, mode)
        result = run_retrieval(data.queries, search_many, _DEPTH, show)
        build_id, model = snapshot.build_id, snapshot.manifest.model
        held = {document_id(passage) for passage in snapshot.passages}
    absent = {doc_id for grades in data.qrels.values() for doc_id, grade in grades.items() if grade > 0} - held
    if absent:
        note(f"提示：{len(absent)} 个正确文档不在索引中，相应问题不可能全对。")
    if run is not None:
        write_run(run, result.run, tag=f"study-bot-{mode.value}")
    _deliver(
        retrieval_report(
            data,
            result.run,
            _scores(result.run, data),
            mode=mode.value,
            build_id=build_id,
            model=model,
            mean_ms=result.mean_ms,
        ),
        report,
        as_json=as_json,
    )


@app.command("score", cls=Command)
def score_run(
    dataset: DatasetArgument,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="TREC 格式的检索结果。")],
    split: SplitOption = "dev",
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """给一个已有的 TREC 检索结果打分，不需要索引。"""
    data = read_dataset(dataset, split)
    rankings = read_run(run)
    _deliver(retrieval_report(data, rankings, _scores(rankings, data), mode=run.stem), report, as_json=as_json)


@app.command("answers", cls=Command)
def answers(
    ctx: typer.Context,
    questions: Annotated[
        Path,
        typer.Argument(metavar="QUESTIONS.jsonl", help="问题文件，每行一个 JSON 对象，含 _id 和 text。"),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="回答文件，每题一行 JSON；中断后再运行会接着做。")],
    index: IndexOption = None,
) -> None:
    """逐题回答一个文件中的问题，写成 JSON 行，并统计用时。"""
    asked = read_queries(questions)
    with services_for(ctx, index) as services, progress_bar() as show:
        services.warm_up()
        summary = run_answers(asked, services.answer, out, services.snapshot().build_id, show)
    _print_summary(summary)
    note(f"回答已写入 {out}")


def _search_many(services: Services, mode: Mode) -> SearchMany:
    """The search to measure, with whatever it needs loaded."""
    if mode is not Mode.SPARSE:
        services.warm_up()
    match mode:
        case Mode.HYBRID:
            return services.search_many
        case Mode.DENSE:
            return dense_only(services.snapshot(), services.encoder())
        case Mode.SPARSE:
            return sparse_only(services.snapshot())
        case _:
            assert_never(mode)


def _scores(run: Run, data: Dataset) -> Scores:
    return evaluate({query_id: [doc_id for doc_id, _ in ranking] for query_id, ranking in run.items()}, data.qrels)


def _deliver(report: RetrievalReport, directory: Path | None, *, as_json: bool) -> None:
    if as_json:
        write_json(report.to_json(with_results=False))
    else:
        _print_report(report)
    if directory is not None:
        for path in write_report(report, directory):
            note(f"报告已写入 {path}")


def _print_report(report: RetrievalReport) -> None:
    console = Console(highlight=False)
    say(f"{report.dataset}（{report.split}），{report.queries} 题，{report.mode}")
    table = Table(box=None, pad_edge=False)
    for name in report.metrics:
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:.4f}" for value in report.metrics.values()))
    console.print(table)
    say("首个正确结果的名次：" + "，".join(f"{name}：{count} 题" for name, count in rank_distribution(report).items()))
    if report.mean_ms is not None:
        say(f"平均每题 {report.mean_ms:.1f} 毫秒")


def _print_summary(summary: AnswersSummary) -> None:
    say(f"共 {summary.questions} 题：回答 {summary.questions - summary.refused} 题，拒答 {summary.refused} 题。")
    if summary.reasons:
        say("拒答原因：" + "，".join(f"{reason} {count} 题" for reason, count in sorted(summary.reasons.items())))
    if summary.reused:
        say(f"沿用已有回答 {summary.reused} 题。")
    names = {"encode": "编码", "retrieve": "检索（含编码）", "answer": "作答", "total": "合计"}
    for part, values in summary.latency.items():
        say(f"{names[part]}：中位数 {values['median']:.1f} 毫秒，95% 分位 {values['p95']:.1f} 毫秒")
