"""Cutting: spans are exact, nothing is lost, articles stay whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.library.catalog import describe
from study_bot.library.passages import covered_characters, cut_passages, embedding_text
from study_bot.types import ArticleNumber, Block, BlockKind, LoadedFile, Passage, PassageKind, Place
from tests.library.samples import RULE, TITLE, loaded


def passages_of(file: LoadedFile, name: str = f"规章/{TITLE}.txt", **limits: int) -> tuple[Passage, ...]:
    version, text = describe(name, file, "c0ffee00")
    passages = cut_passages(text, version, **limits)
    for passage in passages:
        assert passage.text == text.text[passage.start : passage.end]
        assert passage.lead == text.text[passage.lead_start : passage.lead_end]
    assert all(a.end <= b.start for a, b in pairwise(passages))
    covered, total = covered_characters(text, passages)
    assert covered == total
    return passages


def test_one_passage_per_article_with_breadcrumb() -> None:
    passages = passages_of(loaded(RULE))
    articles = [p for p in passages if p.article]
    assert [p.article for p in articles][:2] == [ArticleNumber(1), ArticleNumber(2)]
    third = articles[2]
    assert third.kind is PassageKind.ARTICLE
    assert third.locator.breadcrumb == ("第二章 使用", "第一节 预约", "第三条")
    assert third.text.startswith("第三条 有下列情形") and third.text.endswith("由值班员认定。")


def test_title_note_and_annex_are_passages() -> None:
    passages = passages_of(loaded(RULE))
    assert passages[0].kind is PassageKind.NOTE and "2024年5月6日" in passages[0].text
    assert passages[-1].locator.breadcrumb == ("附件：开放时间表",)


def test_long_article_is_split_at_items_and_keeps_its_lead() -> None:
    items = "\n".join(
        f"（{n}）{'在第' + n + '种情形下，值班员应当先行劝导再作登记，' * 4}；" for n in "一二三四五六七八"
    )
    text = RULE.replace(
        "第五条 值班员每日巡查两次。", f"第五条 值班员对下列行为应当制止：\n{items}\n制止无效的，报告街道。"
    )
    parts = [p for p in passages_of(loaded(text), limit=300) if p.article == ArticleNumber(5)]
    assert len(parts) > 2
    assert all(p.kind is PassageKind.ARTICLE_PART and len(p.text) <= 300 for p in parts)
    assert parts[0].lead == "" and parts[0].text.startswith("第五条")
    assert parts[1].lead == "值班员对下列行为应当制止："
    assert "值班员对下列行为应当制止" in embedding_text(parts[1])
    assert {p.locator.breadcrumb[2] for p in parts} == {"第五条"}


def test_embedding_text_names_law_and_article() -> None:
    passage = next(p for p in passages_of(loaded(RULE)) if p.article == ArticleNumber(4, 1))
    assert embedding_text(passage).startswith(f"{TITLE} 第四条之一")


def test_prose_is_packed_under_its_heading_and_cut_at_sentences() -> None:
    sentences = [f"第{n}天夜里自习室坐满了人，灯一直亮到十点。" for n in range(40)]
    blocks = [Block("一、经过"), Block("".join(sentences[:30])), Block("二、收获"), *map(Block, sentences[30:])]
    passages = passages_of(LoadedFile("txt", tuple(blocks)), name="云端课堂/一次夜读.txt")
    assert len(passages) > 2
    assert all(len(p.text) <= 500 and p.text.endswith("。") for p in passages)
    assert {p.locator.breadcrumb for p in passages} == {("一、经过",), ("二、收获",)}


def test_table_rows_and_slides() -> None:
    rows = tuple(
        Block(f"序号：{n}；内容：第{n}课", BlockKind.TABLE_ROW, place=Place(sheet="计划", row=n + 1))
        for n in range(1, 6)
    )
    passages = passages_of(LoadedFile("xlsx", rows), name="计划.xlsx")
    assert [p.locator.place.row for p in passages] == [2, 3, 4, 5, 6]
    slides = (
        Block("为什么夜读", BlockKind.HEADING, 1, Place(slide=1)),
        Block("安静。", place=Place(slide=1)),
        Block("讲解词：讲三分钟。", BlockKind.NOTE, place=Place(slide=1)),
        Block("怎么预约", BlockKind.HEADING, 1, Place(slide=2)),
    )
    passages = passages_of(LoadedFile("pptx", slides), name="课件.pptx")
    assert [p.locator.place.slide for p in passages] == [1, 2]


lines = st.lists(
    st.one_of(
        st.text(alphabet="夜读灯下有座。；：，、（一）12第三条章 ", min_size=1, max_size=90),
        st.sampled_from(
            ["第一章 总则", "第二章 其他", "附则", "一、经过", "附件", "目录", "序言", "（一）甲；", "1.乙；"]
        ),
        st.integers(1, 12).map(lambda n: f"第{n}条 应当守时。"),
        st.integers(1, 12).map(lambda n: f"第{n}条 " + "应当守时，不得喧哗。" * 80),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(lines, st.integers(100, 400), st.integers(0, 200))
def test_any_text_is_covered_by_exact_spans(texts: list[str], target: int, extra: int) -> None:
    passages_of(loaded("\n".join(texts)), target=target, limit=target + extra)
