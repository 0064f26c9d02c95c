"""What is shown before the first question, and the strip that tells the state of the index."""

from __future__ import annotations

from collections.abc import Sequence

from study_bot.types import Progress, Version
from study_bot.ui.markup import esc, icon
from study_bot.ui.ports import IndexState

MAX_EXAMPLES = 6
"""Example questions on the first screen."""


def render_welcome(status: IndexState, library: Sequence[Version], examples: Sequence[str]) -> str:
    """The first screen: what the library holds and what to ask, or why nothing can be asked yet."""
    if status.ready and status.passages:
        return _ready(status, library, examples)
    if status.building is not None:
        body = f"<p>首次建立索引需要一些时间，完成后本页会自动更新。</p>{render_progress(status.building)}"
        return _state("正在建立索引", body)
    if status.ready:
        return _state("文献库还是空的", f"<p>请管理员在“管理 → 文献”中发布文献，或在服务器上运行</p>{_COMMAND}")
    if status.error and "study-bot" in status.error:  # it already says what to run
        return _state("还没有可用的索引", f"<p>{esc(status.error)}</p><p>完成后本页会自动更新。</p>")
    reason = f"<p>{esc(status.error)}</p>" if status.error else ""
    to_do = "请管理员在“管理 → 索引”中更新索引，或在服务器上运行下面的命令，完成后本页会自动更新。"
    return _state("还没有可用的索引", f"{reason}<p>{to_do}</p>{_COMMAND}")


_COMMAND = "<pre><code>study-bot library update</code></pre>"


def _state(title: str, body: str) -> str:
    return f'<section class="welcome is-empty">{icon("book")}<h1>{title}</h1>{body}</section>'


def _ready(status: IndexState, library: Sequence[Version], examples: Sequence[str]) -> str:
    documents = len({version.doc_id for version in library})
    facts = [(f"{documents:,}", "部文献"), (f"{status.articles:,}", "条条文"), (f"{status.passages:,}", "个段落")]
    shown = "".join(f"<li><b>{number}</b>{unit}</li>" for number, unit in facts if number != "0")
    built = f"<p class='built'>索引更新于 {status.created.astimezone():%Y-%m-%d %H:%M}</p>" if status.created else ""
    buttons = "".join(
        f'<li><button type="button" class="example" data-ask="{esc(example)}">{esc(example)}</button></li>'
        for example in examples[:MAX_EXAMPLES]
    )
    ask = f'<h2>试着问</h2><ul class="examples">{buttons}</ul>' if buttons else ""
    return (
        '<section class="welcome"><h1>想查哪条规定？</h1>'
        '<p class="promise">只依据库内文献回答，每句话都标明出处，点开就能核对原文。</p>'
        f'{ask}<ul class="facts">{shown}</ul>{built}</section>'
    )


def render_banner(status: IndexState) -> str:
    """The strip above a conversation; empty when there is nothing to tell."""
    if not status.ready:
        return ""  # the welcome screen tells it
    if status.building is not None:
        text = "索引正在更新，可以继续提问，回答暂时来自上一次的索引。"
        return _banner("is-info", icon("info"), text + render_progress(status.building))
    if status.error:
        return _banner("is-warn", icon("warn"), esc(status.error))
    return ""


def _banner(look: str, picture: str, body: str) -> str:
    return f'<div class="banner {look}" role="status">{picture}<div>{body}</div></div>'


def render_progress(progress: Progress) -> str:
    """A bar where the total is known, with the time left where the rate is."""
    counted = (
        f"{progress.done:,} / {progress.total:,} {progress.unit}"
        if progress.total
        else f"{progress.done:,} {progress.unit}"
    )
    left = f"，约剩 {_duration(progress.eta)}" if progress.eta is not None else ""
    bar = ""
    if progress.total:
        bar = f'<progress max="{progress.total}" value="{min(progress.done, progress.total)}"></progress>'
    return f'<div class="progress">{bar}<p>{esc(progress.stage)} {esc(counted.strip())}{left}</p></div>'


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} 分 {rest} 秒" if minutes else f"{rest} 秒"
