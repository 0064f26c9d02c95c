"""A word on an answer, and the case of an evaluation set that can be made of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from study_bot.errors import DatasetError, InputError
from study_bot.evaluation.case_collection import Case, as_query, case_from
from study_bot.evaluation.cases import resolved_qrels
from study_bot.evaluation.evidence import Library
from study_bot.settings import Settings
from study_bot.text import article_label, find_article_references
from study_bot.usage.kept import KeptQuestion


class Verdict(StrEnum):
    """Thumb up or down."""

    UP = "up"
    DOWN = "down"


class Reason(StrEnum):
    """What is wrong with an answer."""

    WRONG_ANSWER = "wrong_answer"
    WRONG_CITATION = "wrong_citation"
    OUTDATED = "outdated"
    NOT_FOUND = "not_found"
    OTHER = "other"

    @property
    def label(self) -> str:
        """Chinese words."""
        return _REASONS[self]


_REASONS = {
    Reason.WRONG_ANSWER: "答得不对",
    Reason.WRONG_CITATION: "引用的条文不对",
    Reason.OUTDATED: "规定已经过时",
    Reason.NOT_FOUND: "库里有，却没有找到",
    Reason.OTHER: "其他",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """A word on an answer, as the admin reads it. `settled` = done with; `case_id` "" = not made a case."""

    id: int
    at: dt.datetime
    who: str
    verdict: Verdict
    reason: Reason | None
    comment: str
    right_article: str
    settled: bool
    case_id: str
    question: KeptQuestion


@dataclass(frozen=True, slots=True)
class RightPlace:
    """Where the right answer stands, as a person writes it; or `refuse`: the library has none."""

    title: str = ""
    article: str = ""
    quote: str = ""
    version: str = ""
    refuse: bool = False


def feedback_set(settings: Settings) -> Path:
    """Folder of the set that cases from use are collected in."""
    return settings.data_dir / "evals" / "feedback"


def suggested(remark: Remark) -> RightPlace:
    """What the form for a case begins with: what the person wrote, else what the answer cited; nothing for an outdated
    citation, whose place is certainly not the right one."""
    references = find_article_references(remark.right_article)
    if references:
        found = references[0]
        title = remark.right_article[: found.start].strip(" 《》的")
        return RightPlace(title or _first_title(remark), article_label(found.article))
    if remark.right_article:
        return RightPlace(title=remark.right_article.strip(" 《》"))
    if remark.reason in (Reason.OUTDATED, Reason.WRONG_CITATION) or not remark.question.cited:
        return RightPlace()
    place = remark.question.cited[0]
    inside = find_article_references(place.locator)
    return RightPlace(place.title, article_label(inside[0].article) if inside else "")


def case_of(question: str, right: RightPlace, reason: str | None, library: Library | None) -> Case:
    """The case that a remark's question becomes.

    :param reason: code of the reason given, None if there was none.
    :param library: where the right place must be found; None = it is not looked for.
    :raises InputError: the place cannot be understood, or the library does not have it.
    """
    why = f"使用者反馈：{Reason(reason).label}" if reason else "使用者反馈"
    try:
        case = case_from(
            question=question,
            title=right.title,
            article=right.article,
            quote=right.quote,
            version=right.version,
            refuse=right.refuse,
            reason=why,
        )
    except DatasetError as error:
        raise InputError(str(error)) from None
    if library is not None and not case.refuse:
        lost = resolved_qrels([as_query(case)], library).unresolved
        if lost:
            raise InputError(f"没有加入：{lost[0].wrong}。请核对文献名称、版本、条号和原文。")
    return case


def _first_title(remark: Remark) -> str:
    return remark.question.cited[0].title if remark.question.cited else ""
