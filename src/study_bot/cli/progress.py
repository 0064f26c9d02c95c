"""Progress on standard error: a bar with rate and time left on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from study_bot.types import Progress

# Characters of the file at hand that fit beside the bar.
_DETAIL_CHARS = 36


@contextmanager
def progress_bar(console: Console | None = None) -> Iterator[Callable[[Progress], None]]:
    """A callback that draws what it is told; each stage gets a line of its own, finished ones stay.

    :param console: where to draw; None = standard error. Nothing is drawn unless it is a terminal.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda progress: None
        return
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("{task.fields[detail]}", style="dim"),
        console=console,
    )
    stages: dict[str, TaskID] = {}

    def show(progress: Progress) -> None:
        if progress.stage not in stages:
            stages[progress.stage] = bars.add_task(progress.stage, pace="", detail="")
        bars.update(
            stages[progress.stage],
            completed=progress.done,
            total=progress.total or None,
            pace=pace(progress),
            detail=Text(shorten(progress.detail, _DETAIL_CHARS)).markup,
        )

    with bars:
        yield show


def pace(progress: Progress) -> str:
    """Rate and time left in words, as far as they are known."""
    parts = []
    if progress.rate:
        parts.append(f"{progress.rate:.3g} {progress.unit}/秒")
    if progress.eta is not None and progress.done < progress.total:
        parts.append(f"剩余 {duration(progress.eta)}")
    return "，".join(parts)


def duration(seconds: float) -> str:
    """A length of time in words, rounded to what matters."""
    if seconds < 9.95:
        return f"{seconds:.1f} 秒"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} 秒"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} 分 {rest:02d} 秒"
    return f"{minutes // 60} 小时 {minutes % 60:02d} 分"


def shorten(text: str, limit: int) -> str:
    """The text, its middle replaced by … when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
