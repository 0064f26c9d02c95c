"""Chinese words for outcomes, as figures and lists show them."""

from __future__ import annotations

from study_bot.types import RefusalReason
from study_bot.usage.kept import ANSWERED

OUTCOMES = {
    ANSWERED: "已回答",
    RefusalReason.NOT_IN_LIBRARY.value: "库内没有依据",
    RefusalReason.ARTICLE_NOT_FOUND.value: "没有这一条",
    RefusalReason.LAW_NOT_FOUND.value: "没有这部文献",
    RefusalReason.NOT_IN_FORCE.value: "没有有效版本",
    RefusalReason.UNCLEAR.value: "没看懂问题",
    RefusalReason.EMPTY_LIBRARY.value: "文献库为空",
}
"""Every outcome of a question."""


def outcome_words(outcome: str) -> str:
    """The words for an outcome; itself if it is of a newer program."""
    return OUTCOMES.get(outcome, outcome)
