"""The grammar of normative texts and of prose."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.library.structure import parse_structure
from study_bot.library.tree import articles_of, walk
from study_bot.text import article_label, to_chinese_number
from study_bot.types import ArticleNumber, Block, BlockKind, DocumentKind, LoadedFile, Section, SectionKind
from tests.library.samples import RULE, TITLE, loaded, row


def kinds(root: Section, kind: SectionKind) -> list[Section]:
    return [section for _, section in walk(root) if section.kind is kind]


def test_tree_of_a_rule() -> None:
    parsed = parse_structure(loaded(RULE), TITLE)
    assert parsed.kind is DocumentKind.STATUTE
    assert [a.article for a in articles_of(parsed.root)] == [
        ArticleNumber(1), ArticleNumber(2), ArticleNumber(3), ArticleNumber(4), ArticleNumber(4, 1), ArticleNumber(5),
        ArticleNumber(6),
    ]  # fmt: skip
    assert [c.heading for c in kinds(parsed.root, SectionKind.CHAPTER)] == ["总则", "使用", "附则"]
    third = articles_of(parsed.root)[2]
    assert [c.kind for c in third.children] == [SectionKind.CLAUSE, SectionKind.CLAUSE]
    assert [i.label for i in third.children[0].children] == ["（一）", "（二）", "（三）"]
    assert [s.label for s in third.children[0].children[1].children] == ["1.", "2."]
    assert parsed.text[third.children[1].start : third.end].startswith("前款")


def test_contents_are_left_out_and_annex_is_kept_apart() -> None:
    parsed = parse_structure(loaded(RULE), TITLE)
    assert "目录" not in parsed.text.replace(" ", "")
    assert parsed.text.count("第一章") == 1
    annex = kinds(parsed.root, SectionKind.ANNEX)
    assert [a.heading for a in annex] == ["附件：开放时间表"]
    assert "周一" in parsed.text[annex[0].start : annex[0].end]
    last = articles_of(parsed.root)[-1]
    assert "附件" not in parsed.text[last.start : last.end]


def test_title_note_is_recognised() -> None:
    parsed = parse_structure(loaded(RULE), TITLE)
    note = kinds(parsed.root, SectionKind.NOTE)
    assert len(note) == 1 and "2024年5月6日修订" in parsed.text[note[0].start : note[0].end]


@pytest.mark.parametrize(
    "cut",
    [
        "第三条规定预约的，应当守时。",
        "第三条、第四条所列的人，应当守时。",
        "第二条和第三条所称的人，应当守时。",
    ],
)
def test_a_line_cut_before_a_reference_opens_no_article(cut: str) -> None:
    text = RULE.replace("第五条 值班员每日巡查两次。", f"第五条 值班员每日巡查两次，并对依照本办法\n{cut}")
    parsed = parse_structure(loaded(text), TITLE)
    articles = articles_of(parsed.root)
    assert len(articles) == 7
    fifth = articles[5]
    assert parsed.text[fifth.start : fifth.end].endswith("守时。")
    assert len(fifth.children) == 1, "the cut line belongs to the same 款"


def test_a_jump_ahead_is_a_reference_if_the_skipped_number_follows() -> None:
    text = RULE.replace("第二章 使 用\n第一节", "第六条 的处理另行通知。\n第二章 使 用\n第一节")
    assert [a.article for a in articles_of(parse_structure(loaded(text), TITLE).root)].count(ArticleNumber(6)) == 1


def test_spaces_and_digits_in_numbers_do_not_matter() -> None:
    spaced = RULE.replace("第五条 ", "第 五 条").replace("第二条 ", "第2条　")
    labels = [a.article for a in articles_of(parse_structure(loaded(spaced), TITLE).root)]
    assert len(labels) == 7


def test_commentary_that_quotes_articles_is_prose() -> None:
    text = "解读\n第三十三条 增写了一款。\n这一款很重要。\n第五十条 也作了修改。\n第五十一条 未改。"
    assert parse_structure(loaded(text), "解读").kind is DocumentKind.PROSE


def test_preamble_has_its_own_section() -> None:
    text = RULE.replace("第一章 总 则\n第一条", "序 言\n夜读是好习惯。\n灯下有座，人心不慌。\n第一章 总 则\n第一条")
    parsed = parse_structure(loaded(text), TITLE)
    preamble = kinds(parsed.root, SectionKind.PREAMBLE)
    assert [p.heading for p in preamble] == ["序言"]
    assert "人心不慌" in parsed.text[preamble[0].start : preamble[0].end]
    assert "第一条" not in parsed.text[preamble[0].start : preamble[0].end]


def test_table_after_the_last_article_is_an_annex() -> None:
    base = loaded(RULE.split("附件")[0])
    parsed = parse_structure(
        LoadedFile("docx", (*base.blocks, row("序号：1；时间：周一"), row("序号：2；时间：周二"))), TITLE
    )
    assert len(articles_of(parsed.root)) == 7
    assert "序号" not in parsed.text[slice(*(lambda a: (a.start, a.end))(articles_of(parsed.root)[-1]))]


def test_missing_numbers_are_reported() -> None:
    parsed = parse_structure(loaded(RULE.replace("第五条 值班员每日巡查两次。\n", "")), TITLE)
    assert any("缺第5条" in warning for warning in parsed.warnings)


def test_prose_headings_by_style_and_by_numbering() -> None:
    blocks = (
        Block("夜读通知"), Block("一、时间"), Block("每晚七点开始。"), Block("（一）周末"), Block("周末提前一小时。"),
        Block("地点", BlockKind.HEADING, 2), Block("在街道二楼。"),
        Block("二、这一句虽然也有编号，但是它是一个完整的句子。"),
    )  # fmt: skip
    parsed = parse_structure(LoadedFile("docx", blocks), "夜读通知")
    assert [h.heading for h in kinds(parsed.root, SectionKind.HEADING)] == ["一、时间", "（一）周末", "地点"]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans()), min_size=3, max_size=40),
    st.sampled_from(["chinese", "digits"]),
)
def test_any_rule_gives_back_its_articles(shape: list[tuple[int, int, bool, bool]], script: str) -> None:
    """A rule written from random shapes is read back: numbers, 款, 项, and no character is lost."""
    lines, expected, number = [TITLE, "第一章 总则"], [], 0
    for clauses, items, inserted, chapter in shape:
        if chapter and number:
            lines.append(f"第{to_chinese_number(2 + number)}章 其他")
        if inserted and number and (not expected or expected[-1][0].insert == 0):
            article = ArticleNumber(number, 1)
        else:
            number += 1
            article = ArticleNumber(number)
        label = (
            article_label(article) if script == "chinese" else f"第{article.number}条" + "之一" * bool(article.insert)
        )
        lines.append(f"{label} 应当爱护桌椅{'：' if items else '。'}")
        lines += [f"（{to_chinese_number(i)}）不得刻画；" for i in range(1, items + 1)]
        lines += ["值班员应当提醒。"] * clauses
        expected.append((article, 1 + clauses, items))
    parsed = parse_structure(loaded("\n".join(lines)), TITLE)
    found = articles_of(parsed.root)
    assert [(a.article, len(a.children), len(a.children[0].children)) for a in found] == expected
    assert parsed.text.replace("\n", "").replace(" ", "") == "".join(lines).replace(" ", "")
