from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.index.clauses import clause_spans, find_clause
from study_bot.text import to_chinese_number

ARTICLE = (
    "第九条 学员应当按时到课。\n"
    "有下列情形之一的，记一次缺课：\n"
    "（一）未请假离开的；\n"
    "（二）代他人签到的，包括：\n"
    "1．持他人证件的；\n"
    "2．冒用他人账号的；\n"
    "（三）其他情形。\n"
    "前款记录由教务员保存。"
)


def piece(text: str, span: tuple[int, int] | None) -> str | None:
    return None if span is None else text[span[0] : span[1]]


def test_paragraphs_are_clauses_and_items_belong_to_the_clause_that_introduces_them():
    first, second, third = clause_spans(ARTICLE)
    assert ARTICLE[first.start : first.end] == "第九条 学员应当按时到课。"
    assert ARTICLE[second.start : second.lead_end] == "有下列情形之一的，记一次缺课："
    assert [item.number for item in second.items] == [1, 2, 3]
    assert [sub.number for sub in second.items[1].subitems] == [1, 2]
    assert ARTICLE[third.start : third.end] == "前款记录由教务员保存。"
    assert (first.items, third.items) == ((), ())


def test_asked_parts_are_located():
    assert piece(ARTICLE, find_clause(ARTICLE, 3, None)) == "前款记录由教务员保存。"
    assert piece(ARTICLE, find_clause(ARTICLE, 2, 1)) == "（一）未请假离开的；"
    assert piece(ARTICLE, find_clause(ARTICLE, None, 3)) == "（三）其他情形。"
    assert (
        piece(ARTICLE, find_clause(ARTICLE, 2, 2))
        == "（二）代他人签到的，包括：\n1．持他人证件的；\n2．冒用他人账号的；"
    )


@pytest.mark.parametrize(("clause", "item"), [(4, None), (0, None), (1, 1), (2, 9), (None, 9)])
def test_parts_that_are_not_there_are_none(clause: int | None, item: int | None):
    assert find_clause(ARTICLE, clause, item) is None


def test_items_written_in_one_line():
    text = "第二条 本办法所称教材，包括：（一）讲义；（二）课件；（三）录像。"
    (clause,) = clause_spans(text)
    assert [text[i.start : i.end] for i in clause.items] == ["（一）讲义；", "（二）课件；", "（三）录像。"]


def test_a_reference_to_an_item_is_not_an_item():
    text = "第三条 依照第二条第（三）项办理，适用前条第（一）、（二）项。"
    (clause,) = clause_spans(text)
    assert clause.items == ()


def test_a_heading_line_belongs_to_the_first_clause():
    text = "第四条 【请假】\n学员请假应当书面提出。\n急病除外。"
    assert [text[c.start : c.end] for c in clause_spans(text)] == [
        "第四条 【请假】\n学员请假应当书面提出。",
        "急病除外。",
    ]


def test_a_line_broken_by_the_layout_is_continued():
    text = "第五条 考核由教务处组织，\n每年两次。\n成绩当日公布。"
    assert [text[c.start : c.end] for c in clause_spans(text)] == [
        "第五条 考核由教务处组织，\n每年两次。",
        "成绩当日公布。",
    ]


def test_an_item_of_several_paragraphs_does_not_end_the_list():
    text = "第六条 奖励分为：\n（一）通报表扬。\n表扬应当公开。\n（二）授予称号。\n奖励记入档案。"
    first, second = clause_spans(text)
    assert [item.number for item in first.items] == [1, 2]
    assert text[first.items[0].start : first.items[0].end] == "（一）通报表扬。\n表扬应当公开。"
    assert text[second.start : second.end] == "奖励记入档案。"


def test_half_width_and_enclosed_marks():
    text = "下列人员免试：\n(一)任教满十年的；\n㈡获得一等奖的。"
    assert [i.number for i in clause_spans(text)[0].items] == [1, 2]


def test_old_texts_number_their_items_with_a_point():
    text = "凭下列证件报到：\n一、录取通知；\n二、身份证明。"
    assert [i.number for i in clause_spans(text)[0].items] == [1, 2]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_blank_text_has_no_clauses(text: str):
    assert clause_spans(text) == ()


@given(
    st.lists(
        st.lists(st.text(alphabet="甲乙丙丁", min_size=1, max_size=6), max_size=12),
        min_size=1,
        max_size=6,
    )
)
def test_generated_articles_are_read_back(clauses: list[list[str]]):
    """However many clauses and items there are, each is found at its place and nothing overlaps."""
    lines = []
    for number, items in enumerate(clauses, start=1):
        lines.append(f"款{number}有下列内容：" if items else f"款{number}。")
        for index, words in enumerate(items, start=1):
            mark = f"（{to_chinese_number(index)}）"
            lines.append(f"{mark}{words}{'。' if index == len(items) else '；'}")
    text = "第一条 " + "\n".join(lines)
    spans = clause_spans(text)
    assert [len(span.items) for span in spans] == [len(items) for items in clauses]
    assert all(a.end <= b.start for a, b in pairwise(spans))
    for span, items in zip(spans, clauses, strict=True):
        for item, words in zip(span.items, items, strict=True):
            assert words in text[item.start : item.end]
            assert find_clause(text, span.number, item.number) == (item.start, item.end)
