"""Which words are quoted, and that they are the library's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.answering.citations import CitationBook, verified
from study_bot.answering.extractive import MAX_PASSAGES, Piece, Selection, compose, read, select, select_table
from study_bot.answering.terms import question_terms
from study_bot.answering.units import Unit, merge_spans, units_of
from study_bot.types import ArticleNumber, Citation, Hit, Passage, PassageKind, Statement
from tests.answering.samples import SmallLibrary, moved, reader_of, shipped_reader, tags, tokens
from tests.library.samples import TITLE

SMALL = SmallLibrary()


@pytest.fixture(scope="module")
def library() -> SmallLibrary:
    return SMALL


def selected(library: SmallLibrary, question: str, hits: Sequence[Hit]) -> list[Selection]:
    """What answering would quote of the hits with the reader that ships along."""
    asked = library.asked(question)
    if asked.wants_list and (table := select_table(hits, asked.terms, tokens, library.table_of)):
        return table
    reader = shipped_reader()
    return select(hits, read(hits, asked, reader, tokens, tags), reader.price)


def answer(
    library: SmallLibrary, question: str, *fragments: str, gap: float = 0.1
) -> tuple[list[Statement], list[Citation]]:
    book = CitationBook(library.versions.__getitem__)
    statements = compose(selected(library, question, library.hits(*fragments, gap=gap)), book, library.containing)
    return statements, book.citations


def quotes(statements: Sequence[Statement]) -> list[str]:
    return [s.text for s in statements if not s.connective]


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
    (quoted,) = quotes(statements)
    assert quoted.endswith("第二天来了五十人，管理员加了十把椅子。")
    assert "灯光" not in quoted


def test_lists_come_with_lead_and_all_items(library: SmallLibrary) -> None:
    statements, _ = answer(library, "哪些情形可以优先预约", "优先预约")
    text = "".join(s.text for s in statements)
    assert all(words in text for words in ("有下列情形之一的", "（一）备考", "2.中学生", "（三）其他"))


def passage_of(text: str, passage_id: str = "p") -> Passage:
    return Passage(passage_id, "v", "d", PassageKind.PROSE, text, 0, len(text), "t", SMALL.passages[1].locator)


def prose_units(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in units_of(passage_of(text))]


def test_a_long_list_stays_whole_where_it_is_what_is_asked_for() -> None:
    items = "\n".join(f"（{n}）{'按照规定办理登记，逐项核对，并及时归档' * 4}；" for n in "一二三四五六七")
    passage = replace(passage_of(f"第三条 值班长履行下列职责：\n{items}"), article=ArticleNumber(3))
    assert len(units_of(passage)) == 7
    assert len(units_of(passage, "义务")) == 7
    (unit,) = units_of(passage, "职责")
    assert (unit.start, unit.end, unit.whole) == (0, len(passage.text), True)


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
    statements, citations = answer(library, "夜读计划有哪些内容", *rows)
    assert quotes(statements) == [f"序号：{n}；内容：读第{n}章；时长：{n * 10}分钟" for n in range(1, 6)]
    assert len(citations) == 5


def test_a_list_is_narrowed_to_the_rows_asked_for(library: SmallLibrary) -> None:
    rows = [f"读第{n}章" for n in (2, 1, 3, 4, 5)]
    statements, _ = answer(library, "夜读计划里30分钟的有哪些", *rows)
    assert quotes(statements) == ["序号：3；内容：读第3章；时长：30分钟"]


def test_a_table_is_given_where_most_hits_stand_in_it_and_it_is_not_long(library: SmallLibrary) -> None:
    terms = library.asked("夜读计划有哪些内容").terms
    few = library.hits("读第1章", "每日巡查", "连续三次不到")
    assert select_table(few, terms, tokens, library.table_of) == []
    assert select_table(few[1:], terms, tokens, library.table_of) == []
    assert select_table([], terms, tokens, library.table_of) == []
    beside = library.hits("每日巡查", "读第1章", "读第2章", "读第3章")
    assert len(select_table(beside, terms, tokens, library.table_of)) == 5
    rows = library.hits(*(f"读第{n}章" for n in range(1, 6)))
    assert len(select_table(rows, terms, tokens, library.table_of)) == 5
    assert select_table(rows, terms, tokens, lambda passage: library.table_of(passage) * 13) == []


def test_weak_further_passages_are_not_quoted(library: SmallLibrary) -> None:
    question, fragments = "连续三次不到的七日内不得预约吗", ("连续三次不到", "每日巡查")
    weak, _ = answer(library, question, *fragments, gap=8.0)
    assert quotes(weak) == ["第四条之一 连续三次不到的，七日内不得预约。"]
    equal, _ = answer(library, question, *fragments, gap=0.0)
    assert any("巡查" in quoted for quoted in quotes(equal))


def test_the_passage_with_the_best_piece_comes_first(library: SmallLibrary) -> None:
    hits = library.hits("每日巡查", "连续三次不到", "优先预约")
    likely = (0.2, 0.5, 0.3)
    pieces = [Piece(n, Unit(0, len(hit.passage.text)), likely[n]) for n, hit in enumerate(hits)]
    assert [s.passage for s in select(hits, pieces, 1e-9)] == [hits[n].passage for n in (1, 2, 0)]


units = st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.integers(1, 1000)), min_size=1, max_size=8)


@given(st.lists(units, min_size=1, max_size=MAX_PASSAGES), st.floats(1e-5, 0.2), st.floats(1, 50))
def test_a_higher_price_quotes_less_and_the_best_piece_always(
    passages: list[list[tuple[int, bool, int]]], price: float, dearer: float
) -> None:
    hits, pieces = [], []
    weight = sum(likely for own in passages for _, _, likely in own)
    for number, own in enumerate(passages):
        text, lead = "", None
        for length, led, likely in own:
            start, text = len(text), text + "夜" * length + "\n"
            unit = Unit(start, start + length, lead if led else None)
            pieces.append(Piece(number, unit, likely / weight))
            lead = lead or (0, length)
        hits.append(Hit(passage_of(text, f"p{number}"), 1.0))
    best = max(pieces, key=lambda piece: piece.probability)
    cheap, dear = (select(hits, pieces, own) for own in (price, price * dearer))
    assert characters(dear) <= characters(cheap)
    for chosen in (cheap, dear):
        assert chosen[0].passage is hits[best.hit].passage
        assert all(any(a <= start and end <= b for a, b in chosen[0].spans) for start, end in best.unit.spans)
        assert all(a[1] < b[0] for selection in chosen for a, b in pairwise(selection.spans))


def characters(selections: Sequence[Selection]) -> int:
    return sum(end - start for selection in selections for start, end in selection.spans)


def test_nothing_is_quoted_of_nothing(library: SmallLibrary) -> None:
    assert read([], library.asked("巡查几次"), shipped_reader(), tokens, tags) == []
    assert select([], [], 0.001) == []


@given(
    st.lists(st.sampled_from(SMALL.passages), min_size=1, max_size=7, unique_by=lambda p: p.passage_id),
    st.lists(st.floats(-30, 30), min_size=7, max_size=7),
    st.sampled_from(["第二天来了多少人", "谁来认定", "为什么要有灯", "？？？", "自习室在哪里", "有哪些情形"]),
)
def test_probabilities_of_all_pieces_sum_to_1(passages: list[Passage], scores: list[float], question: str) -> None:
    hits = [Hit(passage, score) for passage, score in zip(passages, scores, strict=False)]
    pieces = read(hits, SMALL.asked(question), shipped_reader(), tokens, tags)
    assert sum(piece.probability for piece in pieces) == pytest.approx(1)
    assert {piece.hit for piece in pieces} == set(range(min(len(hits), 5)))
    places = [(piece.hit, piece.unit.start) for piece in pieces]
    assert places == sorted(places)


def test_hits_share_by_score_and_units_by_the_reader(library: SmallLibrary) -> None:
    hits = library.hits("第二天来了五十人", "每日巡查", gap=2.0)
    asked = library.asked("第二天来了多少人")
    sharp = read(hits, asked, reader_of(covered=50.0), tokens, tags)
    assert max(sharp, key=lambda piece: piece.probability).unit.start == hits[0].passage.text.index("第二天")
    blind = read(hits, asked, reader_of(), tokens, tags)
    own = [piece.probability for piece in blind if piece.hit == 0]
    assert own == pytest.approx([own[0]] * len(own))
    flat = read(hits, asked, reader_of(passage_temperature=1e6), tokens, tags)
    assert [sum(p.probability for p in flat if p.hit == hit) for hit in (0, 1)] == pytest.approx([0.5, 0.5], abs=1e-4)
    assert sum(own) == pytest.approx(1 / (1 + 2.718281828459045**-2))


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
    template = SMALL.passages[1]
    passage = Passage(
        "p", "v", "d", PassageKind.ARTICLE if article else PassageKind.PROSE, text, 0, len(text), "t", template.locator,
        ArticleNumber(1) if article else None,
    )  # fmt: skip
    units = units_of(passage)
    covered = {i for unit in units for a, b in unit.spans for i in range(a, b)}
    assert all(text[i].isspace() for i in set(range(len(text))) - covered)
    merged = merge_spans([span for unit in units for span in unit.spans], text)
    assert all(a[1] <= b[0] for a, b in pairwise(merged))
