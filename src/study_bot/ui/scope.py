"""The limits of a question (范围): the panel that sets them, and reading back what the browser sends."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence

from study_bot.errors import QuestionError
from study_bot.text import parse_date
from study_bot.types import DocumentKind, Filters, Version
from study_bot.ui.markup import esc, icon

MAX_CHOICES = 1000
"""Documents offered in the panel. Larger libraries are narrowed by classroom or by naming the document."""

MAX_SCOPE_CHARS = 200_000
"""Longer messages about the scope are not read."""

EARLIEST = dt.date(1949, 10, 1)
"""No earlier as-of date is accepted."""


def documents_of(library: Sequence[Version]) -> list[tuple[str, str]]:
    """(doc_id, title) of the documents a person may choose from, by title; rows of corpus files are not offered."""
    titles = {version.doc_id: version.title for version in library if version.kind is not DocumentKind.BEIR}
    return sorted(titles.items(), key=lambda item: item[1])


def categories_of(library: Sequence[Version]) -> list[str]:
    """Classrooms in use, sorted."""
    return sorted({version.category for version in library if version.category})


def render_scope(library: Sequence[Version], today: dt.date) -> str:
    """The button and its panel. The page's script reads the inputs; without a choice nothing is limited."""
    documents = documents_of(library)
    choices = "".join(_choice("pick", "document", doc_id, title) for doc_id, title in documents[:MAX_CHOICES])
    cut = f'<p class="small">只列出前 {MAX_CHOICES} 部。</p>' if len(documents) > MAX_CHOICES else ""
    rooms = "".join(_choice("chip", "category", name, name) for name in categories_of(library))
    classrooms = f'<fieldset><legend>类别</legend><div class="chips">{rooms}</div></fieldset>' if rooms else ""
    panel = (
        '<button type="button" id="scope-toggle" aria-expanded="false" aria-controls="scope-panel">'
        f'{icon("sliders")}<span id="scope-summary">范围：全部文献</span></button>'
        '<form id="scope-panel" hidden aria-label="提问范围"><div class="scope-scroll">'
        f"{classrooms}<fieldset><legend>文献</legend>"
        '<input type="search" id="scope-find" placeholder="按名称查找" '
        'aria-label="按名称查找文献" autocomplete="off">'
        f'<div class="picks">{choices}<p class="small" id="scope-none" hidden>没有符合的文献。</p></div>{cut}'
        f"</fieldset><fieldset><legend>时点</legend>{_day_input(today)}"
        f"{_choice('pick', 'include_inactive', 'yes', '包含已废止、已修改的版本')}</fieldset>"
        '</div><div class="scope-foot"><button type="reset" class="act">清除</button>'
        '<button type="button" class="act act-main" id="scope-done">完成</button></div></form>'
    )
    # Gradio changes a page in place, node by node: a tick would stay where another document moves to. A new name of
    # the element makes it a new panel, and nothing is ticked.
    tag = f"scope-{hashlib.sha256(panel.encode()).hexdigest()[:12]}"
    return f'<{tag} class="scope">{panel}</{tag}>'


def _choice(look: str, name: str, value: str, words: str) -> str:
    box = f'<input type="checkbox" name="{name}" value="{esc(value)}">'
    return f'<label class="{look}">{box}<span>{esc(words)}</span></label>'


def _day_input(today: dt.date) -> str:
    """A plain box: the browser's own date picker speaks the browser's language, not this page's."""
    return (
        '<div class="line"><input type="text" name="as_of" maxlength="20" autocomplete="off" '
        f'placeholder="例如 {today.year - 2}-01-01" aria-label="按哪一天有效的版本回答">'
        f'<span class="small">留空表示今天（{today:%Y-%m-%d}）</span></div>'
    )


def parse_scope(raw: str | None, library: Sequence[Version]) -> Filters:
    """Filters from the JSON text the page sends; nothing of it is trusted.

    :raises QuestionError: the text is not what the page makes, or names an unknown document or classroom.
    """
    if not raw:
        return Filters()
    try:
        data = json.loads(raw) if len(raw) <= MAX_SCOPE_CHARS else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise QuestionError("提问范围无法识别，请刷新页面后重新选择。")
    categories = _strings(data.get("categories"))
    documents = _strings(data.get("documents"))
    return checked_filters(
        library,
        categories=categories,
        documents=documents,
        as_of=data.get("as_of") or None,
        include_inactive=data.get("include_inactive") is True,
    )


def checked_filters(
    library: Sequence[Version],
    *,
    categories: Sequence[str] = (),
    documents: Sequence[str] = (),
    as_of: object = None,
    include_inactive: bool = False,
) -> Filters:
    """Filters whose names all exist in the library.

    :param as_of: a date, or its text in any usual spelling; None means today.
    :raises QuestionError: something is unknown or the date is none.
    """
    unknown = set(categories) - set(categories_of(library))
    if unknown:
        raise QuestionError("所选类别不在文献库里，请在“范围”里重新选择。")
    if set(documents) - {version.doc_id for version in library}:
        raise QuestionError("所选文献已不在库中，请在“范围”里重新选择。")
    return Filters(
        categories=frozenset(categories),
        doc_ids=frozenset(documents),
        as_of=_date(as_of),
        include_inactive=include_inactive,
    )


def _strings(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise QuestionError("提问范围无法识别，请刷新页面后重新选择。")
    return value


def _date(value: object) -> dt.date | None:
    if value is None or isinstance(value, dt.date):
        return value
    day = parse_date(value) if isinstance(value, str) and len(value) <= 20 else None
    if day is None or day < EARLIEST:
        raise QuestionError("时点不是有效的日期，请写成 2025-06-27 这样的形式。")
    return day
