"""Small pieces of HTML. `esc` is the only door for text that the program did not write itself."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from study_bot.types import Locator, VersionStatus

BADGE_CLASSES = {
    VersionStatus.IN_FORCE: "badge-good",
    VersionStatus.AMENDED: "badge-warn",
    VersionStatus.REPEALED: "badge-bad",
    VersionStatus.NOT_YET: "badge-info",
}


def esc(text: str) -> str:
    """Text made safe for element content and for quoted attributes."""
    return html.escape(text, quote=True)


def status_badge(status: VersionStatus | None) -> str:
    """The coloured word for a status; nothing for an unknown one."""
    if status is None or not status.label:
        return ""
    return f'<span class="badge {BADGE_CLASSES[status]}">{status.label}</span>'


def split_label(label: str) -> tuple[str, VersionStatus | None]:
    """Version words such as "2025-06-27 现行有效" taken apart into the words before and the status."""
    for status in VersionStatus:
        if status.label and label.endswith(status.label):
            return label[: -len(status.label)].strip(), status
    return label.strip(), None


def version_words(label: str) -> str:
    """Version words as HTML: the date plain, the status as a badge."""
    words, status = split_label(label)
    date = f'<span class="when">{esc(words)}</span>' if words else ""
    return status_badge(status) + date


def crumbs(locator: Locator) -> str:
    """A breadcrumb, outermost level first, with page, slide or row at its end."""
    parts = [*locator.breadcrumb]
    place = Locator(place=locator.place).label
    if place:
        parts.append(place)
    return '<span class="sep" aria-hidden="true">›</span>'.join(f"<span>{esc(part)}</span>" for part in parts)


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `[start, end)` of a version's text to be marked, for citation `n` (0 = no number)."""

    start: int
    end: int
    n: int = 0


def marked(text: str, offset: int, spans: Iterable[Span], *, first_id: str = "", current: int | None = None) -> str:
    """Escaped `text` with the parts that lie in `spans` inside `<mark>`.

    :param offset: position of `text` in the version, against which the spans are counted.
    :param first_id: id given to the first mark, "" for none.
    :param current: number whose marks are the current ones; None makes all of them current.
    """
    inside = [s for s in spans if s.start < offset + len(text) and s.end > offset and s.start < s.end]
    edges = {0, len(text)}
    for span in inside:
        edges |= {max(span.start - offset, 0), min(span.end - offset, len(text))}
    cuts, parts, anchor = sorted(edges), [], first_id
    for start, end in pairwise(cuts):
        piece = esc(text[start:end])
        covering = [s for s in inside if s.start <= offset + start and s.end >= offset + end]
        if not covering:
            parts.append(piece)
            continue
        numbers = " ".join(str(n) for n in sorted({s.n for s in covering}) if n)
        is_current = current is None or any(s.n == current for s in covering)
        attributes = f' data-n="{numbers}"' if numbers else ""
        attributes += ' class="now"' if is_current else ""
        if anchor and is_current:
            attributes, anchor = f' id="{anchor}"' + attributes, ""
        parts.append(f"<mark{attributes}>{piece}</mark>")
    return "".join(parts)


_ICONS = {
    "copy": '<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15V6a2 2 0 0 1 2-2h8"/>',
    "open": '<path d="M14 5h5v5M19 5l-8 8M18 14v4a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2h4"/>',
    "warn": '<path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.1"/>',
    "info": '<circle cx="12" cy="12" r="9"/><path d="M12 11v5M12 8v.1"/>',
    "retry": '<path d="M4 12a8 8 0 1 0 2.6-5.9M4 4v4.5h4.5"/>',
    "list": '<path d="M8 6h12M8 12h12M8 18h12M4 6v.1M4 12v.1M4 18v.1"/>',
    "sliders": '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
    "close": '<path d="M6 6l12 12M18 6 6 18"/>',
    "book": '<path d="M5 5.5A2.5 2.5 0 0 1 7.5 3H19v15H7.5A2.5 2.5 0 0 0 5 20.5zM5 20.5A2.5 2.5 0 0 0 7.5 21H19"/>',
    "moon": '<path d="M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z"/>',
    "shield": '<path d="M12 3l7.5 2.5v6c0 4.6-3.1 7.9-7.5 9.5-4.4-1.6-7.5-4.9-7.5-9.5v-6zM8.7 12l2.4 2.4 4.4-4.6"/>',
    "back": '<path d="M15 5l-7 7 7 7"/>',
    "up": '<path d="M6 15l6-6 6 6"/>',
    "down": '<path d="M6 9l6 6 6-6"/>',
}


def icon(name: str) -> str:
    """A line icon; it says nothing to a screen reader."""
    return (
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{_ICONS[name]}</svg>'
    )
