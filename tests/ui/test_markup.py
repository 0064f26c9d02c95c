"""Escaping and marking: nothing of a document becomes markup, and no character is lost."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from study_bot.types import Locator, Place, VersionStatus
from study_bot.ui.markup import Span, crumbs, esc, marked, split_label, version_words
from tests.ui.sample_texts import HOSTILE

spans = st.lists(
    st.tuples(st.integers(0, 80), st.integers(0, 80), st.integers(0, 5)).map(lambda t: Span(*t)), max_size=6
)


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"</?mark[^>]*>", "", markup))


@given(st.text(max_size=60), st.integers(0, 20), spans, st.one_of(st.none(), st.integers(0, 5)))
def test_marking_keeps_every_character(text: str, offset: int, given_spans: list[Span], current: int | None) -> None:
    assert plain(marked(text, offset, given_spans, first_id="hit", current=current)) == text


@given(st.text(min_size=1, max_size=60), spans)
def test_exactly_the_characters_in_spans_are_marked(text: str, given_spans: list[Span]) -> None:
    found = "".join(
        html.unescape(piece) for piece in re.findall(r"<mark[^>]*>(.*?)</mark>", marked(text, 0, given_spans), re.S)
    )
    assert found == "".join(c for i, c in enumerate(text) if any(s.start <= i < s.end for s in given_spans))


def test_marks_of_other_citations_are_not_current() -> None:
    shown = marked("甲乙丙丁", 10, [Span(10, 12, 1), Span(11, 13, 2)], first_id="hit", current=2)
    assert shown == (
        '<mark data-n="1">甲</mark><mark id="hit" data-n="1 2" class="now">乙</mark>'
        '<mark data-n="2" class="now">丙</mark>丁'
    )


def test_hostile_text_is_shown_and_not_run() -> None:
    shown = marked(HOSTILE, 0, [Span(3, 9, 1)])
    assert "<script" not in shown
    assert "<img" not in shown
    assert plain(shown) == HOSTILE
    assert esc("\"'<>&") == "&quot;&#x27;&lt;&gt;&amp;"


def test_version_words_are_taken_apart() -> None:
    assert split_label("2025-06-27 现行有效") == ("2025-06-27", VersionStatus.IN_FORCE)
    assert split_label("已废止") == ("", VersionStatus.REPEALED)
    assert split_label("2025-06-27") == ("2025-06-27", None)
    assert split_label("") == ("", None)
    assert (
        version_words("2025-06-27 已废止")
        == '<span class="badge badge-bad">已废止</span><span class="when">2025-06-27</span>'
    )


def test_crumbs_end_with_the_place() -> None:
    assert (
        re.sub(r"<[^>]+>", "", crumbs(Locator(("第一章 <总则>", "第二条"), Place(page=3))))
        == "第一章 &lt;总则&gt;›第二条›第3页"
    )
