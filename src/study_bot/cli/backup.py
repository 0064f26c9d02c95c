"""`study-bot backup`: take, check and restore backups."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study_bot.cli.common import JsonOption, note, say, write_json
from study_bot.cli.opened_site import opened_site
from study_bot.cli.words import Command, new_app
from study_bot.settings import load_settings

if TYPE_CHECKING:
    from study_bot.maintenance.backup import BackupReport

app = new_app("备份、检查备份、恢复。")

_FileArgument = Annotated[Path, typer.Argument(metavar="文件", help="备份文件。")]


@app.command("create", cls=Command)
def create(
    target: Annotated[
        Path,
        typer.Argument(metavar="位置", help="要写的文件，或放它的文件夹（文件名按时间取）；不给时放在当前文件夹。"),
    ] = Path(),
    as_json: JsonOption = False,
) -> None:
    """把数据库、文献原件和正在使用的索引备份到一个文件；服务不用停。

    备份含人员信息和提问记录，请妥善保管。设置文件 study_bot.toml 不在其中。
    """
    from study_bot.maintenance import backup
    from study_bot.maintenance.site import console_actor

    with opened_site() as site:
        report = backup.create(target, site.database, site.settings, actor=console_actor())
    _tell(report, as_json)


@app.command("verify", cls=Command)
def verify(file: _FileArgument, as_json: JsonOption = False) -> None:
    """通读一个备份，检查它是否完整。"""
    from study_bot.maintenance import backup

    _tell(backup.verify(file), as_json)


@app.command("restore", cls=Command)
def restore(
    file: _FileArgument,
    replace: Annotated[
        bool, typer.Option("--replace", help="替换现有数据；替换之前先把现有数据备份在同一文件夹。")
    ] = False,
    discard: Annotated[bool, typer.Option("--discard", help="替换现有数据，且不备份它（例如它已损坏）。")] = False,
    as_json: JsonOption = False,
) -> None:
    """恢复一个备份；先停止服务。

    先在旁边解开并检查，全部无误才替换：中途断电或被终止，数据要么是原来的，要么是备份的，下次启动时自动收尾。
    恢复后所有人需要重新登录。
    """
    from study_bot.maintenance.backup import default_name
    from study_bot.maintenance.restore import restore as restore_site
    from study_bot.maintenance.site import console_actor

    keep = file.absolute().parent / f"before-restore-{default_name(dt.datetime.now().astimezone())}"
    report = restore_site(
        file,
        load_settings(),
        actor=console_actor(),
        replace=replace or discard,
        keep=keep if replace and not discard else None,
    )
    _tell(report, as_json)
    if keep.exists():
        note(f"恢复前的数据备份在 {keep}。")


def _tell(report: BackupReport, as_json: bool) -> None:
    if as_json:
        write_json({**asdict(report), "file": str(report.file), "created": report.created.isoformat()})
        return
    say(f"备份：{report.file}（{report.size / 1e6:.1f} MB）")
    say(f"时间：{report.created.astimezone():%Y-%m-%d %H:%M:%S}，程序版本 {report.program}，数据库 {report.database}")
    say(f"文献 {report.documents} 份，索引 {report.build_id or '无'}")
    say(f"审计记录 {report.trail_lines} 条，末条校验值 {report.trail_head}")
    if report.missing:
        note(f"注意：有 {len(report.missing)} 份文献的原件在备份之前就已缺失，备份中也没有；请重新上传它们。")
