"""The results of quiz questions as answers, to be shown and recorded as any other answer is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from study_bot.answering.choices import Choice
from study_bot.answering.citations import CitationBook
from study_bot.answering.fill_in import Filling
from study_bot.answering.quiz_forms import plain_option
from study_bot.text import split_sentences
from study_bot.types import Answer, Hit, RefusalReason, Statement, Version

_UNDECIDED = "文献中没有足以判断这道题的原文，不作选择。可以换一种写法，或补上题目所说的文件名称。"
_NOT_FOUND = "文献中没有找到与这句话相符的原文，无法填空。可以补上空格前后的原句，或题目所说的文件名称。"

VersionOf = Callable[[str], Version]
"""Looks up a version by its id."""


def choice_answer(question: str, options: Sequence[str], choice: Choice, version_of: VersionOf) -> Answer:
    """A choice as an answer: the letters and words of the options picked, each on a line, then what proves them.

    The options are words of the question, so they are connective; what the texts say is quoted after them. An undecided
    choice is a refusal.
    """
    if not choice.picked:
        return _refusal(question, choice.hits, _UNDECIDED)
    book = CitationBook(version_of)
    picked = "\n".join(f"{chr(ord('A') + index)}．{plain_option(options[index])}" for index in choice.picked)
    quotes = []
    for proof in choice.proofs:
        citation = book.cite(proof.passage, proof.start, proof.end)
        quotes.append(Statement(citation.quote, (citation.n,)))
    statements = (Statement(picked, connective=True), *quotes)
    return Answer(question, statements, tuple(book.citations), choice.hits, confidence=min(1.0, choice.margin))


def filling_answer(
    question: str, fillings: Sequence[Filling | None], hits: Sequence[Hit], version_of: VersionOf
) -> Answer:
    """What stands at each blank as an answer; a refusal if one of them was not found."""
    found = [filling for filling in fillings if filling is not None]
    if not found or len(found) < len(fillings):
        return _refusal(question, tuple(hits), _NOT_FOUND)
    book = CitationBook(version_of)
    statements = [Statement("；".join(filling.text for filling in found), connective=True)]
    for filling in found:
        held = [(a, b) for a, b in split_sentences(filling.passage.text) if a < filling.end and filling.start < b]
        citation = book.cite(filling.passage, held[0][0], held[-1][1])
        quote = Statement(citation.quote, (citation.n,))
        if quote not in statements:
            statements.append(quote)
    confidence = min(filling.share for filling in found)
    return Answer(question, tuple(statements), tuple(book.citations), tuple(hits), confidence=confidence)


def _refusal(question: str, hits: tuple[Hit, ...], message: str) -> Answer:
    return Answer(question, (), (), hits, refused=True, reason=RefusalReason.NOT_IN_LIBRARY, message=message)
