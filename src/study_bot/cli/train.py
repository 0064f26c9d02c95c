"""`study-bot train`: learn from questions whose right passages are known; adapter and ranking are here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study_bot.cli import train_answering
from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.train_options import DEFAULT_OUT, DataOption, DateOption, OutOption, SeedOption
from study_bot.cli.words import Command, new_app

if TYPE_CHECKING:
    from study_bot.index.embedding import Encoder
    from study_bot.settings import Settings
    from study_bot.training.sets import TrainingSet

app = new_app("用已知正确段落的问题训练：查询适配器、候选排序、摘句、拒答。")
app.command("reader", cls=Command)(train_answering.reader)
app.command("gate", cls=Command)(train_answering.gate)

FromZeroOption = Annotated[bool, typer.Option("--from-zero", help="从头训练，不以自带的参数为起点。")]


@dataclass(frozen=True, slots=True)
class _Bench:
    """What a training command works with."""

    sets: tuple[TrainingSet, ...]
    encoder: Encoder
    out: Path
    created: dt.date
    settings: Settings


@app.command("adapter", cls=Command)
def adapter(
    ctx: typer.Context,
    data: DataOption,
    index: IndexOption = None,
    out: OutOption = None,
    date: DateOption = None,
    seed: SeedOption = 1,
    from_zero: FromZeroOption = False,
    as_json: JsonOption = False,
) -> None:
    """训练查询适配器：让问题的向量靠近能回答它的段落。不需要重建索引。

    用保留的问题决定训练多久、采用多少；没有可靠的提高时什么也不写。
    """
    from study_bot.training.adapter_fit import AdapterRecipe
    from study_bot.training.adapter_training import train_adapter

    with _bench(ctx, data, index, out, date) as bench:
        result = train_adapter(
            bench.sets,
            bench.encoder,
            bench.out,
            AdapterRecipe(seed=seed),
            bench.created,
            note,
            from_zero=from_zero,
        )
    if as_json:
        write_json({"written": _name(result.path), **result.figures})
        return
    for name, figures in _items(result.figures, "sets"):
        say(f"{name}（{figures['questions']} 题）：{_change(figures['before'], figures['after'])}")
        unseen = figures["unseen"]
        if unseen["questions"]:
            change = _change(unseen["before"], unseen["after"])
            say(f"  其中正确段落从未训练过的 {unseen['questions']} 题：{change}")
    _tell_where(result.path)


@app.command("ranking", cls=Command)
def ranking(
    ctx: typer.Context,
    data: DataOption,
    index: IndexOption = None,
    out: OutOption = None,
    date: DateOption = None,
    seed: SeedOption = 1,
    from_zero: FromZeroOption = False,
    as_json: JsonOption = False,
) -> None:
    """训练候选排序：什么样的问题更该信向量，什么样的更该信关键词。

    同一目录中有 train adapter 写出的适配器时，配合它训练，否则配合自带的；另训练一个不用适配器的。
    """
    from study_bot.training.ranking_fit import RankingRecipe
    from study_bot.training.ranking_training import train_ranking

    with _bench(ctx, data, index, out, date) as bench:
        result = train_ranking(
            bench.sets,
            bench.encoder,
            bench.out,
            RankingRecipe(seed=seed),
            bench.created,
            bench.settings.candidates,
            note,
            from_zero=from_zero,
        )
    if as_json:
        write_json({"written": _name(result.path), **result.figures})
        return
    measured: Mapping[str, Any] = result.figures["adapted"]  # type: ignore[assignment]
    for name, after in measured["folds"].items():
        before = measured["before"].get(name) or measured["single"][name]["adapted"]
        say(f"{name}：{_change(before, after)}")
        if other := measured["unseen_set"].get(name):
            say(f"  只用其他训练集时：{_words(other)}")
    _tell_where(result.path)


@contextmanager
def _bench(
    ctx: typer.Context, data: list[str], index: Path | None, out: Path | None, date: dt.date | None
) -> Iterator[_Bench]:
    """Sets, encoder and folder of a command.

    :raises DatasetError: a set cannot be used.
    :raises SnapshotError: an index is missing or cannot be used.
    """
    from study_bot.training.sets import open_sets, parse_source

    created = date or dt.datetime.now(dt.UTC).date()
    with services_for(ctx, index) as services:
        settings = services.settings
        encoder = services.encoder()
        sources = [parse_source(text, settings.index_dir) for text in data]
        sets = open_sets(sources, encoder, created, note)
        yield _Bench(sets, encoder, out or settings.learned_dir or DEFAULT_OUT, created, settings)


def _items(figures: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    return list(figures.get(key, {}).items())


def _change(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    return "，".join(f"{name} {before[name]:.3f} → {value:.3f}" for name, value in after.items())


def _words(figures: Mapping[str, float]) -> str:
    return "，".join(f"{name} {value:.3f}" for name, value in figures.items())


def _name(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _tell_where(path: Path | None) -> None:
    if path is not None:
        say(f'已写入 {path}。在设置中写 learned_dir = "{path.parent}" 即可使用，无需重建索引。')
