"""`study-bot index`: build, look at and roll back the index."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from study_bot.cli.common import IndexOption, JsonOption, note, say, services_for, write_json
from study_bot.cli.progress import duration, progress_bar
from study_bot.cli.words import Command, new_app
from study_bot.errors import DamagedIndexError, InputError, NoIndexError
from study_bot.settings import Settings, load_settings
from study_bot.types import BuildReport, FileReport

if TYPE_CHECKING:
    from study_bot.index.store import Snapshot

app = new_app("建立、查看和回退索引。")

_KINDS = {"statute": "法规", "prose": "文章", "table": "表格", "slides": "课件", "beir": "检索语料"}

# Width of tables that do not go to a terminal, columns.
_FILE_WIDTH = 160


@app.command("build", cls=Command)
def build(
    ctx: typer.Context,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--source",
            metavar="PATH",
            help="文献文件夹、单个文件，或检索语料 corpus.jsonl[.gz]；可重复给出；不给时用设置中的 corpus_dir。",
        ),
    ] = None,
    index: IndexOption = None,
    full: Annotated[bool, typer.Option("--full", help="不用上次的结果，全部重新读取和计算。")] = False,
    replace_library: Annotated[
        bool,
        typer.Option("--replace-library", help="网站有文献库时也用这些来源代替；文献库里的文献从此检索不到。"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """不用文献库，直接从文件夹建立（或增量更新）索引，完成后一次切换。

    网站有文献库时不执行：更新索引用 study-bot library update；另建一个索引，用 --index 另指目录。
    读不出来的文件会逐一列出，不影响其余文件；一个文件也读不出来时以错误结束，原有索引不变。
    """
    if not replace_library and (published := _published(index)) is not None:
        raise InputError(
            f"这个网站有文献库（已发布 {published} 份文件），索引由它建立。用别的来源建立，这些文件就检索不到了，"
            "所以没有执行。更新索引请运行 study-bot library update；要收入一个文件夹，用 study-bot library sync 文件夹 "
            "--apply。确实要用别的来源代替，请加 --replace-library；或者用 --index 建到另一个目录。"
        )
    with services_for(ctx, index) as services, progress_bar() as show, _stop_on_interrupt() as stopped:
        sources = source or [services.settings.corpus_dir]
        report = services.build(sources, on_progress=show, cancelled=stopped, full=full)
    if as_json:
        write_json(build_record(report))
    else:
        _print_report(report)


def build_record(report: BuildReport) -> dict[str, object]:
    """A build as plain values: its counts, and `files` with what became of each."""
    return {**asdict(report), "files": [asdict(file) for file in report.files]}


@app.command("status", cls=Command)
def status(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """查看正在使用的索引：文件、段落、模型，以及可回退的旧索引。"""
    from study_bot.index.store import SnapshotStore

    store = SnapshotStore(load_settings(index_dir=index).index_dir)
    snapshot = store.current()
    if as_json:
        write_json(status_record(snapshot, store.build_ids()))
        return
    manifest = snapshot.manifest
    indexed, failed = _print_file_reports(snapshot.reports)
    say()
    say(
        f"索引：{snapshot.build_id}，建于 {manifest.created.astimezone():%Y-%m-%d %H:%M:%S}，"
        f"占用 {_megabytes(snapshot)} MB"
    )
    say(f"收录 {indexed} 个文件（未收录 {failed} 个），{manifest.articles} 条，{manifest.passages} 个段落。")
    say(f"向量模型：{manifest.model}（{manifest.dimension} 维）")
    older = [build_id for build_id in store.build_ids() if build_id != snapshot.build_id]
    say("可回退到：" + ("、".join(older) or "没有别的索引"))


@app.command("rollback", cls=Command)
def rollback(
    index: IndexOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="BUILD_ID", help="回退到这个索引；不给时回退到上一个。")
    ] = None,
) -> None:
    """回退到以前的索引；正在运行的服务会自动换用。

    不给 --to 时，改用上一个完好的索引；正在使用的索引打不开，就改用最新的完好的索引。
    """
    from study_bot.index.store import SnapshotStore

    settings = load_settings(index_dir=index)
    store = SnapshotStore(settings.index_dir)
    try:
        live = store.peek()
    except DamagedIndexError:
        live = None
        note(f"{settings.index_dir / 'CURRENT'} 读不出来。现有的索引：{'、'.join(store.build_ids()) or '没有'}。")
    go_back = _rolling_back(settings, index)
    for build_id in store.older_ids() if to is None else (to,):
        try:
            go_back(build_id)
        except DamagedIndexError as error:
            if to is not None:
                raise
            note(f"跳过 {build_id}：{error}")
            continue
        say(f"已从 {live} 回退到 {build_id}。" if live else f"已改用索引 {build_id}。")
        return
    raise NoIndexError("没有更早的完好的索引可以回退。")


def _published(index: Path | None) -> int | None:
    """Files published in the managed library that the index is of; None if it is of none.

    :param index: the folder asked for on the command line; another one than the site's has no library.
    """
    from study_bot.documents.managed import published_in_library

    settings = load_settings()
    if index is not None and index.resolve() != settings.index_dir.resolve():
        return None
    return published_in_library(settings)


def _rolling_back(settings: Settings, index: Path | None) -> Callable[[str], object]:
    """Makes a build live again; where there is a managed library, its records tell of it, so that it stays."""
    from study_bot.index.store import SnapshotStore

    if _published(index) is None:
        return SnapshotStore(settings.index_dir).rollback

    def recorded(build_id: str) -> None:
        from study_bot.documents.build_requests import Builds
        from study_bot.maintenance.site import console_actor, open_site

        with open_site(settings) as site:
            Builds(site.database, settings).roll_back(console_actor(), build_id)

    return recorded


def status_record(snapshot: Snapshot, build_ids: Sequence[str]) -> dict[str, object]:
    """The live build as plain values, shaped as `build_record`; what only a build itself knows is None."""
    manifest = snapshot.manifest
    return {
        "build_id": snapshot.build_id,
        "files": [asdict(file) for file in snapshot.reports],
        "passages": manifest.passages,
        "articles": manifest.articles,
        "embedded": None,
        "reused": None,
        "removed": None,
        "seconds": None,
        "characters": manifest.characters,
        "covered": manifest.covered,
        "model": manifest.model,
        "dimension": manifest.dimension,
        "tokenizer": manifest.tokenizer,
        "created": manifest.created.isoformat(),
        "megabytes": _megabytes(snapshot),
        "builds": list(build_ids),
    }


def _megabytes(snapshot: Snapshot) -> float:
    return round(sum(artefact.size for artefact in snapshot.manifest.artefacts) / 1e6, 1)


@contextmanager
def _stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks the build to stop at the next step; a second one stops the program."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        note("正在停止，原有索引不受影响……（再按一次 Ctrl-C 立即退出）")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _print_report(report: BuildReport) -> None:
    indexed, failed = _print_file_reports(report.files)
    say()
    if report.rebuild_reason:
        say(f"重新计算的原因：{report.rebuild_reason}")
    share = f"，正文覆盖 {100 * report.covered / report.characters:.2f}%" if report.characters else ""
    say(f"收录 {indexed} 个文件（未收录 {failed} 个），{report.articles} 条，{report.passages} 个段落{share}。")
    say(
        f"向量：新算 {report.embedded} 个，沿用 {report.reused} 个，移除 {report.removed} 个；"
        f"用时 {duration(report.seconds)}。"
    )
    say(f"索引：{report.build_id}" + ("" if report.published else "（内容没有变化，沿用原有索引）"))


def _print_file_reports(files: Sequence[FileReport]) -> tuple[int, int]:
    """A table of the files, what is to be known of each, then those that failed; returns how many of either."""
    indexed = [file for file in files if file.error is None and file.duplicate_of is None]
    failed = [file for file in files if file.error is not None]
    _print_files(indexed)
    for file in indexed:
        for remark in (*file.gaps, *file.warnings):
            say(f"提示：{file.path}：{remark}")
    for file in files:
        if file.duplicate_of is not None:
            say(f"重复：{file.path} 与 {file.duplicate_of} 内容相同，只收录一份。")
    for file in failed:
        say(f"未收录：{file.path}：{file.error}")
    return len(indexed), len(failed)


def _print_files(files: list[FileReport]) -> None:
    if not files:
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("文件", overflow="fold", ratio=3)
    table.add_column("标题", overflow="fold", ratio=2)
    table.add_column("类型", no_wrap=True)
    for name in ("条", "段落"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("版本日期", "施行日期", "效力"):
        table.add_column(name, no_wrap=True)
    for file in files:
        cells = (
            file.path,
            file.title,
            _KINDS.get(file.kind, file.kind),
            str(file.articles or ""),
            str(file.passages),
            file.version_date or "",
            file.effective_date or "",
            file.status,
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
