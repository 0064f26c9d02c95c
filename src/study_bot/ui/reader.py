"""A document as a plain page: outline, text with the cited spans marked, versions, previous and next citation.

The page needs no script to be read, jumped in and shared; `reader.js` only adds comfort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.types import Section, SectionKind, Version, VersionStatus
from study_bot.ui.links import Mark, mark_url, reader_url
from study_bot.ui.markup import Span, esc, icon, status_badge
from study_bot.ui.outline import render_outline
from study_bot.ui.page import page_head
from study_bot.ui.ports import OpenDocument
from study_bot.ui.reading import render_text


@dataclass(frozen=True, slots=True)
class ReaderRequest:
    """What of the document is asked for. `span` is the place to show, `marks` the citations of the answer it came
    from, `at` the number of the current one, `jump_failed` the words of a jump that led nowhere."""

    span: tuple[int, int] | None = None
    marks: tuple[Mark, ...] = ()
    at: int | None = None
    jump_failed: str = ""


def clamp_span(start: int | None, end: int | None, length: int) -> tuple[int, int] | None:
    """A span inside a text of `length` characters, None when nothing sensible is left of it."""
    if start is None:
        return None
    low = min(max(start, 0), length)
    high = min(max(end if end is not None else low + 1, low), length)
    return (low, high) if low < high else None


def render_reader(document: OpenDocument, request: ReaderRequest, root: str) -> str:
    """The whole page."""
    version, text = document.version, document.text
    spans = [Span(m.start, m.end, m.n) for m in request.marks if m.version_id == version.version_id]
    current = request.at
    if request.span is not None and not any((s.start, s.end, s.n) == (*request.span, current) for s in spans):
        spans.append(Span(*request.span, 0))
        current = 0
    here = request.span[0] if request.span else 0
    return (
        '<!doctype html><html lang="zh-CN"><head>'
        + page_head(f"{version.title} · 学习问答", root, "reader")
        + f'</head><body><a class="skip" href="#text">跳到正文</a>{_bar(version, request, root)}'
        '<div class="frame"><nav id="toc" aria-label="目录"><div class="toc-head"><strong>目录</strong>'
        f'<a class="act toc-close" href="#text">{icon("close")}<span class="sr-only">关闭目录</span></a></div>'
        f"{render_outline(text, here)}</nav>"
        '<main id="text" tabindex="-1"><div class="doc-head">'
        f"<h1>{esc(_title(document))}</h1>"
        f'<p class="doc-meta">{status_badge(version.status)}{_dates(version)}</p>'
        f"{_versions(document, root)}{_cautions(document, root)}</div>"
        f'<div class="doc">{render_text(text, spans, current)}</div>'
        f'<footer class="doc-foot">来源文件：{esc(version.path)}</footer></main></div>'
        f"{_steps(request, root)}</body></html>"
    )


def render_gone(message: str, root: str) -> str:
    """The page for a document that is not in the library."""
    return (
        '<!doctype html><html lang="zh-CN"><head>'
        + page_head("没有这部文献 · 学习问答", root, "reader")
        + f'</head><body><main class="gone">{icon("book")}<h1>打不开这部文献</h1><p>{esc(message)}</p>'
        f'<p><a class="act home act-main" href="{esc(root)}/">返回问答</a></p></main></body></html>'
    )


def find_article(root_section: Section, number: int, insert: int) -> Section | None:
    """The first article with this number in the tree."""
    for child in root_section.children:
        if child.article is not None and (child.article.number, child.article.insert) == (number, insert):
            return child
        found = find_article(child, number, insert)
        if found is not None:
            return found
    return None


def _bar(version: Version, request: ReaderRequest, root: str) -> str:
    home = f'<a class="act home" href="{esc(root)}/" aria-label="返回问答">{icon("back")}<span>问答</span></a>'
    return (
        f'<header class="bar">{home}'
        f'<a class="act toc-open" href="#toc">{icon("list")}<span>目录</span></a>'
        f'<div class="bar-title"><strong>{esc(version.title)}</strong></div>{_jump(version, request, root)}'
        '<a class="act pop" href="#" target="_blank" rel="noopener" aria-label="在新标签页打开" hidden>'
        f"{icon('open')}<span>新标签页</span></a></header>"
    )


def _title(document: OpenDocument) -> str:
    """The title line of the text, which may say more than the catalog ("（试行）"); else the catalog's title."""
    text = document.text
    first = next((child for child in text.root.children if child.kind is SectionKind.TITLE), None)
    if first is None or first.heading_end <= first.start:
        return document.version.title
    return text.text[first.start : first.heading_end]


