"""A small made-up library in real indexes, and an encoder that needs no model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from study_bot.index.articles import ArticleTable
from study_bot.index.dense import DenseIndex
from study_bot.index.sparse import SparseIndex
from study_bot.index.tokens import Tokenizer
from study_bot.index.vectors import unit_rows
from study_bot.library.passages import embedding_text
from study_bot.retrieval.features import CANDIDATE_FEATURES, QUESTION_FEATURES, Evidence
from study_bot.retrieval.ranking import RankingModel
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


class HashEncoder:
    """Sums a fixed random vector per character: texts that share characters are nearer than others."""

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


SPREAD = 0.2
"""Share of a cosine that depends on the texts: sentence models give all texts of one kind cosines close together."""


def _embed(texts: Iterable[str]) -> NDArray[np.float32]:
    rows = []
    for text in texts:
        own = np.zeros(31)
        for c in sorted({c for c in text if "\u4e00" <= c <= "\u9fff"}):
            own += np.random.default_rng(ord(c)).standard_normal(31)
        own *= SPREAD**0.5 / max(float(np.linalg.norm(own)), 1e-9)
        rows.append(unit_rows(np.append(own, (1 - SPREAD) ** 0.5)[None], 32)[0])
    return np.array(rows, np.float32).reshape(-1, 32)


@dataclass(frozen=True, slots=True)
class FakeSnapshot:
    """What retrieval reads of a snapshot."""

    versions: tuple[Version, ...]
    passages: tuple[Passage, ...]
    dense: DenseIndex
    sparse: SparseIndex
    articles: ArticleTable


def snapshot(*documents: tuple[Version, list[Passage]]) -> FakeSnapshot:
    """A snapshot of versions with their passages."""
    versions = tuple(version for version, _ in documents)
    passages = tuple(passage for _, own in documents for passage in own)
    tokenizer = Tokenizer()
    return FakeSnapshot(
        versions,
        passages,
        DenseIndex.from_vectors(_embed(p.title + p.text for p in passages)),
        SparseIndex.from_tokens([tokenizer.tokens(embedding_text(p)) for p in passages]),
        ArticleTable.from_snapshot(versions, passages),
    )


def random_evidence(seed: int, size: int, tokens: int) -> Evidence:
    """Evidence of `size` candidates for a question of `tokens` tokens, half of which occur in none."""
    rng = np.random.default_rng(seed)
    article = rng.integers(1, 60, size).astype(np.float64)
    article[rng.random(size) < 0.2] = np.nan
    present = rng.random((tokens, size)) < rng.choice([0.0, 0.5], (tokens, 1))
    return Evidence(
        dense=rng.uniform(0.6, 0.9, size),
        adapted=rng.uniform(0.6, 0.9, size),
        contributions=rng.random((tokens, size)) * present,
        weights=rng.uniform(0.1, 9, tokens),
        is_word=rng.random(tokens) < 0.5,
        law=rng.integers(0, 4, size),
        article=article,
        feedback=rng.uniform(0.6, 0.9, size),
        title_covered=rng.random(size),
        title_share=rng.random(size),
        lengths=rng.integers(0, 600, size),
        is_article=~np.isnan(article),
        named=rng.random(size) < 0.2,
        announces=rng.random(size) < 0.1,
    )


def plain_ranking(**weights: float) -> RankingModel:
    """A ranking by the named features alone, none of them standardised."""
    wide, few = len(CANDIDATE_FEATURES), len(QUESTION_FEATURES)
    return RankingModel(
        mean=np.zeros(wide),
        scale=np.ones(wide),
        weights=np.array([weights.get(name, 0.0) for name in CANDIDATE_FEATURES]),
        question_mean=np.zeros(few),
        question_scale=np.ones(few),
        crossed=np.zeros((few, wide)),
    )
