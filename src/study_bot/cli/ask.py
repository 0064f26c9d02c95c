"""`study-bot ask`: one question, answered from the library."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from study_bot.cli.common import (
    IndexOption,
    JsonOption,
    as_date,
    read_question,
    say,
    services_for,
    write_json,
)
from study_bot.cli.search import heading, snippet
from study_bot.cli.words import Command
from study_bot.types import Answer, Filters

app = typer.Typer(add_completion=False, rich_markup_mode=None)

# Passages named under a refusal.
_NEAREST = 3


@app.command("ask", cls=Command)
def ask(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(metavar="问题", help="问题；写 - 从标准输入读。")],
    index: IndexOption = None,
    as_of: Annotated[
        dt.date | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            parser=as_date,
            help="按这一天有效的版本回答，如 2025-06-30；不给时为今天。",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """依据文献回答一个问题，并列出引用；文献没有写的，如实说明。"""
    from study_bot.evaluation.records import answer_record

    text = read_question(question)
    with services_for(ctx, index) as services:
        answer = services.answer(text, filters=Filters(as_of=as_of))
    if as_json:
        write_json(answer_record(answer))
    else:
        _print_answer(answer)


def _print_answer(answer: Answer) -> None:
    for words in answer.notices:
        say(f"注意：{words}")
    say(answer.text)
    if answer.citations:
        say("\n依据：")
    for citation in answer.citations:
        place = f"《{citation.title}》{citation.locator.label}"
        say(f"[{citation.n}] {place}" + (f"（{citation.version_label}）" if citation.version_label else ""))
        for line in citation.quote.splitlines():
            say(f"    {line}")
    if answer.refused and answer.hits:
        say("\n可能相关：")
        for hit in answer.hits[:_NEAREST]:
            say(f"  {heading(hit)}")
            say(f"    {snippet(hit)}")
