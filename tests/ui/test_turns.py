"""How a turn grows with the events, and what is drawn in every state."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from study_bot.answering.events import AnswerReady, HitsEvent, StageEvent, StatementEvent
from study_bot.types import Answer, RefusalReason, Statement
from study_bot.ui.plain import answer_with_sources
from study_bot.ui.turns import (
    MAX_CONVERSATION,
    REFUSAL_TIPS,
    REFUSAL_TITLES,
    TurnState,
    TurnView,
    advance,
    conversation_of,
    render_turn,
)
from tests.ui.fake_services import FakeServices
from tests.ui.sample_texts import HOSTILE

VIEW = TurnView(1, "第九条讲什么？")


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


def finished(question: str) -> TurnView:
    view = replace(VIEW, question=question)
    for event in FakeServices().ask(question):
        view = advance(view, event)
    return view


def test_a_turn_grows_with_the_events() -> None:
    view = advance(VIEW, StageEvent("retrieving"))
    assert (view.state, view.stage) == (TurnState.WORKING, "retrieving")
    view = advance(view, HitsEvent(()))
    assert view.found == 0
    view = advance(advance(view, StatementEvent(Statement("甲"))), StatementEvent(Statement("乙", (1,))))
    assert [s.text for s in view.statements] == ["甲", "乙"]
    final = Answer("问", (Statement("丙"),), (), ())
    view = advance(view, AnswerReady(final))
    assert (view.state, view.statements, view.answer) == (TurnState.DONE, final.statements, final)


def test_waiting_and_thinking_are_shown() -> None:
    assert "正在排队" in render_turn(VIEW, {}, "")
    markup = render_turn(advance(advance(VIEW, StageEvent("retrieving")), HitsEvent(())), {}, "")
    assert '<li class="done">理解问题</li>' in markup
    assert '<li class="now" aria-current="step">检索文献（0 段）</li>' in markup
    assert "正在排队" not in markup


def test_marks_become_buttons_when_the_answer_is_complete() -> None:
    streaming = render_turn(advance(VIEW, StatementEvent(Statement("甲", (1,)))), {}, "")
    assert '<span class="cite">1</span>' in streaming
    done = render_turn(finished("学习管理规定第九条讲什么？"), {}, "")
    assert '<button type="button" class="cite" data-turn="1" data-key="c1"' in done
    assert 'aria-label="依据1：云岭市公安局学习管理规定 第三章 测试 第九条"' in done
    assert "查看依据（1）" in done
    assert "用时 0.3 秒" in done


def test_items_of_a_list_are_lines_of_their_own() -> None:
    markup = render_turn(finished("哪些情形可以免计当月学时？"), {}, "")
    assert markup.count('<p class="a-item">') == 3


@pytest.mark.parametrize("reason", [*RefusalReason, None])
def test_every_refusal_says_why_and_what_to_do(reason: RefusalReason | None) -> None:
    refusal = Answer("问", (), (), (), refused=True, reason=reason, message="没有。<b>")
    markup = render_turn(replace(VIEW, state=TurnState.DONE, answer=refusal), {}, "")
    known = reason or RefusalReason.NOT_IN_LIBRARY
    assert REFUSAL_TITLES[known] in markup
    assert all(tip in markup for tip in REFUSAL_TIPS[known])
    assert "没有。&lt;b&gt;" in markup


def test_a_refusal_offers_the_nearest_passages() -> None:
    markup = render_turn(finished("出国护照丢了怎么补办？"), {}, "")
    assert "可能相关" in markup
    assert markup.count('class="near"') == 3


def test_notices_stand_before_the_answer() -> None:
    found = FakeServices().answer("学习管理规定第九条讲什么？")
    markup = render_turn(
        replace(VIEW, state=TurnState.DONE, answer=replace(found, notices=("该版本已废止。",))), {}, ""
    )
    assert markup.index("该版本已废止。") < markup.index('class="a-text"')


def test_stopped_and_failed_turns_can_be_asked_again() -> None:
    stopped = render_turn(replace(VIEW, state=TurnState.STOPPED, statements=(Statement("甲"),)), {}, "")
    assert "已停止" in stopped
    assert "甲" in stopped
    failed = render_turn(replace(VIEW, state=TurnState.FAILED, error="<模型>没有加载。"), {}, "")
    assert "&lt;模型&gt;没有加载。" in failed
    for markup in (stopped, failed):
        assert 'data-ask="第九条讲什么？"' in markup


def test_the_conversation_is_what_was_answered() -> None:
    done = finished("学习管理规定第九条讲什么？")
    turns = [done, replace(VIEW, state=TurnState.FAILED), *[done] * 10]
    conversation = conversation_of(turns)
    assert len(conversation) == MAX_CONVERSATION
    assert conversation[0].question == done.question
    assert "一百分" in conversation[0].answer


def test_hostile_questions_and_statements_are_escaped() -> None:
    view = replace(VIEW, question=HOSTILE, statements=(Statement(HOSTILE),), state=TurnState.WORKING)
    for shown in (view, replace(view, state=TurnState.STOPPED), replace(view, state=TurnState.FAILED, error=HOSTILE)):
        markup = render_turn(shown, {}, "")
        assert "<script" not in markup
        assert "<img" not in markup
        assert HOSTILE in text_of(markup)


def test_the_copy_has_the_sources() -> None:
    answer = FakeServices().answer("学习管理规定第九条讲什么？")
    assert answer_with_sources(answer).split("\n") == [
        "问：学习管理规定第九条讲什么？",
        "答：《云岭市公安局学习管理规定》第九条：",
        "第九条 全局每季度组织一次闭卷测试。测试满分一百分，六十分为合格。[1]",
        "",
        "依据：",
        "[1] 《云岭市公安局学习管理规定》 第三章 测试 第九条（2024-05-20 现行有效）："
        "“第九条 全局每季度组织一次闭卷测试。测试满分一百分，六十分为合格。”",
    ]
