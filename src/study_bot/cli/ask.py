"""`study-bot ask`: one question, answered from the library."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

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
from study_bot.evaluation.records import Record, answer_record
from study_bot.types import Answer, Filters

if TYPE_CHECKING:
    from study_bot.services import Services

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
    options: Annotated[
        str | None,
        typer.Option(
            "--options",
            metavar="选项",
            help="选择题、判断题：各选项用 | 隔开，如 甲|乙|丙 或 对|错，选出原文支持的；判断不了就不选。",
            show_default=False,
        ),
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help="填空题：给出空格（　）处的原文。")] = False,
    as_json: JsonOption = False,
) -> None:
    """依据文献回答一个问题，并列出引用；文献没有写的，如实说明。

    测验题用 --options 或 --fill，题目中的空格写作（　）或 ____。
    """
    if options is not None and fill:
        raise typer.BadParameter("--options 和 --fill 只能用一个。")
    text = read_question(question)
    filters = Filters(as_of=as_of)
    with services_for(ctx, index) as services:
        if options is not None:
            answer, more = _choose(services, text, _split(options), filters)
        elif fill:
            answer, more = _fill(services, text, filters)
        else:
            answer, more = services.answer(text, filters=filters), {}
    if as_json:
        write_json({**answer_record(answer), **more})
    else:
        _print_answer(answer)


def _split(options: str) -> list[str]:
    found = [option.strip() for option in options.replace("｜", "|").split("|") if option.strip()]
    if len(found) < 2:
        raise typer.BadParameter("--options 至少要有两个选项，用 | 隔开。")
    return found


def _choose(services: Services, question: str, options: list[str], filters: Filters) -> tuple[Answer, Record]:
    from study_bot.answering.quiz_answers import choice_answer

    choice = services.choose(question, options, filters=filters)
    snapshot = services.snapshot()
    answer = choice_answer(question, options, choice, snapshot.version)
    record: Record = {
        "options": options,
        "picked": [options[index] for index in choice.picked],
        "scores": [round(score, 4) for score in choice.scores],
        "margin": round(choice.margin, 4),
    }
    return replace(answer, build_id=snapshot.build_id), {"choice": record}


def _fill(services: Services, question: str, filters: Filters) -> tuple[Answer, Record]:
    from study_bot.answering.quiz_answers import filling_answer

    fillings, hits = services.fill_in(question, filters=filters)
    snapshot = services.snapshot()
    answer = filling_answer(question, fillings, hits, snapshot.version)
    words = [None if filling is None else filling.text for filling in fillings]
    return replace(answer, build_id=snapshot.build_id), {"blanks": words}


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
