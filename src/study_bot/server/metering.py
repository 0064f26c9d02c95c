"""Counting and limiting questions, whoever asks them: the page and the JSON interface use one `MeteredServices`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from study_bot.answering.events import AnswerEvent, AnswerReady
from study_bot.errors import BusyError
from study_bot.settings import Settings
from study_bot.types import Answer, Filters, Hit, Turn, Version
from study_bot.ui.ports import IndexState, OpenDocument, StudyServices

TURN_SECONDS = 120.0
"""How long a question waits for its turn before it is given up."""

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The figures of one application. No text of a question or answer is ever part of them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.questions = Counter(
            "study_bot_questions",
            "Questions by outcome: answered, refused, failed, stopped.",
            ["outcome"],
            registry=self.registry,
        )
        self.refusals = Counter("study_bot_refusals", "Refusals by reason.", ["reason"], registry=self.registry)
        self.seconds = Histogram(
            "study_bot_question_seconds", "Seconds by stage.", ["stage"], buckets=_BUCKETS, registry=self.registry
        )
        self.running = Gauge("study_bot_questions_running", "Questions being answered now.", registry=self.registry)
        self.index = Gauge(
            "study_bot_index_info",
            "The live build; its value is its number of passages.",
            ["build_id"],
            registry=self.registry,
        )
        self.ready = Gauge("study_bot_index_ready", "1 when questions can be answered.", registry=self.registry)

    def text(self, status: IndexState) -> bytes:
        """The figures in Prometheus' text format."""
        self.index.clear()
        if status.build_id:
            self.index.labels(status.build_id).set(status.passages)
        self.ready.set(int(status.ready))
        return generate_latest(self.registry)

    def answered(self, answer: Answer, seconds: float) -> None:
        """Count an answer or a refusal with its times."""
        if answer.refused:
            self.refusals.labels(answer.reason.value if answer.reason else "unknown").inc()
        self.seconds.labels("encode").observe(answer.latency.encode / 1000)
        self.seconds.labels("retrieve").observe(answer.latency.retrieve / 1000)
        self.seconds.labels("answer").observe(answer.latency.answer / 1000)
        self.seconds.labels("total").observe(seconds)


class MeteredServices:
    """The services, with at most `max_concurrent_questions` questions in work at a time, all of them counted."""

    def __init__(self, services: StudyServices, metrics: Metrics) -> None:
        self._services = services
        self._metrics = metrics
        self._turns = threading.BoundedSemaphore(services.settings.max_concurrent_questions)

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._services.settings

    def ask(
        self, question: str, *, filters: Filters = Filters(), conversation: Sequence[Turn] = ()
    ) -> Iterator[AnswerEvent]:
        """Answer step by step once it is this question's turn.

        :raises BusyError: no turn came within TURN_SECONDS.
        """
        outcome = "failed"
        with self._turn():
            started = time.perf_counter()
            try:
                for event in self._services.ask(question, filters=filters, conversation=conversation):
                    if isinstance(event, AnswerReady):
                        outcome = "refused" if event.answer.refused else "answered"
                        self._metrics.answered(event.answer, time.perf_counter() - started)
                    yield event
            except GeneratorExit:
                outcome = outcome if outcome != "failed" else "stopped"
                raise
            finally:
                self._metrics.questions.labels(outcome).inc()

    def search(self, text: str, *, top_k: int, filters: Filters = Filters()) -> Sequence[Hit]:
        """Passages, best first, once it is this search's turn."""
        with self._turn():
            return self._services.search(text, top_k=top_k, filters=filters)

    def status(self) -> IndexState:
        """State of the index."""
        return self._services.status()

    def warm_up(self) -> None:
        """Load what the first question would have to wait for."""
        self._services.warm_up()

    def library(self) -> Sequence[Version]:
        """Every version in the live build."""
        return self._services.library()

    def document(self, version_id: str) -> OpenDocument:
        """One version, or DocumentGoneError."""
        return self._services.document(version_id)

    def examples(self) -> Sequence[str]:
        """Questions the library answers well."""
        return self._services.examples()

    def close(self) -> None:
        """Give back what is held."""
        self._services.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=TURN_SECONDS):
            raise BusyError("现在提问的人太多，等待超时。请稍后再试。")
        self._metrics.running.inc()
        try:
            yield
        finally:
            self._metrics.running.dec()
            self._turns.release()
