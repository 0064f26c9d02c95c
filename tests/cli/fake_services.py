"""Services small enough to see through: a library of three articles, found by counting common characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from study_bot.errors import BuildCancelledError, NoIndexError, QuestionError, SourceNotFoundError
from study_bot.settings import Settings
from study_bot.types import (
    Answer,
    BuildReport,
    Citation,
    DocumentKind,
    FileReport,
    Filters,
    Hit,
    Latency,
    Locator,
    Passage,
    PassageKind,
    Progress,
    QuestionContext,
    RefusalReason,
    Statement,
    Turn,
    Version,
)

NO_FILTERS = Filters()
BUILD_ID = "20260101T000000000-abcdef"
TITLE = "中队值班办法"
ARTICLES = (
    "值班员每日八时交接班，交接时清点装备。",
    "值班员不得擅自离岗；确需离岗的，应当报带班领导批准。",
    "值班记录保存二年。",
)


def _passages() -> tuple[Passage, ...]:
    passages = []
    start = 0
    for number, text in enumerate(ARTICLES, start=1):
        passages.append(
            Passage(
                passage_id=f"duty:{number}",
                version_id="duty-v1",
                doc_id=f"row{number}",
                kind=PassageKind.ROW,
                text=text,
                start=start,
                end=start + len(text),
                title=TITLE,
                locator=Locator((f"第{'一二三'[number - 1]}条",)),
            )
        )
        start += len(text) + 1
    return tuple(passages)


def _nearest(questions: Sequence[set[str]], k: int) -> tuple[np.ndarray, np.ndarray]:
    """Common characters of each question with each passage, best first."""
    scores = np.array([[float(len(question & set(p.text))) for p in _passages()] for question in questions])
    rows = np.argsort(-scores, kind="stable")[:, :k]
    return np.take_along_axis(scores, rows, axis=1), rows


@dataclass
class FakeServices:
    """Answers with the first article that shares at least `at_least` characters with the question.

    Of the sources, `empty` gives no file at all, `bad` a file that cannot be read, `copy` one that is there already.
    """

    settings: Settings
    built: bool = True
    at_least: int = 3
    closed: bool = False
    misses: int = 0
    filters: Filters | None = None
    asked: list[str] = field(default_factory=list)
    built_from: list[Path] = field(default_factory=list)
    during_build: Callable[[], None] | None = None

    def search(self, text: str, *, top_k: int, filters: Filters = NO_FILTERS) -> tuple[Hit, ...]:
        self.snapshot()
        hits = [Hit(p, float(len(set(text) & set(p.text))), sparse=1.0) for p in _passages()]
        return tuple(sorted((hit for hit in hits if hit.score > 0), key=lambda hit: -hit.score)[:top_k])

    def search_many(
        self, texts: Sequence[str], top_k: int, contexts: Sequence[QuestionContext] = ()
    ) -> list[tuple[Hit, ...]]:
        return [self.search(text, top_k=top_k) for text in texts]

    def warm_up(self) -> None:
        self.snapshot()

    def encoder(self) -> Any:
        """Takes the characters of a question for its vector."""
        return SimpleNamespace(
            encode_queries=lambda texts: [set(text) for text in texts], fingerprint="fake", dimension=3
        )

    def answer(self, question: str, *, filters: Filters = NO_FILTERS, conversation: Sequence[Turn] = ()) -> Answer:
        self.asked.append(question)
        self.filters = filters
        if len(question) > self.settings.max_question_chars:
            raise QuestionError("问题太长。")
        hits = self.search(question, top_k=3)
        latency = Latency(1.0, 2.0, 3.0, 5.0)
        if not hits or hits[0].score < self.at_least:
            return Answer(
                question,
                (),
                (),
                hits,
                True,
                RefusalReason.NOT_IN_LIBRARY,
                "文献中没有写。",
                latency=latency,
                build_id=BUILD_ID,
            )
        passage = hits[0].passage
        citation = Citation(
            n=1,
            passage_id=passage.passage_id,
            version_id=passage.version_id,
            doc_id=passage.doc_id,
            title=passage.title,
            locator=passage.locator,
            quote=passage.text,
            start=passage.start,
            end=passage.end,
            version_label="2026-01-01 现行有效",
        )
        return Answer(
            question,
            (Statement(passage.text, (1,)),),
            (citation,),
            hits,
            notices=("此办法将于年底修订。",),
            confidence=0.9,
            latency=latency,
            build_id=BUILD_ID,
        )

    def rerank_misses(self) -> int:
        return self.misses

    def refusal_threshold(self) -> float:
        return 0.5

    def choose(self, question: str, options: Sequence[str], *, filters: Filters = NO_FILTERS) -> SimpleNamespace:
        """Picks the options that stand word for word in the first article found."""
        hits = self.search(question, top_k=1)
        found = [bool(hits) and option in hits[0].passage.text for option in options]
        picked = tuple(place for place, there in enumerate(found) if there)
        return SimpleNamespace(picked=picked, scores=tuple(map(float, found)), hits=hits)

    def snapshot(self) -> SimpleNamespace:
        if not self.built:
            raise NoIndexError("还没有索引，请先建立。")
        versions = tuple(
            Version(p.doc_id, p.doc_id, TITLE, DocumentKind.BEIR, "corpus.jsonl", "jsonl", "0") for p in _passages()
        )
        return SimpleNamespace(
            build_id=BUILD_ID,
            manifest=SimpleNamespace(model="fake"),
            versions=versions,
            passages=_passages(),
            dense=SimpleNamespace(search=_nearest),
        )

    def build(
        self,
        sources: Sequence[Path],
        *,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        full: bool = False,
    ) -> BuildReport:
        self.built_from = list(sources)
        if any(source.name == "empty" for source in sources):
            raise SourceNotFoundError("其中没有任何文件。")
        on_progress(Progress("读取文献", 1, 2, "个文件", "值班办法.txt", rate=1.5, eta=0.7))
        if self.during_build is not None:
            self.during_build()
        if cancelled():
            raise BuildCancelledError("已按要求停止，原有索引未受影响。")
        special = {
            "bad": FileReport(path="bad/坏文件.pdf", error="文件已损坏。"),
            "copy": FileReport(path="copy/副本.txt", duplicate_of="good/值班办法.txt"),
        }
        files = tuple(
            special.get(source.name)
            or FileReport(
                path=f"{source.name}/值班办法.txt",
                title=TITLE,
                kind="statute",
                status="现行有效",
                version_date="2025-12-01",
                effective_date="2026-01-01",
                articles=3,
                passages=3,
                characters=60,
                covered=60,
                gaps=("缺第二条",),
                warnings=("没有写明施行日期。",),
            )
            for source in sources
        )
        return BuildReport(
            build_id=BUILD_ID,
            files=files,
            passages=3,
            articles=3,
            embedded=0 if not full else 3,
            reused=3 if not full else 0,
            removed=1,
            seconds=72.4,
            characters=60,
            covered=60,
            rebuild_reason="向量模型已更换" if full else None,
            model="fake",
        )

    def close(self) -> None:
        self.closed = True
