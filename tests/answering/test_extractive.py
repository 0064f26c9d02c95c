"""Which words are quoted, and that they are the library's own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.answering.citations import CitationBook, verified
from study_bot.answering.extractive import compose, select
from study_bot.answering.terms import QuestionTerms, question_terms
from study_bot.answering.units import merge_spans, units_of
from study_bot.types import ArticleNumber, Citation, Passage, PassageKind, Statement
from tests.answering.samples import SmallLibrary, moved, tokens
from tests.library.samples import TITLE


@pytest.fixture(scope="module")
def library() -> SmallLibrary:
    return SmallLibrary()


def terms(question: str, library: SmallLibrary) -> QuestionTerms:
    texts = [set(tokens(p.text)) for p in library.passages]
    return question_terms(tokens(question), lambda t: sum(t in text for text in texts), len(texts))


def answer(
    library: SmallLibrary, question: str, *fragments: str, whole_table: bool = False
) -> tuple[list[Statement], list[Citation]]:
    book = CitationBook(library.versions.__getitem__)
    selections = select(
        library.hits(*fragments), terms(question, library), tokens, table_of=library.table_of if whole_table else None
    )
    statements = compose(selections, book, library.containing)
    return statements, book.citations


def test_rare_and_unseen_tokens_weigh_most() -> None:
    weighed = question_terms(["常见", "少见", "没有"], lambda t: {"常见": 90, "少见": 2}.get(t, 0), 100)
    assert weighed.weights["没有"] > weighed.weights["少见"] > weighed.weights["常见"] > 0
    assert weighed.coverage(["常见", "少见"]) < 0.7
    assert question_terms([], lambda _: 0, 10).coverage(["甲"]) == 0.0


def test_a_short_article_is_quoted_whole(library: SmallLibrary) -> None:
    statements, citations = answer(library, "连续三次不到会怎样", "连续三次不到")
    assert [s.connective for s in statements] == [True, False]
    assert statements[0].text == f"《{TITLE}》第四条之一："
    assert statements[1].text == citations[0].quote == "第四条之一 连续三次不到的，七日内不得预约。"


def test_prose_gives_the_sentence(library: SmallLibrary) -> None:
    statements, _ = answer(library, "第二天来了多少人", "第二天来了五十人")
    assert [s.text for s in statements if not s.connective] == ["第二天来了五十人，管理员加了十把椅子。"]


def test_lists_come_with_lead_and_all_items(library: SmallLibrary) -> None:
    statements, _ = answer(library, "哪些情形可以优先预约", "优先预约")
    text = "".join(s.text for s in statements)
    assert all(words in text for words in ("有下列情形之一的", "（一）备考", "2.中学生", "（三）其他"))


def prose_units(text: str) -> list[str]:
    template = SmallLibrary().passages[1]
    passage = Passage("p", "v", "d", PassageKind.PROSE, text, 0, len(text), "t", template.locator)
    return [text[unit.start : unit.end] for unit in units_of(passage)]


def test_an_enumeration_in_prose_is_one_unit_with_the_sentence_before_it() -> None:
    text = "夜读有好处。好处有三条。\n1．安静，没有人说话；\n2．明亮。灯都是新的。\n3．省钱。\n周末也开放。"
    assert prose_units(text) == [
        "夜读有好处。",
        "好处有三条。\n1．安静，没有人说话；\n2．明亮。灯都是新的。\n3．省钱。",
        "周末也开放。",
    ]


def test_an_enumeration_right_under_its_heading_is_one_unit() -> None:
    text = "第一，安静。没有人说话。\n第二，明亮。\n周末也开放。"
    assert prose_units(text) == ["第一，安静。没有人说话。\n第二，明亮。", "周末也开放。"]


def test_a_long_enumeration_is_offered_item_by_item() -> None:
    items = [f"{n}．第{n}种好处，" + "灯下有座人心不慌，" * 30 + "说完了。" for n in range(1, 5)]
    units = prose_units("好处如下：\n" + "\n".join(items))
    assert units == ["好处如下：", *items]


def test_a_version_out_of_force_says_so(library: SmallLibrary) -> None:
    statements, _ = answer(library, "保留座位几分钟", "保留座位十分钟")
    assert "（2021年版本，已修改）" in statements[0].text


def test_whole_table_when_asked_for(library: SmallLibrary) -> None:
    rows = [f"读第{n}章" for n in (2, 1, 3, 4, 5)]
    statements, citations = answer(library, "夜读计划有哪些内容", *rows, whole_table=True)
    assert [s.text for s in statements if not s.connective] == [
        f"序号：{n}；内容：读第{n}章；时长：{n * 10}分钟" for n in range(1, 6)
    ]
    assert len(citations) == 5


def test_a_list_is_narrowed_to_the_rows_asked_for(library: SmallLibrary) -> None:
    rows = [f"读第{n}章" for n in (2, 1, 3, 4, 5)]
    statements, _ = answer(library, "夜读计划里30分钟的有哪些", *rows, whole_table=True)
    assert [s.text for s in statements if not s.connective] == ["序号：3；内容：读第3章；时长：30分钟"]


def test_weak_further_passages_are_not_quoted(library: SmallLibrary) -> None:
    statements, _ = answer(library, "连续三次不到的七日内不得预约吗", "连续三次不到", "每日巡查")
    assert not any("巡查" in s.text for s in statements)


def test_verification_keeps_true_quotes_and_drops_false_ones(library: SmallLibrary) -> None:
    passage = library.hits("每日巡查")[0].passage
    book = CitationBook(library.versions.__getitem__)
    good = book.cite(passage, 0, len(passage.text))
    heading = Statement("出处：", connective=True)
    honest = Statement(good.quote, (1,))
    invented = Statement("值班员每日巡查三次。", (1,))
    bare = Statement("没有出处的话。")
    kept, citations = verified([heading, honest, heading, invented, bare], book.citations, [passage], library.text_of)
    assert kept == (heading, honest)
    assert citations == (good,)


def test_a_quote_that_no_longer_stands_there_is_dropped(library: SmallLibrary) -> None:
    stale = moved(library.hits("每日巡查")[0].passage, 3)
    book = CitationBook(library.versions.__getitem__)
    citation = book.cite(stale, 0, len(stale.text))
    kept, citations = verified([Statement(citation.quote, (1,))], book.citations, [stale], library.text_of)
    assert (kept, citations) == ((), ())


def test_the_same_span_is_cited_once(library: SmallLibrary) -> None:
    passage = library.passages[1]
    book = CitationBook(library.versions.__getitem__)
    assert book.cite(passage, 0, 4).n == book.cite(passage, 0, 4).n == 1
    assert book.cite(passage, 1, 4).n == 2
    with pytest.raises(ValueError, match="outside"):
        book.cite(passage, 0, len(passage.text) + 1)


@given(st.text(alphabet="夜读灯。；：，（一）二、1.\n 是", min_size=1, max_size=120), st.booleans())
def test_units_cover_any_passage(text: str, article: bool) -> None:
    template = SmallLibrary().passages[1]
    passage = Passage(
        "p", "v", "d", PassageKind.ARTICLE if article else PassageKind.PROSE, text, 0, len(text), "t", template.locator,
        ArticleNumber(1) if article else None,
    )  # fmt: skip
    units = units_of(passage)
    covered = {i for unit in units for a, b in unit.spans for i in range(a, b)}
    assert all(text[i].isspace() for i in set(range(len(text))) - covered)
    merged = merge_spans([span for unit in units for span in unit.spans], text)
    assert all(a[1] <= b[0] for a, b in pairwise(merged))
