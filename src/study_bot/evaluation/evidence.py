"""Evidence: a gold passage named by the title of a document, its version, an article, words of the text.

Ids of passages change when a document is edited or cut anew; evidence does not. It is looked up in whatever library is
at hand.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from study_bot.errors import DatasetError
from study_bot.evaluation.runner import document_id
from study_bot.index.law_names import fold
from study_bot.text import article_label, find_article_references, search_form, short_title, strip_version_words
from study_bot.types import ArticleNumber, Passage, Version, VersionStatus

# Characters of a quote that stand for it in an id.
_ID_CHARS = 24

_YEAR = re.compile(r"\s*((?:19|20)\d\d)(?!\d)")
_BARE_NUMBER = re.compile(r"[0-9０-９零〇○一二两三四五六七八九十百千]+")
_REPLACED = frozenset({VersionStatus.AMENDED, VersionStatus.REPEALED, VersionStatus.NOT_YET})


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a gold passage is. `title` is the document's or one of its other names.

    `version` is the year in which the version was promulgated (or took effect, where nothing says when it was
    promulgated); None = the version in force, and others only where that one does not have the words. `article` None =
    the place is given by `quote` alone; `quote` "" = the whole article. At least one of the two is given.
    """

    title: str
    quote: str = ""
    article: ArticleNumber | None = None
    version: int | None = None

    @property
    def label(self) -> str:
        """As people would name the place: 《学习管理规定》（2022）第十二条."""
        year = f"（{self.version}）" if self.version else ""
        return f"《{self.title}》{year}{article_label(self.article) if self.article else ''}"

    @property
    def corpus_id(self) -> str:
        """Stable name of the place, without white space: `title[@year]#article`, or `#` and how the quote begins."""
        year = f"@{self.version}" if self.version else ""
        place = article_label(self.article) if self.article else _without_space(self.quote)[:_ID_CHARS]
        return f"{_without_space(self.title)}{year}#{place}"

    def as_record(self) -> dict[str, str | None]:
        """What stands in a set; `evidence_from` reads it again."""
        return {
            "title": self.title,
            "version": str(self.version) if self.version else None,
            "article": article_label(self.article) if self.article else None,
            "quote": self.quote,
        }


def evidence_from(record: object, where: str) -> Evidence:
    """Read evidence as a set or a person gives it: articles and years in any spelling.

    :param where: names the place in messages, for instance 问题 q1.
    :raises DatasetError: it is no such object, names no document, or neither an article nor words of the text.
    """
    if not isinstance(record, Mapping) or not all(isinstance(v, str | int | None) for v in record.values()):
        raise DatasetError(f"{where}的依据应为 {{title, version, article, quote}} 对象。")
    title, quote, article, version = (
        str(record.get(key) or "").strip() for key in ("title", "quote", "article", "version")
    )
    if not title:
        raise DatasetError(f"{where}的依据没有写文献名称。")
    if not article and not _without_space(quote):
        raise DatasetError(f"{where}的依据要写明条号或者原文，至少一项。")
    year = _YEAR.match(version)
    if version and not year:
        raise DatasetError(f"{where}的版本“{version}”不是年份，请写成 2025 这样。")
    return Evidence(title, quote, _article(article, where), int(year[1]) if year else None)


def _article(text: str, where: str) -> ArticleNumber | None:
    if not text:
        return None
    references = find_article_references(f"第{text}条" if _BARE_NUMBER.fullmatch(text) else text)
    if len(references) != 1:
        raise DatasetError(f"{where}的条号“{text}”看不懂，请写成 第十二条 这样，一次一条。")
    return references[0].article


class Library(Protocol):
    """What evidence is looked up in; `index.store.Snapshot` is one. Passages of a version are in text order."""

    @property
    def versions(self) -> Sequence[Version]:
        """Every version of every document."""

    @property
    def passages(self) -> Sequence[Passage]:
        """Every passage."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Ids of documents as runs name them, in text order; or, if there are none, what is `wrong` (a Chinese clause)."""

    document_ids: tuple[str, ...] = ()
    wrong: str = ""


