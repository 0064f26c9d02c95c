"""The only place that wires concrete classes. Edges call `build_services` once and use what it returns."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from study_bot.answering.events import AnswerEvent, AnswerReady
from study_bot.errors import DocumentGoneError, NoIndexError, SnapshotError, StudyBotError
from study_bot.settings import Settings
from study_bot.types import (
    Answer,
    BuildReport,
    DocumentKind,
    Filters,
    Hit,
    Progress,
    QuestionContext,
    Turn,
    Version,
    VersionText,
)

if TYPE_CHECKING:
    from study_bot.answering.answerer import Answerer
    from study_bot.answering.choices import Choice
    from study_bot.answering.fill_in import Filling
    from study_bot.index.embedding import Encoder
    from study_bot.index.store import Snapshot, SnapshotStore
    from study_bot.retrieval.rerank import Reranking
    from study_bot.retrieval.retriever import Retriever

NO_INDEX = "还没有索引。请管理员在“管理 → 索引”中更新索引，或在服务器上运行 study-bot library update。"

MAX_EXAMPLES = 6
"""Example questions offered on a first visit."""


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """State of the index. `error` is a Chinese sentence; `building` is set while this process builds."""

    ready: bool
    build_id: str | None = None
    created: dt.datetime | None = None
    files: int = 0
    passages: int = 0
    articles: int = 0
    model: str = ""
    building: Progress | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentView:
    """One version ready to be read. `other_versions` are ordered oldest first."""

    version: Version
    text: VersionText
    other_versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class _Engine:
    """What answers questions from one snapshot."""

    snapshot: Snapshot
    retriever: Retriever
    answerer: Answerer


class Services:
    """Everything the edges may do. Safe for many threads; questions under way keep the snapshot they began with."""

    def __init__(
        self,
        settings: Settings,
        store: SnapshotStore,
        open_encoder: Callable[[], Encoder],
        today: Callable[[], dt.date] = dt.date.today,
        reranking: Reranking | None = None,
    ) -> None:
        self.settings = settings
        self._store = store
        self._open_encoder = open_encoder
        self._today = today
        self._reranking = reranking
        self._encoder: Encoder | None = None
        self._engine: _Engine | None = None
        self._next_engine: _Engine | None = None
        self._following = contextlib.ExitStack()
        self._lock = threading.RLock()
        self._building: Progress | None = None
        self._many_questions = False

    def status(self) -> IndexStatus:
        """State of the index; opens the live build if it is not open yet. Never raises a StudyBotError."""
        try:
            snapshot = self.snapshot()
        except NoIndexError:  # where the folder lies is nothing to tell everybody
            return IndexStatus(ready=False, building=self._building, error=NO_INDEX)
        except StudyBotError as error:
            return IndexStatus(ready=False, building=self._building, error=str(error))
        manifest = snapshot.manifest
        problem = self._unusable(snapshot)
        return IndexStatus(
            ready=problem is None,
            build_id=snapshot.build_id,
            created=manifest.created,
            files=manifest.files,
            passages=manifest.passages,
            articles=manifest.articles,
            model=manifest.model,
            building=self._building,
            error=problem,
        )

    def snapshot(self) -> Snapshot:
        """The live build.

        :raises NoIndexError: nothing was built yet.
        :raises DamagedIndexError: the live build cannot be opened.
        """
        return self._store.current()

    def warm_up(self) -> None:
        """Load the model and the index before the first question comes, and get ready for many.

        From then on new builds are opened ahead of the questions, too.

        :raises StudyBotError: either cannot be loaded.
        """
        if not self._many_questions:
            self._many_questions = True
            self._following.enter_context(self._store.following(self._get_ready))
        self._current_engine().snapshot.dense.prepare(self.settings.threads)
        self.encoder().encode_queries(["预热"])
        if self._reranking is not None:
            self._reranking.warm_up()

    def ask(
        self, question: str, *, filters: Filters = Filters(), conversation: Sequence[Turn] = ()
    ) -> Iterator[AnswerEvent]:
        """Answer step by step; the last event is AnswerReady.

        :raises QuestionError: the question is empty or too long.
        :raises SnapshotError: there is no usable index.
        :raises ModelError: the encoder cannot be used.
        """
        engine = self._current_engine()
        return engine.answerer.events(question, filters=filters, conversation=conversation, today=self._today())

    def answer(self, question: str, *, filters: Filters = Filters(), conversation: Sequence[Turn] = ()) -> Answer:
        """The whole answer; raises as `ask` does."""
        for event in self.ask(question, filters=filters, conversation=conversation):
            if isinstance(event, AnswerReady):
                return event.answer
        raise AssertionError("the stream of events ended without an answer")

    def search(self, text: str, *, top_k: int, filters: Filters = Filters()) -> tuple[Hit, ...]:
        """Passages, best first; raises as `ask` does."""
        from study_bot.answering.answerer import checked_question

        engine = self._current_engine()
        question = checked_question(text, self.settings.max_question_chars)
        query = engine.retriever.understand(question, self._today())
        return engine.retriever.retrieve(query, filters, top_k, today=self._today()).hits

    def choose(self, question: str, options: Sequence[str], *, filters: Filters = Filters()) -> Choice:
        """Which of the options the texts bear out; raises as `ask` does.

        :raises ValueError: there are no options.
        """
        from study_bot.answering.choices import MAX_PASSAGES, choose, pooled
        from study_bot.answering.quiz_forms import search_texts

        texts = search_texts(question, options)
        return choose(
            question, options, pooled([self.search(text, top_k=MAX_PASSAGES, filters=filters) for text in texts])
        )

    def fill_in(
        self, question: str, *, filters: Filters = Filters()
    ) -> tuple[tuple[Filling | None, ...], tuple[Hit, ...]]:
        """The words at each blank of a question (None = no text says), and the passages looked at; raises as `ask`."""
        from study_bot.answering.fill_in import MAX_PASSAGES, fill_in
        from study_bot.answering.quiz_forms import parse_stem

        stem = parse_stem(question)
        hits = self.search(stem.text, top_k=MAX_PASSAGES, filters=filters)
        return tuple(fill_in(question, hits, blank=number) for number in range(len(stem.pieces) - 1)), hits

    def search_many(
        self, texts: Sequence[str], top_k: int, contexts: Sequence[QuestionContext] = ()
    ) -> list[tuple[Hit, ...]]:
        """Passages for many questions at once, for evaluation; faster than one by one.

        :param contexts: what each question is put with, in their order; empty = nothing.
        """
        return self._current_engine().retriever.retrieve_many(texts, top_k, contexts=contexts, today=self._today())

    def rerank_misses(self) -> int:
        """Questions so far that kept the learned order because the re-ranker of the settings gave no scores."""
        return 0 if self._reranking is None else self._reranking.misses

    def refusal_threshold(self) -> float:
        """Probability (0..1) below which an answer becomes a refusal; raises as `ask` does."""
        return self._current_engine().answerer.threshold

    def library(self) -> tuple[Version, ...]:
        """Every version in the live build, in its order; rows of corpus files are left out."""
        return tuple(v for v in self.snapshot().versions if v.kind is not DocumentKind.BEIR)

    def document(self, version_id: str) -> DocumentView:
        """One version with its text.

        :raises DocumentGoneError: it is not in the live build.
        """
        snapshot = self.snapshot()
        try:
            version = snapshot.version(version_id)
        except KeyError:
            raise DocumentGoneError("这份文献已不在文献库中，可能已被替换或撤下。请回到文献列表重新查找。") from None
        others = [v for v in snapshot.versions if v.doc_id == version.doc_id and v.version_id != version_id]
        others.sort(key=lambda v: (v.effective or v.promulgated or dt.date.min, v.version_id))
        return DocumentView(version, snapshot.text(version_id), tuple(others))

    def build(
        self,
        sources: Sequence[Path],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        full: bool = False,
    ) -> BuildReport:
        """Index `sources`; see index.builder.build_index for what it raises. The live index serves meanwhile."""
        from study_bot.index.builder import build_index

        def note(progress: Progress) -> None:
            self._building = progress
            if on_progress is not None:
                on_progress(progress)

        try:
            return build_index(
                sources,
                self.settings.index_dir,
                self.settings,
                self.encoder(),
                on_progress=note,
                cancelled=cancelled,
                full=full,
            )
        finally:
            self._building = None

    def examples(self) -> tuple[str, ...]:
        """Questions the library answers, for a first visit: those its catalog suggests, else made from its articles."""
        from study_bot.answering.examples import example_questions

        try:
            snapshot = self.snapshot()
        except SnapshotError:
            return ()
        return example_questions(snapshot, MAX_EXAMPLES)

    def encoder(self) -> Encoder:
        """The embedding model, loaded when first needed.

        :raises ModelError: it cannot be loaded.
        """
        with self._lock:
            if self._encoder is None:
                self._encoder = self._open_encoder()
            return self._encoder

    def close(self) -> None:
        """Let go of the model and the index."""
        self._following.close()
        with self._lock:
            self._engine = self._next_engine = self._encoder = None
        if self._reranking is not None:
            self._reranking.close()

    def _unusable(self, snapshot: Snapshot) -> str | None:
        """Why questions cannot be put to a snapshot, None if they can; the model is not loaded only to find out."""
        from study_bot.index.manifest import search_mismatch

        if not snapshot.passages:
            return "文献库是空的，请先添加文献并建立索引。"
        if self._encoder is None or (reason := search_mismatch(snapshot.manifest, self._encoder)) is None:
            return None
        return f"现有索引不能用当前设置检索：{reason}。请在“管理 → 索引”中更新索引，或重新建立索引。"

    def _current_engine(self) -> _Engine:
        snapshot = self.snapshot()
        engine = self._engine
        if engine is not None and engine.snapshot is snapshot:
            return engine
        with self._lock:
            if self._engine is None or self._engine.snapshot is not snapshot:
                ready, self._next_engine = self._next_engine, None
                self._engine = (
                    ready if ready is not None and ready.snapshot is snapshot else self._make_engine(snapshot)
                )
            return self._engine

    def _get_ready(self, snapshot: Snapshot) -> None:
        """Prepare for a build that is about to be live; questions go on meanwhile."""
        self._next_engine = self._make_engine(snapshot)

    def _make_engine(self, snapshot: Snapshot) -> _Engine:
        from study_bot.answering.answerer import Answerer
        from study_bot.retrieval.retriever import Retriever

        encoder = self.encoder()
        if snapshot.passages and (error := self._unusable(snapshot)) is not None:
            raise SnapshotError(error)
        if self._many_questions:
            snapshot.dense.prepare(self.settings.threads)
        elif self._reranking is not None:  # a command with one question: it must not be late for that one
            self._reranking.warm_up()
        retriever = Retriever(snapshot, encoder, self.settings, reranking=self._reranking)
        return _Engine(snapshot, retriever, Answerer(snapshot, retriever, self.settings))


def build_services(settings: Settings) -> Services:
    """Wire the services from settings. Nothing heavy is loaded before it is needed.

    :raises SettingsError: what the settings name cannot be used.
    """
    from study_bot.index.store import SnapshotStore
    from study_bot.retrieval.rerank_settings import open_reranking

    def encoder() -> Encoder:
        from study_bot.index.embedding import open_encoder

        return open_encoder(settings)

    return Services(settings, SnapshotStore(settings.index_dir), encoder, reranking=open_reranking(settings))
