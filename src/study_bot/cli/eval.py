"""`study-bot eval`: measure retrieval; the other commands of the group have modules of their own."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import typer
from rich.console import Console
from rich.table import Table

from study_bot.cli import cases, eval_answers, eval_compare, eval_gate
from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.eval_options import (
    FreshOption,
    ReportOption,
    SplitOption,
    deliver,
    note_misses,
    question_set,
    question_set_of,
    reranking_of,
    time_words,
)
from study_bot.cli.progress import progress_bar
from study_bot.cli.words import Command, new_app
from study_bot.errors import LearnedFileError
from study_bot.evaluation.baselines import dense_only, reciprocal_ranks, sparse_only
from study_bot.evaluation.datasets import read_run, write_run
from study_bot.evaluation.partial import PartialRun
from study_bot.evaluation.question_sets import qrels_alone
from study_bot.evaluation.report import RetrievalReport, rank_distribution, retrieval_report, score_run
from study_bot.evaluation.retrieval_page import retrieval_html
from study_bot.evaluation.runner import SearchMany, document_id, run_retrieval

if TYPE_CHECKING:
    from study_bot.retrieval.adapter import QueryAdapter
    from study_bot.services import Services

app = new_app("用问题集评测检索和回答，比较两个结果，并守住基线。")

DEPTH = 100
"""Documents retrieved for each question, the deepest cut-off of the measures."""


class Mode(StrEnum):
    """What searches: all of it, or one of the simpler searches it is measured against."""

    HYBRID = "hybrid"
    RRF = "rrf"
    ADAPTED = "adapted"
    DENSE = "dense"
    SPARSE = "sparse"


@app.command("retrieval", cls=Command)
def retrieval(
    ctx: typer.Context,
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="BEIR 格式的目录，含 queries.jsonl[.gz] 和 qrels/。")
    ],
    split: SplitOption = None,
    index: IndexOption = None,
    mode: Annotated[
        Mode,
        typer.Option(
            "--mode",
            metavar="MODE",
            help="检索方式：hybrid 完整检索，rrf 向量与关键词按名次合并，"
            "adapted 只用经适配器的向量，dense 只用向量，sparse 只用关键词。",
        ),
    ] = Mode.HYBRID,
    run: Annotated[Path | None, typer.Option("--run", metavar="FILE", help="把检索结果写成 TREC 格式的文件。")] = None,
    report: ReportOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """用一个问题集评测检索：召回率、命中率、MRR、nDCG、MAP。

    给出 --run 或 --report 时，中断后再运行会接着做。
    """
    with services_for(ctx, index) as services, progress_bar() as show:
        snapshot = services.snapshot()
        data = question_set_of(dataset, split, snapshot).judged
        alone = sum(bool({"conversation", "as_of"} & query.metadata.keys()) for query in data.queries)
        if alone and mode is not Mode.HYBRID:
            note(f"提示：{alone} 题带有前文或日期，这种检索方式只用题目本身；hybrid 会一并使用。")
        conditions = {"build": snapshot.build_id, "mode": mode.value, "depth": DEPTH, **reranking_of(services.settings)}
        partial = _partial(run, report, conditions, fresh=fresh)
        result = run_retrieval(data.queries, search_for(services, mode), DEPTH, show, partial)
        note_misses(services.rerank_misses())
        build_id, model = snapshot.build_id, snapshot.manifest.model
        held = {document_id(passage): passage for passage in snapshot.passages}
    if result.reused:
        note(f"沿用上次中断前的 {result.reused} 题。")
    absent = {doc_id for grades in data.qrels.values() for doc_id, grade in grades.items() if grade > 0} - held.keys()
    if absent:
        note(f"提示：{len(absent)} 个正确文档不在索引中，相应问题不可能全对。")
    if run is not None:
        write_run(run, result.run, tag=f"study-bot-{mode.value}")
    made = retrieval_report(
        data,
        result.run,
        score_run(data, result.run),
        mode=mode.value,
        build_id=build_id,
        model=model,
        mean_ms=result.mean_ms or None,
        places={doc_id: f"《{passage.title}》{passage.locator.label}" for doc_id, passage in held.items()},
        created=time_words(),
    )
    _deliver(made, report, {doc_id: held[doc_id].text for doc_id in made.documents}, as_json=as_json)
    if partial is not None:
        partial.discard()


@app.command("score", cls=Command)
def score(
    ctx: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[DATASET] RUN",
            help="问题集（BEIR 目录或问题文件），然后是 TREC 检索结果或回答文件 answers.jsonl；用 --qrels 时只写结果。",
        ),
    ],
    qrels: Annotated[
        Path | None,
        typer.Option("--qrels", metavar="FILE", help="评判文件：BEIR 的三列 .tsv，或 TREC 的四列 qrels。"),
    ] = None,
    split: SplitOption = None,
    index: IndexOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """给已有的结果打分，不检索也不作答：TREC 检索结果，或 eval answers 写出的回答文件。

    问题集以原文片段标注答案出处时，才需要 --index。
    """
    if len(paths) != (2 if qrels is None else 1):
        raise typer.BadParameter("请写出问题集和结果两个路径，或用 --qrels 加一个检索结果。")
    results = paths[-1]
    if results.suffix == ".jsonl" and qrels is None:
        eval_answers.score_file(ctx, paths[0], results, split, index, report, as_json=as_json)
        return
    data = qrels_alone(qrels) if qrels is not None else question_set(ctx, paths[0], split, index).judged
    rankings = read_run(results)
    if missing := data.qrels.keys() - rankings.keys():
        note(f"提示：{results} 缺 {len(missing)} 题的结果，各指标按 0 计。")
    _deliver(
        retrieval_report(data, rankings, score_run(data, rankings), mode=results.stem, created=time_words()),
        report,
        {},
        as_json=as_json,
    )


def search_for(services: Services, mode: Mode) -> SearchMany:
    """The search to measure, with whatever it needs loaded."""
    if mode is not Mode.SPARSE:
        services.warm_up()
    match mode:
        case Mode.HYBRID:
            return services.search_many
        case Mode.RRF:
            return reciprocal_ranks(services.snapshot(), services.encoder())
        case Mode.ADAPTED:
            return dense_only(services.snapshot(), services.encoder(), _adapter(services))
        case Mode.DENSE:
            return dense_only(services.snapshot(), services.encoder())
        case Mode.SPARSE:
            return sparse_only(services.snapshot())
        case _:
            assert_never(mode)


def _adapter(services: Services) -> QueryAdapter:
    """The query adapter for the embedding model in use, whether or not it is switched off.

    :raises LearnedFileError: there is none, or it cannot be used.
    """
    from study_bot.retrieval.learned import load_learned

    encoder = services.encoder()
    found = load_learned(services.settings.learned_dir, encoder.fingerprint, encoder.dimension).adapter
    if found is None:
        raise LearnedFileError(
            "没有适合当前向量模型的查询适配器。请先用 study-bot train adapter 训练，或用 --mode dense 评测。"
        )
    return found


def _partial(
    run: Path | None, report: Path | None, conditions: Mapping[str, str | int], *, fresh: bool
) -> PartialRun | None:
    """Where to keep what is done, beside what is to be written; None = nothing is."""
    if run is None and report is None:
        return None
    path = run.with_name(f"{run.name}.partial") if run is not None else Path(report or "", "run.partial")
    if fresh:
        path.unlink(missing_ok=True)
    return PartialRun.open(path, conditions)


def _deliver(report: RetrievalReport, directory: Path | None, texts: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        write_json(report.to_json(with_results=False))
    else:
        _print_report(report)
    if directory is not None:
        deliver(directory, page=retrieval_html(report, texts), data=report.to_json(), rows=report.rows())


def _print_report(report: RetrievalReport) -> None:
    split = f"（{report.split}）" if report.split else ""
    say(f"{report.dataset}{split}，{report.queries} 题，{report.mode}")
    table = Table(box=None, pad_edge=False)
    for name in report.metrics:
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:.4f}" for value in report.metrics.values()))
    Console(highlight=False).print(table)
    say("首个正确结果的名次：" + "，".join(f"{name}：{count} 题" for name, count in rank_distribution(report).items()))
    if report.mean_ms is not None:
        say(f"平均每题 {report.mean_ms:.1f} 毫秒")


app.command("answers", cls=Command)(eval_answers.answers)
app.command("compare", cls=Command)(eval_compare.compare_results)
app.command("gate", cls=Command)(eval_gate.gate)
app.add_typer(cases.app, name="cases")
