"""A small real library in memory behind the calls of the services: parsed, cut and searched for real, but tiny."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from study_bot.answering.events import AnswerEvent, AnswerReady, HitsEvent, StageEvent, StatementEvent
from study_bot.errors import DocumentGoneError, NoIndexError
from study_bot.library.passages import cut_passages
from study_bot.library.structure import parse_structure
from study_bot.settings import Settings
from study_bot.text import article_label, find_article_references, split_sentences
from study_bot.types import (
    Answer,
    Block,
    Citation,
    DocumentKind,
    Filters,
    Hit,
    Latency,
    LoadedFile,
    Passage,
    Progress,
    RefusalReason,
    Statement,
    Turn,
    Version,
    VersionStatus,
    VersionText,
)
from tests.ui import sample_texts as samples

DAY = dt.date
NEW_RULES_ID = "rules-2024"
OLD_RULES_ID = "rules-2019"
HOSTILE_ID = "hostile/1?x=<b>"


@dataclass(frozen=True, slots=True)
class FakeStatus:
    ready: bool
    build_id: str | None = None
    created: dt.datetime | None = None
    files: int = 0
    passages: int = 0
    articles: int = 0
    model: str = "fake"
    building: Progress | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FakeDocument:
    version: Version
    text: VersionText
    other_versions: tuple[Version, ...] = ()


def load(title: str, text: str, version: Version) -> tuple[Version, VersionText]:
    """Parse a sample as a text file would be."""
    parsed = parse_structure(LoadedFile("txt", tuple(Block(line) for line in text.split("\n"))), title)
    return replace(version, kind=parsed.kind), parsed


def version(version_id: str, doc_id: str, title: str, path: str, **more: object) -> Version:
    return Version(
        version_id=version_id,
        doc_id=doc_id,
        title=title,
        kind=DocumentKind.PROSE,
        path=path,
        format="txt",
        content_hash="",
        **more,
    )  # type: ignore[arg-type]


def sample_library() -> dict[str, tuple[Version, VersionText]]:
    new = version(
        NEW_RULES_ID, "rules", samples.RULES_TITLE, "规章/学习管理规定.docx", aliases=("学习管理规定",), articles=14,
        promulgated=DAY(2024, 5, 20), effective=DAY(2024, 7, 1), status=VersionStatus.IN_FORCE, category="专家课堂",
    )  # fmt: skip
    old = version(
        OLD_RULES_ID, "rules", samples.RULES_TITLE, "规章/学习管理规定（2019）.pdf", category="专家课堂", articles=5,
        promulgated=DAY(2019, 3, 1), effective=DAY(2019, 4, 1), repealed=DAY(2024, 7, 1), status=VersionStatus.REPEALED,
    )  # fmt: skip
    notice = version(
        "notice",
        "notice",
        samples.NOTICE_TITLE,
        "通知/冬季读书月.html",
        category="红色课堂",
        promulgated=DAY(2025, 11, 20),
    )
    hostile = version(HOSTILE_ID, "hostile", samples.HOSTILE_TITLE, "其他/<b>x</b>.txt")
    return {
        item[0].version_id: item
        for item in (
            load(new.title, samples.RULES, new),
            load(old.title, samples.OLD_RULES, old),
            load(notice.title, samples.NOTICE, notice),
            load(hostile.title, samples.HOSTILE_TEXT, hostile),
        )
    }


@dataclass
class FakeServices:
    """`pause` seconds before every event; `gate` holds all of them, `steps` lets through as many as it counts;
    `fail_with` is raised by `ask` instead of an answer."""

    settings: Settings = field(default_factory=Settings)
    pause: float = 0.0
    fail_with: BaseException | None = None
    missing: bool = False
    building: Progress | None = None
    warning: str | None = None
    texts: dict[str, tuple[Version, VersionText]] = field(default_factory=sample_library)
    gate: threading.Event | None = None
    steps: threading.Semaphore | None = None
    questions: list[tuple[str, Filters, tuple[Turn, ...]]] = field(default_factory=list)
    closed: bool = False
    warm: bool = False

    def __post_init__(self) -> None:
        self.passages = [p for item in self.texts.values() for p in cut_passages(item[1], item[0])]

    def status(self) -> FakeStatus:
        if self.missing:
            return FakeStatus(False, building=self.building, error=self.warning)
        return FakeStatus(
            True, "20260101-1", dt.datetime(2026, 1, 5, 9, 30), len(self.texts), len(self.passages),
            sum(v.articles for v, _ in self.texts.values()), building=self.building, error=self.warning,
        )  # fmt: skip

    def warm_up(self) -> None:
        self.warm = True

    def library(self) -> tuple[Version, ...]:
        if self.missing:
            raise NoIndexError("还没有索引，请先运行 study-bot index build。")
        return tuple(item[0] for item in self.texts.values())

    def document(self, version_id: str) -> FakeDocument:
        if version_id not in self.texts:
            raise DocumentGoneError("这部文献已不在库中，可能已被管理员撤下。")
        found, text = self.texts[version_id]
        return FakeDocument(
            found, text, tuple(v for v in self.library() if v.doc_id == found.doc_id and v is not found)
        )

    def examples(self) -> tuple[str, ...]:
        return (
            "学习管理规定第九条讲什么？",
            "哪些情形可以免计当月学时？",
            "哪些行为的测试成绩按零分计算？",
            "冬季读书月什么时候集体阅读？",
        )

    def search(self, text: str, *, top_k: int, filters: Filters = Filters()) -> tuple[Hit, ...]:
        wanted = _bigrams(text)
        numbers = [reference.article for reference in find_article_references(text)]
        hits = []
        for passage in self._allowed(filters):
            exact = passage.article is not None and passage.article in numbers
            score = len(wanted & _bigrams(passage.text + passage.title)) / max(len(wanted), 1) + exact
            hits.append(Hit(passage, score, exact=exact))
        return tuple(sorted(hits, key=lambda hit: -hit.score)[:top_k])

    def _allowed(self, filters: Filters) -> list[Passage]:
        shown = []
        for passage in self.passages:
            found = self.texts[passage.version_id][0]
            if filters.doc_ids and found.doc_id not in filters.doc_ids:
                continue
            if filters.categories and found.category not in filters.categories:
                continue
            if found.status is VersionStatus.REPEALED and not filters.include_inactive:
                continue
            shown.append(passage)
        return shown

    def ask(
        self, question: str, *, filters: Filters = Filters(), conversation: Sequence[Turn] = ()
    ) -> Iterator[AnswerEvent]:
        self.questions.append((question, filters, tuple(conversation)))
        if self.missing:
            raise NoIndexError("还没有索引，请先运行 study-bot index build。")
        for event in self._events(question, filters):
            if self.pause:
                time.sleep(self.pause)
            if self.gate is not None:
                self.gate.wait(20)
            if self.steps is not None:
                self.steps.acquire(timeout=20)
            if self.fail_with is not None and not isinstance(event, StageEvent):
                raise self.fail_with
            yield event

    def _events(self, question: str, filters: Filters) -> Iterator[AnswerEvent]:
        yield StageEvent("understanding")
        yield StageEvent("retrieving")
        hits = self.search(question, top_k=6, filters=filters)
        yield HitsEvent(hits)
        yield StageEvent("answering")
        answer = self._answer(question, hits)
        for statement in answer.statements:
            yield StatementEvent(statement)
        yield AnswerReady(answer)

    def answer(self, question: str, *, filters: Filters = Filters(), conversation: Sequence[Turn] = ()) -> Answer:
        *_, last = self.ask(question, filters=filters, conversation=conversation)
        assert isinstance(last, AnswerReady)
        return last.answer

    def _answer(self, question: str, hits: tuple[Hit, ...]) -> Answer:
        latency = Latency(12, 40, 8, 260)
        if not hits or hits[0].score < 0.5:
            return Answer(
                question, (), (), hits, refused=True, reason=RefusalReason.NOT_IN_LIBRARY, latency=latency,
                message="库内现有文献没有提到这件事，无法作答。",
            )  # fmt: skip
        exact = [hit for hit in hits if hit.exact][:1]
        statements: list[Statement] = []
        citations: list[Citation] = []
        for hit in exact or hits[:2]:
            spans = [(0, len(hit.passage.text))] if hit.exact else self._best_sentences(question, hit.passage)
            if exact and hit.passage.article is not None:
                statements.append(
                    Statement(f"《{hit.passage.title}》{article_label(hit.passage.article)}：", connective=True)
                )
            for start, end in spans:
                citations.append(self._citation(len(citations) + 1, hit.passage, start, end))
                statements.append(Statement(hit.passage.text[start:end], (len(citations),)))
        stale = any(self.texts[c.version_id][0].status is VersionStatus.REPEALED for c in citations)
        notices = ("引用的版本已废止，现行版本的规定可能不同。",) if stale else ()
        return Answer(
            question, tuple(statements), tuple(citations), hits, notices=notices, latency=latency, confidence=0.9
        )

    def _best_sentences(self, question: str, passage: Passage) -> list[tuple[int, int]]:
        wanted = _bigrams(question)
        sentences = split_sentences(passage.text)
        best = max(sentences, key=lambda span: len(wanted & _bigrams(passage.text[slice(*span)])))
        return [(sentences[0][0], sentences[-1][1])] if "：" in passage.text[slice(*sentences[0])] else [best]

    def _citation(self, n: int, passage: Passage, start: int, end: int) -> Citation:
        found = self.texts[passage.version_id][0]
        return Citation(
            n, passage.passage_id, passage.version_id, passage.doc_id, passage.title, passage.locator,
            passage.text[start:end], passage.start + start, passage.start + end, found.label,
        )  # fmt: skip

    def close(self) -> None:
        self.closed = True


def _bigrams(text: str) -> set[str]:
    kept = [c for c in text if c.isalnum()]
    return {a + b for a, b in pairwise(kept)}


FakeFactory = Callable[..., FakeServices]
