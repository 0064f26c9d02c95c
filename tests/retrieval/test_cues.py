from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.cues import QuestionKind, question_kind, wants_list, without_chatter


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("赌博怎么处罚", QuestionKind.PENALTY),
        ("代他人签到会受到什么处分", QuestionKind.PENALTY),
        ("醉驾判几年", QuestionKind.PENALTY),
        ("什么是累计缺课", QuestionKind.DEFINITION),
        ("累计缺课是什么意思", QuestionKind.DEFINITION),
        ("规定从什么时候起施行", QuestionKind.WHEN),
        ("补考由哪个部门组织", QuestionKind.WHO),
        ("谁批准请假", QuestionKind.WHO),
        ("在哪里报到", QuestionKind.WHERE),
        ("试用期最长多久", QuestionKind.HOW_MANY),
        ("请假期限是几天", QuestionKind.HOW_MANY),
        ("学员有哪些义务", QuestionKind.LIST),
        ("分为几种情形", QuestionKind.LIST),
        ("怎么申请补考", QuestionKind.PROCEDURE),
        ("办理请假的流程", QuestionKind.PROCEDURE),
        ("能不能代他人签到", QuestionKind.ALLOWED),
        ("学员可以带家属吗", QuestionKind.ALLOWED),
        ("为什么要签到", QuestionKind.REASON),
        ("第几条规定了补考", QuestionKind.ARTICLE),
        ("结业典礼", QuestionKind.OTHER),
    ],
)
def test_kinds(question: str, kind: QuestionKind):
    assert question_kind(question, asks_article=False) is kind


@pytest.mark.parametrize("question", ["第三条是什么", "第三条讲了什么？", "第三条怎么规定的", "第三条的内容"])
def test_a_named_article_is_asked_for_its_words(question: str):
    assert question_kind(question, asks_article=True) is QuestionKind.ARTICLE


def test_other_cues_go_before_the_article():
    assert question_kind("第三条的罚款是多少", asks_article=True) is not QuestionKind.ARTICLE


@pytest.mark.parametrize(
    ("question", "expected"),
    [("学员有哪些义务", True), ("违反的怎么处罚，分别说", True), ("第几条说的", False), ("谁批准请假", False)],
)
def test_lists(question: str, expected: bool):
    assert wants_list(question) is expected


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("请问补考怎么申请？", "补考怎么申请"),
        ("你好，麻烦问一下补考怎么申请呢？谢谢", "补考怎么申请"),
        ("我想了解一下补考流程", "补考流程"),
        ("帮我查一下学习管理规定第三条的内容是什么？", "学习管理规定第三条"),
        ("学习管理规定第三条是怎么规定的", "学习管理规定第三条"),
        ("35项必学内容有哪些", "35项必学内容有哪些"),
        ("讲讲签到", "签到"),
        ("那山车站在哪里", "那山车站在哪里"),
        ("老师上课迟到怎么办", "老师上课迟到怎么办"),
        ("合同的内容包括什么", "合同的内容包括什么"),
        ("谁", "谁"),
        ("请问", "请问"),
    ],
)
def test_chatter_is_dropped(question: str, rest: str):
    assert without_chatter(question) == rest


@given(st.text(alphabet="请问你好我想知道第三条的内容是什么呢？，谢谢签到", min_size=1, max_size=30))
def test_something_always_remains_and_nothing_is_invented(question: str):
    rest = without_chatter(question)
    assert rest in question
    assert rest or not question.strip()
