"""Waiting for a build at the console: how far it is, what it waits for, and an end where nobody works on it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from study_bot.cli.common import note
from study_bot.cli.progress import duration, pace, progress_bar
from study_bot.errors import BuildInProgressError
from study_bot.types import Progress

if TYPE_CHECKING:
    from study_bot.documents.build_rows import Build
    from study_bot.office import Office

LOOK_S = 0.3
"""How often the progress of a build is looked at."""

TELL_S = 10.0
"""Where nothing can be drawn, a line tells how it stands at least so often."""

PATIENCE_S = 180.0
"""After so long without a sign of life one stops waiting; a runner that died elsewhere is known for dead before."""


def wait_for(office: Office, number: int) -> Build:
    """Wait until a build ends; whoever holds the lock builds it, a server that runs or this program.

    :param number: of the request, `Build.id`.
    :raises BuildInProgressError: nobody has worked on it for PATIENCE_S.
    """
    from study_bot.documents.build_rows import BuildState

    office.runner.start()
    sign: object = None
    since = time.monotonic()
    with _teller() as tell:
        while not (now := office.builds.get(number)).state.is_final:
            running = office.builds.current()
            if running is not None and running.state is not BuildState.RUNNING:
                running = None
            tell(standing(now, running))
            seen = (now.state, now.beat_at, running and (running.id, running.beat_at))
            if seen != sign or _another_writes(office):
                sign, since = seen, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                raise BuildInProgressError(
                    f"索引任务 {number} 等了 {duration(PATIENCE_S)}，没有程序处理它（{now.state.label}）。任务已登记，"
                    "不会丢失。请看服务的日志，重启服务后再运行 study-bot library update。"
                )
            time.sleep(LOOK_S)
    return now


def standing(now: Build, running: Build | None) -> Progress:
    """How a build stands that has not ended.

    :param running: the build that runs at this moment, itself or another one.
    """
    if running is not None and running.id != now.id:
        ahead = running.progress or Progress("正在准备", 0, 0)
        return replace(ahead, stage=f"等待任务 {running.id} 完成（{ahead.stage}）")
    if now.progress is not None:
        return now.progress
    return Progress("排队" if running is None else "正在准备", 0, 0)


def line(progress: Progress) -> str:
    """The same in one line."""
    count = f" {progress.done}/{progress.total} {progress.unit}".rstrip() if progress.total else ""
    return "，".join(part for part in (f"{progress.stage}{count}", pace(progress), progress.detail) if part)


@contextmanager
def _teller() -> Iterator[Callable[[Progress], None]]:
    """Bars on a terminal; elsewhere (a log, a pipe) a line for each new stage, and one every TELL_S."""
    if sys.stderr.isatty():
        with progress_bar() as show:
            yield show
        return
    stage, told = "", 0.0

    def tell(progress: Progress) -> None:
        nonlocal stage, told
        if progress.stage != stage or time.monotonic() - told >= TELL_S:
            stage, told = progress.stage, time.monotonic()
            note(line(progress))

    yield tell


def _another_writes(office: Office) -> bool:
    """Whether some program writes to the index folder; a build that waits for it says which."""
    from study_bot.index.lock import is_held

    return is_held(office.settings.index_dir)
