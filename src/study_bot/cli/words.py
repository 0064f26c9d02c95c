"""Chinese for what Typer says in English: headings of help pages, and complaints about arguments.

`Command` and `Group` are to be named as `cls` wherever a command or a group is made.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_HELP = (
    (r"^Usage: ", "用法："),
    (r"^Options:$", "选项："),
    (r"^Commands:$", "命令："),
    (r"^Arguments:$", "参数："),
    (r"\[OPTIONS\]", "[选项]"),
    (r"COMMAND \[ARGS\]\.\.\.", "命令 [参数]…"),
    (r"\[default: ", "[默认："),
    (r"\[required\]", "[必填]"),
    (r"; required\]", "；必填]"),
    (r"Show this message and exit\.", "显示本帮助。"),
)

_COMPLAINTS = (
    (r"^Missing option (.+?)\.", r"缺少选项 \1。"),
    (r"^Missing argument (.+?)\.", r"缺少参数 \1。"),
    (r"^Missing command\.", "缺少命令。"),
    (r"^No such command ('.+?')\.?", r"没有命令 \1。"),
    (r"^No such option: (\S+)", r"没有选项 \1。"),
    (r" ?Did you mean (.+)\?", r"是不是 \1？"),
    (r" ?\(Possible options: (.+)\)", r"相近的选项：\1。"),
    (r"^Got unexpected extra arguments?(?:\(s\))? \((.+)\)", r"多余的参数：\1。"),
    (r"^Invalid value for (.+?): ", r"\1 的值不对："),
    (r"^Option (.+?) requires an argument\.", r"选项 \1 后面缺少值。"),
    (r"^Invalid value: ", ""),
    (r"Value error, (.+) is not one of (.+?)\.?$", r"\1 不是 \2 之一"),
    (r"Input should be greater than or equal to (\S+)", r"应不小于 \1"),
    (r"Input should be less than or equal to (\S+)", r"应不大于 \1"),
    (r"Input should be a valid integer.*", "应为整数"),
    (r"Input should be (.+)", r"应为 \1"),
    (r"' or '", "' 或 '"),
)


def complaint(message: str) -> str:
    """A complaint about the command line, translated as far as its wording is known."""
    return _replaced(message, _COMPLAINTS)


class Command(TyperCommand):
    """A command with a Chinese help page."""

    def get_help(self, ctx: Any) -> str:
        """The help page."""
        return _replaced(super().get_help(ctx), _HELP)


class Group(TyperGroup):
    """A group of commands with a Chinese help page."""

    def get_help(self, ctx: Any) -> str:
        """The help page."""
        return _replaced(super().get_help(ctx), _HELP)


def new_app(help_text: str) -> typer.Typer:
    """An empty group of commands, set up as all are here."""
    return typer.Typer(cls=Group, help=help_text, add_completion=False, rich_markup_mode=None, no_args_is_help=True)


def _replaced(text: str, table: tuple[tuple[str, str], ...]) -> str:
    for pattern, words in table:
        text = re.sub(pattern, words, text, flags=re.MULTILINE)
    return text
