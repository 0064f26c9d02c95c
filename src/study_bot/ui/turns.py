"""One question and what became of it: the value kept in the session, and how it is drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from study_bot.answering.events import AnswerEvent, AnswerReady, HitsEvent, StageEvent, StatementEvent
from study_bot.types import Answer, Citation, RefusalReason, Statement, Turn, Version
from study_bot.ui.evidence import render_evidence
from study_bot.ui.markup import crumbs, esc, icon
from study_bot.ui.plain import answer_with_sources

MAX_TURNS = 30
"""Turns kept on the screen of one conversation; the oldest go first."""

MAX_CONVERSATION = 6
"""Earlier exchanges handed on with a question."""

STAGES = (("understanding", "理解问题"), ("retrieving", "检索文献"), ("answering", "组织回答"))

REFUSAL_TITLES = {
    RefusalReason.NOT_IN_LIBRARY: "没有找到有把握的回答",
    RefusalReason.ARTICLE_NOT_FOUND: "没有找到这一条",
    RefusalReason.LAW_NOT_FOUND: "库内没有这部文献",
    RefusalReason.NOT_IN_FORCE: "所选时点没有有效的版本",
    RefusalReason.UNCLEAR: "没有看懂这个问题",
    RefusalReason.EMPTY_LIBRARY: "文献库还是空的",
}

REFUSAL_TIPS = {
    RefusalReason.NOT_IN_LIBRARY: (
        "写出文件名或条号，例如“《文件名》第十二条”。",
        "换成文件里的说法，少用简称和口语。",
        "检查“范围”是否限得太窄。",
    ),
    RefusalReason.ARTICLE_NOT_FOUND: ("核对条号；修订后条号可能有变化。", "打开“原文”，从目录里查找。"),
    RefusalReason.LAW_NOT_FOUND: ("核对文件名，可以在“文献”页搜索。", "库内没有的文件，请联系管理员添加。"),
    RefusalReason.NOT_IN_FORCE: ("换一个时点，或在“范围”里勾选“包含已废止、已修改的版本”。",),
    RefusalReason.UNCLEAR: ("用一句完整的话提问，写清要问的事项。",),
    RefusalReason.EMPTY_LIBRARY: ("请联系管理员添加文献并建立索引。",),
}

_ITEM_LINE = re.compile(r"^[（(][一二三四五六七八九十百]{1,4}[）)]")


class TurnState(StrEnum):
    """How far a question has come."""

    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TurnView:
    """A question with what is known so far. `number` is unique in the conversation; `found` None = not yet known.

    `conversation` names the conversation in the log. `question_id` is that of the log, None while the question is not
    kept; only then can the answer be rated. `verdict` is what the person said of it: up, down or "".
    """

    number: int
    question: str
    state: TurnState = TurnState.QUEUED
    stage: str = ""
    found: int | None = None
    statements: tuple[Statement, ...] = ()
    answer: Answer | None = None
    error: str = ""
    conversation: str = ""
    question_id: int | None = None
    verdict: str = ""


def advance(view: TurnView, event: AnswerEvent) -> TurnView:
    """The view after one event of the answer."""
    match event:
        case StageEvent(stage=stage):
            return replace(view, state=TurnState.WORKING, stage=str(stage))
        case HitsEvent(hits=hits):
            return replace(view, state=TurnState.WORKING, found=len(hits))
        case StatementEvent(statement=statement):
            return replace(view, state=TurnState.WORKING, statements=(*view.statements, statement))
        case AnswerReady(answer=answer):
            return replace(view, state=TurnState.DONE, statements=answer.statements, answer=answer)
    raise TypeError(f"unknown event: {event!r}")


def conversation_of(turns: Sequence[TurnView]) -> tuple[Turn, ...]:
    """The answered turns, oldest first, as the services want them."""
    answered = [Turn(t.question, t.answer.text) for t in turns if t.answer is not None]
    return tuple(answered[-MAX_CONVERSATION:])


def render_turns(turns: Sequence[TurnView], versions: Mapping[str, Version], root: str) -> str:
    """All turns of a conversation."""
    return "".join(render_turn(turn, versions, root) for turn in turns)


def render_turn(view: TurnView, versions: Mapping[str, Version], root: str) -> str:
    """One turn. Its evidence and its plain text travel along hidden; the page's script shows and copies them."""
    question = "".join(f"<p>{esc(line)}</p>" for line in view.question.splitlines() if line.strip())
    return (
        f'<article class="turn" data-turn="{view.number}" data-state="{view.state}">'
        f'<div class="q"><span class="sr-only">问：</span>{question}</div>'
        f'<div class="a">{_body(view, versions, root)}</div>'
        "</article>"
    )


def _body(view: TurnView, versions: Mapping[str, Version], root: str) -> str:
    if view.state is TurnState.FAILED:
        return _failed(view)
    if view.answer is not None:
        return (
            _refusal(view, view.answer, versions, root)
            if view.answer.refused
            else _answer(view, view.answer, versions, root)
        )
    text = f'<div class="a-text">{_statements(view.statements, {}, view.number)}</div>' if view.statements else ""
    if view.state is TurnState.STOPPED:
        return text + '<p class="a-stopped" role="status">已停止。</p>' + _actions(_retry_button(view))
    return _steps(view) + text


def _steps(view: TurnView) -> str:
    names = [name for name, _ in STAGES]
    current = names.index(view.stage) if view.stage in names else -1
    items = []
    for i, (name, label) in enumerate(STAGES):
        state = "done" if i < current else "now" if i == current else "todo"
        extra = f"（{view.found} 段）" if name == "retrieving" and view.found is not None else ""
        items.append(f'<li class="{state}"{_aria_current(state)}>{label}{extra}</li>')
    waiting = '<span class="wait">正在排队…</span>' if current < 0 else ""
    dots = '<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>'
    return f'<div class="steps" role="status">{dots}{waiting}<ol>{"".join(items)}</ol></div>'


