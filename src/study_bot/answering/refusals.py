"""The words of a refusal: why there is no answer, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from study_bot.retrieval.query import Query, ResolvedReference
from study_bot.text import article_label, short_title
from study_bot.types import Answer, Hit, RefusalReason

_NEAREST = "下面列出最接近的段落，可能有用，请自行核对。"


def refusal(
    question: str, reason: RefusalReason, message: str, hits: Sequence[Hit] = (), *, confidence: float = 0.0
) -> Answer:
    """A refusal; `hits` are offered as possibly related."""
    return Answer(
        question=question,
        statements=(),
        citations=(),
        hits=tuple(hits),
        refused=True,
        reason=reason,
        message=message,
        confidence=confidence,
    )


def not_in_library(question: str, hits: Sequence[Hit], confidence: float) -> Answer:
    """The library does not say."""
    message = "文献库中没有找到能有把握回答这个问题的内容。"
    message += (
        f"{_NEAREST}可以换用文献中的说法，或写明法规名称再问。" if hits else "可以换一种说法，或放宽文献范围再问。"
    )
    return refusal(question, RefusalReason.NOT_IN_LIBRARY, message, hits, confidence=confidence)


def law_not_found(question: str, laws: Sequence[str], hits: Sequence[Hit]) -> Answer:
    """A law is named that the library does not hold."""
    names = "".join(f"《{law.strip('《》')}》" for law in laws)
    message = f"文献库中没有收录{names}，因此不作回答。请核对名称，或请管理员添加该文献。"
    return refusal(question, RefusalReason.LAW_NOT_FOUND, message + (_NEAREST if hits else ""), hits)


def article_not_found(question: str, references: Sequence[ResolvedReference], hits: Sequence[Hit]) -> Answer:
    """The law is there, the article is not."""
    message = "".join(missing_article(reference) for reference in references)
    return refusal(question, RefusalReason.ARTICLE_NOT_FOUND, message + "请核对条文编号。", hits)


def missing_article(reference: ResolvedReference) -> str:
    """《甲法》没有第二百条（最后一条为第一百一十九条）。"""
    last = f"（最后一条为{article_label(reference.last_article)}）" if reference.last_article else ""
    return f"《{short_title(reference.reference.law)}》没有{article_label(reference.reference.article)}{last}。"


def which_law(question: str, query: Query) -> Answer:
    """An article without its law."""
    label = article_label(query.references[0].reference.article)
    message = f"请写明是哪部法规的{label}，例如“治安管理处罚法{label}”。"
    return refusal(question, RefusalReason.UNCLEAR, message)


def unclear(question: str) -> Answer:
    """Nothing in the question says what it is about."""
    message = "没有看出要问什么。请写出具体的事项，例如“缺课后多长时间内要补课”，或写明法规名称和条号。"
    return refusal(question, RefusalReason.UNCLEAR, message)


def not_in_force(question: str, hits: Sequence[Hit]) -> Answer:
    """Only versions out of force answer."""
    message = "文献库中只有已失效或尚未施行的版本涉及这个问题。如需查阅，请勾选“包含已废止版本”，或写明年份再问。"
    return refusal(question, RefusalReason.NOT_IN_FORCE, message, hits)
