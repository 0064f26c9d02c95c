"""A chapter as the answer: 党员教育的基本任务有哪些 asks for what the chapter of that heading says, article by article.

No single passage of it answers, and none of them need hold the words of its heading. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from study_bot.answering.extractive import Selection
from study_bot.answering.terms import content_words
from study_bot.library.tree import articles_of, walk
from study_bot.text import split_sentences
from study_bot.types import Passage, Section, SectionKind

MAX_ARTICLES = 15
"""A chapter of more articles is too long an answer, and mostly about more than was asked."""

MIN_HEADING = 4
"""Characters of the shortest heading that says of itself what it is about: 总则 and 附则 do not."""

_CHAPTERS = (SectionKind.BOOK, SectionKind.SUBBOOK, SectionKind.CHAPTER, SectionKind.PART)
_MARKS = re.compile(r"[\W_的]")
_EMPTY = re.compile(r"请|主要|具体|内容|规定|要求|包括|分别|有|是|都|应当|应该|方面|[\W_的中在对于]")


def asked_chapter(question: str, root: Section) -> Section | None:
    """The chapter or section whose heading is all that a question speaks of; None if there is none or it is long.

    :param question: without the names of laws.
    :param root: the tree of a version.
    """
    asked = _MARKS.sub("", content_words(question))
    for _, section in walk(root):
        if section.kind not in _CHAPTERS:
            continue
        heading = _MARKS.sub("", section.heading)
        if len(heading) < MIN_HEADING or heading not in asked or _EMPTY.sub("", asked.replace(heading, "", 1)):
            continue
        if 0 < len(articles_of(section)) <= MAX_ARTICLES:
            return section
    return None


def select_chapter(chapter: Section, passages: Sequence[Passage]) -> list[Selection]:
    """The first sentence of each of a chapter's articles, with the list that hangs from it, in text order.

    :param passages: of the version the chapter is in.
    """
    starts = {article.start for article in articles_of(chapter)}
    firsts = sorted((p for p in passages if p.article is not None and p.start in starts), key=lambda p: p.start)
    return [Selection(passage, (_opening(passage.text),)) for passage in firsts]


def _opening(text: str) -> tuple[int, int]:
    """Up to the end of the first sentence; of one that announces a list, to the end of the passage."""
    start, end = split_sentences(text)[0]
    return (start, len(text)) if text[start:end].rstrip().endswith(("：", ":")) else (start, end)
