"""Where people sign in: every event asks who sends it, and nobody gets at what is another's."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from study_bot.accounts.roles import Role
from study_bot.errors import StorageError
from study_bot.ui.app import build_ui
from study_bot.ui.chat_api import chat_endpoint
from study_bot.ui.handlers import AskHandlers
from study_bot.ui.history_tab import HistoryHandlers
from study_bot.ui.library_tab import LibraryHandlers
from study_bot.ui.rating import RatingHandlers
from study_bot.ui.turns import TurnState, TurnView, render_turn
from study_bot.ui.visitors import Visitors
from study_bot.usage.remarks import Reason, Verdict
from tests.ui.fake_desk import FakeDesk, desk, request
from tests.ui.fake_services import FakeServices
from tests.usage.samples import person

QUESTION = "学习管理规定第九条讲什么？"

EVENTS = (
    "open_page", "poll", "stop", "fail", "reset", "chat", "library", "first", "more", "history", "history more",
    "history act",
)  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Iterator[FakeDesk]:
    opened = desk(tmp_path, "1001", "1002")
    yield opened
    opened.database.close()


def ask(office: FakeDesk, badge: str, question: str = QUESTION, turns: Any = ()) -> tuple[TurnView, ...]:
    handlers = AskHandlers(FakeServices(), Visitors(office))
    *_, pending = handlers.accept(question, "", turns, request(badge))
    *_, (_, turns, _) = handlers.stream(pending, turns, request(badge))
    return turns  # type: ignore[no-any-return]


def rate(office: FakeDesk, badge: str, turns: tuple[TurnView, ...], **said: Any) -> tuple[Any, str]:
    message = json.dumps({"turn": turns[-1].number, "nonce": 1, **said})
    return RatingHandlers(Visitors(office), office).rate(message, turns, request(badge))


def history(office: FakeDesk) -> HistoryHandlers:
    return HistoryHandlers(FakeServices(), Visitors(office), office)


def events(office: FakeDesk) -> dict[str, Callable[[gr.Request | None], Any]]:
    """Every handler of the page, with some input."""
    visitors = Visitors(office)
    asking, library = AskHandlers(FakeServices(), visitors), LibraryHandlers(FakeServices(), visitors)
    own = history(office)
    return {
        "open_page": lambda r: asking.open_page((), None, r),
        "poll": lambda r: asking.poll((), None, "", r),
        "stop": lambda r: asking.stop(None, (), r),
        "fail": lambda r: asking.fail(None, (), r),
        "reset": asking.reset,
        "chat": lambda r: chat_endpoint(FakeServices(), visitors)(QUESTION, request=r),
        "library": lambda r: library.open_tab("", "", "", r),
        "first": lambda r: library.first("", "", "", r),
        "more": lambda r: library.more("", "", "", 60, r),
        "history": own.first,
        "history more": lambda r: own.more(1, r),
        "history act": lambda r: own.act('{"do": "forget"}', 1, r),
    }


@pytest.mark.parametrize("sent", [None, request(), request("forged")], ids=["none", "nobody", "forged"])
@pytest.mark.parametrize("event", EVENTS)
def test_nobody_gets_nothing(office: FakeDesk, event: str, sent: gr.Request | None) -> None:
    with pytest.raises(gr.Error, match="请先登录"):
        events(office)[event](sent)


def test_every_event_is_tried(office: FakeDesk) -> None:
    assert sorted(events(office)) == sorted(EVENTS)


def test_nobody_gets_no_answer(office: FakeDesk) -> None:
    services = FakeServices()
    handlers = AskHandlers(services, Visitors(office))
    _, hint, _, _, pending = handlers.accept(QUESTION, "", (), request())
    assert "请先登录" in hint and pending is None
    *_, pending = handlers.accept(QUESTION, "", (), request("1001"))
    *_, (live, turns, _) = handlers.stream(pending, (), request())
    assert "请先登录" in live and turns[0].answer is None and services.questions == []


def test_every_event_of_the_page_takes_the_request(office: FakeDesk) -> None:
    page = build_ui(FakeServices(), office)
    events = [fn for fn in page.fns.values() if fn.fn is not None]
    assert len(events) >= 15
    for event in events:
        hints = gr.utils.get_type_hints(event.fn)
        assert hints.get("request") == gr.Request | None, event.fn


def test_an_answer_is_kept_and_can_be_rated(office: FakeDesk) -> None:
    turns = ask(office, "1001", turns=ask(office, "1001"))
    assert turns[0].question_id and turns[1].question_id and turns[0].conversation == turns[1].conversation
    assert render_turn(turns[1], {}, "").count("act-rate") == 2
    changed, result = rate(office, "1001", turns, verdict="down", reason="outdated", comment="旧了")
    assert changed[1].verdict == "down" and 'data-ok="yes"' in result
    assert 'data-verdict="down" aria-pressed="true"' in render_turn(changed[1], {}, "")
    changed, _ = rate(office, "1001", changed, verdict="none")
    assert changed[1].verdict == ""
    assert office.feedback.verdicts(office.gate.people["1001"], (turns[1].question_id,)) == {}


def test_nobody_rates_the_answer_of_another(office: FakeDesk) -> None:
    turns = ask(office, "1001")
    for badge in ("1002", "", "forged"):
        changed, result = rate(office, badge, turns, verdict="up")
        assert isinstance(changed, dict) and 'data-ok="no"' in result
    assert office.feedback.verdicts(office.gate.people["1001"], (turns[0].question_id or 0,)) == {}


@pytest.mark.parametrize(
    "message",
    ["", "[]", "{", "[" * 9000, "x" * 30_000, '{"turn": 99}', '{"turn": 1, "verdict": "sideways"}',
     '{"turn": 1, "verdict": "down"}', '{"turn": 1, "verdict": "down", "reason": ["x"]}',
     '{"turn": 1, "verdict": {"a": 1}, "nonce": "<b>"}'],
)  # fmt: skip
def test_odd_ratings_are_told_so(office: FakeDesk, message: str) -> None:
    turns = ask(office, "1001")
    changed, result = RatingHandlers(Visitors(office), office).rate(message, turns, request("1001"))
    assert isinstance(changed, dict) and 'data-ok="no"' in result and "<b>" not in result


def test_ones_own_conversations_can_be_opened_and_deleted(office: FakeDesk) -> None:
    turns = ask(office, "1001", turns=ask(office, "1001", "<b>哪些情形</b>可以免计当月学时？"))
    rate(office, "1001", turns, verdict="up")
    own = history(office)
    listing, _, shown = own.first(request("1001"))
    assert "&lt;b&gt;哪些情形" in listing and "2 个问题" in listing and shown == 1
    wanted = json.dumps({"do": "open", "id": turns[0].conversation})
    *_, thread, live, opened, pending, tabs = own.act(wanted, 1, request("1001"))
    assert "第九条" in thread and live == "" and pending is None and tabs.selected == "ask"
    assert [t.question_id for t in opened] == [t.question_id for t in turns] and opened[1].verdict == "up"
    assert opened[1].answer.text == turns[1].answer.text  # type: ignore[union-attr]
    further = ask(office, "1001", turns=opened)
    assert further[-1].number == 3 and further[-1].conversation == turns[0].conversation
    listing, *_ = own.act(json.dumps({"do": "delete", "id": turns[0].conversation}), 1, request("1001"))
    assert "还没有提问" in listing


def test_nobody_opens_or_deletes_the_conversation_of_another(office: FakeDesk) -> None:
    turns = ask(office, "1001")
    own = history(office)
    assert "第九条" not in own.first(request("1002"))[0]
    with pytest.raises(gr.Error, match="已经删除"):
        own.act(json.dumps({"do": "open", "id": turns[0].conversation}), 1, request("1002"))
    for wanted in ("delete", "forget"):
        own.act(json.dumps({"do": wanted, "id": turns[0].conversation}), 1, request("1002"))
    assert "第九条" in own.first(request("1001"))[0]


@pytest.mark.parametrize("message", ["", "{", "[1]", '{"do": 1}', '{"do": "open"}', '{"do": "open", "id": {"a": 1}}'])
def test_odd_wishes_do_nothing(office: FakeDesk, message: str) -> None:
    ask(office, "1001")
    with contextlib.suppress(gr.Error):
        history(office).act(message, 1, request("1001"))
    assert "第九条" in history(office).first(request("1001"))[0]


def test_an_answer_that_cannot_be_kept_is_shown_all_the_same(
    office: FakeDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> int:
        raise StorageError("磁盘满了。")

    monkeypatch.setattr(office.questions, "record", full)
    caplog.set_level(logging.DEBUG)
    turns = ask(office, "1001")
    assert turns[0].state is TurnState.DONE and turns[0].question_id is None
    assert "act-rate" not in render_turn(turns[0], {}, "") and "第九条" not in caplog.text


def test_the_chat_endpoint_keeps_questions_too(office: FakeDesk) -> None:
    answer = chat_endpoint(FakeServices(), Visitors(office))(QUESTION, request=request("1001"))
    assert not answer["refused"]
    assert office.questions.own(office.gate.people["1001"]).total == 1


def test_an_admin_reads_the_remark_with_its_answer(office: FakeDesk) -> None:
    turns = ask(office, "1001")
    rate(office, "1001", turns, verdict="down", reason="other", article="学习管理规定第十条")
    (remark,) = office.feedback.open_ones(person(office.database, "1", Role.ADMIN)).remarks
    assert (remark.verdict, remark.reason) == (Verdict.DOWN, Reason.OTHER)
    assert remark.question.answer.text == turns[0].answer.text  # type: ignore[union-attr]
