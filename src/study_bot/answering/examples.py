"""Example questions made from what the library holds, so that every one of them has an answer there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from study_bot.index.store import Snapshot
from study_bot.text import article_label, short_title
from study_bot.types import DocumentKind, Passage, Version, VersionStatus

_DEFINES = re.compile(r"本(?:法|条例|规定|办法|细则|规则|准则)所称的?(?P<term>[^，。；：是、（）]{2,12})，?(?:是指|指)")
_COMMENCES = re.compile(r"自[^，。]{6,14}起施行")
_INACTIVE = (VersionStatus.REPEALED, VersionStatus.AMENDED)


def example_questions(snapshot: Snapshot, limit: int) -> tuple[str, ...]:
    """At most `limit` questions: those the catalog gives, else definitions, look-ups, commencement, an old version."""
    given = snapshot.manifest.examples
    if given:
        return given[:limit]
    statutes = [v for v in snapshot.versions if v.kind is DocumentKind.STATUTE]
    current = [v for v in statutes if v.status is VersionStatus.IN_FORCE]
    made = _interleaved(
        [_definitions(snapshot, current), _lookups(snapshot, current), _starts(snapshot, current), _old(statutes)],
        limit,
    )
    return tuple(made)


def _interleaved(sources: Sequence[Iterator[str]], limit: int) -> list[str]:
    """One question of each kind in turn until there are enough or none are left."""
    questions: list[str] = []
    waiting = list(sources)
    while waiting and len(questions) < limit:
        source = waiting.pop(0)
        question = next(source, None)
        if question is not None:
            if question not in questions:
                questions.append(question)
            waiting.append(source)
    return questions


def _articles(snapshot: Snapshot, version: Version) -> list[Passage]:
    return [p for row in snapshot.rows_of(version.version_id) if (p := snapshot.passages[row]).article is not None]


def _definitions(snapshot: Snapshot, versions: Sequence[Version]) -> Iterator[str]:
    for version in versions:
        for passage in _articles(snapshot, version):
            if (match := _DEFINES.search(passage.text)) is not None:
                yield f"{short_title(version.title)}所称的{match['term']}是指什么？"
                break


def _lookups(snapshot: Snapshot, versions: Sequence[Version]) -> Iterator[str]:
    for version in versions:
        articles = _articles(snapshot, version)
        article = articles[len(articles) // 2].article if articles else None
        if article is not None:
            yield f"{short_title(version.title)}{article_label(article)}是怎么规定的？"


def _starts(snapshot: Snapshot, versions: Sequence[Version]) -> Iterator[str]:
    for version in versions:
        if any(_COMMENCES.search(p.text) for p in _articles(snapshot, version)[-2:]):
            yield f"{short_title(version.title)}从什么时候起施行？"


def _old(versions: Sequence[Version]) -> Iterator[str]:
    for version in versions:
        if version.status in _INACTIVE and (date := version.promulgated or version.effective) is not None:
            yield f"{date.year}年版{short_title(version.title)}第二条是怎么规定的？"
