"""Automatic numbering resolved to what the reader sees."""

from __future__ import annotations

from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from study_bot.library.loaders.word import load_word
from study_bot.types import BlockKind
from tests.library.loaders.makers import LIMITS, add_list, add_use, numbered, texts, word_bytes

ARTICLE = {"start": "1", "numFmt": "chineseCountingThousand", "lvlText": "第%1条"}
ITEM = {"start": "1", "numFmt": "chineseCounting", "suff": "nothing", "lvlText": "（%2）"}
POINT = {"start": "1", "numFmt": "decimal", "lvlText": "%3."}


def labels(document: object) -> list[str]:
    return texts(load_word(word_bytes(document), LIMITS))


def test_articles_and_items() -> None:
    """Articles run through; items begin again under each article; plain paragraphs interrupt nothing."""
    document = Document()
    add_list(document, [ARTICLE, ITEM, POINT])
    numbered(document, "开门。", 500)
    numbered(document, "下列人员优先：", 500)
    numbered(document, "学生；", 500, 1)
    numbered(document, "老人：", 500, 1)
    numbered(document, "七十岁以上；", 500, 2)
    document.add_paragraph("前款由值班员认定。")
    numbered(document, "关门。", 500)
    numbered(document, "熄灯；", 500, 1)
    loaded = load_word(word_bytes(document), LIMITS)
    assert texts(loaded) == [
        "第一条 开门。",
        "第二条 下列人员优先：",
        "（一）学生；",
        "（二）老人：",
        "1. 七十岁以上；",
        "前款由值班员认定。",
        "第三条 关门。",
        "（一）熄灯；",
    ]
    assert [block.kind for block in loaded.blocks[:3]] == [
        BlockKind.PARAGRAPH,
        BlockKind.PARAGRAPH,
        BlockKind.LIST_ITEM,
    ]


def test_chapters_by_heading_style() -> None:
    """The number comes from the style's list; the level from the list's link to the style."""
    document = Document()
    chapter = {"start": "1", "numFmt": "chineseCountingThousand", "pStyle": "Heading1", "lvlText": "第%1章"}
    section = {"start": "1", "numFmt": "decimal", "pStyle": "Heading2", "lvlText": "%1.%2"}
    add_list(document, [chapter, section])
    for style in ("Heading 1", "Heading 2"):
        properties = document.styles[style].element.get_or_add_pPr()
        properties.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:numId w:val="500"/></w:numPr>'))
    for text, level in (("总则", 1), ("预约", 2), ("借阅", 2), ("附则", 1), ("解释", 2)):
        document.add_heading(text, level)
    loaded = load_word(word_bytes(document), LIMITS)
    assert texts(loaded) == ["第一章 总则", "一.1 预约", "一.2 借阅", "第二章 附则", "二.1 解释"]
    assert [block.level for block in loaded.blocks] == [1, 2, 2, 1, 2]


def test_legal_numbering_shows_digits() -> None:
    """w:isLgl writes the numbers of the levels above in digits."""
    document = Document()
    section = {"start": "1", "numFmt": "decimal", "isLgl": "1", "lvlText": "%1.%2"}
    add_list(document, [ARTICLE, section])
    numbered(document, "甲", 500)
    numbered(document, "乙", 500, 1)
    assert labels(document) == ["第一条 甲", "1.1 乙"]


def test_two_uses_share_a_count_unless_one_overrides_the_start() -> None:
    """Word goes on counting through w:num elements of one list."""
    document = Document()
    add_list(document, [ARTICLE])
    add_use(document, 501, 500)
    override = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride>'
    add_use(document, 502, 500, override)
    for number in (500, 501, 502, 502):
        numbered(document, "文", number)
    assert labels(document) == ["第一条 文", "第二条 文", "第七条 文", "第八条 文"]


def test_level_override_replaces_the_format() -> None:
    """A use may bring its own level."""
    document = Document()
    add_list(document, [ARTICLE])
    level = '<w:start w:val="1"/><w:numFmt w:val="upperLetter"/><w:lvlText w:val="%1)"/>'
    own = f'<w:lvlOverride w:ilvl="0"><w:lvl w:ilvl="0">{level}</w:lvl></w:lvlOverride>'
    add_use(document, 501, 500, own)
    numbered(document, "文", 501)
    numbered(document, "文", 501)
    assert labels(document) == ["A) 文", "B) 文"]


def test_restart_rules() -> None:
    """lvlRestart 0 never begins again."""
    document = Document()
    running = {"start": "1", "numFmt": "decimal", "lvlRestart": "0", "lvlText": "%2、"}
    add_list(document, [ARTICLE, running])
    for level in (0, 1, 1, 0, 1):
        numbered(document, "文", 500, level)
    assert labels(document) == ["第一条 文", "1、文", "2、文", "第二条 文", "3、文"]


def test_start_value_and_unused_upper_level() -> None:
    """A level above that has not begun shows its start."""
    document = Document()
    add_list(document, [{**ARTICLE, "start": "5"}, {"start": "3", "numFmt": "decimal", "lvlText": "%1-%2"}])
    numbered(document, "甲", 500, 1)
    numbered(document, "乙", 500)
    assert labels(document) == ["五-3 甲", "第五条 乙"]


def test_bullets_and_switched_off_numbers() -> None:
    """A bullet has no text; numId 0 takes a number away."""
    document = Document()
    add_list(document, [{"numFmt": "bullet", "lvlText": "\uf0b7"}])
    numbered(document, "甲", 500)
    numbered(document, "乙", 0)
    loaded = load_word(word_bytes(document), LIMITS)
    assert texts(loaded) == ["甲", "乙"]
    assert [block.kind for block in loaded.blocks] == [BlockKind.LIST_ITEM, BlockKind.PARAGRAPH]


def test_empty_numbered_paragraphs_count() -> None:
    """Word shows a number on an empty line, and so the next one is higher."""
    document = Document()
    add_list(document, [ARTICLE])
    for text in ("甲", "", "乙"):
        numbered(document, text, 500)
    assert labels(document) == ["第一条 甲", "第三条 乙"]


def test_numbers_inside_tables() -> None:
    """The serial number column is often automatic."""
    document = Document()
    add_list(document, [{"start": "1", "numFmt": "decimal", "lvlText": "%1"}])
    table = document.add_table(3, 2)
    for column, text in enumerate(("序号", "书名")):
        table.cell(0, column).text = text
    for row in (1, 2):
        paragraph = table.cell(row, 0).paragraphs[0]
        properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
        properties.get_or_add_numId().val = 500
        paragraph.add_run("号")
        table.cell(row, 1).text = f"书{row}"
    assert labels(document) == ["序号：1 号；书名：书1", "序号：2 号；书名：书2"]


def test_linked_list_styles() -> None:
    """A definition may refer to another through a numbering style."""
    document = Document()
    add_list(document, [ARTICLE], extra='<w:styleLink w:val="Own"/>')
    add_list(document, [], key=600, extra='<w:numStyleLink w:val="Own"/>')
    numbered(document, "文", 600)
    assert labels(document) == ["第一条 文"]


def test_unknown_list() -> None:
    """A reference to a list that is not there numbers nothing."""
    document = Document()
    numbered(document, "文", 999)
    assert labels(document) == ["文"]