def _dates(version: Version) -> str:
    named = (("公布", version.promulgated), ("施行", version.effective), ("废止", version.repealed))
    words = [f'<span class="when">{day:%Y-%m-%d} {name}</span>' for name, day in named if day is not None]
    if version.articles:
        words.append(f'<span class="when">共 {version.articles:,} 条</span>')
    return "".join(words)


def _versions(document: OpenDocument, root: str) -> str:
    if not document.other_versions:
        return ""
    others = "".join(f"<li>{_version_link(other, root)}</li>" for other in document.other_versions)
    count = f'<span class="small">另有 {len(document.other_versions)} 个版本</span>'
    return (
        f'<details class="versions"><summary>版本：{esc(version_name(document.version))}{count}{icon("down")}</summary>'
        f"<ul>{others}</ul></details>"
    )


def _version_link(version: Version, root: str) -> str:
    words = f"{esc(version_name(version))}{status_badge(version.status)}"
    return f'<a href="{esc(reader_url(root, version.version_id))}">{words}</a>'


def version_name(version: Version) -> str:
    """What a version is called in a list: its date, or its file where no date is known."""
    day = version.promulgated or version.effective
    return f"{day:%Y-%m-%d} 版" if day else version.path.rsplit("/", 1)[-1]


def _cautions(document: OpenDocument, root: str) -> str:
    version, parts = document.version, []
    if version.status in (VersionStatus.REPEALED, VersionStatus.AMENDED):
        now = next((v for v in document.other_versions if v.status is VersionStatus.IN_FORCE), None)
        link = f'<a href="{esc(reader_url(root, now.version_id))}">打开现行版本</a>' if now else ""
        parts.append(f"<span>该版本{version.status.label}，仅供查阅。{link}</span>")
    if version.status is VersionStatus.NOT_YET:
        parts.append("<span>该版本尚未施行。</span>")
    if document.text.ocr or version.ocr:
        parts.append("<span>本文由扫描件识别而来，个别文字可能有误，请以原件为准。</span>")
    return "".join(f'<p class="notice">{icon("warn")}{part}</p>' for part in parts)


def _jump(version: Version, request: ReaderRequest, root: str) -> str:
    if not version.articles:
        return ""
    failed = ""
    if request.jump_failed:
        failed = f'<span class="jump-failed" role="alert">本文没有“{esc(request.jump_failed)}”</span>'
    return (
        f'<form class="jump" method="get" action="{esc(reader_url(root, version.version_id))}" role="search">'
        '<input name="jump" autocomplete="off" maxlength="20" placeholder="跳到第几条" '
        'aria-label="跳到第几条，例如 43">'
        f'<button class="act" type="submit">跳转</button>{failed}</form>'
    )


def _steps(request: ReaderRequest, root: str) -> str:
    marks: Sequence[Mark] = request.marks
    position = next((i for i, mark in enumerate(marks) if mark.n == request.at), None)
    if len(marks) < 2 or position is None:
        return ""
    before = marks[position - 1] if position > 0 else None
    after = marks[position + 1] if position + 1 < len(marks) else None
    return (
        '<nav class="steps-bar" aria-label="引用">'
        + _step(before, marks, root, "up", "上一处", "prev")
        + f'<span aria-live="polite">引用 {position + 1} / {len(marks)}</span>'
        + _step(after, marks, root, "down", "下一处", "next")
        + "</nav>"
    )


def _step(mark: Mark | None, marks: Sequence[Mark], root: str, picture: str, word: str, rel: str) -> str:
    if mark is None:
        return f'<span class="act is-off">{icon(picture)}{word}</span>'
    return f'<a class="act" rel="{rel}" href="{esc(mark_url(root, mark, marks))}">{icon(picture)}{word}</a>'
