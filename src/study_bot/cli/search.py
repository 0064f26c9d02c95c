"""`study-bot search`: retrieval alone, for one text or for a file of questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from study_bot.cli.common import IndexOption, JsonOption, note, read_question, say, services_for, write_json
from study_bot.cli.progress import duration, progress_bar, shorten
from study_bot.cli.words import Command
from study_bot.types import Hit

app = typer.Typer(add_completion=False, rich_markup_mode=None)

# Characters of a passage shown with a result.
_SHOWN_CHARS = 160


@app.command("search", cls=Command)
def search(
    ctx: typer.Context,
    text: Annotated[
        str | None, typer.Argument(metavar="文本", help="要找的内容；写 - 从标准输入读。", show_default=False)
    ] = None,
    index: IndexOption = None,
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=10_000, metavar="K", help="返回的条数。")] = 10,
    as_json: JsonOption = False,
    queries: Annotated[
        Path | None, typer.Option("--queries", metavar="FILE", help="问题文件 queries.jsonl，与 --run 一起使用。")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="FILE", help="把各题的检索结果写成 TREC 格式的文件。")
    ] = None,
) -> None:
    """检索与一段文本最相关的段落。

    用 --queries 和 --run 时逐题检索整个文件；检索语料中的一行以其 _id 为编号，其余文献以段落编号为编号。
    """
    if (queries is None) != (run is None):
        raise typer.BadParameter("--queries 和 --run 要一起使用。")
    if queries is not None and run is not None:
        if text is not None or as_json:
            raise typer.BadParameter("使用 --queries 时不能再给出文本或 --json。")
        _search_file(ctx, index, queries, run, top_k)
        return
    if text is None:
        raise typer.BadParameter("请给出要检索的文本，或用 --queries 指定问题文件。")
    _search_text(ctx, index, read_question(text), top_k, as_json=as_json)


def _search_text(ctx: typer.Context, index: Path | None, text: str, top_k: int, *, as_json: bool) -> None:
    from study_bot.evaluation.records import hit_record

    with services_for(ctx, index) as services:
        hits = services.search(text, top_k=top_k)
        build_id = services.snapshot().build_id
    if as_json:
        records = [hit_record(hit, rank) for rank, hit in enumerate(hits, start=1)]
        write_json({"query": text, "build_id": build_id, "hits": records})
        return
    if not hits:
        say("没有找到相关的段落。")
    for rank, hit in enumerate(hits, start=1):
        say(f"{rank}. {heading(hit)}  {hit.score:.3f}")
        say(f"   {snippet(hit)}")


def heading(hit: Hit) -> str:
    """Title and place of a hit on one line."""
    return f"《{hit.passage.title}》{hit.passage.locator.label}" if hit.passage.title else hit.passage.locator.label


def snippet(hit: Hit) -> str:
    """The text of a hit on one line, shortened in the middle."""
    return shorten(" ".join(hit.passage.text.split()), _SHOWN_CHARS)


def _search_file(ctx: typer.Context, index: Path | None, queries: Path, run: Path, top_k: int) -> None:
    from study_bot.cli.eval_options import note_misses
    from study_bot.evaluation.datasets import read_queries, write_run
    from study_bot.evaluation.runner import run_retrieval

    questions = read_queries(queries)
    with services_for(ctx, index) as services, progress_bar() as show:
        services.warm_up()
        result = run_retrieval(questions, services.search_many, top_k, show)
        note_misses(services.rerank_misses())
    write_run(run, result.run, tag="study-bot")
    seconds = result.mean_ms * len(questions) / 1000
    note(f"{len(questions)} 题，平均每题 {result.mean_ms:.1f} 毫秒，共 {duration(seconds)}。")
    note(f"检索结果已写入 {run}")
