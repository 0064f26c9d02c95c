"""`study-bot eval compare`: two results of the same set, question by question."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from study_bot.cli.common import IndexOption, JsonOption, note, say, write_json
from study_bot.cli.eval_options import ReportOption, SplitOption, deliver, question_set, time_words
from study_bot.evaluation.answers_report import answers_report
from study_bot.evaluation.compare_page import compare_html, p_words, signed
from study_bot.evaluation.comparison import (
    Comparison,
    Measured,
    compare,
    measured,
    read_measured,
    verdict,
    wins_and_losses,
)
from study_bot.evaluation.datasets import read_run
from study_bot.evaluation.measures import describe, formatted
from study_bot.evaluation.question_sets import QuestionSet, qrels_alone
from study_bot.evaluation.report import retrieval_report, score_run
from study_bot.evaluation.runner import read_answers

# Changed questions printed of each headline measure; --report has more.
_PRINTED = 3

_VERDICTS = {"better": "变好", "worse": "变差", "same": "—"}


def compare_results(
    ctx: typer.Context,
    a: Annotated[Path, typer.Argument(metavar="A", help="原来的结果：report.json、TREC 检索结果或 answers.jsonl。")],
    b: Annotated[Path, typer.Argument(metavar="B", help="新的结果，与 A 同一种、同一套题。")],
    dataset: Annotated[
        Path | None,
        typer.Option(
            "--dataset", "--questions", metavar="PATH", help="问题集：BEIR 目录或问题文件；比较 report.json 时不需要。"
        ),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option("--qrels", metavar="FILE", help="代替 --dataset：只给评判文件，用于比较 TREC 检索结果。"),
    ] = None,
    split: SplitOption = None,
    index: IndexOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """逐题比较同一套题的两个结果：各项指标之差及其 95% 区间、p 值，变好和变差的题。

    区间和 p 值由成对自助法得出（10,000 次，随机种子固定）。
    """
    sets: list[QuestionSet] = []

    def asked() -> QuestionSet:
        if not sets:
            if dataset is None:
                raise typer.BadParameter(
                    "比较检索结果或回答文件时，请用 --dataset 给出问题集（检索结果也可用 --qrels）。"
                )
            sets.append(question_set(ctx, dataset, split, index))
        return sets[0]

    names = _names(a, b)
    made = compare(*(_measured(path, name, qrels, asked) for path, name in zip((a, b), names, strict=True)))
    if made.only_a or made.only_b:
        note(f"提示：只有一方有的题不计入（A 独有 {made.only_a} 题，B 独有 {made.only_b} 题）。")
    if as_json:
        write_json(made.to_json())
    else:
        _print_comparison(made)
    deliver(report, page=compare_html(made, time_words()), data=made.to_json(), rows=made.rows())


def _measured(path: Path, name: str, qrels: Path | None, asked: Callable[[], QuestionSet]) -> Measured:
    """A result, scored if it is not a report yet."""
    if path.suffix == ".json":
        return read_measured(path, name)
    if path.suffix == ".jsonl":
        records = answers_report(read_answers(path), asked().expected, dataset=name).to_json()
        return measured(name, json.loads(records))
    run = read_run(path)
    data = qrels_alone(qrels) if qrels is not None else asked().judged
    return measured(name, json.loads(retrieval_report(data, run, score_run(data, run), mode=name).to_json()))


def _names(a: Path, b: Path) -> tuple[str, str]:
    """Short names of two files that tell them apart."""
    if a.stem != b.stem:
        return a.stem, b.stem
    if a.parent.name != b.parent.name:
        return a.parent.name or a.stem, b.parent.name or b.stem
    return str(a), str(b)


def _print_comparison(comparison: Comparison) -> None:
    say(f"A：{comparison.name_a}　B：{comparison.name_b}　共同 {comparison.questions} 题")
    table = Table(box=None, pad_edge=False)
    for heading in ("指标", "A", "B", "差", "95% 区间", "p", "好/平/差", ""):
        table.add_column(heading, justify="left" if heading in ("指标", "") else "right")
    for difference in comparison.differences.values():
        better, worse = wins_and_losses(difference)
        table.add_row(
            describe(difference.measure).brief,
            formatted(difference.measure, difference.mean_a),
            formatted(difference.measure, difference.mean_b),
            signed(difference, difference.delta),
            f"{signed(difference, difference.low)} ~ {signed(difference, difference.high)}",
            p_words(difference.p),
            f"{better}/{difference.ties}/{worse}",
            _VERDICTS[verdict(difference)],
        )
    Console(highlight=False).print(table)
    for category, differences in comparison.categories.items():
        moved = [d for d in differences.values() if verdict(d) != "same" and describe(d.measure).headline]
        if moved:
            words = "，".join(f"{describe(d.measure).brief} {signed(d, d.delta)}" for d in moved)
            say(f"类别“{category}”显著变化：{words}")
    for measure, changes in comparison.changes.items():
        if changes:
            say(f"{describe(measure).brief} 变化最大的题：")
        for change in changes[:_PRINTED]:
            values = f"{formatted(measure, change.value_a)} → {formatted(measure, change.value_b)}"
            say(f"  {change.query_id}  {values}  {change.text}")
