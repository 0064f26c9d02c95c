"""The handlers of the conversation: everything of a user goes in and comes out, nothing stays behind."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from study_bot.errors import ModelError
from study_bot.types import Progress
from study_bot.ui.handlers import BUSY_SECONDS, IDLE_SECONDS, AskHandlers
from study_bot.ui.sessions import Pending
from study_bot.ui.turns import MAX_TURNS, TurnState, TurnView
from tests.ui.fake_services import FakeServices

QUESTION = "学习管理规定第九条讲什么？"


def is_skip(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"__type__"}


def ask(
    handlers: AskHandlers, question: str, turns: tuple[TurnView, ...] = (), scope: str = ""
) -> list[tuple[Any, Any, Any]]:
    *_, pending = handlers.accept(question, scope, turns)
    return list(handlers.stream(pending, turns))


def test_a_question_is_shown_at_once_and_answered_in_steps(services: FakeServices) -> None:
    handlers = AskHandlers(services)
    box, hint, _, live, pending = handlers.accept(f" {QUESTION} ", "", ())
    assert (box, hint) == ("", "")
    assert QUESTION in live
    steps = list(handlers.stream(pending, ()))
    assert "理解问题" in steps[0][0]
    assert all(is_skip(step[1]) and isinstance(step[2], Pending) for step in steps[:-1])
    live, turns, pending = steps[-1]
    assert 'data-state="done"' in live
    assert pending is None
    assert [t.question for t in turns] == [QUESTION]


def test_later_questions_bring_the_conversation(services: FakeServices) -> None:
    handlers = AskHandlers(services)
    turns = ask(handlers, QUESTION)[-1][1]
    _, _, thread, live, _ = handlers.accept("那第十条呢？", "", turns)
    assert 'data-turn="1"' in thread
    assert 'data-turn="2"' in live
    turns = ask(handlers, "那第十条呢？", turns)[-1][1]
    assert [t.number for t in turns] == [1, 2]
    assert services.questions[-1][2][0].question == QUESTION


def test_the_scope_reaches_the_services(services: FakeServices) -> None:
    ask(AskHandlers(services), QUESTION, scope='{"documents": ["notice"], "include_inactive": true}')
    assert services.questions[0][1].doc_ids == {"notice"}
    assert services.questions[0][1].include_inactive


@pytest.mark.parametrize(
    ("question", "scope", "words"),
    [("  ", "", "请先输入问题"), ("字" * 2001, "", "2,001 字"), (QUESTION, '{"documents": ["forged"]}', "已不在库中")],
)
def test_bad_input_is_told_beside_the_box(services: FakeServices, question: str, scope: str, words: str) -> None:
    box, hint, thread, live, pending = AskHandlers(services).accept(question, scope, ())
    assert words in hint
    assert is_skip(box) and is_skip(thread) and is_skip(live)
    assert pending is None
    assert all(is_skip(value) for value in next(iter(AskHandlers(services).stream(pending, ()))))


def test_a_known_error_is_shown_in_the_turn_and_not_repeated_as_conversation(services: FakeServices) -> None:
    services.fail_with = ModelError("模型没有加载。")
    handlers = AskHandlers(services)
    live, turns, pending = ask(handlers, QUESTION)[-1]
    assert "模型没有加载。" in live
    assert turns[0].state is TurnState.FAILED
    assert pending is None
    services.fail_with = None
    ask(handlers, QUESTION, turns)
    assert services.questions[-1][2] == ()


def test_stopping_keeps_what_has_come(services: FakeServices) -> None:
    handlers = AskHandlers(services)
    *_, pending = handlers.accept(QUESTION, "", ())
    for _, _, state in handlers.stream(pending, ()):
        if isinstance(state, Pending) and state.view.statements:
            pending = state
    live, turns, after = handlers.stop(pending, ())
    assert "已停止" in live and "第九条" in live
    assert after is None
    assert turns[0].state is TurnState.STOPPED
    assert all(is_skip(value) for value in handlers.stop(None, turns))


def test_an_unforeseen_error_ends_the_turn(services: FakeServices) -> None:
    handlers = AskHandlers(services)
    *_, pending = handlers.accept(QUESTION, "", ())
    live, turns, _ = handlers.fail(pending, ())
    assert "没有完成" in live
    assert turns[0].state is TurnState.FAILED


def test_conversations_have_an_end(services: FakeServices) -> None:
    turns = tuple(TurnView(n, "问", TurnState.STOPPED) for n in range(1, MAX_TURNS + 1))
    turns = ask(AskHandlers(services), QUESTION, turns)[-1][1]
    assert len(turns) == MAX_TURNS
    assert turns[-1].number == MAX_TURNS + 1


def test_a_new_conversation_starts_with_the_welcome(services: FakeServices) -> None:
    thread, live, turns, pending, hint = AskHandlers(services).reset()
    assert "welcome" in thread
    assert (live, turns, pending, hint) == ("", (), None, "")


def test_polling_is_quiet_until_the_index_changes(services: FakeServices) -> None:
    handlers = AskHandlers(services)
    services.missing = True
    thread, _, _, seen, timer = handlers.open_page((), None)
    assert "还没有可用的索引" in thread
    assert timer.value == BUSY_SECONDS
    assert all(is_skip(value) for value in handlers.poll((), None, seen))
    services.building = Progress("计算向量", 1, 10)
    thread, _, _, seen, _ = handlers.poll((), None, seen)
    assert "正在建立索引" in thread
    services.building = Progress("计算向量", 9, 10)
    thread, scope, _, _, _ = handlers.poll((), None, seen)
    assert 'value="9"' in thread
    assert is_skip(scope)
    services.missing, services.building = False, None
    thread, scope, _, seen, timer = handlers.poll((), None, seen)
    assert "想查哪条规定" in thread
    assert "云岭市公安局" in scope
    assert timer.value == IDLE_SECONDS


def test_a_change_of_the_index_keeps_the_conversation(services: FakeServices) -> None:
    handlers = AskHandlers(services)
    turns = ask(handlers, QUESTION)[-1][1]
    assert is_skip(handlers.poll(turns, None, "other")[0])
    *_, pending = handlers.accept(QUESTION, "", ())
    assert is_skip(handlers.poll((), pending, "other")[0])


def test_questions_are_never_logged(services: FakeServices, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    handlers = AskHandlers(services)
    ask(handlers, QUESTION)
    services.missing = True
    ask(handlers, QUESTION)
    services.missing, services.fail_with = False, ModelError("x")
    ask(handlers, QUESTION)
    assert "第九条" not in caplog.text
