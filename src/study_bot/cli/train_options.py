"""Options that the training commands share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from study_bot.cli.common import as_date

DEFAULT_OUT = Path("learned")

DataOption = Annotated[
    list[str],
    typer.Option(
        "--data",
        metavar="DIR[@SPLIT][=INDEX]",
        help="训练集：BEIR 格式的目录，可写分组（默认 dev）和它的索引目录；可给多个。",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="写到这个目录；不给时用设置中的 learned_dir，没有设置则为 ./learned。"),
]
DateOption = Annotated[
    dt.date | None,
    typer.Option("--date", parser=as_date, metavar="DATE", help="记入结果的日期，问题中的“去年”从这天算起；默认今天。"),
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="随机数种子；数据和种子相同，结果相同。")]
