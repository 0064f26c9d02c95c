"""An answer as plain text, for the clipboard."""

from __future__ import annotations

from study_bot.types import Answer, Citation


def answer_with_sources(answer: Answer) -> str:
    """Question, answer with [n] marks, then a line for every citation: [1] 《title》 breadcrumb（version）："quote"."""
    lines = [f"问：{answer.question}", f"答：{answer.text}"]
    lines += [f"注意：{notice}" for notice in answer.notices]
    if answer.citations and not answer.refused:
        lines += ["", "依据："]
        lines += [source_line(citation) for citation in sorted(answer.citations, key=lambda c: c.n)]
    return "\n".join(lines)


def source_line(citation: Citation) -> str:
    """One citation on one line."""
    title = citation.title if citation.title.startswith("《") else f"《{citation.title}》"
    place = f" {citation.locator.label}" if citation.locator.label else ""
    version = f"（{citation.version_label}）" if citation.version_label else ""
    quote = " ".join(citation.quote.split())
    return f"[{citation.n}] {title}{place}{version}：“{quote}”"
