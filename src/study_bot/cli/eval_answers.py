"""`study-bot eval answers`: answer a set of questions, and score the answers where the set says what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.eval_options import (
    FreshOption,
    ReportOption,
    SplitOption,
    deliver,
    note_misses,
    question_set,
    question_set_of,
    time_words,
)
from study_bot.cli.progress import progress_bar
from study_bot.evaluation.answers_page import REASONS, answers_html
from study_bot.evaluation.answers_report import AnswersReport, answers_report
from study_bot.evaluation.asking import asker
from study_bot.evaluation.measures import describe, formatted
from study_bot.evaluation.runner import read_answers, run_answers

_PARTS = {"encode": "编码", "retrieve": "检索（含编码）", "answer": "作答", "total": "合计"}


def answers(
    ctx: typer.Context,
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="QUESTIONS", help="问题文件（每行一个 JSON 对象，含 _id 和 text），或 BEIR 格式的目录。"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="回答文件，每题一行 JSON；中断后再运行会接着做。")],
    split: SplitOption = None,
    index: IndexOption = None,
    report: ReportOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """逐题回答一个问题集，写成 JSON 行；标有答案的，给回答打分。

    打分包括：正确率、字 F1、ROUGE-L、引文含答案、引用准确率和召回率、原文比例、误答和误拒、置信度校准、用时。
    """
    with services_for(ctx, index) as services, progress_bar() as show:
        snapshot = services.snapshot()
        asked = question_set_of(questions, split, snapshot)
        expected = asked.expected
        services.warm_up()
        if fresh and out.exists():
            read_answers(out)  # anything else is not to be removed
            out.unlink()
        ask = asker(services, snapshot.build_id)
        summary = run_answers(asked.queries, ask, out, snapshot.build_id, show)
        threshold = services.refusal_threshold()
        note_misses(services.rerank_misses())
    note(f"回答已写入 {out}" + (f"（沿用已有回答 {summary.reused} 题）" if summary.reused else ""))
    made = answers_report(
        summary.records, expected, dataset=asked.name, split=asked.split, threshold=threshold, created=time_words()
    )
    _deliver(made, report, as_json=as_json)


def score_file(
    ctx: typer.Context,
    questions: Path,
    records: Path,
    split: str | None,
    index: Path | None,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Score a file of answers that is there already (`eval score`)."""
    asked = question_set(ctx, questions, split, index)
    made = answers_report(
        read_answers(records), asked.expected, dataset=asked.name, split=asked.split, created=time_words()
    )
    if made.questions < len(asked.queries):
        note(f"提示：{records} 缺 {len(asked.queries) - made.questions} 题的回答，未计入。")
    _deliver(made, report, as_json=as_json)


def _deliver(report: AnswersReport, directory: Path | None, *, as_json: bool) -> None:
    if as_json:
        write_json(report.to_json(with_results=False))
    else:
        _print_report(report)
    if directory is not None:
        deliver(directory, page=answers_html(report), data=report.to_json(), rows=report.rows())


def _print_report(report: AnswersReport) -> None:
    say(f"共 {report.questions} 题：回答 {report.questions - report.refused} 题，拒答 {report.refused} 题。")
    reasons: dict[str, int] = {}
    for result in report.results:
        if result.refused:
            reasons[result.reason] = reasons.get(result.reason, 0) + 1
    if reasons:
        say("拒答原因：" + "，".join(f"{REASONS.get(key, key)} {count} 题" for key, count in sorted(reasons.items())))
    if report.is_scored:
        _print_scores(report)
    for part, values in report.latency_ms.items():
        words = "，".join(f"{name} {value:.1f}" for name, value in values.items())
        say(f"{_PARTS[part]}（毫秒）：{words}")


def _print_scores(report: AnswersReport) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("指标", "值", "题数"):
        table.add_column(heading, justify="left" if heading == "指标" else "right")
    for name, value in report.metrics.items():
        if name != "total_ms":
            table.add_row(describe(name).label, formatted(name, value), str(report.counts[name]))
    Console(highlight=False).print(table)
    refusal, calibration = report.refusal, report.calibration
    if refusal.unanswerable:
        say(f"误答 {refusal.false_answers} / {refusal.unanswerable} 题。")
    if refusal.answerable:
        say(f"误拒 {refusal.false_refusals} / {refusal.answerable} 题。")
    if calibration.brier is not None and calibration.error is not None:
        words = f"Brier 分数 {calibration.brier:.4f}，校准误差 {calibration.error:.4f}"
        say(f"置信度（{calibration.answered} 个回答）：{words}")
