"""The reader page: whole text, outline, marks, versions, and nothing of a document as markup."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.text import to_chinese_number
from study_bot.types import VersionStatus
from study_bot.ui.links import Mark
from study_bot.ui.markup import Span
from study_bot.ui.outline import render_outline
from study_bot.ui.reader import ReaderRequest, clamp_span, find_article, render_gone, render_reader
from study_bot.ui.reading import render_text
from tests.ui.fake_services import HOSTILE_ID, NEW_RULES_ID, OLD_RULES_ID, FakeDocument, FakeServices, load, version

SERVICES = FakeServices()


def page(version_id: str = NEW_RULES_ID, request: ReaderRequest | None = None) -> str:
    return render_reader(SERVICES.document(version_id), request or ReaderRequest(), "")


def span_of(words: str, version_id: str = NEW_RULES_ID) -> tuple[int, int]:
    start = SERVICES.texts[version_id][1].text.index(words)
    return start, start + len(words)


def lines_of(markup: str) -> list[str]:
    blocks = re.findall(r"<(p|h2|h3|h4)[ >].*?</\1>", markup, re.S)
    assert blocks
    return [
        html.unescape(re.sub(r"<[^>]+>", "", m.group()))
        for m in re.finditer(r"<(p|h2|h3|h4)[ >].*?</\1>", markup, re.S)
    ]


@pytest.mark.parametrize("version_id", [NEW_RULES_ID, OLD_RULES_ID, "notice", HOSTILE_ID])
def test_the_whole_text_is_shown(version_id: str) -> None:
    text = SERVICES.texts[version_id][1]
    assert lines_of(render_text(text, (), None)) == text.text.split("\n")[1:]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 900), st.integers(1, 300))
def test_any_span_marks_its_characters_and_loses_none(start: int, length: int) -> None:
    text = SERVICES.texts[NEW_RULES_ID][1]
    end = min(start + length, len(text.text))
    start = min(start, end)
    markup = render_text(text, [Span(start, end, 1)], 1)
    shown = [
        html.unescape(re.sub(r"<[^>]+>", "", piece)) for piece in re.findall(r"<mark[^>]*>(.*?)</mark>", markup, re.S)
    ]
    assert "".join(shown) == text.text[start:end].replace("\n", "")
    assert markup.count('id="hit"') == (1 if "".join(shown) else 0)


def test_articles_and_divisions_have_anchors_and_outline_entries() -> None:
    markup = page()
    for anchor in ("a1", "a11", "a11-1", "a13"):
        assert markup.count(f'id="{anchor}"') == 1
        assert f'href="#{anchor}"' in markup
    targets = re.findall(r'<a href="#([^"]+)"', re.search(r'<nav id="toc".*?</nav>', markup, re.S).group())  # type: ignore[union-attr]
    assert len(targets) == len(set(targets)) == 4 + 2 + 14
    assert all(f'id="{target}"' in markup for target in targets)


def test_the_cited_place_is_marked_and_found_in_the_outline() -> None:
    span = span_of("六十分为合格")
    markup = page(request=ReaderRequest(span))
    assert '<mark id="hit" class="now">六十分为合格</mark>' in markup
    assert '<a href="#a9" aria-current="location">' in markup


def test_long_documents_fold_the_divisions_that_are_not_asked_for() -> None:
    document = long_document(130, per_chapter=20)
    here = find_article(document.text.root, 45, 0)
    assert here is not None
    outline = render_outline(document.text, here.start)
    assert outline.count("<details open>") == 1
    assert outline.count("<details>") == 6


def test_steps_lead_through_the_citations_of_the_answer() -> None:
    first, second = span_of("第九条"), span_of("第十条")
    marks = (Mark(1, NEW_RULES_ID, *first), Mark(2, OLD_RULES_ID, 3, 9), Mark(3, NEW_RULES_ID, *second))
    markup = page(request=ReaderRequest(first, marks, 1))
    assert "引用 1 / 3" in markup
    assert '<span class="act is-off">' in markup
    assert re.search(r'rel="next" href="/reader/rules-2019\?start=3&amp;end=9&amp;at=2&amp;m=1', markup)
    assert '<mark id="hit" data-n="1" class="now">第九条</mark>' in markup
    assert '<mark data-n="3">第十条</mark>' in markup
    assert "上一处" not in page(request=ReaderRequest(first, marks[:1], 1))


def test_versions_and_validity_are_told() -> None:
    old = page(OLD_RULES_ID)
    assert "该版本已废止，仅供查阅。" in old
    assert '<a href="/reader/rules-2024">打开现行版本</a>' in old
    new = page()
    assert "另有 1 个版本" in new
    assert "仅供查阅" not in new
    soon = replace(
        SERVICES.document(NEW_RULES_ID),
        version=replace(SERVICES.texts[NEW_RULES_ID][0], status=VersionStatus.NOT_YET, ocr=True),
    )
    markup = render_reader(soon, ReaderRequest(), "")
    assert "尚未施行" in markup
    assert "扫描件识别" in markup


def test_hostile_documents_are_shown_and_not_run() -> None:
    for markup in (
        page(HOSTILE_ID, ReaderRequest((3, 40), (Mark(1, HOSTILE_ID, 3, 40), Mark(2, "<b>", 1, 2)), 1, "<script>")),
        render_gone("<script>", ""),
    ):
        assert re.findall(r"<script[^>]*>", markup) == re.findall(r'<script src="/ui/[^>]*>', markup)
        assert "<img" not in markup
        assert "onerror=&quot;" in markup or "打不开" in markup


def test_spans_outside_the_text_are_dropped() -> None:
    assert clamp_span(None, 5, 10) is None
    assert clamp_span(3, None, 10) == (3, 4)
    assert clamp_span(3, 99, 10) == (3, 10)
    assert clamp_span(10, 99, 10) is None
    assert clamp_span(5, 2, 10) is None


def long_document(articles: int, per_chapter: int) -> FakeDocument:
    lines = []
    for n in range(1, articles + 1):
        if n % per_chapter == 1:
            lines.append(f"第{to_chinese_number(n // per_chapter + 1)}章 章节名称")
        lines.append(f"第{to_chinese_number(n)}条 各单位应当按照要求完成第{n}项工作，并按时报告结果。")
    return FakeDocument(
        *load("长规定", "\n".join(["长规定", *lines]), version("long", "long", "长规定", "long.txt", articles=articles))
    )


def test_a_code_of_1260_articles_is_drawn_whole() -> None:
    document = long_document(1260, per_chapter=50)
    markup = render_reader(document, ReaderRequest(), "")
    assert 'id="a1260"' in markup
    assert len(markup) < 1_000_000
