"""`study-bot library`: the managed library from the console of the server, for what would be tedious in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study_bot.cli.common import IndexOption, note, say, services_for
from study_bot.cli.progress import duration
from study_bot.cli.waiting import wait_for
from study_bot.cli.words import Command, new_app
from study_bot.errors import StudyBotError

if TYPE_CHECKING:
    from study_bot.documents.build_rows import Build
    from study_bot.office import Office

app = new_app("文献库：收入文献、查看、与文件夹同步、更新索引（与网页“管理”中的操作相同）。")


@app.command("update", cls=Command)
def update(
    ctx: typer.Context,
    index: IndexOption = None,
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", metavar="DIR", help="文献库为空时首先收入的文件夹；不给时用设置中的 corpus_dir。"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="索引已是最新，或者是有意回退到的，也按文献库再建一次。")
    ] = False,
) -> None:
    """首次运行时收入初始文献；有变化，或者索引打不开时，按文献库更新索引。

    服务正在运行也可以用：由其中一个程序建立，这里显示进度和在等什么。
    """
    from study_bot.maintenance.site import console_actor

    with _office(ctx, index, corpus_dir=corpus) as office:
        if adopted := office.fill():
            say(f"已收入初始文献 {adopted} 份。")
        if force:
            office.builds.request(console_actor())
        build = office.builds.waiting() or office.builds.current()
        if build is None:
            say(_nothing_to_do(office))
            return
        _wait_for(office, build)


@app.command("add", cls=Command)
def add(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="文件…", help="要收入的文件，可以有多个。")],
    category: Annotated[str | None, typer.Option("--category", metavar="分类", help="所属分类。")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="识别无误的立即发布，并更新索引。")] = False,
    index: IndexOption = None,
) -> None:
    """收入文件。默认作为待发布，在网页上核对后再发布。"""
    from study_bot.maintenance.site import console_actor

    failed = 0
    with _office(ctx, index) as office:
        actor = console_actor()
        for path in paths:
            try:
                with path.open("rb") as stream:
                    file = office.files.give(actor, path.name, stream, category)
                if publish and file.error is None:
                    office.files.publish(actor, [file.id])
            except StudyBotError as error:
                failed += 1
                note(f"未收入：{path}：{error}")
            else:
                failed += file.error is not None
                say(f"{path}：" + (file.error or f"《{file.title}》" + ("已发布" if publish else "待发布")))
        if publish and office.builds.stale():
            _wait_for(office, office.builds.request(actor))
    if failed:
        raise typer.Exit(1)


@app.command("list", cls=Command)
def list_files(
    ctx: typer.Context,
    state: Annotated[
        str,
        typer.Option(
            "--state", metavar="状态", help="draft 待发布、published 已发布、retired 已停用、deleted 已删除。"
        ),
    ] = "",
    index: IndexOption = None,
) -> None:
    """列出文献。"""
    from study_bot.documents.stored import FileState

    states = {known.value: known for known in FileState}
    if state and state not in states:
        raise typer.BadParameter(f"没有这种状态：{state}。可用的是 {'、'.join(states)}。", param_hint="--state")
    with _office(ctx, index) as office:
        page = 1
        while True:
            found = office.files.search(states.get(state), page=page, per_page=200)
            for file in found.files:
                say(f"{file.id}\t{file.state.label}\t{file.title}\t{file.path}")
            if page >= found.pages:
                break
            page += 1
        say(f"共 {found.total} 份。")


@app.command("sync", cls=Command)
def sync(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="文件夹", help="要同步的文件夹。")],
    apply: Annotated[bool, typer.Option("--apply", help="确认执行；不加时只报告会有哪些变化。")] = False,
    index: IndexOption = None,
) -> None:
    """与文件夹同步：新增的收入，改动的作为新版本，消失的停用。"""
    from study_bot.maintenance.site import console_actor

    with _office(ctx, index) as office:
        plan = office.folder_sync.plan(folder)
        lists = (
            ("新增", plan.added),
            ("改动", plan.changed),
            ("移动", plan.moved),
            ("消失", plan.gone),
            ("不能收入", plan.errors),
        )
        for words, items in lists:
            for item in items:
                say(f"{words}：{item}")
        say("，".join(f"{words} {len(items)}" for words, items in lists) + f"，未变 {len(plan.same)}。")
        if not apply or plan.empty:
            return
        report = office.folder_sync.apply(console_actor(), folder, plan.digest)
        for item in report.errors:
            note(f"没有完成：{item}")
        if office.builds.stale():
            _wait_for(office, office.builds.request(console_actor()))


def _nothing_to_do(office: Office) -> str:
    if office.builds.stale() and office.builds.gone_back():
        return (
            "正在使用有意回退到的索引，没有更新。要改用文献库现在的内容，请在网页“管理 → 索引”点“更新索引”，"
            "或运行 study-bot library update --force。"
        )
    return "索引已是最新。"


@contextmanager
def _office(ctx: typer.Context, index: Path | None, **overrides: object) -> Iterator[Office]:
    """The office of the site at hand, closed afterwards."""
    with services_for(ctx, index, **overrides) as services:
        from study_bot.office import build_office

        with build_office(services.settings, services) as office:
            yield office


def _wait_for(office: Office, build: Build) -> None:
    """Show how a build gets on until it ends, and what came of it.

    :raises StudyBotError: it failed, or nobody works on it.
    """
    note(f"索引任务 {build.id}：{build.state.label}。")
    now = wait_for(office, build.id)
    if now.error is not None:
        raise StudyBotError(now.error)
    summary = now.summary
    if summary is None:
        say(f"{now.state.label}。")
        return
    say(
        f"索引：{now.build_id}，收录 {summary.files} 个文件（未收录 {summary.failures} 个），{summary.articles} 条，"
        f"{summary.passages} 个段落；新算 {summary.embedded} 个，用时 {duration(summary.seconds)}。"
    )
    for file in summary.failed:
        note(f"未收录：{file.path}：{file.error}")
