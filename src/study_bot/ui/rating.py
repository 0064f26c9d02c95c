"""Thumbs under an answer, and the form in which a thumb down is explained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from study_bot.errors import InputError, StudyBotError
from study_bot.ui.markup import esc, icon
from study_bot.ui.ports import Desk
from study_bot.ui.turns import TurnView
from study_bot.ui.visitors import Visitors
from study_bot.usage.feedback import MAX_ARTICLE, MAX_COMMENT
from study_bot.usage.remarks import Reason, Verdict

MAX_MESSAGE = 20_000
"""Longer messages about a rating are not read."""

_READ_RATING = "(message, turns) => [window.studyBot.rating(), turns]"

_REASONS = "".join(
    f'<label class="pick"><input type="radio" name="reason" value="{reason}" required>'
    f"<span>{reason.label}</span></label>"
    for reason in Reason
)

_FORM = f"""
<dialog id="rate-form" aria-labelledby="rate-title"><form method="dialog">
  <header><h2 id="rate-title">哪里不对？</h2>
    <button type="button" id="rate-close" class="act" aria-label="关闭">{icon("close")}</button></header>
  <div class="rate-reasons" role="radiogroup" aria-labelledby="rate-title">{_REASONS}</div>
  <label class="rate-field"><span>正确的条文<i>（知道的话）</i></span>
    <input name="article" maxlength="{MAX_ARTICLE}" autocomplete="off" placeholder="例如：某条例第十二条"></label>
  <label class="rate-field"><span>补充说明<i>（可不填）</i></span>
    <textarea name="comment" rows="3" maxlength="{MAX_COMMENT}"></textarea></label>
  <p class="rate-note">{icon("info")}提交后，管理员可以看到这个问题、回答和您的说明。</p>
  <p class="rate-error" role="alert"></p>
  <footer><button type="button" id="rate-cancel" class="act">取消</button>
    <button type="submit" id="rate-send" class="act act-main">提交</button></footer>
</form></dialog>
"""


@dataclass(frozen=True, slots=True)
class RatingHandlers:
    """The events of the thumbs."""

    visitors: Visitors
    desk: Desk

    def rate(self, message: str, turns: tuple[TurnView, ...], request: gr.Request | None = None) -> tuple[Any, str]:
        """Keep what the person says of an answer of this conversation. Gives: turns, what came of it for the script."""
        wanted = _read(message)
        number, nonce = wanted.get("turn"), wanted.get("nonce")
        try:
            actor = self.visitors.actor(request)
            view = next((turn for turn in turns if turn.number == number), None)
            if view is None or view.question_id is None:
                raise InputError("这个回答没有保存，不能评价。")
            verdict = ""
            if wanted.get("verdict") == "none":
                self.desk.feedback.take_back(actor, view.question_id)
            else:
                said = _said(wanted)
                self.desk.feedback.give(actor, view.question_id, *said)
                verdict = said[0].value
        except StudyBotError as error:
            return gr.skip(), _result(number, nonce, "", str(error), ok=False)
        changed = tuple(replace(turn, verdict=verdict) if turn is view else turn for turn in turns)
        thanks = "已记下，谢谢。" if verdict else "已撤回评价。"
        return changed, _result(number, nonce, verdict, thanks, ok=True)


def build_rating(visitors: Visitors, desk: Desk, turns: gr.State) -> None:
    """The form and its event; the page's script opens the one and sends the other."""
    handlers = RatingHandlers(visitors, desk)
    gr.HTML(_FORM, elem_id="rate", apply_default_css=False)
    result = gr.HTML("", elem_id="rate-result", apply_default_css=False)
    message = gr.Textbox("", visible=False)
    send = gr.Button("评价", elem_id="rate-now")
    send.click(
        handlers.rate,
        inputs=[message, turns],
        outputs=[turns, result],
        js=_READ_RATING,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _read(message: object) -> Mapping[str, Any]:
    if not isinstance(message, str) or len(message) > MAX_MESSAGE:
        return {}
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(wanted: Mapping[str, Any]) -> tuple[Verdict, Reason | None, str, str]:
    try:
        verdict = Verdict(str(wanted.get("verdict")))
        reason = Reason(wanted["reason"]) if wanted.get("reason") else None
    except (ValueError, TypeError):
        raise InputError("没有看懂这个评价，请刷新页面后再试。") from None
    return verdict, reason, _text(wanted.get("comment")), _text(wanted.get("article"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _result(number: object, nonce: object, verdict: str, words: str, *, ok: bool) -> str:
    """What the script reads; `nonce` is its own and tells one result from the one before."""
    marks = {"turn": number, "nonce": nonce, "verdict": verdict, "ok": "yes" if ok else "no"}
    data = "".join(f' data-{name}="{esc(str(value)[:20])}"' for name, value in marks.items())
    return f'<p role="status"{data}>{esc(words)}</p>'
