"""Entry of the command `study-bot`: the groups, and what becomes of errors.

Exit codes: 0 done; 1 failed; 2 wrong arguments, settings or question; 3 no usable index; 4 another build is running;
5 no embedding model; 6 `eval gate` found something worse; 130 stopped with Ctrl-C. An error is one line on standard
error.
"""

from __future__ import annotations

import importlib
import io
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.main import get_command

from study_bot import __version__
from study_bot.cli.common import State, note, say, state_of
from study_bot.cli.words import Group, complaint
from study_bot.errors import StudyBotError

# Each is the `app` of the module of that name in this package, imported when the command is used.
_COMMANDS = (
    "index",
    "search",
    "ask",
    "eval",
    "train",
    "serve",
    "model",
    "library",
    "backup",
    "audit",
    "people",
    "purge",
)

_INTERRUPTED = 130


class _LazyGroup(Group):
    """The root group; a command's module is imported when the command is wanted."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        command = get_command(importlib.import_module(f"study_bot.cli.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_LazyGroup,
    help="学习文献问答：建立索引、检索、提问、评测、启动网页。",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"study-bot {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="显示版本号。", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="出错时显示完整的调用栈。")] = False,
) -> None:
    """学习文献问答：建立索引、检索、提问、评测、启动网页。"""
    state_of(ctx).debug = debug


def main(arguments: Sequence[str] | None = None, state: State | None = None) -> int:
    """Run the command line and return the exit code.

    :param arguments: words after the program's name; None = those the process was started with.
    :param state: for tests; None = the real services.
    """
    state = state or State()
    _prepare_streams()
    if arguments is None:
        sys.excepthook = lambda kind, error, trace: _unexpected(kind, error, trace, state)
    try:
        result = get_command(app)(
            list(sys.argv[1:] if arguments is None else arguments),
            prog_name="study-bot",
            standalone_mode=False,
            obj=state,
        )
        if result == _INTERRUPTED:
            note("已停止。")
        return result if isinstance(result, int) else 0
    except StudyBotError as error:
        return _failed(error, str(error), error.exit_code, state)
    except typer.TyperException as error:
        return _refused(error)
    except typer.Abort:
        note("已停止。")
        return _INTERRUPTED
    except OSError as error:
        return _failed(error, _os_words(error), 1, state)


def _failed(error: Exception, words: str, code: int, state: State) -> int:
    if state.debug:
        traceback.print_exception(error)
    note("错误：" + " ".join(words.split()))
    return code


def _refused(error: typer.TyperException) -> int:
    """The arguments were not understood; without any, the message is the help page."""
    message = error.format_message()
    if "\n" in message:
        note(message)
    else:
        note(f"错误：{complaint(message)}（加 -h 查看用法）")
    return error.exit_code


def _os_words(error: OSError) -> str:
    names = "、".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return f"读写文件失败：{error.strerror or error}" + (f"（{names}）" if names else "")


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None, state: State) -> None:
    """What a defect looks like: its traceback with --debug, a line without."""
    if state.debug:
        traceback.print_exception(kind, error, trace)
    words = " ".join(f"{kind.__name__}: {error}".split())
    note(f"错误：程序内部出错（{words}）。请加 --debug 重试，并把输出交给维护人员。")


def _prepare_streams() -> None:
    """Characters that the terminal cannot show, and bytes in names of files that are no characters, are escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
