"""A small made-up library: statutes with versions, a speech, and the fakes that search it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from study_bot.index.articles import ArticleTable
from study_bot.retrieval.hybrid import DenseSearch, SparseSearch
from study_bot.text import article_label
from study_bot.types import (
    ArticleNumber,
    DocumentKind,
    Locator,
    Passage,
    PassageKind,
    Version,
    VersionStatus,
)

TODAY = dt.date(2026, 6, 1)


def statute(
    title: str,
    *,
    doc_id: str | None = None,
    version_id: str | None = None,
    status: VersionStatus = VersionStatus.IN_FORCE,
    promulgated: dt.date | None = None,
    effective: dt.date | None = None,
    repealed: dt.date | None = None,
    category: str | None = None,
    aliases: tuple[str, ...] = (),
    kind: DocumentKind = DocumentKind.STATUTE,
) -> Version:
    """A version with the fields that retrieval reads."""
    doc_id = doc_id or title
    return Version(
        version_id=version_id or f"{doc_id}@1",
        doc_id=doc_id,
        title=title,
        kind=kind,
        path=f"{title}.txt",
        format="txt",
        content_hash="0",
        aliases=aliases,
        promulgated=promulgated,
        effective=effective,
        repealed=repealed,
        status=status,
        category=category,
    )


def articles_of(version: Version, texts: dict[ArticleNumber | int, str | Sequence[str]]) -> list[Passage]:
    """One passage an article, or one a part where several texts are given; positions as in a real text."""
    passages: list[Passage] = []
    position = 0
    for number, text in texts.items():
        article = number if isinstance(number, ArticleNumber) else ArticleNumber(number)
        parts = [text] if isinstance(text, str) else list(text)
        for index, part in enumerate(parts):
            words = f"{article_label(article)} {part}" if index == 0 else part
            passages.append(
                Passage(
                    passage_id=f"{version.version_id}#{article.number}.{article.insert}.{index}",
                    version_id=version.version_id,
                    doc_id=version.doc_id,
                    kind=PassageKind.ARTICLE if len(parts) == 1 else PassageKind.ARTICLE_PART,
                    text=words,
                    start=position,
                    end=position + len(words),
                    title=version.title,
                    locator=Locator((article_label(article),)),
                    article=article,
                )
            )
            position += len(words) + 1
    return passages


def prose(version: Version, *texts: str) -> list[Passage]:
    """Passages of a speech or plan."""
    passages, position = [], 0
    for index, text in enumerate(texts):
        passages.append(
            Passage(
                passage_id=f"{version.version_id}#{index}",
                version_id=version.version_id,
                doc_id=version.doc_id,
                kind=PassageKind.PROSE,
                text=text,
                start=position,
                end=position + len(text),
                title=version.title,
                locator=Locator(),
            )
        )
        position += len(text) + 1
    return passages


def characters(text: str) -> list[str]:
    """The fake tokenizer's words: single ideographs."""
    return [c for c in text if "\u4e00" <= c <= "\u9fff"]


class CountingSparse:
    """Scores a row by how many of the query's characters it has, rarer ones more."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._rows = [Counter(characters(p.title + p.text)) for p in passages]
        self._df = Counter(c for row in self._rows for c in row)

    def search(
        self, tokens: Sequence[str], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        words = set(characters("".join(tokens)))
        scored = [
            (sum(1 / self._df[c] for c in words if c in counts), -row)
            for row, counts in enumerate(self._rows)
            if allowed is None or allowed[row]
        ]
        best = sorted((s for s in scored if s[0] > 0), reverse=True)[:k]
        return np.array([s for s, _ in best], np.float32), np.array([-r for _, r in best], np.int64)

    def document_frequency(self, token: str) -> int:
        return self._df[token]


class HashEncoder:
    """Sums a fixed random vector per character: texts that share characters are near."""

    fingerprint = "fake"
    dimension = 32

    def __init__(self) -> None:
        self.encoded: list[list[str]] = []

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded.append(list(texts))
        return _embed(texts)

    def encode_passages(
        self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        return _embed(texts)


def _embed(texts: Iterable[str]) -> NDArray[np.float32]:
    rows = []
    for text in texts:
        total = np.zeros(32)
        for c in set(characters(text)):
            total += np.random.default_rng(ord(c)).standard_normal(32)
        rows.append(total / max(float(np.linalg.norm(total)), 1e-9))
    return np.array(rows, np.float32).reshape(-1, 32)


class ExactDense:
    """Inner products by brute force."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._matrix = _embed(p.title + p.text for p in passages)

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        all_scores = queries @ self._matrix.T
        out_scores = np.full((len(queries), k), -np.inf, np.float32)
        out_rows = np.full((len(queries), k), -1, np.int64)
        for i, scores in enumerate(all_scores):
            rows = [r for r in np.argsort(-scores, kind="stable") if allowed is None or allowed[r]][:k]
            out_rows[i, : len(rows)] = rows
            out_scores[i, : len(rows)] = scores[rows]
        return out_scores, out_rows


@dataclass(frozen=True, slots=True)
class FakeSnapshot:
    """What retrieval reads of a snapshot."""

    versions: tuple[Version, ...]
    passages: tuple[Passage, ...]
    dense: DenseSearch
    sparse: SparseSearch
    articles: ArticleTable


def snapshot(*documents: tuple[Version, list[Passage]]) -> FakeSnapshot:
    """A snapshot of versions with their passages."""
    versions = tuple(version for version, _ in documents)
    passages = tuple(passage for _, own in documents for passage in own)
    return FakeSnapshot(
        versions,
        passages,
        ExactDense(passages),
        CountingSparse(passages),
        ArticleTable.from_snapshot(versions, passages),
    )
