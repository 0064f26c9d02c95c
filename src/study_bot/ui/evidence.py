"""The evidence beside an answer: passages with the supporting spans marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from study_bot.types import Answer, Citation, Hit, Passage, Version
from study_bot.ui.links import Mark, mark_url, reader_url
from study_bot.ui.markup import Span, crumbs, esc, icon, marked, version_words

MAX_RELATED = 8
"""Uncited passages offered after the evidence."""


def answer_marks(answer: Answer) -> tuple[Mark, ...]:
    """The citations of an answer in the order of their numbers."""
    ordered = sorted(answer.citations, key=lambda c: c.n)
    return tuple(Mark(c.n, c.version_id, c.start, c.end) for c in ordered)


def render_evidence(answer: Answer, versions: Mapping[str, Version], root: str) -> str:
    """Cards of the cited passages, then of the uncited ones; for a refusal the nearest passages."""
    cited = _group(answer.citations)
    passages = {hit.passage.passage_id: hit.passage for hit in answer.hits}
    marks = answer_marks(answer)
    cards = [_cited_card(group, passages.get(key), marks, root) for key, group in cited.items()]
    rest = [hit for hit in answer.hits if hit.passage.passage_id not in cited][:MAX_RELATED]
    related = [_related_card(i, hit, versions, root) for i, hit in enumerate(rest, 1)]
    if not cards and not related:
        return '<p class="ev-none">没有找到相关段落。</p>'
    if not cards:
        return f'<p class="ev-note">以下段落与问题最接近，但不足以支持回答。</p>{"".join(related)}'
    more = ""
    if related:
        summary = f"<summary>其他相关段落（{len(related)}）</summary>"
        more = f'<details class="ev-more">{summary}{"".join(related)}</details>'
    return "".join(cards) + more


def _group(citations: Sequence[Citation]) -> dict[str, list[Citation]]:
    groups: dict[str, list[Citation]] = {}
    for citation in sorted(citations, key=lambda c: c.n):
        groups.setdefault(citation.passage_id, []).append(citation)
    return groups


def _cited_card(group: Sequence[Citation], passage: Passage | None, marks: Sequence[Mark], root: str) -> str:
    first = group[0]
    spans = [Span(c.start, c.end, c.n) for c in group]
    mark = next(m for m in marks if m.n == first.n)
    numbers = "".join(f'<span class="ev-n">{c.n}</span>' for c in group)
    covered = passage is not None and all(_holds(passage, c) for c in group)
    if passage is not None and covered:
        body = _passage_text(passage, spans)
    else:
        body = '<p class="gap">……</p>'.join(
            f"<p>{_lit(c.quote, c.start, [Span(c.start, c.end, c.n)])}</p>" for c in group
        )
    return _card(
        numbers=numbers,
        keys=" ".join(f"c{c.n}" for c in group),
        title=first.title,
        where=crumbs(first.locator),
        version=version_words(first.version_label),
        body=body,
        href=mark_url(root, mark, marks),
    )


def _holds(passage: Passage, citation: Citation) -> bool:
    in_text = passage.start <= citation.start and citation.end <= passage.end
    in_lead = bool(passage.lead) and passage.lead_start <= citation.start and citation.end <= passage.lead_end
    return in_text or in_lead


def _passage_text(passage: Passage, spans: Sequence[Span]) -> str:
    lead = ""
    if passage.lead:
        lead = f'<p class="lead">{_lit(passage.lead, passage.lead_start, spans)}</p>'
    return lead + f"<p>{_lit(passage.text, passage.start, spans)}</p>"


def _lit(text: str, offset: int, spans: Sequence[Span]) -> str:
    """Marked, with no mark current: the page's script makes those of the selected citation so."""
    return marked(text, offset, spans, current=-1)


def _related_card(number: int, hit: Hit, versions: Mapping[str, Version], root: str) -> str:
    passage = hit.passage
    version = versions.get(passage.version_id)
    return _card(
        numbers="",
        keys=f"h{number}",
        title=passage.title,
        where=crumbs(passage.locator),
        version=version_words(version.label) if version else "",
        body=_passage_text(passage, ()),
        href=reader_url(root, passage.version_id, span=(passage.start, passage.end)),
    )


def _card(*, numbers: str, keys: str, title: str, where: str, version: str, body: str, href: str) -> str:
    return (
        f'<article class="ev-card" data-keys="{keys}" tabindex="-1">'
        f'<header class="ev-head">{numbers}<h3>{esc(title)}</h3></header>'
        + (f'<p class="crumbs">{where}</p>' if where else "")
        + (f'<p class="ev-version">{version}</p>' if version else "")
        + f'<blockquote class="ev-text">{body}</blockquote>'
        f'<a class="ev-open" href="{esc(href)}" target="_blank" rel="noopener" data-reader>查看原文{icon("open")}</a>'
        "</article>"
    )
