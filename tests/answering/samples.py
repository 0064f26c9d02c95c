"""A tiny library in memory: one rule with an old version, one prose text, one table."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import replace

import numpy as np

from study_bot.answering.learned import packaged
from study_bot.answering.reader import (
    READER_FILE,
    UNIT_FEATURES,
    ReaderModel,
    ReaderQuestion,
    load_reader,
    reader_question,
)
from study_bot.answering.terms import content_words, question_terms
from study_bot.index.tokens import Tokenizer
from study_bot.library.catalog import SidecarEntry, describe, link_versions
from study_bot.library.passages import cut_passages
from study_bot.types import Block, BlockKind, Hit, LoadedFile, Passage, Place, Version, VersionText
from tests.library.samples import RULE, TITLE, loaded


@functools.cache
def tokenizer() -> Tokenizer:
    """The tokenizer that the shipped models were trained with."""
    return Tokenizer()


def tokens(text: str) -> list[str]:
    return tokenizer().tokens(text)


def tags(text: str) -> set[str]:
    return tokenizer().tags(text)


@functools.cache
def shipped_reader() -> ReaderModel:
    """The reader that ships along."""
    return load_reader(packaged(READER_FILE))


def reader_of(price: float = 0.001, passage_temperature: float = 1.0, **weights: float) -> ReaderModel:
    """A reader with these weights and no others, over features as they are."""
    values = np.array([weights.pop(name, 0.0) for name in UNIT_FEATURES])
    assert not weights, f"no such feature: {weights}"
    return ReaderModel(np.zeros(len(values)), np.ones(len(values)), values, passage_temperature, price)


class SmallLibrary:
    """Versions, texts and passages, as a snapshot would hold them."""

    def __init__(self) -> None:
        old = RULE.replace(" 2024年5月6日修订", "").replace("保留座位十五分钟", "保留座位十分钟")
        story = [Block("二、收获"), Block("第一天来了三十人。第二天来了五十人，管理员加了十把椅子。大家都说灯光合适。")]
        plan = [
            Block(
                f"序号：{n}；内容：读第{n}章；时长：{n * 10}分钟",
                BlockKind.TABLE_ROW,
                place=Place(sheet="计划", row=n + 1),
            )
            for n in range(1, 6)
        ]
        described = [
            describe(f"规章/{TITLE}.txt", loaded(RULE), "new00000", SidecarEntry(effective=dt.date(2024, 8, 1))),
            describe(f"规章/旧/{TITLE}.txt", loaded(old), "old00000"),
            describe("云端课堂/夜读纪实.txt", LoadedFile("txt", tuple(story)), "story000"),
            describe("计划/夜读计划.xlsx", LoadedFile("xlsx", tuple(plan)), "plan0000"),
        ]
        linked = link_versions([v for v, _ in described], {}, dt.date(2026, 11, 22))
        self.versions: dict[str, Version] = {v.version_id: v for v in linked}
        self.texts: dict[str, VersionText] = {v.version_id: t for v, (_, t) in zip(linked, described, strict=True)}
        self.passages: list[Passage] = [p for v in linked for p in cut_passages(self.texts[v.version_id], v)]

    def hits(self, *fragments: str, gap: float = 0.1) -> list[Hit]:
        """Hits for the first passage that holds each fragment, in the order given, their scores `gap` apart."""
        return [
            Hit(next(p for p in self.passages if fragment in p.text), score=1.0 - rank * gap)
            for rank, fragment in enumerate(fragments)
        ]

    def asked(self, question: str) -> ReaderQuestion:
        """A question put to this library, as the reader sees it."""
        texts = [set(tokens(passage.text)) for passage in self.passages]
        words = tokens(content_words(question))
        return reader_question(
            question, question_terms(words, lambda token: sum(token in text for text in texts), len(texts))
        )

    def text_of(self, passage: Passage, start: int, end: int) -> str | None:
        """The characters of a version."""
        return self.texts[passage.version_id].text[start:end]

    def containing(self, version_id: str, start: int, end: int) -> Passage | None:
        """The passage that holds a span."""
        return next(
            (p for p in self.passages if p.version_id == version_id and p.start <= start and end <= p.end), None
        )

    def table_of(self, passage: Passage) -> list[Passage]:
        """The rows of the table a row stands in."""
        return [p for p in self.passages if p.version_id == passage.version_id]


def moved(passage: Passage, by: int) -> Passage:
    """The passage as if it stood elsewhere: what a stale index would give."""
    return replace(passage, start=passage.start + by, end=passage.end + by)
