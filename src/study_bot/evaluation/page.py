"""Building blocks of the report page: one HTML file that needs nothing else, neither scripts nor a network.

`esc` is the only door for text that the program did not write itself; whatever is called `markup` is HTML already.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from study_bot.evaluation import svg
from study_bot.evaluation.measures import describe


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: markup, and whether it holds a number (set flush right)."""

    markup: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure set large: what it is, the value, and words below it."""

    label: str
    value: str
    below: str = ""
    kind: str = ""


def esc(text: object) -> str:
    """Text made safe for element content and for quoted attributes; control characters become a visible sign."""
    shown = "".join(char if char >= " " or char in "\n\t" else "\ufffd" for char in str(text))
    return html.escape(shown, quote=True)


def page(kind: str, title: str, facts: Mapping[str, str], sections: Iterable[str]) -> str:
    """The whole page. `facts` are shown under the title, empty ones left out; `sections` are markup."""
    style = resources.files("study_bot.evaluation").joinpath("assets/report.css").read_text(encoding="utf-8")
    shown = "".join(f"<div><dt>{esc(name)}</dt><dd>{esc(value)}</dd></div>" for name, value in facts.items() if value)
    return (
        '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{esc(title)} · {esc(kind)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header><p class="kicker">{esc(kind)}</p><h1>{esc(title)}</h1><dl class="facts">{shown}</dl></header>\n'
        f"<main>\n{chr(10).join(part for part in sections if part)}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, *markup: str, lead: str = "") -> str:
    """A part of the page under a heading; nothing if it has no content."""
    body = "".join(markup)
    if not body:
        return ""
    words = f'<p class="lead">{esc(lead)}</p>' if lead else ""
    return f"<section><h2>{esc(title)}</h2>{words}{body}</section>"


def tiles(entries: Sequence[Tile]) -> str:
    """Large figures in a row."""
    if not entries:
        return ""
    shown = "".join(
        f'<div class="tile {entry.kind}"><p class="label">{esc(entry.label)}</p>'
        f'<p class="figure">{esc(entry.value)}</p><p class="below">{esc(entry.below)}</p></div>'
        for entry in entries
    )
    return f'<div class="tiles">{shown}</div>'


def plots(*figures: tuple[str, str, str]) -> str:
    """Plots beside each other: `(title, markup of the plot, words below)`; those without a plot are left out."""
    shown = "".join(
        f"<figure><h3>{esc(title)}</h3>{markup}"
        + (f"<figcaption>{esc(words)}</figcaption>" if words else "")
        + "</figure>"
        for title, markup, words in figures
        if markup
    )
    return f'<div class="plots">{shown}</div>' if shown else ""


def legend(entries: Sequence[svg.Series]) -> str:
    """Names of the lines of a plot."""
    keys = "".join(f'<li><span class="key k{line.style}"></span>{esc(line.name)}</li>' for line in entries)
    return f'<ul class="legend">{keys}</ul>'


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]], *, kind: str = "") -> str:
    """A table that scrolls sideways where there is no room; column headings stand flush with their cells.

    :param kind: "measures" = on a narrow screen each row becomes a block with its first cell as a heading.
    """
    if not rows:
        return ""
    numbers = [cell.number for cell in rows[0]]
    head = "".join(
        f'<th scope="col"{_number(number)}>{esc(name)}</th>' for name, number in zip(header, numbers, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td{_number(cell.number)} data-label="{esc(name)}">{cell.markup}</td>'
            for name, cell in zip(header, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _number(number: bool) -> str:
    return ' class="number"' if number else ""


def measure_cell(name: str) -> Cell:
    """The name of a measure with what it means below it."""
    info = describe(name)
    note = f'<span class="note">{esc(info.note)}</span>' if info.note else ""
    return Cell(f"<b>{esc(info.label)}</b>{note}")


def question_card(title: str, tags: Sequence[tuple[str, str]], sides: Sequence[tuple[str, str]]) -> str:
    """A question with two or more texts side by side. `tags` are (words, kind); `sides` are (heading, markup)."""
    shown_tags = "".join(f'<span class="tag {kind}">{esc(words)}</span>' for words, kind in tags if words)
    shown = "".join(f"<div><h4>{esc(heading)}</h4>{markup}</div>" for heading, markup in sides)
    return (
        f'<article class="question"><h3>{esc(title)}</h3><p class="tags">{shown_tags}</p>'
        f'<div class="sides of{len(sides)}">{shown}</div></article>'
    )


def paragraph(text: str, limit: int = 400, kind: str = "") -> str:
    """A text with its line breaks, cut after `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
    return f'<p class="text {kind}">{esc(cut)}</p>'
