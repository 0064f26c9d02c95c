"""Articles named in a question, looked up instead of searched for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.index.articles import ArticleTable
from study_bot.index.clauses import find_clause
from study_bot.retrieval.eligibility import Eligibility, Eligible
from study_bot.retrieval.references import ResolvedReference
from study_bot.types import Passage, VersionStatus


@dataclass(frozen=True, slots=True)
class FoundArticle:
    """An article that a question names, in one version.

    `rows` are its passages in text order, `[start, end)` its span in the version's text; `part` is the span of the
    款 or 项 asked for, None if none was asked or the article has no such part. `status` is that on the day asked about;
    `outdated` = no version that would answer by default has the article, this one out of force does.
    """

    reference: ResolvedReference
    version_id: str
    rows: tuple[int, ...]
    start: int
    end: int
    part: tuple[int, int] | None
    status: VersionStatus
    outdated: bool = False


def look_up(
    references: Sequence[ResolvedReference],
    articles: ArticleTable,
    eligibility: Eligibility,
    eligible: Eligible,
    passages: Sequence[Passage],
    day: dt.date,
) -> tuple[FoundArticle, ...]:
    """The named articles in the order of the question; of each the versions that may answer, the one in force first.

    Where none may, the latest version out of force that has the article.
    """
    found: list[FoundArticle] = []
    for reference in references:
        holders = articles.holders(reference.doc_ids, reference.reference.article)
        holders = tuple(v for v in holders if eligible.filtered[eligibility.index_of(v)])
        ranked = eligibility.newest_first(holders, day)
        allowed = [v for v in ranked if eligible.versions[eligibility.index_of(v)]]
        for version_id in allowed or ranked[:1]:
            rows = tuple(articles.rows(version_id, reference.reference.article))
            found.append(
                FoundArticle(
                    reference=reference,
                    version_id=version_id,
                    rows=rows,
                    start=passages[rows[0]].start,
                    end=passages[rows[-1]].end,
                    part=_part(reference, [passages[row] for row in rows]),
                    status=eligibility.status(version_id, day),
                    outdated=not allowed,
                )
            )
    return tuple(found)


def _part(reference: ResolvedReference, parts: Sequence[Passage]) -> tuple[int, int] | None:
    asked = reference.reference
    if asked.clause is None and asked.item is None:
        return None
    base = parts[0].start
    span = find_clause(_joined(parts), asked.clause, asked.item)
    return None if span is None else (base + span[0], base + span[1])


def _joined(parts: Sequence[Passage]) -> str:
    """The article's text from its passages; what lies between two of them is only white space, mostly a line feed."""
    pieces: list[str] = []
    position = parts[0].start
    for passage in parts:
        pieces += ["\n" * (passage.start - position), passage.text]
        position = max(position, passage.end)
    return "".join(pieces)
