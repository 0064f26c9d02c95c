from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.lists import announces, asked_things


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("值班长有哪些职责？", "职责"),
        ("值班长的职责是什么", "职责"),
        ("值班长的职责有哪些", "职责"),
        ("借用人应当履行哪些义务", "义务"),
        ("登记有哪几种方式", "方式"),
        ("有哪些从重处理的情形", "情形"),
        ("哪些情形不予登记", "情形"),
        ("学习档案的种类有哪些", "种类"),
        ("哪些人可以借用", "人"),
        ("借用人有哪些义务", "义务"),
        ("学习管理机关有什么职责？", "职责"),
        ("机关包括哪些", "机关"),
        ("什么情况下可以使用强光", "情况"),
        ("哪些情形适用从轻的规定", "情形"),
        ("不得有什么行为", "行为"),
        ("学习档案保存多久", ""),
        ("哪个部门负责登记", ""),
        ("", ""),
    ],
)
def test_what_is_asked_to_be_listed(question: str, things: str) -> None:
    assert asked_things(question) == things


@pytest.mark.parametrize(
    ("text", "things", "expected"),
    [
        ("值班长依法履行下列职责：（一）登记；", "职责", True),
        ("值班长行使下列职权：（一）登记；", "职责", True),
        ("值班长履行登记、检查职责：", "职责", True),
        ("学习档案的种类分为：（一）个人档案；", "种类", True),
        ("具备下列基本条件：", "条件", True),
        ("有下列情形之一的，不予登记：", "情形", True),
        ("判明有下列扰乱阅览秩序的紧急情形之一的：", "情况", True),
        ("值班长应当忠于职责。", "职责", False),
        ("有下列情形之一的，由履行职责的部门处理：", "职责", False),
        ("值班长依法履行下列职责：", "", False),
        ("值班长依法履行下列职责：", "义务", False),
    ],
)
def test_what_announces_a_list(text: str, things: str, expected: bool) -> None:
    assert announces(text, things) is expected


@given(st.text(alphabet="下列以如职责义务情形之一的，：有哪些什么是包括人", max_size=24))
def test_any_text_can_be_read(text: str) -> None:
    things = asked_things(text)
    assert things == "" or things in text
    assert announces(text, things) in (True, False)
