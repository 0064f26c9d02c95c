"""The Gradio page: header, tabs, look."""

from __future__ import annotations

import gradio as gr

from study_bot.ui.ask_tab import build_ask_tab
from study_bot.ui.history_tab import build_history_tab
from study_bot.ui.library_tab import build_library_tab
from study_bot.ui.markup import icon
from study_bot.ui.page import PAGE_TITLE
from study_bot.ui.ports import Desk, StudyServices
from study_bot.ui.visitors import Visitors

FONTS = [
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "system-ui",
    "sans-serif",
]
"""Fonts that Chinese systems carry; none is fetched."""

_HEADER = f"""
<header class="top"><span class="brand">{icon("shield")}</span>
<button type="button" id="theme-toggle" aria-label="切换深色模式" title="切换深色模式">{icon("moon")}</button></header>
"""


def build_ui(services: StudyServices, office: Desk | None = None) -> gr.Blocks:
    """The whole page, ready to be mounted. Nothing is shared between users but the services.

    :param office: who signs in, and what is kept of them; None = nobody signs in and nothing is kept.
    """
    settings = services.settings
    visitors = Visitors(office)
    with gr.Blocks(title=PAGE_TITLE, analytics_enabled=False, fill_width=True, fill_height=True) as blocks:
        gr.HTML(_HEADER, elem_id="top", apply_default_css=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("学习问答", id="ask"):
                ask = build_ask_tab(services, blocks, visitors)
            with gr.Tab("文献", id="library") as library_tab:
                build_library_tab(services, library_tab, visitors)
            if office is not None:
                with gr.Tab("我的提问", id="history") as history_tab:
                    build_history_tab(services, visitors, office, history_tab, tabs, ask)
    blocks.queue(
        max_size=settings.max_queued_questions,
        default_concurrency_limit=settings.max_concurrent_questions,
        api_open=False,
    )
    return blocks


def theme() -> gr.themes.Base:
    """Gradio's plainest theme with system fonts; the looks come from `app.css`."""
    return gr.themes.Base(font=FONTS, font_mono=["ui-monospace", "Consolas", "Noto Sans Mono CJK SC", "monospace"])
