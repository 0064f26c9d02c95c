"""Turns are limited and given back whatever becomes of a question."""

from __future__ import annotations

import threading

import pytest

from study_bot.answering.events import AnswerReady
from study_bot.errors import BusyError, ModelError
from study_bot.server import metering
from study_bot.server.metering import MeteredServices, Metrics
from study_bot.settings import Settings
from tests.ui.fake_services import FakeServices

QUESTION = "学习管理规定第九条讲什么？"


def metered(fake: FakeServices) -> tuple[MeteredServices, Metrics]:
    metrics = Metrics()
    return MeteredServices(fake, metrics), metrics


def count(metrics: Metrics, outcome: str) -> float:
    return metrics.registry.get_sample_value("study_bot_questions_total", {"outcome": outcome}) or 0.0


def running(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("study_bot_questions_running") or 0.0


def test_outcomes_are_counted_and_turns_given_back() -> None:
    fake = FakeServices(Settings(max_concurrent_questions=1))
    services, metrics = metered(fake)
    assert isinstance(list(services.ask(QUESTION))[-1], AnswerReady)
    list(services.ask("出国护照丢了怎么补办？"))
    stopped = services.ask(QUESTION)
    next(stopped)
    assert running(metrics) == 1
    stopped.close()  # type: ignore[attr-defined]
    for error in (ModelError("模型没有加载。"), RuntimeError("unforeseen")):
        fake.fail_with = error
        with pytest.raises(type(error)):
            list(services.ask(QUESTION))
    assert {o: count(metrics, o) for o in ("answered", "refused", "stopped", "failed")} == {
        "answered": 1, "refused": 1, "stopped": 1, "failed": 2,
    }  # fmt: skip
    assert running(metrics) == 0


def test_a_stop_after_the_answer_counts_as_answered() -> None:
    services, metrics = metered(FakeServices())
    events = services.ask(QUESTION)
    while not isinstance(next(events), AnswerReady):
        pass
    events.close()  # type: ignore[attr-defined]
    assert count(metrics, "answered") == 1


def test_no_more_questions_at_once_than_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "TURN_SECONDS", 0.05)
    fake = FakeServices(Settings(max_concurrent_questions=2), gate=threading.Event())
    services, metrics = metered(fake)
    threads = [threading.Thread(target=lambda: list(services.ask(QUESTION))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while running(metrics) < 2:
        pass
    with pytest.raises(BusyError, match="提问的人太多"):
        list(services.ask(QUESTION))
    with pytest.raises(BusyError):
        services.search("阅读", top_k=1)
    assert fake.gate is not None
    fake.gate.set()
    for thread in threads:
        thread.join()
    assert list(services.ask(QUESTION))
