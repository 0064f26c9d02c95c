"""`study-bot eval cases`: collect questions from use into a set, and find those that the library has outgrown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.words import Command, new_app
from study_bot.errors import DatasetError
from study_bot.evaluation.case_collection import Additions, Case, add_cases, as_query, case_from, planned
from study_bot.evaluation.case_tables import RowError, read_case_table
from study_bot.evaluation.cases import evidence_of, judged_dataset, resolved_qrels
from study_bot.evaluation.datasets import read_queries
from study_bot.evaluation.files import write_whole

app = new_app("收集评测题：记下问题和正确的原文（或应当拒答），检查题目与文献库是否一致。")

SetOption = Annotated[Path, typer.Option("--set", metavar="DIR", help="题集目录，不存在时新建。")]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="题目归入的分组。")]
CheckIndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="索引目录；给出时先核对原文在不在库中，不在就不加入。")
]


@app.command("add", cls=Command)
def add(
    ctx: typer.Context,
    directory: SetOption,
    question: Annotated[str, typer.Option("--question", metavar="TEXT", help="使用者的问题。")],
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="正确原文所在文献的名称或别名。")] = "",
    version: Annotated[str, typer.Option("--version", metavar="YEAR", help="版本的年份；不给时为现行版本。")] = "",
    article: Annotated[str, typer.Option("--article", metavar="TEXT", help="条号，例如 第十二条。")] = "",
    quote: Annotated[str, typer.Option("--quote", metavar="TEXT", help="能回答问题的原文，一字不差。")] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="库中没有依据，应当拒答。")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="为什么，写给维护题集的人看。")] = "",
    split: SplitOption = "dev",
    index: CheckIndexOption = None,
) -> None:
    """记下一道题：问题，和正确的原文；或者注明应当拒答。"""
    case = case_from(
        question=question, title=title, version=version, article=article, quote=quote, reason=reason, refuse=refuse
    )
    if index is not None and (errors := _not_found(ctx, index, [(1, case)])):
        raise DatasetError(f"没有加入：{errors[0].message}")
    done = add_cases(directory, [case], split)
    say(f"已加入 {directory}：{case.case_id}" if done.added else f"题集中已有这道题：{case.question}")


@app.command("import", cls=Command)
def import_table(
    ctx: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=".csv 或 .jsonl 文件，列为：问题、文献、版本、条、原文、应拒答、理由。同一问题可占几行。",
        ),
    ],
    directory: SetOption,
    split: SplitOption = "dev",
    index: CheckIndexOption = None,
    apply: Annotated[bool, typer.Option("--apply", help="写入题集；不加时只检查，不写任何文件。")] = False,
) -> None:
    """从表格导入题目。有一行出错就什么也不写；默认只检查。"""
    read = read_case_table(table)
    if read.ignored:
        note(f"提示：没有用到的列：{'、'.join(name[:20] for name in read.ignored[:10])}。")
    cases = [case for _, case in read.cases]
    plan = planned(directory, cases)
    clashes = {case.case_id: message for case, message in plan.clashing}
    errors = [*read.errors, *(RowError(r, clashes[c.case_id]) for r, c in read.cases if c.case_id in clashes)]
    if index is not None:
        errors += _not_found(ctx, index, read.cases)
    if errors:
        for error in sorted(errors, key=lambda error: error.row):
            note(f"第 {error.row} 行：{error.message}")
        raise DatasetError(f"{table} 有 {len({error.row for error in errors})} 行需要改正，什么也没有写入。")
    _print_additions(add_cases(directory, cases, split) if apply else plan, directory, applied=apply)


@app.command("check", cls=Command)
def check(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="题集目录，含 queries.jsonl。")],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """列出依据已不在文献库中的题目；有这样的题时退出码为 1。"""
    queries = [query for query in read_queries(directory / "queries.jsonl") if evidence_of(query)]
    with services_for(ctx, index) as services:
        lost = resolved_qrels(queries, services.snapshot()).unresolved
    if as_json:
        records = [{"_id": u.query_id, "question": u.question, "message": u.message} for u in lost]
        write_json({"checked": len(queries), "unresolved": records})
    else:
        for item in lost:
            say(f"{item.query_id}（{item.question}）：{item.message}")
        say(f"有依据的题目 {len(queries)} 道，需要更新 {len(lost)} 道。")
    if lost:
        raise typer.Exit(1)


@app.command("qrels", cls=Command)
def write_qrels(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="题集目录，含 queries.jsonl。")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="写出的判定文件。")],
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="分组。")] = "dev",
    index: IndexOption = None,
) -> None:
    """把依据换成索引中段落的编号，写成 BEIR 判定文件，供别的工具给 --run 写出的结果打分。"""
    with services_for(ctx, index) as services:
        data = judged_dataset(directory, split, services.snapshot(), note)
    rows = [f"{query_id}\t{name}\t{grade}\n" for query_id, names in data.qrels.items() for name, grade in names.items()]
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, "query-id\tcorpus-id\tscore\n" + "".join(rows))
    say(f"{len(data.queries)} 道题的判定已写入 {out}")


def _not_found(ctx: typer.Context, index: Path, rows: Sequence[tuple[int, Case]]) -> list[RowError]:
    """Rows whose passages the library does not have."""
    queries = [replace(as_query(case), query_id=str(row)) for row, case in rows]
    with services_for(ctx, index) as services:
        lost = resolved_qrels(queries, services.snapshot()).unresolved
    return [RowError(int(item.query_id), f"{item.wrong}。请核对文献名称、版本、条号和原文。") for item in lost]


def _print_additions(done: Additions, directory: Path, *, applied: bool) -> None:
    for case in done.added:
        place = "应拒答" if case.refuse else "、".join(evidence.label for evidence in case.evidence)
        say(f"{case.case_id}  {case.question}  →  {place}")
    if done.present:
        say(f"题集中已有 {len(done.present)} 道，略过。")
    if applied:
        say(f"已加入 {len(done.added)} 道，题集：{directory}")
    else:
        say(f"可以加入 {len(done.added)} 道；这次只检查，没有写入。确认后加 --apply 再运行。")
