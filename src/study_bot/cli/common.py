"""What the commands share: their options, the services they call, and ways of printing."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study_bot.errors import QuestionError
from study_bot.settings import Settings, load_settings
from study_bot.text import parse_date

if TYPE_CHECKING:
    from study_bot.services import Services

IndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="索引目录；不给时用设置中的 index_dir（默认 ./index）。")
]
JsonOption = Annotated[bool, typer.Option("--json", help="向标准输出写一个 JSON 对象，供程序读取。")]


def _build_services(settings: Settings) -> Services:
    from study_bot.services import build_services

    return build_services(settings)


@dataclass(slots=True)
class State:
    """What one run of the program carries along. Tests put their own services in."""

    debug: bool = False
    build_services: Callable[[Settings], Services] = field(default=_build_services)


def state_of(ctx: typer.Context) -> State:
    """The state of the run that `ctx` belongs to."""
    state = ctx.find_root().obj
    if not isinstance(state, State):
        state = ctx.find_root().obj = State()
    return state


@contextmanager
def services_for(ctx: typer.Context, index: Path | None, **overrides: object) -> Iterator[Services]:
    """Services over the index asked for, closed afterwards.

    :raises SettingsError: a setting is wrong.
    """
    services = state_of(ctx).build_services(load_settings(index_dir=index, **overrides))
    try:
        yield services
    finally:
        services.close()


def say(text: str = "") -> None:
    """A line of output."""
    typer.echo(text)


def note(text: str) -> None:
    """A line for the person at the terminal, beside the output."""
    typer.echo(text, err=True)


def write_json(value: Mapping[str, object] | str) -> None:
    """Print one JSON object (or its text), in UTF-8 whatever the terminal speaks."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    # Names of files may hold bytes that are no characters; the escapes are JSON's too.
    typer.echo(f"{text}\n".encode("utf-8", "backslashreplace"), nl=False)


def read_question(argument: str) -> str:
    """The question given on the command line; `-` reads it from standard input (UTF-8 or GB18030).

    :raises QuestionError: nothing but white space, or undecodable bytes.
    """
    question = argument
    if argument == "-":
        data = sys.stdin.buffer.read()
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                question = data.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
        else:
            raise QuestionError("标准输入不是 UTF-8 或 GB18030 文本。")
    question = question.strip()
    if not question:
        raise QuestionError("问题是空的，请写出要问的内容。")
    return question


def as_date(text: str) -> dt.date:
    """Parser of date options.

    :raises typer.BadParameter: no such day.
    """
    date = parse_date(text)
    if date is None:
        raise typer.BadParameter(f"“{text}”不是日期，请写成 2026-01-31 这样。")
    return date
