"""The command reference, `docs/cli.md`, made from the help pages: `python -m study_bot.cli.reference > docs/cli.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from study_bot.cli.main import app

_INTRODUCTION = """\
# 命令行参考

本页由 `python -m study_bot.cli.reference` 根据各命令的帮助生成，请勿手改。

退出码：0 完成；1 失败；2 参数、设置或问题有误；3 没有可用的索引；4 另一个程序正在建立索引；5 没有向量模型；
6 `eval gate` 发现显著变差；130 按 Ctrl-C 停止。出错时在标准错误输出一行说明；
加 `--debug`（写在命令名之前）可看到完整的调用栈。
"""

# Columns of the help pages, whatever terminal this runs in.
_WIDTH = 110


def reference() -> str:
    """The reference as Markdown."""
    pages = [
        f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"
        for context in _contexts(get_command(app), "study-bot", None)
    ]
    return "\n".join([_INTRODUCTION, *pages])


def _contexts(command: Any, name: str, parent: typer.Context | None) -> Iterator[typer.Context]:
    """The context of a command, then those of all below it."""
    context = typer.Context(
        command,
        info_name=name,
        parent=parent,
        help_option_names=["-h", "--help"],
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
    )
    yield context
    if isinstance(command, TyperGroup):
        for below in command.list_commands(context):
            yield from _contexts(command.get_command(context, below), below, context)


if __name__ == "__main__":
    sys.stdout.write(reference())