class EvidenceResolver:
    """Looks evidence up in one library. Texts are joined when first asked for."""

    def __init__(self, library: Library) -> None:
        self._versions: dict[str, list[Version]] = defaultdict(list)
        for version in library.versions:
            for name in _names(version):
                self._versions[name].append(version)
        self._passages: dict[str, list[Passage]] = defaultdict(list)
        for passage in library.passages:
            self._passages[passage.version_id].append(passage)
        self._joined: dict[tuple[str, ArticleNumber | None], _JoinedText] = {}

    def resolve(self, evidence: Evidence) -> Resolution:
        """The passages that hold the words of `evidence`, or its whole article if it quotes none.

        Words that occur several times give every place; words cut apart give all the passages they lie in. White
        space, full and half width, and case make no difference.
        """
        versions = self._versions.get(fold(evidence.title)) or self._versions.get(
            fold(strip_version_words(evidence.title)), []
        )
        if not versions:
            return Resolution(wrong=f"库中没有《{evidence.title}》")
        if evidence.version is not None:
            held = sorted({year for version in versions if (year := _year(version))})
            versions = [version for version in versions if _year(version) == evidence.version]
            if not versions:
                years = "、".join(map(str, held)) or "没有注明年份的版本"
                return Resolution(wrong=f"《{evidence.title}》没有{evidence.version}年的版本（现有：{years}）")
        current = [version for version in versions if version.status not in _REPLACED]
        for group in (current, [version for version in versions if version not in current]):
            ids = tuple(dict.fromkeys(found for version in group for found in self._in_version(evidence, version)))
            if ids:
                return Resolution(ids)
        return Resolution(wrong=self._what_is_missing(evidence, versions))

    def _in_version(self, evidence: Evidence, version: Version) -> list[str]:
        passages = self._of(version, evidence.article)
        if evidence.quote:
            key = version.version_id, evidence.article
            if key not in self._joined:
                self._joined[key] = _JoinedText.of(passages)
            passages = self._joined[key].holding(evidence.quote)
        return [document_id(passage) for passage in passages]

    def _of(self, version: Version, article: ArticleNumber | None) -> list[Passage]:
        passages = self._passages.get(version.version_id, [])
        return [p for p in passages if article is None or p.article == article]

    def _what_is_missing(self, evidence: Evidence, versions: Iterable[Version]) -> str:
        if evidence.article and not any(self._of(version, evidence.article) for version in versions):
            return f"{evidence.label}不存在"
        begin = evidence.quote[:_ID_CHARS] + ("…" if len(evidence.quote) > _ID_CHARS else "")
        return f"{evidence.label}中没有这段原文：“{begin}”"


def resolve(evidence: Evidence, library: Library) -> Resolution:
    """`EvidenceResolver.resolve` for a single look-up."""
    return EvidenceResolver(library).resolve(evidence)


@dataclass(frozen=True, slots=True)
class _JoinedText:
    """The passages of a text put together again: folded characters, and where each stood in the text."""

    passages: tuple[Passage, ...]
    folded: str
    positions: tuple[int, ...]

    @classmethod
    def of(cls, passages: Iterable[Passage]) -> _JoinedText:
        ordered = tuple(sorted(passages, key=lambda passage: (passage.start, passage.end)))
        folded: list[str] = []
        positions: list[int] = []
        covered = 0
        for passage in ordered:
            for position, character in enumerate(passage.text, start=passage.start):
                if position >= covered:
                    kept = _folded(character)
                    folded += kept
                    positions += [position] * len(kept)
            covered = max(covered, passage.end)
        return cls(ordered, "".join(folded), tuple(positions))

    def holding(self, quote: str) -> list[Passage]:
        """Passages that hold an occurrence of `quote` whole; where none does, all that it touches."""
        wanted = _folded(quote)
        found: set[int] = set()
        at = self.folded.find(wanted) if wanted else -1
        while at >= 0:
            start, end = self.positions[at], self.positions[at + len(wanted) - 1] + 1
            # Passages that start behind the occurrence cannot touch it.
            until = bisect_right(self.passages, end - 1, key=lambda passage: passage.start)
            touched = [row for row in range(until) if self.passages[row].end > start]
            whole = [r for r in touched if self.passages[r].start <= start and self.passages[r].end >= end]
            found.update(whole or touched)
            at = self.folded.find(wanted, at + 1)
        return [self.passages[row] for row in sorted(found)]


def _names(version: Version) -> set[str]:
    names = (version.title, *version.aliases)
    return {fold(name) for given in names for name in (given, strip_version_words(given), short_title(given))} - {""}


def _year(version: Version) -> int | None:
    date = version.promulgated or version.effective
    return date.year if date else None


def _without_space(text: str) -> str:
    return "".join(text.split())


def _folded(text: str) -> str:
    """The form in which quotes are compared, made a character at a time so that it can be traced back."""
    return "".join(folded for character in text for folded in search_form(character) if not folded.isspace())