def _aria_current(state: str) -> str:
    return ' aria-current="step"' if state == "now" else ""


def _answer(view: TurnView, answer: Answer, versions: Mapping[str, Version], root: str) -> str:
    citations = {citation.n: citation for citation in answer.citations}
    count = len({c.passage_id for c in answer.citations})
    seconds = f"用时 {answer.latency.total / 1000:.1f} 秒" if answer.latency.total else ""
    return (
        f'<p class="sr-only" role="status">回答完成，依据 {count} 处。</p>'
        + _notices(answer.notices)
        + f'<div class="a-text">{_statements(answer.statements, citations, view.number)}</div>'
        + _actions(
            _evidence_button(view.number, f"查看依据（{count}）") if citations else "",
            _copy_button(),
            f'<span class="a-meta">{seconds}</span>' if seconds else "",
            _rate_buttons(view),
        )
        + _hidden(answer, versions, root)
    )


def _refusal(view: TurnView, answer: Answer, versions: Mapping[str, Version], root: str) -> str:
    reason = answer.reason or RefusalReason.NOT_IN_LIBRARY
    near = ""
    if answer.hits:
        rows = [
            f'<li><button type="button" class="near" data-turn="{view.number}" data-key="h{i}">'
            f'<b>{esc(hit.passage.title)}</b><span class="crumbs">{crumbs(hit.passage.locator)}</span>'
            f"<span>{esc(_shortened(hit.passage.text))}</span></button></li>"
            for i, hit in enumerate(answer.hits[:3], 1)
        ]
        near = f'<h4>可能相关</h4><ul class="near-list">{"".join(rows)}</ul>'
    tips = "".join(f"<li>{tip}</li>" for tip in REFUSAL_TIPS[reason])
    return (
        _notices(answer.notices)
        + f'<div class="refusal" role="status">{icon("info")}<div><h3>{REFUSAL_TITLES[reason]}</h3>'
        f"<p>{esc(answer.message)}</p></div></div>"
        + near
        + f'<h4>可以这样问</h4><ul class="tips">{tips}</ul>'
        + _actions(
            _evidence_button(view.number, "查看相关段落") if answer.hits else "", _copy_button(), _rate_buttons(view)
        )
        + _hidden(answer, versions, root)
    )


def _failed(view: TurnView) -> str:
    message = view.error or "回答时出了问题，请稍后再试；如果一直这样，请联系管理员。"
    return (
        f'<div class="failure" role="alert">{icon("warn")}<div><h3>没有完成</h3><p>{esc(message)}</p></div></div>'
        + _actions(_retry_button(view))
    )


def _notices(notices: Sequence[str]) -> str:
    return "".join(f'<p class="notice" role="note">{icon("warn")}<span>{esc(notice)}</span></p>' for notice in notices)


def _statements(statements: Sequence[Statement], citations: Mapping[int, Citation], turn: int) -> str:
    parts = []
    for statement in statements:
        lines = [line for line in statement.text.split("\n") if line.strip()]
        marks = "".join(_mark(n, citations.get(n), turn) for n in statement.citations)
        for i, line in enumerate(lines):
            kind = "a-lead" if statement.connective else "a-item" if _ITEM_LINE.match(line) else "a-line"
            # A mark stays on the line of the word before it.
            end = (
                f'<span class="tail">{esc(line[-1])}{marks}</span>' if marks and i == len(lines) - 1 else esc(line[-1])
            )
            parts.append(f'<p class="{kind}">{esc(line[:-1])}{end}</p>')
    return "".join(parts)


def _mark(n: int, citation: Citation | None, turn: int) -> str:
    if citation is None:
        return f'<span class="cite">{n}</span>'
    label = esc(f"依据{n}：{citation.title} {citation.locator.label}".strip())
    data = f'data-turn="{turn}" data-key="c{n}"'
    return f'<button type="button" class="cite" {data} aria-label="{label}" title="{label}">{n}</button>'


def _actions(*parts: str) -> str:
    return f'<div class="a-actions">{"".join(parts)}</div>'


def _evidence_button(turn: int, label: str) -> str:
    return (
        f'<button type="button" class="act act-evidence" data-turn="{turn}" data-key="">{icon("book")}{label}</button>'
    )


def _copy_button() -> str:
    return f'<button type="button" class="act act-copy">{icon("copy")}<span>复制（含出处）</span></button>'


def _rate_buttons(view: TurnView) -> str:
    """Thumbs, for an answer that is in the log."""
    if view.question_id is None:
        return ""
    buttons = "".join(
        f'<button type="button" class="act act-rate" data-turn="{view.number}" data-verdict="{verdict}" '
        f'aria-pressed="{"true" if view.verdict == verdict else "false"}">{icon(picture)}<span>{word}</span></button>'
        for verdict, picture, word in (("up", "thumb-up", "有用"), ("down", "thumb-down", "有误"))
    )
    return f'<span class="rate" role="group" aria-label="评价这个回答">{buttons}</span>'


def _retry_button(view: TurnView) -> str:
    return f'<button type="button" class="act act-ask" data-ask="{esc(view.question)}">{icon("retry")}重新提问</button>'


def _hidden(answer: Answer, versions: Mapping[str, Version], root: str) -> str:
    return (
        f'<div hidden class="ev-source">{render_evidence(answer, versions, root)}</div>'
        f'<div hidden class="copy-source">{esc(answer_with_sources(answer))}</div>'
    )


def _shortened(text: str, limit: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[:limit] + "…"
