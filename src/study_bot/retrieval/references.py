"""Article references of a question, each bound to the law it means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from study_bot.index.articles import ArticleTable, LawMention
from study_bot.retrieval.parts import find_lone_parts, read_parts
from study_bot.text import CJK, NUMBER, FoundReference, find_article_references, parse_number
from study_bot.types import ArticleNumber, ArticleReference

MAX_RANGE = 20
"""第十条至第十二条 is spelled out up to this many articles."""


@dataclass(frozen=True, slots=True)
class ResolvedReference:
    """An article reference and what the library knows of it.

    `reference.law` is the title in the library if the law is known, else the name as written, "" if no law was named.
    `doc_ids` are the law's documents, empty when no law was named or the library lacks it. `exists` tells whether any
    version of the law has the article; `last_article` is the highest number of the law (None without a law).
    `carried` references were named in an earlier turn of the conversation, not in this question.
    """

    reference: ArticleReference
    doc_ids: tuple[str, ...] = ()
    exists: bool = False
    last_article: ArticleNumber | None = None
    carried: bool = False


_RANGE_JOINT = re.compile(r"\s*(?:至|到|—+|-+|–|~|～|直到)\s*第?$")
_RANGE_START = re.compile(
    rf"(?P<first>第)?\s*(?P<number>{NUMBER})\s*(?P<unit>条)?(?:之(?P<insert>{NUMBER}))?\s*(?:至|到|—+|-+|–|~|～)\s*$"
)
_LIST_JOINT = re.compile(r"\s*(?:[、,，及和与或]|以及)\s*$")
_WEAK_CONTEXT = re.compile(r"^(?:那么?|请问|还有|再看|然后|和|那个?|看看?|查一?下)?\s*$")
# Between a law and a number without 第: title marks, version words, 的.
_DIRECT = re.compile(
    r"[\s》〉”\"’）)]*(?:[（(][^（）()]{1,20}[）)])?[\s》]*(?:(?:19|20)?\d\d年?(?:版|修[订改正]版?)本?)?(?:里面?|中|当中)?的?\s*$"
)
_ARTICLE = re.compile(rf"条(?:\s*之\s*{NUMBER})?")
_BEFORE_ARTICLE = frozenset("问据照按依第和与及或跟同的在对看查下解说讲述释是么那呢于为反合用从")
_AFTER_ARTICLE = frozenset("的是讲说规怎如什呢吗和与及或第中里有对所以至到款项内处具主指包应适哪明为可能属允禁要之")
_ANAPHOR = re.compile(r"[本该此这那][个部条]?(?:法律?|条例|规定|办法|细则|规则|准则|章程|决定)$")
_LONE_PARTS = re.compile(rf"第\s*[（(]?{NUMBER}[）)]?\s*[款项]|(?<![{'零一二三四五六七八九十百'}\d]){NUMBER}款")


def find_references(
    text: str,
    mentions: Sequence[LawMention],
    articles: ArticleTable,
    *,
    context: Sequence[ResolvedReference] = (),
    context_docs: tuple[str, ...] = (),
    context_law: str = "",
) -> tuple[ResolvedReference, ...]:
    """All article references of a question in reading order, without repetitions.

    Each belongs to the law named last before it, else to the one named after it, else to the conversation's.

    :param context: references of the turn before, which 第二款 alone refers to.
    :param context_docs: documents of the law the conversation was about.
    :param context_law: its title.
    """
    laws = [m for m in mentions if m.statute]
    found: list[ResolvedReference] = []
    previous: FoundReference | None = None
    for reference, is_last in _outside(find_article_references(text), mentions):
        if not reference.explicit and not _believable(text, reference, laws, previous, has_context=bool(context_docs)):
            continue
        law, doc_ids = _law_of(reference.start, laws, context_law, context_docs, articles)
        if not law and not _stands_alone(text, reference):
            continue
        first = _range_start(text, reference, previous)
        if first is not None:
            run = _spell_out(first, reference.article, articles.articles_of(doc_ids))
            found += [resolve(ArticleReference(law, number), doc_ids, articles) for number in run[:-1]]
        parts = read_parts(text, _article_end(text, reference)) if is_last else []
        found += [
            resolve(ArticleReference(law, reference.article, clause, item), doc_ids, articles)
            for clause, item in parts or [(None, None)]
        ]
        previous = reference
    if not found and context:
        base = context[-1]
        found += [
            replace(
                base,
                reference=replace(base.reference, clause=clause or base.reference.clause, item=item),
                carried=True,
            )
            for clause, item in find_lone_parts(text)
        ]
    return tuple(dict.fromkeys(found))


def resolve(
    reference: ArticleReference, doc_ids: tuple[str, ...], articles: ArticleTable, *, carried: bool = False
) -> ResolvedReference:
    """What the library knows of one reference to a law whose documents are given."""
    known = articles.articles_of(doc_ids)
    return ResolvedReference(
        reference=reference,
        doc_ids=doc_ids,
        exists=reference.article in known,
        last_article=known[-1] if known else None,
        carried=carried,
    )


def _believable(
    text: str,
    reference: FoundReference,
    laws: Sequence[LawMention],
    previous: FoundReference | None,
    *,
    has_context: bool,
) -> bool:
    """Whether a number before 条 without 第 is an article: right after a law or a reference, or opening a follow-up."""
    before = text[: reference.start]
    if any(m.end <= reference.start and _DIRECT.fullmatch(before, m.end) for m in laws):
        return len(text[reference.start : reference.end]) > 2 or text[reference.start].isdigit()
    if previous is not None and previous.end <= reference.start:
        joint = before[previous.end :]
        return bool(_LIST_JOINT.fullmatch(joint) or _RANGE_JOINT.fullmatch(joint))
    if previous is not None and previous.start == reference.start:
        return True
    if opening := _RANGE_START.search(before):
        bare = not opening["first"] and not opening["unit"]
        return not bare or any(
            m.end <= opening.start() and _DIRECT.fullmatch(before, m.end, opening.start()) for m in laws
        )
    return has_context and _WEAK_CONTEXT.fullmatch(before) is not None and text[reference.start].isdigit()


def _stands_alone(text: str, reference: FoundReference) -> bool:
    """Whether 第一条 without any law can be an article, not the first of something (第一条铁路, 十项要求第三条)."""
    before, after = text[: reference.start].rstrip(), text[reference.end :].lstrip()
    begins = not re.match(f"[{CJK}]", before[-1:]) or before[-1] in _BEFORE_ARTICLE or _ANAPHOR.search(before)
    ends = not re.match(f"[{CJK}]", after) or after[0] in _AFTER_ARTICLE
    return bool(begins and ends)


def _law_of(
    position: int, laws: Sequence[LawMention], context_law: str, context_docs: tuple[str, ...], articles: ArticleTable
) -> tuple[str, tuple[str, ...]]:
    before = [m for m in laws if m.end <= position]
    if before:
        return before[-1].name, before[-1].doc_ids
    after = [m for m in laws if m.start >= position]
    if after:
        return after[0].name, after[0].doc_ids
    if context_docs or context_law:
        return context_law, context_docs
    only = articles.statutes()
    if len(only) == 1:
        return only[0], articles.resolve_law(only[0])
    return "", ()


def _range_start(text: str, reference: FoundReference, previous: FoundReference | None) -> ArticleNumber | None:
    """The first article of a range that ends in `reference`; None if it is no range."""
    if (
        previous is not None
        and previous.end <= reference.start
        and _RANGE_JOINT.fullmatch(text[previous.end : reference.start])
    ):
        return previous.article
    match = _RANGE_START.search(text, 0, reference.start)
    if match:
        number = parse_number(match["number"])
        insert = parse_number(match["insert"]) if match["insert"] else 0
        if number:
            return ArticleNumber(number, insert or 0)
    return None


def _spell_out(first: ArticleNumber, last: ArticleNumber, known: Sequence[ArticleNumber]) -> list[ArticleNumber]:
    """The articles from `first` to `last`, which stands at the end; only the two if reversed or too many."""
    inner = [a for a in known if first < a < last]
    return [first, *inner, last] if first < last and len(inner) < MAX_RANGE else [first, last]


def _outside(
    references: Sequence[FoundReference], mentions: Sequence[LawMention]
) -> Iterator[tuple[FoundReference, bool]]:
    """References that are not part of a law's name, and whether each is the last of its list (第3、4条)."""
    for index, reference in enumerate(references):
        if not any(m.start <= reference.start and reference.end <= m.end for m in mentions):
            yield reference, index + 1 == len(references) or references[index + 1].start != reference.start


def _article_end(text: str, reference: FoundReference) -> int:
    """Where 第N条之M ends and its 款 and 项 begin."""
    match = _ARTICLE.search(text, reference.start, reference.end)
    return match.end() if match else reference.end
