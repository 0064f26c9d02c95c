"""The 文献 tab: every document with its versions, searchable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from study_bot.errors import StudyBotError
from study_bot.types import Version
from study_bot.ui.library_list import ALL_KINDS, ALL_STATUSES, STATUS_CHOICES, kinds_of, render_library, select
from study_bot.ui.links import site_root
from study_bot.ui.ports import StudyServices
from study_bot.ui.visitors import OPEN_HOUSE, Visitors

PAGE_SIZE = 60
"""Documents shown at once."""


@dataclass(frozen=True, slots=True)
class LibraryHandlers:
    """The events of the tab."""

    services: StudyServices
    visitors: Visitors = OPEN_HOUSE

    def library(self) -> Sequence[Version]:
        """The versions, empty while there is no index."""
        try:
            return self.services.library()
        except StudyBotError:
            return ()

    def show(self, words: str, status: str, kind: str, shown: int) -> tuple[str, Any]:
        """The list for a search, and whether there is more to show."""
        library = self.library()
        groups = select(library, words=words or "", status=status or ALL_STATUSES, kind=kind or ALL_KINDS)
        limit = max(PAGE_SIZE, min(shown, len(groups)))
        root = site_root(self.services.settings)
        return render_library(groups[:limit], len(groups), len(library), root), gr.update(visible=len(groups) > limit)

    def first(self, words: str, status: str, kind: str, request: gr.Request | None = None) -> tuple[str, Any, int]:
        """A new search begins at the first page."""
        self.visitors.admit(request)
        return *self.show(words, status, kind, PAGE_SIZE), PAGE_SIZE

    def more(
        self, words: str, status: str, kind: str, shown: int, request: gr.Request | None = None
    ) -> tuple[str, Any, int]:
        """One page more."""
        self.visitors.admit(request)
        return *self.show(words, status, kind, shown + PAGE_SIZE), shown + PAGE_SIZE

    def open_tab(
        self, words: str, status: str, kind: str, request: gr.Request | None = None
    ) -> tuple[Any, str, Any, int]:
        """The tab is opened: the kinds may have changed with the index."""
        self.visitors.admit(request)
        kinds = [ALL_KINDS, *kinds_of(self.library())]
        kind = kind if kind in kinds else ALL_KINDS
        return gr.update(choices=kinds, value=kind), *self.first(words, status, kind, request)


def build_library_tab(services: StudyServices, tab: gr.Tab, visitors: Visitors) -> None:
    """Lay out the tab and register its events, inside it."""
    handlers = LibraryHandlers(services, visitors)
    with gr.Column(elem_id="library"):
        words = gr.Textbox(
            elem_id="library-find",
            show_label=False,
            label="查找文献",
            container=False,
            placeholder="按名称、简称或来源文件查找",
            max_length=100,
        )
        status = gr.Radio(
            list(STATUS_CHOICES),
            value=ALL_STATUSES,
            elem_id="library-status",
            show_label=False,
            label="状态",
            container=False,
        )
        kind = gr.Radio(
            [ALL_KINDS], value=ALL_KINDS, elem_id="library-kind", show_label=False, label="类别", container=False
        )
        listing = gr.HTML("", elem_id="library-list", apply_default_css=False)
        more = gr.Button("显示更多", elem_id="library-more", visible=False, size="sm")
    shown = gr.State(PAGE_SIZE)

    inputs, outputs = [words, status, kind], [listing, more, shown]
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    tab.select(handlers.open_tab, inputs=inputs, outputs=[kind, *outputs], **quick)
    # Gradio's `input` event hangs on key presses, and an input method makes none.
    words.change(handlers.first, inputs=inputs, outputs=outputs, trigger_mode="always_last", **quick)
    status.input(handlers.first, inputs=inputs, outputs=outputs, **quick)
    kind.input(handlers.first, inputs=inputs, outputs=outputs, **quick)
    more.click(handlers.more, inputs=[*inputs, shown], outputs=outputs, **quick)
