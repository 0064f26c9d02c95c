"""Reading a question from outside."""

from __future__ import annotations

from study_bot.errors import QuestionError
from study_bot.text import normalise_line


def clean_question(text: object, limit: int) -> str:
    """The question without control characters and empty lines.

    :raises QuestionError: nothing is left, or it has more than `limit` characters.
    """
    # Half a character (JSON can write one) can be neither stored nor sent back.
    whole = text.encode("utf-8", "ignore").decode() if isinstance(text, str) else ""
    lines = [normalise_line(line) for line in whole.splitlines()]
    question = "\n".join(line for line in lines if line)
    if not question:
        raise QuestionError("请先输入问题。")
    if len(question) > limit:
        raise QuestionError(f"问题太长（{len(question):,} 字），请压缩到 {limit:,} 字以内。")
    return question
