"""Evidence cards: one per passage, supporting spans marked, nothing invented."""

from __future__ import annotations

import re
from dataclasses import replace

from study_bot.types import Answer, Citation, Hit, Locator, Passage, PassageKind
from study_bot.ui.evidence import MAX_RELATED, render_evidence
from tests.ui.fake_services import FakeServices
from tests.ui.sample_texts import HOSTILE


def passage(number: int, text: str = "甲方应当报告。乙方可以免除。", **more: object) -> Passage:
    return Passage(
        f"p{number}", "v1", "d1", PassageKind.ARTICLE, text, 100, 100 + len(text), "规定", Locator(("第一条",)), **more
    )  # type: ignore[arg-type]


def citation(n: int, of: Passage, start: int, end: int) -> Citation:
    quote = of.text[start - of.start : end - of.start]
    return Citation(n, of.passage_id, "v1", "d1", of.title, of.locator, quote, start, end, "2024-05-20 现行有效")


def answer(citations: tuple[Citation, ...], *passages: Passage) -> Answer:
    return Answer("问", (), citations, tuple(Hit(p, 1.0) for p in passages))


def cards(markup: str) -> list[str]:
    return re.findall(r"<article.*?</article>", markup, re.S)


def test_citations_of_one_passage_share_a_card() -> None:
    one = passage(1)
    markup = render_evidence(answer((citation(1, one, 100, 107), citation(2, one, 107, 114)), one, passage(2)), {}, "")
    first, second = cards(markup)
    assert 'data-keys="c1 c2"' in first
    assert '<mark data-n="1">甲方应当报告。</mark><mark data-n="2">乙方可以免除。</mark>' in first
    assert "现行有效" in first
    assert 'data-keys="h1"' in second
    assert "<details" in markup


def test_a_cited_lead_is_marked() -> None:
    part = passage(1, lead="有下列情形之一的：", lead_start=50, lead_end=59)
    quote = Citation(1, "p1", "v1", "d1", "规定", part.locator, part.lead, 50, 59)
    card = cards(render_evidence(answer((quote,), part), {}, ""))[0]
    assert '<p class="lead"><mark data-n="1">有下列情形之一的：</mark></p><p>甲方' in card


def test_a_passage_that_was_not_sent_along_is_replaced_by_the_quote() -> None:
    one = passage(1)
    card = cards(render_evidence(answer((citation(1, one, 100, 107),)), {}, ""))[0]
    assert '<mark data-n="1">甲方应当报告。</mark>' in card
    assert "乙方" not in card


def test_a_quote_outside_its_passage_is_not_mixed_with_it() -> None:
    one = passage(1)
    stray = replace(citation(1, one, 100, 107), start=500, end=507)
    card = cards(render_evidence(answer((stray,), one), {}, ""))[0]
    assert "乙方" not in card


def test_links_open_the_place_with_the_other_citations_along() -> None:
    one, two = passage(1), passage(2)
    first, second = cards(
        render_evidence(answer((citation(1, one, 100, 107), citation(2, two, 107, 114)), one, two), {}, "/x")
    )
    assert 'href="/x/reader/v1?start=100&amp;end=107&amp;at=1&amp;m=1.100.107.v1&amp;m=2.107.114.v1#hit"' in first
    assert "at=2" in second


def test_a_refusal_shows_the_nearest_passages() -> None:
    found = FakeServices().answer("出国护照丢了怎么补办？")
    markup = render_evidence(found, {}, "")
    assert found.refused
    assert "不足以支持回答" in markup
    assert 1 <= len(cards(markup)) <= MAX_RELATED
    assert "<mark" not in markup


def test_nothing_found() -> None:
    assert "没有找到相关段落" in render_evidence(answer(()), {}, "")


def test_hostile_titles_and_texts_are_escaped() -> None:
    one = replace(passage(1, text=HOSTILE), title=HOSTILE, locator=Locator((HOSTILE,)))
    markup = render_evidence(
        answer((replace(citation(1, one, 100, 105), version_label=HOSTILE),), one, passage(2)), {}, ""
    )
    assert "<script" not in markup
    assert "<img" not in markup
