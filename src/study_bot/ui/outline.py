"""The outline of a document: divisions that fold, articles inside them."""

from __future__ import annotations

from study_bot.types import Section, SectionKind, VersionText
from study_bot.ui.markup import esc
from study_bot.ui.reading import section_anchor

LISTED = frozenset(
    {
        SectionKind.BOOK,
        SectionKind.SUBBOOK,
        SectionKind.CHAPTER,
        SectionKind.PART,
        SectionKind.PREAMBLE,
        SectionKind.ANNEX,
        SectionKind.HEADING,
        SectionKind.SLIDE,
        SectionKind.ARTICLE,
    }
)

OPEN_BELOW = 60
"""Documents with fewer entries have every division unfolded."""

SNIPPET_CHARS = 16
"""Characters of an article shown after its number."""


def render_outline(text: VersionText, here: int) -> str:
    """The outline; the divisions around position `here` are unfolded and its innermost entry is marked as current."""
    entries = _entries(text.root)
    if not entries:
        return '<p class="small">本文没有章节条目。</p>'
    unfold_all = _count(entries) < OPEN_BELOW
    return f'<ol class="toc">{"".join(_entry(text.text, section, here, unfold_all) for section in entries)}</ol>'


def _entries(section: Section) -> list[Section]:
    """The listed sections right below, looking through unlisted ones."""
    found: list[Section] = []
    for child in section.children:
        if child.kind in LISTED:
            found.append(child)
        elif child.children:
            found += _entries(child)
    return found


def _count(entries: list[Section]) -> int:
    return sum(1 + _count(_entries(entry)) for entry in entries)


def _entry(text: str, section: Section, here: int, unfold_all: bool) -> str:
    below = _entries(section)
    inside = section.start <= here < max(section.end, section.start + 1)
    current = inside and here > 0 and not any(child.start <= here < child.end for child in below)
    mark = ' aria-current="location"' if current else ""
    link = f'<a href="#{section_anchor(section)}"{mark}>{_words(text, section)}</a>'
    if not below:
        return f"<li>{link}</li>"
    unfolded = " open" if unfold_all or inside else ""
    items = "".join(_entry(text, child, here, unfold_all) for child in below)
    return f"<li><details{unfolded}><summary>{link}</summary><ol>{items}</ol></details></li>"


def _words(text: str, section: Section) -> str:
    if section.kind is SectionKind.ARTICLE:
        first_line = text[section.heading_end : section.end].lstrip().split("\n", 1)[0]
        shown = section.heading or first_line[:SNIPPET_CHARS]
        return f"<b>{esc(section.label)}</b><span>{esc(shown)}</span>"
    words = " ".join(part for part in (section.label, section.heading) if part)
    words = words or text[section.start : section.end].split("\n", 1)[0][:40]
    return f"<span>{esc(words)}</span>"
