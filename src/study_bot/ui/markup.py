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
    "thumb-up": '<path d="M7 10.5v9H4v-9zM7 11l4-7.5a2.2 2.2 0 0 1 2.2 2.6L12.6 9.5H19a1.8 1.8 0 0 1 1.8 2.1l-1.2 6.4'
    'a1.9 1.9 0 0 1-1.9 1.5H7"/>',
    "thumb-down": '<path d="M7 13.5v-9H4v9zM7 13l4 7.5a2.2 2.2 0 0 0 2.2-2.6l-.6-3.4H19a1.8 1.8 0 0 0 1.8-2.1L19.6 6'
    'a1.9 1.9 0 0 0-1.9-1.5H7"/>',
    "down": '<path d="M6 9l6 6 6-6"/>',
    "user": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5a7.5 7.5 0 0 1 15 0"/>',
    "users": '<circle cx="9" cy="8" r="3.5"/>'
    '<path d="M2.5 20a6.5 6.5 0 0 1 13 0M16 4.8a3.5 3.5 0 0 1 0 6.4M18 14.6a6.5 6.5 0 0 1 3.5 5.4"/>',
    "chart": '<path d="M4 4v16h16M8.5 16v-4M13 16V8M17.5 16v-6"/>',
    "file": '<path d="M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5zM13.5 3v5.5H19M9 13h6M9 17h4"/>',
    "layers": '<path d="M12 3.5 3.5 8l8.5 4.5L20.5 8zM3.5 12.5 12 17l8.5-4.5M3.5 16.8 12 21.2l8.5-4.4"/>',
    "chat": '<path d="M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z"/>',
    "clock": '<circle cx="12" cy="12" r="9"/><path d="M12 7v5.2l3.4 2"/>',
    "archive": '<path d="M3.5 4.5h17v4h-17zM5 8.5v11h14v-11M10 12.5h4"/>',
    "upload": '<path d="M12 15.5V4M7.5 8.5 12 4l4.5 4.5M4.5 16v3.5h15V16"/>',
    "download": '<path d="M12 4v11.5M7.5 11l4.5 4.5 4.5-4.5M4.5 16v3.5h15V16"/>',
    "check": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6.5"/><path d="M15.5 15.5 20.5 20.5"/>',
    "leave": '<path d="M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8M10 12h10.5M17 8.5l3.5 3.5-3.5 3.5"/>',
    "key": '<circle cx="8" cy="15.5" r="4.5"/><path d="M11.2 12.3 20 3.5M16 7.5l3 3"/>',
    "screen": '<rect x="3.5" y="4.5" width="17" height="12" rx="1.5"/><path d="M9 20.5h6M12 16.5v4"/>',
    "tree": '<rect x="9" y="3" width="6" height="5" rx="1"/><rect x="3" y="16" width="6" height="5" rx="1"/>'
    '<rect x="15" y="16" width="6" height="5" rx="1"/><path d="M12 8v4M6 16v-4h12v4"/>',
    "trash": '<path d="M4 6.5h16M9.5 6.5V4h5v2.5M6.5 6.5 7.5 20.5h9l1-14M10 10.5v6M14 10.5v6"/>',
}


def icon(name: str) -> str:
    """A line icon; it says nothing to a screen reader."""
    return (
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{_ICONS[name]}</svg>'
    )
