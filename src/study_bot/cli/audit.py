"""`study-bot audit`: verify and export the audit trail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from study_bot.cli.common import JsonOption, say, write_json
from study_bot.cli.opened_site import opened_site
from study_bot.cli.words import Command, new_app

app = new_app("检查和导出审计记录。")

_BROKEN = 1


@app.command("verify", cls=Command)
def verify(
    ctx: typer.Context,
    noted: Annotated[
        str | None,
        typer.Option(
            "--noted",
            metavar="条数:校验值",
            help="以前检查时记下的结果；给出时还检查那以后有没有记录从末尾被删掉。",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """逐条检查审计记录有没有被改动、删除或插入；有问题时退出码为 1。"""
    from study_bot.accounts import audit

    line, digest = _parsed(noted) if noted is not None else (0, "")
    with opened_site() as site:
        check = audit.verify(site.database)
        with site.database.read() as session:
            at = next(audit.entries(session, after=line - 1), None) if line else None
    shortened = bool(line) and (at is None or at.number != line or at.digest != digest)
    whole = check.broken_at is None and not shortened
    if as_json:
        write_json(
            {
                "whole": whole,
                "lines": check.lines,
                "head": check.head,
                "broken_at": check.broken_at,
                "as_noted": None if noted is None else not shortened,
            }
        )
    elif check.broken_at is not None:
        say(
            f"审计记录从第 {check.broken_at} 条起与校验值不符：有记录被改动、删除或插入。请从备份中找回原来的记录对照。"
        )
    elif shortened:
        say(f"审计记录前后一致，但第 {line} 条与记下的校验值不符：末尾的记录曾被删掉或重写。")
    else:
        say(f"审计记录完好，共 {check.lines} 条。")
    if not as_json:
        say(f"请记下：{check.lines}:{check.head}")
    if not whole:
        raise typer.Exit(_BROKEN)


@app.command("export", cls=Command)
def export(
    target: Annotated[Path, typer.Argument(metavar="文件", help="以 .csv 或 .jsonl 结尾；“-”为标准输出（JSON 行）。")],
    after: Annotated[int, typer.Option("--after", metavar="N", min=0, help="只导出序号大于它的记录。")] = 0,
) -> None:
    """导出审计记录：CSV 供表格软件打开，JSON 行供程序读取。导出本身也记入审计。"""
    from study_bot.accounts import audit
    from study_bot.maintenance import trail_export
    from study_bot.maintenance.site import console_actor

    formats = {".csv": trail_export.as_csv, ".jsonl": trail_export.as_json_lines}
    chosen = trail_export.as_json_lines if str(target) == "-" else formats.get(target.suffix.lower())
    if chosen is None:
        raise typer.BadParameter("文件名应以 .csv 或 .jsonl 结尾。", param_hint="文件")
    with opened_site() as site:
        with site.database.write() as session:
            audit.append(session, console_actor(), "audit.export", target.name, {"after": after})
        with site.database.read() as session:
            pieces = chosen(audit.entries(session, after=after))
            if str(target) == "-":
                for piece in pieces:
                    sys.stdout.buffer.write(piece)
                sys.stdout.flush()
                return
            with target.open("xb") as file:
                file.writelines(pieces)
    say(f"已导出到 {target}。")


def _parsed(noted: str) -> tuple[int, str]:
    number, _, digest = noted.partition(":")
    if not number.isdecimal() or len(digest) != 64:
        raise typer.BadParameter("应写成“条数:校验值”，与上次检查显示的一样。", param_hint="--noted")
    return int(number), digest
