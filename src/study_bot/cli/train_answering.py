"""`study-bot train reader` and `train gate`: learn what to quote, and when not to answer."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.train_options import DEFAULT_OUT, DataOption, DateOption, OutOption, SeedOption

FarOption = Annotated[
    list[str] | None,
    typer.Option(
        "--far",
        metavar="DIR[@SPLIT]=INDEX",
        help="问题集和一个与它无关的索引：这些问题那里答不了，都该拒答；可给多个。",
    ),
]


def reader(
    ctx: typer.Context,
    data: DataOption,
    index: IndexOption = None,
    out: OutOption = None,
    date: DateOption = None,
    seed: SeedOption = 1,
    budget: Annotated[
        float, typer.Option("--budget", metavar="CHARS", min=20, help="每个回答平均引用多少字；字数越多，漏掉的越少。")
    ] = 126.0,
    as_json: JsonOption = False,
) -> None:
    """训练摘句：正确段落里哪一句（款、项）含有答案。用标有答案的问题。"""
    from study_bot.training.reader_fit import ReaderRecipe
    from study_bot.training.reader_training import train_reader
    from study_bot.training.sets import parse_source

    created = date or dt.datetime.now(dt.UTC).date()
    with services_for(ctx, index) as services:
        settings = services.settings
        sources = [parse_source(text, settings.index_dir) for text in data]
        place = out or settings.learned_dir or DEFAULT_OUT
        result = train_reader(sources, services.encoder(), place, ReaderRecipe(budget=budget), created, note, seed)
    if as_json:
        write_json({"written": str(result.path), **result.figures})
        return
    for name, figures in result.figures.items():
        values: dict[str, Any] = dict(figures)  # type: ignore[call-overload]
        say(
            f"{name}（{values['passages']} 段，保留检验）：引文含答案 {values['found']:.3f}，"
            f"平均 {values['characters']:.0f} 字"
        )
    say(f"已写入 {result.path}。")


def gate(
    ctx: typer.Context,
    data: DataOption,
    far: FarOption = None,
    index: IndexOption = None,
    out: OutOption = None,
    date: DateOption = None,
    false_refusals: Annotated[
        float,
        typer.Option("--false-refusals", metavar="SHARE", min=0.001, max=0.5, help="容许的误拒比例，由此定阈值。"),
    ] = 0.12,
    as_json: JsonOption = False,
) -> None:
    """校准拒答：文献库没有答案时不作回答。

    每个可回答的问题，都再向去掉了答案所在文献的库提问一次，作为该拒答的例子；另加标为应拒答的问题。
    四成问题不参与训练，误答和误拒的曲线由它们得出。
    """
    from study_bot.training.gate_fit import GateRecipe
    from study_bot.training.gate_training import train_gate
    from study_bot.training.sets import parse_source

    created = date or dt.datetime.now(dt.UTC).date()
    with services_for(ctx, index) as services:
        settings = services.settings
        sources = [parse_source(text, settings.index_dir) for text in data]
        away = [parse_source(text, None) for text in far or ()]
        place: Path = out or settings.learned_dir or DEFAULT_OUT
        recipe = GateRecipe(false_refusals=false_refusals)
        result = train_gate(sources, away, services.encoder(), settings, place, recipe, created, note)
    if as_json:
        write_json({"written": str(result.path), **result.figures})
        return
    figures: dict[str, Any] = dict(result.figures["full"])  # type: ignore[call-overload]
    say(
        f"阈值 {figures['threshold']:.2f}（低于 {figures['caution']:.2f} 的回答注明把握不大）："
        f"误答 {figures['false_answers']:.3f}，误拒 {figures['false_refusals']:.3f}"
        "（保留的问题，各类平均）"
    )
    for row in figures["passed"]:
        wanted = "应回答" if row["answerable"] else "应拒答"
        say(f"  {row['kind']}（{wanted}，{row['questions']} 题）：回答了 {row['passed']:.3f}")
    say(f"已写入 {result.path}；曲线见同一目录的 gate.html。")
