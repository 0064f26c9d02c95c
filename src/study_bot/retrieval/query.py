"""Understanding a question: laws, articles, day, version, kind of answer, and the words to search with."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from study_bot.index.articles import ArticleTable, LawMention
from study_bot.retrieval.cues import QuestionKind, question_kind, wants_list, without_chatter
from study_bot.retrieval.followup import has_subject, joined_text, leans_on_previous, points_at_article, without_spans
from study_bot.retrieval.references import ResolvedReference, find_references
from study_bot.retrieval.timewords import TimeWords, VersionWish, find_time_words
from study_bot.retrieval.wording import Wording
from study_bot.text import short_title
from study_bot.types import Turn

__all__ = ["Query", "QuestionKind", "ResolvedReference", "VersionWish", "understand"]


@dataclass(frozen=True, slots=True)
class Query:
    """A question, understood.

    `search_text` is what is searched for: without chatter and words about versions, everyday words exchanged for those
    of the library, law names kept, words of the turn before added when the question leans on it (`follow_up`).
    `keywords` is the same without the names of laws in the library, which every passage of the law has ("" = the same).
    `doc_ids` are the documents named in the question or carried over from the conversation, `laws` their titles;
    `unknown_laws` are names of laws, as written, that the library lacks. Without both, nothing was named.
    `as_of` is the day the question asks about, None = today. `years` are those of versions it names (2012年版).
    """

    question: str
    search_text: str
    references: tuple[ResolvedReference, ...] = ()
    doc_ids: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    unknown_laws: tuple[str, ...] = ()
    as_of: dt.date | None = None
    wish: VersionWish = VersionWish.NONE
    years: tuple[int, ...] = ()
    kind: QuestionKind = QuestionKind.OTHER
    wants_list: bool = False
    follow_up: bool = False
    keywords: str = ""

    @property
    def wants_history(self) -> bool:
        """Whether versions out of force are asked for."""
        return bool(self.years) or self.wish in (VersionWish.OLD, VersionWish.BOTH)

    @property
    def unresolved(self) -> tuple[ResolvedReference, ...]:
        """References that no version in the library can answer."""
        return tuple(r for r in self.references if not r.exists)


# How far back in a conversation a law may have been named.
_MAX_TURNS = 4
_EMPTY_MARKS = re.compile(r"[（(]\s*[）)]|《\s*》")
_EDGE_MARKS = "，,、：:；; "


def understand(
    question: str,
    articles: ArticleTable,
    today: dt.date,
    conversation: Sequence[Turn] = (),
    wording: Wording | None = None,
) -> Query:
    """Read a question in the light of the library and of the turns before it.

    :param today: the day "去年" is counted from.
    :param conversation: earlier turns, oldest first.
    :param wording: exchanges everyday words for those of the library; None = they stay.
    """
    text = question.strip()
    before = _previous(articles, today, conversation)
    mentions = articles.find_laws(text)
    spans = tuple((m.start, m.end) for m in mentions)
    about_law = before is not None and bool(before.doc_ids)
    time_words = find_time_words(text, today, spans, about_law=about_law)
    names_law = any(m.statute for m in mentions)
    leans = before is not None and not names_law and leans_on_previous(text, time_words.spans)
    references = _references(text, mentions, time_words, articles, before, leans=leans)
    doc_ids = tuple(dict.fromkeys(d for m in mentions for d in m.doc_ids))
    laws = tuple(dict.fromkeys(m.name for m in mentions if m.doc_ids))
    if before is not None and not mentions and (leans or references):
        doc_ids, laws = before.doc_ids, before.laws
    plain = without_spans(text, spans)
    search_text = _search_text(text, time_words, references, before if leans else None)
    if wording is not None:
        search_text = wording.rewritten(search_text)
    return Query(
        question=question,
        search_text=search_text,
        references=references,
        doc_ids=doc_ids,
        laws=laws,
        unknown_laws=tuple(dict.fromkeys(m.name for m in mentions if not m.doc_ids)),
        as_of=time_words.as_of,
        wish=time_words.wish,
        years=time_words.years,
        kind=question_kind(plain, asks_article=bool(references)),
        wants_list=wants_list(plain),
        follow_up=leans,
        keywords=_keywords(search_text, articles) if laws else search_text,
    )


def _previous(articles: ArticleTable, today: dt.date, conversation: Sequence[Turn]) -> Query | None:
    """The last turn, understood with the turns before it; None without one.

    Where its question names no law, the one law its answer names counts.
    """
    if not conversation:
        return None
    *earlier, last = conversation[-_MAX_TURNS:]
    query = understand(last.question, articles, today, earlier)
    if query.doc_ids or query.unknown_laws:
        return query
    named = [m for m in articles.find_laws(last.answer) if m.doc_ids and m.statute]
    if len({m.name for m in named}) != 1:
        return query
    return replace(query, doc_ids=named[0].doc_ids, laws=(named[0].name,))


def _references(
    text: str,
    mentions: Sequence[LawMention],
    time_words: TimeWords,
    articles: ArticleTable,
    before: Query | None,
    *,
    leans: bool,
) -> tuple[ResolvedReference, ...]:
    """The articles named here, or, where the question only points at them or changes the day, those named before."""
    if before is None:
        return find_references(text, mentions, articles)
    names_law = any(m.statute for m in mentions)
    found = find_references(
        text,
        mentions,
        articles,
        context=before.references if leans else (),
        context_docs=() if names_law else before.doc_ids,
        context_law="" if names_law else "、".join(before.laws[:1]),
    )
    if found or not leans:
        return found
    only_time = bool(time_words.spans) and not has_subject(without_spans(text, time_words.spans))
    if not only_time and not points_at_article(text):
        return ()
    return tuple(replace(reference, carried=True) for reference in before.references)


def _search_text(
    text: str, time_words: TimeWords, references: Sequence[ResolvedReference], leans_on: Query | None
) -> str:
    own = without_spans(text, time_words.spans)
    if time_words.spans:
        own = _EMPTY_MARKS.sub("", own)
    own = without_chatter(own).strip(_EDGE_MARKS)
    if leans_on is None:
        return own or text
    if any(not reference.carried for reference in references):
        return " ".join((*map(short_title, leans_on.laws[:1]), own))
    return joined_text(leans_on.search_text, own) or text


def _keywords(search_text: str, articles: ArticleTable) -> str:
    named = [(m.start, m.end) for m in articles.find_laws(search_text) if m.doc_ids and m.statute]
    rest = without_spans(search_text, named).strip(_EDGE_MARKS)
    return rest if has_subject(rest) else search_text
