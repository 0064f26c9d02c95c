"""Answers to questions that name an article: its own words, or the 款 or 项 asked for, verbatim."""

from __future__ import annotations

from collections.abc import Sequence

from study_bot.answering.extractive import Selection
from study_bot.index.clauses import clause_spans, find_clause
from study_bot.text import article_label, to_chinese_number
from study_bot.types import ArticleNumber, ArticleReference, Hit, Passage

ArticleKey = tuple[str, ArticleNumber]
"""(version_id, article)."""


def article_groups(hits: Sequence[Hit]) -> dict[ArticleKey, list[Passage]]:
    """The articles that exact hits belong to, in the order they were found; their passages in text order."""
    groups: dict[ArticleKey, list[Passage]] = {}
    for hit in hits:
        if hit.exact and hit.passage.article is not None:
            groups.setdefault((hit.passage.version_id, hit.passage.article), []).append(hit.passage)
    return {key: sorted(parts, key=lambda p: p.start) for key, parts in groups.items()}


def select_article(
    parts: Sequence[Passage], asked: Sequence[ArticleReference], text: str
) -> tuple[list[Selection], list[str]]:
    """Spans of one article that answer the references to it.

    :param parts: all passages of the article, in text order.
    :param asked: the references that name this article; none, or one without 款 and 项, asks for all of it.
    :param text: the version's text from the first part's start to the last part's end.
    :return: selections in text order, and notices about parts it does not have.
    """
    start, whole = parts[0].start, [(parts[0].start, parts[-1].end)]
    spans: list[tuple[int, int]] = []
    for reference in asked:
        if reference.clause is None and reference.item is None:
            return _by_passage(parts, whole), []
        found = find_clause(text, reference.clause, reference.item)
        if found is None:
            notice = f"{article_label(reference.article)}没有{_part_words(reference)}，以下为该条全文。"
            return _by_passage(parts, whole), [notice]
        spans += [(start + a, start + b) for a, b in (*_lead_of(text, found, reference), found)]
    return _by_passage(parts, spans or whole), []


def _lead_of(text: str, found: tuple[int, int], reference: ArticleReference) -> list[tuple[int, int]]:
    """The words an item hangs from, so that it can be understood."""
    if reference.item is None:
        return []
    for clause in clause_spans(text):
        if clause.start <= found[0] < clause.end and clause.start < clause.lead_end <= found[0]:
            return [(clause.start, clause.lead_end)]
    return []


def _part_words(reference: ArticleReference) -> str:
    clause = f"第{to_chinese_number(reference.clause)}款" if reference.clause else ""
    item = f"第（{to_chinese_number(reference.item)}）项" if reference.item else ""
    return clause + item


def _by_passage(parts: Sequence[Passage], spans: Sequence[tuple[int, int]]) -> list[Selection]:
    """Cut spans of the version's text at the borders of passages; what lies between passages is layout."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(set(spans)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    selections = []
    for passage in parts:
        own = tuple(
            (max(start, passage.start) - passage.start, min(end, passage.end) - passage.start)
            for start, end in merged
            if start < passage.end and end > passage.start
        )
        if own:
            selections.append(Selection(passage, own))
    return selections
