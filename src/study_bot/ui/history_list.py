"""One's own conversations as a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from study_bot.settings import Settings
from study_bot.ui.markup import esc, icon
from study_bot.usage.questions import ConversationLine


def render_history(lines: Sequence[ConversationLine], total: int, settings: Settings, today: dt.date) -> str:
    """The list, newest first, under the days; or why it is empty."""
    if not lines:
        words = (
            f"提过的问题会在这里保存 {settings.question_days} 天。" if settings.question_days else "本站不保存提问。"
        )
        return f'<div class="lib-empty" role="status">{icon("clock")}<h3>还没有提问</h3><p>{words}</p></div>'
    parts, day = [], None
    for line in lines:
        put = line.at.astimezone()
        if put.date() != day:
            day = put.date()
            parts.append(f'<li class="hist-day"><h3>{_day_words(day, today)}</h3></li>')
        parts.append(_row(line, f"{put:%H:%M}"))
    return f'{_head(total, settings)}<ul class="hist">{"".join(parts)}</ul>'


def _head(total: int, settings: Settings) -> str:
    readers = (
        "管理员可以查看提问记录，每次查看都记入日志。"
        if settings.question_readers == "admins"
        else "只有您本人可以查看。"
    )
    return (
        f'<div class="hist-head"><p>共 {total:,} 段对话，保存 {settings.question_days} 天。{readers}</p>'
        '<button type="button" class="act" data-history="forget" data-confirm="再点一次，全部删除">'
        f"{icon('trash')}<span>全部删除</span></button></div>"
    )


def _row(line: ConversationLine, when: str) -> str:
    more = f"{line.questions} 个问题 · " if line.questions > 1 else ""
    first = " ".join(line.first.split())
    return (
        f'<li class="hist-row"><button type="button" class="hist-open" data-history="open" '
        f'data-id="{esc(line.conversation)}"><b>{esc(first[:200])}</b><span>{more}{when}</span></button>'
        f'<button type="button" class="act hist-del" data-history="delete" data-id="{esc(line.conversation)}" '
        f'data-confirm="确认删除" aria-label="删除：{esc(first[:40])}">{icon("trash")}<span></span></button></li>'
    )


def _day_words(day: dt.date, today: dt.date) -> str:
    near = {0: "今天", 1: "昨天"}.get((today - day).days)
    return near or (f"{day.month}月{day.day}日" if day.year == today.year else f"{day.year}年{day.month}月{day.day}日")
