"""The page in a real browser, as an officer at a desk uses it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from study_bot.errors import ModelError
from study_bot.settings import Settings
from study_bot.types import Progress
from tests.ui.fake_services import FakeServices
from tests.ui.page_scripts import CONFIRM_WORD, HIT_IN_VIEW, NAMELESS, POOR_CONTRAST
from tests.ui.running import queue_question, running

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]

NINTH = "学习管理规定第九条讲什么？"
CREDITS = "哪些情形可以免计当月学时？"
UNKNOWN = "出国护照丢了怎么补办？"


def ask(page: Any, question: str, state: str = "done") -> Any:
    """Type, press Enter, wait for the turn to reach `state`; gives the turn."""
    before = int(page.evaluate("+(document.querySelector('#live .turn')?.dataset.turn ?? 0)"))
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")
    turn = page.locator(f"#live .turn[data-turn='{before + 1}'][data-state='{state}']")
    turn.wait_for()
    return turn


@pytest.fixture
def gate(live_services: FakeServices) -> Iterator[threading.Event]:
    """Holds every question until it is set."""
    live_services.gate = threading.Event()
    yield live_services.gate
    live_services.gate.set()
    live_services.gate = None


def test_from_the_question_to_the_place_in_the_original(open_page: OpenPage) -> None:
    page = open_page()
    assert page.title() == "学习问答"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert "部文献" in page.inner_text(".welcome .facts")

    turn = ask(page, CREDITS)
    assert "连续病假、事假超过十五日的" in turn.inner_text()
    assert page.locator("#evidence .ev-card mark").count() > 0  # shown without a click on a wide screen

    turn.locator("button.cite", has_text="1").click()
    card = page.locator("#evidence .ev-card.is-on")
    assert "第二章 学习任务" in card.inner_text()
    assert card.locator(".badge").inner_text() == "现行有效"
    mark = card.locator("mark.now")
    assert "有下列情形之一的，可以免计当月学时" in mark.inner_text()
    assert mark.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 224, 138)"

    card.locator("a[data-reader]").click()
    frame = page.frame_locator("#reader iframe")
    hit = frame.locator("mark#hit")
    hit.wait_for()
    assert hit.inner_text() == "第六条"
    page.wait_for_function(HIT_IN_VIEW)
    assert frame.locator("#toc [aria-current]").inner_text().startswith("第六条")
    frame.locator("a[rel=next]").click()
    frame.locator("text=引用 2 / 2").wait_for()
    frame.locator(".jump input").fill("11之1")
    frame.locator(".jump button").click()
    frame.locator("#a11-1 mark").first.wait_for()

    page.go_back()
    page.locator("#reader").wait_for(state="hidden")
    assert "连续病假" in page.inner_text("#live")


def test_thinking_is_shown_and_statements_come_one_by_one(open_page: OpenPage, live_services: FakeServices) -> None:
    page = open_page()
    steps = live_services.steps = threading.Semaphore(0)
    try:
        page.fill("#question textarea", CREDITS)
        page.click("#send")
        page.locator("#live [data-state=queued]").wait_for()
        assert page.is_visible("#stop") and not page.is_visible("#send")
        steps.release()
        page.locator("#live .steps li.now", has_text="理解问题").wait_for()
        steps.release()
        page.locator("#live .steps li.now", has_text="检索文献").wait_for()
        steps.release()
        page.locator("#live .steps li", has_text="检索文献（6 段）").wait_for()
        steps.release(2)
        page.locator("#live [data-state=working] .a-text", has_text="第六条").wait_for()
        assert "第五条" not in page.inner_text("#live")
        assert page.locator("#live button.cite").count() == 0
        steps.release(10)
        page.locator("#live [data-state=done]").wait_for()
        assert "第五条" in page.inner_text("#live")
        assert page.is_visible("#send") and not page.is_visible("#stop")
    finally:
        live_services.steps = None
        steps.release(10)


def test_stopping_and_asking_again(open_page: OpenPage, gate: threading.Event) -> None:
    page = open_page()
    page.fill("#question textarea", NINTH)
    page.click("#send")
    page.wait_for_selector("#stop:visible")
    page.click("#stop")
    page.locator("#live [data-state=stopped]").wait_for()
    gate.set()
    page.click("#live .act-ask")
    page.locator("#live .turn[data-turn='2'][data-state=done]").wait_for()
    page.wait_for_timeout(300)
    assert page.locator("#history .turn").count() == 1
    assert "六十分为合格" in page.inner_text("#live")


def test_several_turns_and_a_new_conversation(open_page: OpenPage, live_services: FakeServices) -> None:
    page = open_page()
    ask(page, NINTH)
    ask(page, "那第十条呢？")
    assert live_services.questions[-1][2][0].question == NINTH
    assert page.locator("#history .turn").count() == 1
    top = "e => e.getBoundingClientRect().top - document.querySelector('#thread').getBoundingClientRect().top"
    assert page.locator("#live .turn").evaluate(top) < 40  # the new question stands at the top
    page.click("#history button.cite >> nth=0")
    page.locator("#evidence .ev-card.is-on", has_text="第九条").wait_for()
    page.click("#fresh")
    page.locator(".welcome").wait_for()
    assert page.locator(".turn").count() == 0
    assert "提问后" in page.inner_text("#evidence")
    ask(page, NINTH)
    assert live_services.questions[-1][2] == ()


def test_a_refusal_is_designed(open_page: OpenPage) -> None:
    page = open_page()
    text = ask(page, UNKNOWN).inner_text()
    for words in ("没有找到有把握的回答", "无法作答", "可能相关", "可以这样问"):
        assert words in text
    assert page.inner_text("#ev-title") == "可能相关"
    page.click("#live .near >> nth=1")
    assert page.locator("#evidence .ev-card.is-on").get_attribute("data-keys") == "h2"


def test_examples_ask_and_the_answer_can_be_copied(open_page: OpenPage, address: str) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page.click(".example >> text=第九条")
    page.locator("#live [data-state=done]").wait_for()
    page.click("#live .act-copy")
    page.locator("#live .act-copy", has_text="已复制").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"问：{NINTH}\n答：")
    assert "[1] 《云岭市公安局学习管理规定》 第三章 测试 第九条（2024-05-20 现行有效）：“第九条" in copied


def test_the_scope_is_chosen_and_sent(open_page: OpenPage, live_services: FakeServices) -> None:
    page = open_page()
    page.click("#scope-toggle")
    page.fill("#scope-find", "读书")
    assert page.locator(".picks .pick:visible").count() == 1
    page.check(".picks .pick:visible input")
    page.fill("#scope-panel [name=as_of]", "2025年12月1日")
    page.check("#scope-panel [name=include_inactive]")
    page.click("#scope-done")
    assert page.inner_text("#scope-summary") == "范围：关于做好冬季读书月工作的通知 · 2025年12月1日 · 含旧版本"
    ask(page, "什么时候集体阅读？")
    filters = live_services.questions[-1][1]
    assert (filters.doc_ids, str(filters.as_of), filters.include_inactive) == ({"notice"}, "2025-12-01", True)
    page.click("#scope-toggle")
    page.click("#scope-panel [type=reset]")
    page.fill("#scope-panel [name=as_of]", "昨天")
    page.click("#scope-done")
    page.fill("#question textarea", NINTH)
    page.press("#question textarea", "Enter")
    page.locator(".hint", has_text="不是有效的日期").wait_for()
    assert page.input_value("#question textarea") == NINTH


def test_hostile_text_is_shown_and_not_run(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "恶意标记的处理 字样 <img src=x onerror=window.hacked=1> 应当原样显示")
    assert "<script>window.hacked=1</script>" in page.inner_text("#live .a-text")
    assert "<script>" in page.inner_text("#evidence h3 >> nth=0")
    page.click("#evidence a[data-reader] >> nth=0")
    page.frame_locator("#reader iframe").locator("h1", has_text="<script>").wait_for()
    page.keyboard.press("Escape")
    page.click("role=tab[name=文献]")
    page.locator(".lib-row", has_text="<script>").wait_for()
    assert page.evaluate("window.hacked") is None


def test_two_people_do_not_meet(open_page: OpenPage, live_services: FakeServices) -> None:
    one, two = open_page(), open_page()
    ask(one, NINTH)
    ask(two, CREDITS)
    assert NINTH not in two.inner_text("#thread")
    ask(one, "那第十条呢？")
    assert [turn.question for turn in live_services.questions[-1][2]] == [NINTH]
    assert CREDITS not in one.inner_text("#thread")


def test_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_function("document.activeElement.tagName === 'TEXTAREA'")  # one can begin to type at once
    page.keyboard.type("学习管理规定")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("第九条讲什么？")
    assert page.input_value("#question textarea") == "学习管理规定\n第九条讲什么？"
    page.keyboard.press("Enter")
    page.locator("#live [data-state=done]").wait_for()
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('#live button.cite')"):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('#evidence .ev-card.is-on')")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('#evidence .ev-card.is-on .ev-open')")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('#live button.cite')")


def test_enter_that_confirms_a_word_of_the_input_method_does_not_send(
    open_page: OpenPage, live_services: FakeServices
) -> None:
    page = open_page()
    asked = len(live_services.questions)
    page.fill("#question textarea", "xuexi")
    for kind in ({"isComposing": True}, {"keyCode": 229}):
        page.evaluate(CONFIRM_WORD, kind)
    page.wait_for_timeout(300)
    assert len(live_services.questions) == asked
    assert page.input_value("#question textarea") == "xuexi"


def test_dark_mode_follows_the_system_and_the_switch(open_page: OpenPage) -> None:
    page = open_page(dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(15, 20, 28)"
    assert page.evaluate("document.body.classList.contains('dark')")
    page.click("#theme-toggle")
    assert page.evaluate(ground) == "rgb(243, 245, 249)"
    page.reload()
    page.wait_for_selector(".welcome")
    assert page.evaluate(ground) == "rgb(243, 245, 249)"
    page.goto(page.url + "reader/notice")
    assert page.evaluate(ground) == "rgb(243, 245, 249)"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast_is_enough_to_read(open_page: OpenPage, dark: bool) -> None:
    page = open_page(dark=dark)
    ask(page, CREDITS)
    ask(page, UNKNOWN)
    page.click("#history button.cite >> nth=0")
    poor = page.evaluate(POOR_CONTRAST)
    assert poor == []
    page.goto(page.url + "reader/rules-2019?start=60&end=80")
    assert page.evaluate(POOR_CONTRAST) == []


def test_the_library_page(open_page: OpenPage) -> None:
    page = open_page()
    page.click("role=tab[name=文献]")
    page.locator(".lib-count", has_text="共 3 部文献").wait_for()
    page.fill("#library-find :is(input, textarea)", "读书月")
    page.locator(".lib-count", has_text="共 1 部文献").wait_for()
    page.fill("#library-find :is(input, textarea)", "")
    page.click("#library-status label >> text=已修改或废止")
    page.locator(".lib-row", has_text="已废止").wait_for()
    page.locator(".lib-count", has_text="共 1 部文献").wait_for()
    page.click(".lib-row a >> nth=0")
    page.frame_locator("#reader iframe").locator(".notice", has_text="该版本已废止").wait_for()
    page.click(".reader-close")
    page.locator("#reader").wait_for(state="hidden")


def test_errors_are_told_in_the_turn(open_page: OpenPage, live_services: FakeServices) -> None:
    page = open_page()
    try:
        live_services.fail_with = ModelError("向量模型没有加载，请联系管理员。")
        assert "向量模型没有加载" in ask(page, NINTH, "failed").inner_text()
        live_services.fail_with = RuntimeError("inner words")
        assert "请稍后再试" in ask(page, NINTH, "failed").inner_text()
        assert "inner words" not in page.inner_text("body")
        assert not re.search(r"\bError\b", page.inner_text("body"))
    finally:
        live_services.fail_with = None
    assert "六十分" in ask(page, NINTH).inner_text()


def test_no_index_then_built(open_page: OpenPage, live_services: FakeServices) -> None:
    live_services.missing = True
    live_services.building = Progress("计算向量", 30, 100, "段", eta=70)
    try:
        page = open_page()
        assert "正在建立索引" in page.inner_text(".welcome")
        assert not page.is_visible("#composer")
    finally:
        live_services.missing, live_services.building = False, None
    page.locator(".welcome .facts").wait_for()  # without a reload
    assert page.is_visible("#composer")


def test_a_full_queue_is_told_in_chinese(browser: Any) -> None:
    gate = threading.Event()
    settings = Settings(max_concurrent_questions=1, max_queued_questions=1)
    with running(FakeServices(settings, gate=gate)) as url:
        for n in range(2):
            queue_question(url, f"other{n}")
            time.sleep(0.3)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.wait_for_selector(".welcome")
        ask(page, NINTH, "failed")
        assert "出错了" in page.inner_text(".toast-wrap")
        assert "排队的人太多了" in page.inner_text(".toast-wrap")
        gate.set()
        page.wait_for_timeout(500)
        ask(page, NINTH)
        page.close()


def test_a_new_index_clears_the_scope_and_keeps_the_conversation(
    open_page: OpenPage, live_services: FakeServices
) -> None:
    live_services.building = Progress("计算向量", 30, 100, "段")  # the page asks more often while one is built
    before = dict(live_services.texts)
    try:
        page = open_page()
        page.locator("#banner", has_text="可以继续提问").wait_for()
        page.click("#scope-toggle")
        page.check(".picks .pick >> nth=0")
        page.click("#scope-done")
        ask(page, "第九条")
        live_services.texts = dict(list(before.items())[2:])
        live_services.building = None
        page.locator("#banner .banner").wait_for(state="detached")
        page.locator("#scope-summary", has_text="全部文献").wait_for()
        assert page.locator(".picks input:checked").count() == 0
        assert page.locator(".picks .pick").count() == 2
        assert page.locator(".turn").count() == 1
    finally:
        live_services.texts, live_services.building = before, None


def test_nothing_of_the_framework_shows(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, NINTH)
    text = page.inner_text("body")
    assert re.findall(r"[A-Za-z]{3,}", text) == []
    assert page.locator("footer:visible").count() == 0
    assert page.evaluate(NAMELESS) == []
