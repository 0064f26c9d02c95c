"""`study-bot eval gate`: stop when answers or retrieval got worse than they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.eval_options import FreshOption, SplitOption, deliver, question_set_of, reranking_of, time_words
from study_bot.cli.progress import progress_bar
from study_bot.errors import DatasetError
from study_bot.evaluation.answers_report import answers_report
from study_bot.evaluation.asking import asker
from study_bot.evaluation.bootstrap import Difference
from study_bot.evaluation.compare_page import compare_html, p_words, signed
from study_bot.evaluation.comparison import Measured, measured
from study_bot.evaluation.gate import (
    MINIMUM_CHANGE,
    Baseline,
    BaselineSet,
    Outcome,
    judge,
    read_baseline,
    set_key,
    write_baseline,
)
from study_bot.evaluation.measures import describe, formatted
from study_bot.evaluation.partial import PartialRun
from study_bot.evaluation.question_sets import QuestionSet
from study_bot.evaluation.report import retrieval_report, score_run
from study_bot.evaluation.runner import OnProgress, run_answers, run_retrieval

if TYPE_CHECKING:
    from study_bot.services import Services

REGRESSION = 6
"""Exit code when something got significantly worse."""

# Documents retrieved for each question; the headline measures look no deeper than 10.
_DEPTH = 20

# Questions named for each regression.
_NAMED = 5


def gate(
    ctx: typer.Context,
    datasets: Annotated[
        list[Path], typer.Argument(metavar="DATASET...", help="问题集，一个或几个：BEIR 目录或问题文件。")
    ],
    baseline: Annotated[Path, typer.Option("--baseline", metavar="FILE", help="基线文件（JSON，含每题的得分）。")],
    split: SplitOption = None,
    index: IndexOption = None,
    write: Annotated[
        bool, typer.Option("--write-baseline", help="不比较，把现在的得分写入基线文件（其中其他问题集的保留）。")
    ] = False,
    minimum: Annotated[
        float, typer.Option("--min-change", metavar="X", min=0.0, max=1.0, help="平均分变化不超过这个值时不计。")
    ] = MINIMUM_CHANGE,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="把各问题集与基线的对比报告写到这个目录，每套一个子目录。"),
    ] = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
) -> None:
    """把现在的检索和回答与基线逐题比较；主要指标显著变差时以退出码 6 结束。

    变差：成对自助法 p < 0.05，且平均分的变化超过 --min-change。标有相关文档的题评测检索，标有答案或应拒答的题评测回答。
    中断后再运行会接着做。
    """
    before: Baseline = {}
    if not write or baseline.exists():
        before = read_baseline(baseline)
    outcomes: list[Outcome] = []
    written: Baseline = {}
    with services_for(ctx, index) as services, _work_folder(baseline, fresh=fresh) as folder:
        build_id = services.snapshot().build_id
        sets = [question_set_of(path, split, services.snapshot()) for path in datasets]
        if not write:
            _check(sets, before, baseline)
        services.warm_up()
        for asked in sets:
            for kind in _kinds(asked):
                key = set_key(asked.name, asked.split, kind)
                with progress_bar() as show:
                    now = _RUNNERS[kind](services, asked, folder, show)
                if write:
                    written[key] = BaselineSet(build_id, now.texts, now.per_question)
                else:
                    outcomes.append(judge(key, before[key], now, minimum))
    if write:
        write_baseline(baseline, {**before, **written})
        note(f"基线已写入 {baseline}：" + "、".join(f"{key}（{len(s.scores)} 题）" for key, s in written.items()))
        return
    if report is not None:
        for outcome in outcomes:
            made = outcome.comparison
            page = compare_html(made, time_words(), title=outcome.key)
            deliver(report / outcome.key.replace("/", "-"), page=page, data=made.to_json(), rows=made.rows())
    if as_json:
        write_json(_record(outcomes))
    else:
        _print_outcomes(outcomes)
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(REGRESSION)


def _kinds(asked: QuestionSet) -> list[str]:
    """What can be measured with a set."""
    known = asked.expected.values()
    kinds = ["retrieval"] if asked.qrels else []
    if any(e.unanswerable or e.refuse is False or e.answers or e.must or e.right for e in known):
        kinds.append("answers")
    if not kinds:
        raise DatasetError(f"{asked.name} 没有标明相关文档，也没有标明答案，不能评测。")
    return kinds


def _check(sets: list[QuestionSet], baseline: Baseline, path: Path) -> None:
    """Before anything is run: every set must be in the baseline."""
    missing = [
        key
        for asked in sets
        for kind in _kinds(asked)
        if (key := set_key(asked.name, asked.split, kind)) not in baseline
    ]
    if missing:
        raise DatasetError(f"基线 {path} 中没有 {'、'.join(missing)}，请先用 --write-baseline 写入。")


def _retrieve(services: Services, asked: QuestionSet, folder: Path, show: OnProgress) -> Measured:
    data = asked.judged
    partial = PartialRun.open(
        folder / f"{asked.name}-{asked.split}.partial",
        {"build": services.snapshot().build_id, "depth": _DEPTH, **reranking_of(services.settings)},
    )
    run = run_retrieval(data.queries, services.search_many, _DEPTH, show, partial).run
    report = retrieval_report(data, run, score_run(data, run), mode="hybrid")
    return measured(asked.name, json.loads(report.to_json()))


def _answer(services: Services, asked: QuestionSet, folder: Path, show: OnProgress) -> Measured:
    build_id = services.snapshot().build_id
    ask = asker(services, build_id)
    out = folder / f"{asked.name}-{asked.split}.answers.jsonl"
    records = run_answers(asked.queries, ask, out, build_id, show).records
    report = answers_report(records, asked.expected, dataset=asked.name)
    return measured(asked.name, json.loads(report.to_json()))


_RUNNERS = {"retrieval": _retrieve, "answers": _answer}


@contextmanager
def _work_folder(baseline: Path, *, fresh: bool) -> Iterator[Path]:
    """A folder beside the baseline for what is done so far. It stays only if the run is stopped: what was measured with
    one state of the program must not be taken for another's."""
    folder = baseline.with_name(f"{baseline.name}.partial")
    if fresh:
        _remove(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except BaseException:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the folder with the files that the gate keeps in it."""
    if folder.is_dir():
        for path in (*folder.glob("*.partial"), *folder.glob("*.answers.jsonl")):
            path.unlink()
        folder.rmdir()


def _record(outcomes: list[Outcome]) -> dict[str, object]:
    return {
        "passed": all(outcome.passed for outcome in outcomes),
        "sets": [
            {
                "set": outcome.key,
                "passed": outcome.passed,
                "questions": outcome.comparison.questions,
                "new": outcome.comparison.only_b,
                "gone": outcome.comparison.only_a,
                "measures": [asdict(d) for d in outcome.comparison.differences.values()],
                "regressions": [d.measure for d in outcome.regressions],
                "improvements": [d.measure for d in outcome.improvements],
                "worse": {name: [asdict(change) for change in changes] for name, changes in outcome.worse.items()},
            }
            for outcome in outcomes
        ],
    }


def _print_outcomes(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        state = "通过" if outcome.passed else "变差"
        say(f"{outcome.key}（{outcome.comparison.questions} 题）：{state}")
        if outcome.comparison.only_a:
            say(f"  注意：基线中的 {outcome.comparison.only_a} 题这次没有，未计入。")
        if outcome.comparison.only_b:
            say(f"  注意：{outcome.comparison.only_b} 题是新的，基线中没有，未计入。")
        for difference in outcome.regressions:
            say(f"  变差：{_words(difference)}")
            changes = outcome.worse[difference.measure]
            for change in changes[:_NAMED]:
                values = " → ".join(formatted(difference.measure, v) for v in (change.value_a, change.value_b))
                say(f"    {change.query_id}  {values}  {change.text}")
            if len(changes) > _NAMED:
                say(f"    …… 另有 {len(changes) - _NAMED} 题（--json 全部列出）")
        for difference in outcome.improvements:
            say(f"  变好：{_words(difference)}")
    failed = [outcome.key for outcome in outcomes if not outcome.passed]
    say(f"结论：{'、'.join(failed)} 显著变差。" if failed else "结论：没有显著变差。")


def _words(difference: Difference) -> str:
    values = " → ".join(formatted(difference.measure, v) for v in (difference.mean_a, difference.mean_b))
    return (
        f"{describe(difference.measure).brief} {values}"
        f"（差 {signed(difference, difference.delta)}，95% 区间 {signed(difference, difference.low)} ~ "
        f"{signed(difference, difference.high)}，p {p_words(difference.p)}）"
    )
