"""Limits from the browser: read strictly, refused in words a person understands."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import QuestionError
from study_bot.types import Filters
from study_bot.ui.questions import clean_question
from study_bot.ui.scope import parse_scope, render_scope
from tests.ui.fake_services import HOSTILE_ID, FakeServices

LIBRARY = FakeServices().library()
KEYS = st.sampled_from(["documents", "categories", "as_of", "x"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def test_what_the_page_sends_is_read() -> None:
    raw = {"documents": ["rules"], "categories": ["红色课堂"], "as_of": "2023年1月5日", "include_inactive": True}
    wanted = Filters(frozenset({"红色课堂"}), frozenset({"rules"}), dt.date(2023, 1, 5), True)
    assert parse_scope(json.dumps(raw), LIBRARY) == wanted
    assert parse_scope("", LIBRARY) == parse_scope("{}", LIBRARY) == parse_scope(None, LIBRARY) == Filters()


@pytest.mark.parametrize(
    "raw",
    [
        "[]",
        "{",
        '{"documents": ["nope"]}',
        '{"documents": "rules"}',
        '{"documents": [1]}',
        '{"categories": ["nope"]}',
        '{"as_of": "昨天"}',
        '{"as_of": "0001-01-01"}',
        '{"as_of": 20240101}',
        '{"as_of": "2024-13-45"}',
        "[" * 100_000,
        '{"documents": "' + "x" * 300_000 + '"}',
    ],
)
def test_forged_limits_are_refused(raw: str) -> None:
    with pytest.raises(QuestionError, match=r"[一-龥]"):
        parse_scope(raw, LIBRARY)


@given(st.text(max_size=40) | json_values.map(json.dumps))
def test_anything_else_is_refused_or_harmless(raw: str) -> None:
    with contextlib.suppress(QuestionError):
        assert isinstance(parse_scope(raw, LIBRARY), Filters)


def test_the_panel_lists_documents_once_and_classrooms() -> None:
    panel = render_scope(LIBRARY, dt.date(2026, 1, 5))
    assert panel.count('name="document"') == 3
    assert panel.count('name="category"') == 2
    assert f'value="{HOSTILE_ID}"' not in panel
    assert "<script" not in panel
    assert "2026-01-05" in panel


def test_another_library_gives_another_panel() -> None:
    day = dt.date(2026, 1, 5)

    def tag(markup: str) -> str:
        return markup[: markup.index(" ")]

    assert render_scope(LIBRARY, day) == render_scope(LIBRARY, day)
    assert tag(render_scope(LIBRARY, day)) != tag(render_scope(LIBRARY[1:3], day))


def test_questions_are_cleaned_and_bounded() -> None:
    assert clean_question("  第一条\u200b \n\n 第二条\x00 ", 50) == "第一条\n第二条"
    for text, words in [("", "请先输入"), (" \n\u3000", "请先输入"), (None, "请先输入"), ("字" * 51, "51 字")]:
        with pytest.raises(QuestionError, match=words):
            clean_question(text, 50)
