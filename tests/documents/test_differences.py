from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from study_bot.documents.differences import Difference, DifferenceKind, UnitKind, compare, count_by_kind, units_of
from study_bot.documents.pairing import pair_units
from study_bot.documents.word_marks import Run, key_of, marked, words_of
from study_bot.library.catalog import describe
from study_bot.types import VersionText
from tests.documents.samples import NEW_ARTICLES, OLD_ARTICLES, rule, speech
from tests.library.samples import loaded

TEXT = st.text("处二百五元以下罚款，。第三条拘留a1 \n", max_size=40)
PIECES = st.lists(st.tuples(st.sampled_from(["", "第一条", "第二条", "第三条"]), TEXT), max_size=8)


def text_of(data: bytes, name: str = "a/文件.txt") -> VersionText:
    return describe(name, loaded(data.decode()), "0" * 64)[1]


def told(differences: tuple[Difference, ...]) -> list[tuple[str, str, str]]:
    return [(d.kind.label, d.old_label, d.new_label) for d in differences if d.unit is UnitKind.ARTICLE]


def shown(runs: tuple[Run, ...]) -> str:
    return "".join(f"[{run.text}]" if run.marked else run.text for run in runs)


def test_an_article_put_in_between_renumbers_the_rest_and_changes_none() -> None:
    old, new = text_of(rule(2020, *OLD_ARTICLES)), text_of(rule(2024, *NEW_ARTICLES))
    differences = compare(old, new)
    assert told(differences) == [
        ("新增", "", "第二条"),
        ("修改", "第二条", "第三条"),
        ("移动", "第三条", "第四条"),
        ("修改", "第四条", "第五条"),
    ]
    fine = next(d for d in differences if d.new_label == "第三条")
    assert shown(fine.old) == "连续三次预约不到的，处[二百]元以下罚款。"
    assert shown(fine.new) == "连续三次预约不到的，处[五百]元以下罚款。"
    assert fine.renumbered and fine.new_path == ("第一章 总则",)
    assert count_by_kind(differences)[DifferenceKind.CHANGED] == 3  # two articles and the note under the title


def test_what_was_removed_stands_where_it_stood() -> None:
    old = text_of(rule(2020, "甲事应当办理。", "乙物不得携带。", "丙处可以歇息。"))
    new = text_of(rule(2020, "甲事应当办理。", "丙处可以歇息。"))
    assert told(compare(old, new)) == [
        ("删除", "第二条", ""),
        ("移动", "第三条", "第二条"),
        ("移动", "第四条", "第三条"),
    ]


def test_a_number_taken_over_by_another_rule_is_not_a_change() -> None:
    old = text_of(rule(2020, "开灯须登记。", "雨伞用毕归还原处。", "夜间不得喧哗。"))
    new = text_of(rule(2020, "开灯须登记。", "停电时由值班员联系维修。", "夜间不得喧哗。"))
    assert told(compare(old, new)) == [("删除", "第二条", ""), ("新增", "", "第二条")]


def test_spaces_and_width_are_no_difference() -> None:
    old = rule(2020, *OLD_ARTICLES)
    new = old.decode().replace("，", ",").replace("罚款", "罚 款").encode()
    assert compare(text_of(old), text_of(new)) == ()


def test_prose_is_compared_by_paragraphs() -> None:
    old = text_of(speech("读书要沉下心来。"))
    new = text_of(speech("读书要静下心来。").replace("谢谢大家".encode(), "讲完了".encode()))
    differences = compare(old, new)
    assert [shown(d.new) for d in differences if d.kind is DifferenceKind.CHANGED] == [
        "今天谈谈读书。读书要[静下心来]。"
    ]
    assert {d.kind for d in differences if "讲完了" in shown(d.new) or "谢谢" in shown(d.old)} == {
        DifferenceKind.ADDED, DifferenceKind.REMOVED,
    }  # fmt: skip


def test_a_paragraph_in_another_place_has_moved() -> None:
    paragraphs = ["读书会今天开始。", "第一位讲话的是馆长。", "随后大家分组讨论。", "最后合影留念。"]
    old = text_of("\n".join(["通讯", *paragraphs]).encode())
    new = text_of("\n".join(["通讯", *paragraphs[1:], paragraphs[0]]).encode())
    assert [(d.kind, shown(d.new)) for d in compare(old, new)] == [(DifferenceKind.MOVED, paragraphs[0])]


def test_all_of_a_text_is_in_some_unit() -> None:
    text = text_of(rule(2024, *NEW_ARTICLES))
    joined = "".join(f"{unit.label}{unit.text}" for unit in units_of(text))
    assert key_of(joined) == key_of(text.text)


def test_texts_too_long_for_words_are_marked_whole() -> None:
    old, new = "甲。" * 5000, "乙。" * 5000
    assert marked(old, new) == ((Run(old, True),), (Run(new, True),))


@given(old=TEXT, new=TEXT)
def test_runs_are_the_texts_and_what_is_not_marked_is_common(old: str, new: str) -> None:
    left, right = marked(old, new)
    assert ("".join(run.text for run in left), "".join(run.text for run in right)) == (old, new)
    common = [key_of("".join(run.text for run in runs if not run.marked)) for runs in (left, right)]
    assert common[0] == common[1]
    assert "".join(words_of(old)) == old


@given(old=PIECES, new=PIECES)
def test_each_piece_has_one_partner_at_most_and_the_same_words_always_do(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    pairs = pair_units(old, new)
    assert len(set(pairs.values())) == len(pairs)
    assert all(0 <= i < len(old) and 0 <= j < len(new) for i, j in pairs.items())
    for text in {text for _, text in old}:
        count = [sum(t == text for _, t in pieces) for pieces in (old, new)]
        assert sum(1 for i, j in pairs.items() if old[i][1] == text == new[j][1]) == min(count)


@given(
    lines=st.lists(
        st.sampled_from(["第一条 甲。", "第二条 乙丙。", "第三条 丁。", "附件", "说明", "一、总则"]), max_size=9
    )
)
def test_a_text_does_not_differ_from_itself(lines: list[str]) -> None:
    text = text_of("\n".join(["江临市读书规定", *lines]).encode())
    assert compare(text, text) == ()
