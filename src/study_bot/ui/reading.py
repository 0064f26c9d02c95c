"""The text of a document as HTML, line by line, dressed by what the tree says each line is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from study_bot.types import ArticleNumber, Section, SectionKind, VersionText
from study_bot.ui.markup import Span, esc, marked

HEADING_TAGS = {
    SectionKind.BOOK: "h2",
    SectionKind.PREAMBLE: "h2",
    SectionKind.ANNEX: "h2",
    SectionKind.SLIDE: "h2",
    SectionKind.SUBBOOK: "h3",
    SectionKind.CHAPTER: "h3",
    SectionKind.HEADING: "h3",
    SectionKind.PART: "h4",
}

_CLASSES = {
    SectionKind.TITLE: "t-title",
    SectionKind.NOTE: "t-note",
    SectionKind.ARTICLE: "t-article",
    SectionKind.CLAUSE: "t-clause",
    SectionKind.ITEM: "t-item",
    SectionKind.SUBITEM: "t-subitem",
    SectionKind.TABLE_ROW: "t-row",
}


def article_anchor(article: ArticleNumber) -> str:
    """Anchor of an article: a43, a120-1."""
    return f"a{article.number}-{article.insert}" if article.insert else f"a{article.number}"


def section_anchor(section: Section) -> str:
    """Anchor of a section in the page."""
    return article_anchor(section.article) if section.article is not None else f"s{section.start}"


def sections_below(section: Section) -> Iterator[Section]:
    """All sections of a tree but its root, in text order, outer before inner."""
    for child in section.children:
        yield child
        yield from sections_below(child)


def render_text(text: VersionText, spans: Sequence[Span], current: int | None) -> str:
    """Every line of the text; the first current mark gets the id `hit`.

    :param current: number of the current citation; None makes every mark current.
    """
    openings: dict[int, Section] = {}
    for section in sections_below(text.root):
        openings.setdefault(section.start, section)
    ordered = sorted(spans, key=lambda span: span.start)
    parts, position, page, anchor, used = [], 0, None, "hit", set[str]()
    for line in text.text.split("\n"):
        opening = openings.get(position)
        if opening is not None and opening.place.page is not None and opening.place.page != page:
            page = opening.place.page
            parts.append(f'<p class="page-no" aria-label="第{page}页">第 {page} 页</p>')
        touching = [s for s in ordered if s.start < position + len(line) and s.end > position]
        parts.append(_line(line, position, opening, touching, anchor, current, used))
        if anchor and any(current is None or s.n == current for s in touching):
            anchor = ""
        position += len(line) + 1
    return "".join(parts)


def _line(
    line: str,
    start: int,
    section: Section | None,
    spans: Sequence[Span],
    anchor: str,
    current: int | None,
    used: set[str],
) -> str:
    if not line or (section is not None and section.kind is SectionKind.TITLE and not spans):
        return ""  # the title stands above the text
    kind = section.kind if section is not None else SectionKind.PARAGRAPH
    name = ""
    if section is not None and (section.article is not None or kind in HEADING_TAGS):
        name = section_anchor(section)
        name = "" if name in used else name
        used.add(name)
    identity = f' id="{name}"' if name else ""
    if section is not None and kind is SectionKind.ARTICLE:
        cut = max(section.heading_end - start, 0)
        label = marked(line[:cut], start, spans, first_id=anchor, current=current)
        rest_anchor = "" if 'id="hit"' in label else anchor
        rest = marked(line[cut:], start + cut, spans, first_id=rest_anchor, current=current)
        return f'<p class="t-article"{identity}><b>{label}</b>{rest}</p>'
    body = marked(line, start, spans, first_id=anchor, current=current)
    if section is not None and kind in HEADING_TAGS and section.heading_end > section.start:
        tag = HEADING_TAGS[kind]
        slide = (
            f'<span class="small">第 {section.place.slide} 张</span>'
            if kind is SectionKind.SLIDE and section.place.slide
            else ""
        )
        plain = ' class="plain"' if kind is SectionKind.HEADING else ""
        return f"<{tag}{identity}{plain}>{slide}{body}</{tag}>"
    if kind is SectionKind.TABLE_ROW and section is not None and section.place.row:
        body = f'<span class="row-no">{esc(str(section.place.row))}</span>{body}'
    return f'<p class="{_CLASSES.get(kind, "t-par")}"{identity}>{body}</p>'
