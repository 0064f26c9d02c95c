"""The 学习问答 tab: conversation, question box, evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from study_bot.ui.chat_api import chat_endpoint
from study_bot.ui.handlers import IDLE_SECONDS, AskHandlers
from study_bot.ui.markup import icon
from study_bot.ui.ports import StudyServices
from study_bot.ui.rating import build_rating
from study_bot.ui.sessions import SESSION_SECONDS
from study_bot.ui.visitors import Visitors

ASK = "ask"
"""Concurrency group of everything that answers questions."""

# The scope lives in the page; it is read when the question is sent.
_READ_SCOPE = "(question, scope, turns) => [window.studyBot.question() ?? question, window.studyBot.scope(), turns]"

# A page that nobody looks at does not ask for news, so that it does not keep a session alive.
_WHEN_AWAKE = "async (...values) => { await window.studyBot.awake(); return values; }"

_EVIDENCE = f"""
<section class="ev-panel" aria-labelledby="ev-title" tabindex="-1">
  <div class="ev-grip" aria-hidden="true"></div>
  <header class="ev-bar"><h2 id="ev-title">依据</h2>
    <button type="button" id="ev-close" class="act" aria-label="关闭依据">{icon("close")}</button></header>
  <div class="ev-body"><div class="ev-empty">{icon("book")}<p>提问后，这里显示回答所依据的原文。</p>
    <p class="small">点回答里的序号，可跳到对应段落。</p></div></div>
</section>
"""


@dataclass(frozen=True, slots=True)
class AskParts:
    """What other tabs change of a conversation, and the event that answers, which they may cancel."""

    thread: gr.HTML
    live: gr.HTML
    turns: gr.State
    pending: gr.State
    answered: Any


def build_ask_tab(services: StudyServices, blocks: gr.Blocks, visitors: Visitors) -> AskParts:
    """Lay out the tab and register its events; `blocks` is open."""
    handlers = AskHandlers(services, visitors)
    turns = gr.State((), time_to_live=SESSION_SECONDS)
    pending = gr.State(None, time_to_live=SESSION_SECONDS)
    seen = gr.State("")

    with gr.Row(elem_id="ask"):
        with gr.Column(elem_id="chat"):
            banner = gr.HTML("", elem_id="banner", apply_default_css=False)
            with gr.Column(elem_id="thread"):
                thread = gr.HTML("", elem_id="history", apply_default_css=False)
                live = gr.HTML("", elem_id="live", apply_default_css=False)
            with gr.Column(elem_id="composer"):
                hint = gr.HTML("", elem_id="hint", apply_default_css=False)
                with gr.Row(elem_id="composer-box"):
                    question = gr.Textbox(
                        elem_id="question",
                        label="问题",
                        show_label=False,
                        container=False,
                        lines=1,
                        max_lines=6,
                        placeholder="输入问题，例如：某规定第十二条讲什么",
                    )
                    scope_panel = gr.HTML("", elem_id="scope", apply_default_css=False)
                    fresh = gr.Button("新对话", elem_id="fresh", size="sm")
                    send = gr.Button("发送", elem_id="send", variant="primary", size="sm")
                    stop = gr.Button("停止", elem_id="stop", size="sm")
                gr.HTML(
                    '<p class="fine">回答只引用库内文献，请以原文为准。</p>', elem_id="fine", apply_default_css=False
                )
        with gr.Column(elem_id="evidence"):
            gr.HTML(_EVIDENCE, elem_id="evidence-html", apply_default_css=False)
    scope = gr.Textbox("", visible=False)

    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    timer = gr.Timer(IDLE_SECONDS)
    page = [thread, scope_panel, banner, seen, timer]
    blocks.load(handlers.open_page, inputs=[turns, pending], outputs=page, **quick)
    timer.tick(handlers.poll, inputs=[turns, pending, seen], outputs=page, js=_WHEN_AWAKE, **quick)

    accepted = send.click(
        handlers.accept,
        inputs=[question, scope, turns],
        outputs=[question, hint, thread, live, pending],
        js=_READ_SCOPE,
        **quick,
    )
    answered = accepted.success(
        handlers.stream,
        inputs=[pending, turns],
        outputs=[live, turns, pending],
        concurrency_id=ASK,
        show_progress="hidden",
        api_visibility="private",
    )
    answered.failure(handlers.fail, inputs=[pending, turns], outputs=[live, turns, pending], **quick)
    stop.click(handlers.stop, inputs=[pending, turns], outputs=[live, turns, pending], cancels=[answered], **quick)
    fresh.click(handlers.reset, outputs=[thread, live, turns, pending, hint], cancels=[answered], **quick)

    gr.api(chat_endpoint(services, visitors), api_name="chat", concurrency_id=ASK)
    if visitors.desk is not None:
        build_rating(visitors, visitors.desk, turns)
    return AskParts(thread, live, turns, pending, answered)
