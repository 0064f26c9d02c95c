"""From the name of a law and an article number to passages.

A law is known by every name people use for it; its documents may have several versions, and each article of a
version one or more passages. In a retrieval corpus every row is a document of its own: rows of one law's articles
form that law.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from study_bot.index.known_laws import SHORT_NAMES, WELL_KNOWN
from study_bot.index.law_finder import LawFinder, LawMention, NamedLaws
from study_bot.index.law_names import (
    derived_names,
    fold,
    looks_like_law,
    official_names,
    without_prefix,
    without_remarks,
)
from study_bot.text import NUMBER
from study_bot.types import ArticleNumber, DocumentKind, Passage, Version

__all__ = ["ArticleTable", "LawMention"]

_ARTICLE_TAIL = re.compile(rf"\s*第{NUMBER}条(?:之{NUMBER})?$")
# Titles of speeches and plans shorter than this are too common as plain words to be recognised as names.
_MIN_PROSE_TITLE = 6
# A derived short name that fits more laws than this says nothing.
_MAX_AMBIGUOUS = 3


@dataclass(slots=True)
class _Law:
    """One law: its title, documents, and per article the rows by version."""

    title: str
    statute: bool
    doc_ids: list[str] = field(default_factory=list)
    version_ids: list[str] = field(default_factory=list)
    aliases: set[str] = field(default_factory=set)
    articles: dict[ArticleNumber, dict[str, list[int]]] = field(default_factory=dict)


class ArticleTable:
    """Laws by any name, and their articles. Immutable once made."""

    def __init__(self, laws: Sequence[_Law]) -> None:
        self._laws = tuple(laws)
        self._doc_ids = tuple(tuple(law.doc_ids) for law in laws)
        self._law_of_doc = {doc_id: index for index, law in enumerate(laws) for doc_id in law.doc_ids}
        self._rows = {
            (version_id, article): rows
            for law in laws
            for article, versions in law.articles.items()
            for version_id, rows in versions.items()
        }
        self._finder = LawFinder(_names(laws))

    @classmethod
    def from_snapshot(cls, versions: Iterable[Version], passages: Sequence[Passage]) -> ArticleTable:
        """Build the table of one snapshot; row numbers are positions in `passages`."""
        law_title = _beir_law_titles(passages)
        laws: dict[tuple[str, str], _Law] = {}
        law_of_version: dict[str, _Law] = {}
        for version in versions:
            if version.kind is DocumentKind.BEIR:
                title = law_title.get(version.version_id, version.title)
                if version.version_id not in law_title and not looks_like_law(title):
                    continue
                law = laws.setdefault(("law", without_prefix(fold(title))), _Law(title, statute=True))
            else:
                statute = version.kind is DocumentKind.STATUTE
                law = laws.setdefault(("document", version.doc_id), _Law(version.title, statute))
            if version.doc_id not in law.doc_ids[-1:]:
                law.doc_ids.append(version.doc_id)
            law.version_ids.append(version.version_id)
            law.aliases.update(version.aliases)
            law_of_version[version.version_id] = law
        for row, passage in enumerate(passages):
            if passage.article is not None and (home := law_of_version.get(passage.version_id)) is not None:
                home.articles.setdefault(passage.article, {}).setdefault(passage.version_id, []).append(row)
        for law in laws.values():
            law.doc_ids = list(dict.fromkeys(law.doc_ids))
        return cls(list(laws.values()))

    def resolve_law(self, name: str) -> tuple[str, ...]:
        """Documents of the law a name stands for, in any spelling; () = not in the library."""
        return self._documents(self._finder.resolve(name))

    def find_laws(self, text: str) -> list[LawMention]:
        """Laws and documents named in `text`, in reading order, those the library lacks with no documents."""
        mentions = []
        for found in self._finder.find(text):
            first = self._laws[found.laws[0]] if found.laws else None
            mentions.append(
                LawMention(
                    start=found.start,
                    end=found.end,
                    doc_ids=self._documents(found.laws),
                    name=first.title if first else found.name,
                    statute=first.statute if first else True,
                )
            )
        return mentions

    def rows(self, version_id: str, article: ArticleNumber) -> list[int]:
        """Passages of one article of one version, in text order; [] if it has none."""
        return list(self._rows.get((version_id, article), ()))

    def holders(self, doc_ids: Iterable[str], article: ArticleNumber) -> tuple[str, ...]:
        """Versions of these documents that have the article."""
        wanted = self._laws_of(doc_ids)
        return tuple(v for law in wanted for v in law.articles.get(article, ()))

    def versions_of(self, doc_ids: Iterable[str]) -> tuple[str, ...]:
        """Versions of the laws these documents belong to."""
        return tuple(v for law in self._laws_of(doc_ids) for v in law.version_ids)

    def articles_of(self, doc_ids: Iterable[str]) -> tuple[ArticleNumber, ...]:
        """Numbers of all articles of the laws these documents belong to, ascending, over all versions."""
        return tuple(sorted({article for law in self._laws_of(doc_ids) for article in law.articles}))

    def title_of(self, doc_id: str) -> str | None:
        """Title of the law or document, None if the table does not know it."""
        index = self._law_of_doc.get(doc_id)
        return None if index is None else self._laws[index].title

    def law_key(self, doc_id: str) -> str:
        """The same string for all documents of one law; the document's own id if the table does not know it."""
        index = self._law_of_doc.get(doc_id)
        return doc_id if index is None else f"#{index}"

    def statutes(self) -> tuple[str, ...]:
        """Titles of all laws with articles, in the order of the snapshot."""
        return tuple(law.title for law in self._laws if law.articles)

    def _documents(self, laws: Iterable[int]) -> tuple[str, ...]:
        return tuple(doc_id for law in laws for doc_id in self._doc_ids[law])

    def _laws_of(self, doc_ids: Iterable[str]) -> list[_Law]:
        indices = {self._law_of_doc[d] for d in doc_ids if d in self._law_of_doc}
        return [self._laws[i] for i in sorted(indices)]


