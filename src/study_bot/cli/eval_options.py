"""What the commands of `study-bot eval` share: arguments, reading of sets, delivery of reports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study_bot.cli.common import note, services_for
from study_bot.evaluation.files import Value, write_report_files
from study_bot.evaluation.question_sets import QuestionSet, has_evidence, read_question_set

if TYPE_CHECKING:
    from study_bot.index.store import Snapshot
    from study_bot.settings import Settings

SplitOption = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="分组：qrels 目录中的文件名；目录默认为 dev，问题文件默认为全部。"),
]
ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="DIR", help="把报告写到这个目录：report.html、report.json 和 report.csv。"),
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="不沿用上次做了一部分的结果，全部重新做。")]


def question_set(ctx: typer.Context, path: Path, split: str | None, index: Path | None) -> QuestionSet:
    """Read a set; the index is opened only where golds are named by words of the text.

    :raises DatasetError: the set is missing or malformed.
    """
    if not has_evidence(path):
        return read_question_set(path, split)
    with services_for(ctx, index) as services:
        return question_set_of(path, split, services.snapshot())


def question_set_of(path: Path, split: str | None, snapshot: Snapshot) -> QuestionSet:
    """Read a set whose golds may be named by words of the texts in `snapshot`."""
    return read_question_set(path, split, snapshot, lambda message: note(f"提示：{message}"))


def reranking_of(settings: Settings) -> dict[str, str | int]:
    """What tells runs with one re-ranker from runs with another; empty without one."""
    if not settings.reranker.strip():
        return {}
    name = " ".join(filter(None, (settings.reranker, settings.reranker_url, settings.reranker_model)))
    return {"reranker": name, "reranker_top_n": settings.reranker_top_n}


def note_misses(count: int) -> None:
    """Say how many questions a re-ranker missed, so that nobody takes the figures for its own."""
    if count:
        note(
            f"提示：重排序有 {count} 次没有给出结果，相应问题按原来的次序计。"
            "可调大 reranker_timeout_s，或查看日志中的原因。"
        )


def deliver(directory: Path | None, *, page: str, data: str, rows: Sequence[Mapping[str, Value]]) -> None:
    """Write the files of a report and say where."""
    if directory is not None:
        paths = write_report_files(directory, page=page, data=data, rows=rows)
        note(f"报告已写入 {paths[0]}（另有 {'、'.join(path.name for path in paths[1:])}）")


def time_words() -> str:
    """The time of a report, to the minute, local."""
    return dt.datetime.now().strftime("%Y-%m-%d %H:%M")