def _beir_law_titles(passages: Sequence[Passage]) -> dict[str, str]:
    """version_id -> title of the law, for rows that are articles (the row's title without 第…条)."""
    titles: dict[str, str] = {}
    for passage in passages:
        if passage.article is not None and passage.version_id not in titles:
            titles[passage.version_id] = _ARTICLE_TAIL.sub("", passage.title) or passage.title
    return titles


def _names(laws: Sequence[_Law]) -> dict[str, NamedLaws]:
    """Every name. A name given to a law by its title or an admin is not taken from it by another's short form."""
    official: dict[str, set[int]] = defaultdict(set)
    plain: dict[str, set[int]] = defaultdict(set)
    derived: dict[str, set[int]] = defaultdict(set)
    for index, law in enumerate(laws):
        if not law.statute:
            for name in {fold(law.title), without_remarks(fold(law.title)), *map(fold, law.aliases)}:
                if len(name) >= _MIN_PROSE_TITLE:
                    plain[name].add(index)
            continue
        for name in official_names(law.title):
            official[name].add(index)
        for alias in law.aliases:
            plain[fold(alias)].add(index)
        plain[without_remarks(without_prefix(fold(law.title)))].add(index)
        for name in derived_names(law.title):
            derived[name].add(index)
    names = {name: NamedLaws(tuple(sorted(found))) for name, found in official.items() if len(name) > 1}
    for name, found in plain.items():
        if len(name) > 1:
            names.setdefault(name, NamedLaws(tuple(sorted(found))))
    for short, title in SHORT_NAMES.items():
        if fold(title) in names:
            names.setdefault(short, NamedLaws(names[fold(title)].laws, strict=True))
    for name, found in sorted(derived.items()):
        if len(found) <= _MAX_AMBIGUOUS and name not in WELL_KNOWN:
            names.setdefault(name, NamedLaws(tuple(sorted(found)), strict=True))
    return names
