from __future__ import annotations

import datetime as dt
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.index.articles import ArticleTable
from study_bot.index.known_laws import GENRES, SHORT_NAMES, WELL_KNOWN
from study_bot.index.law_names import fold, fold_with_map, looks_like_law
from study_bot.types import ArticleNumber, DocumentKind, Passage, PassageKind, Version, VersionStatus
from tests.retrieval.samples import articles_of, prose, snapshot, statute

LAWS = (
    "中华人民共和国刑法",
    "中华人民共和国刑事诉讼法",
    "中华人民共和国治安管理处罚法",
    "中华人民共和国人民警察法",
    "中华人民共和国行政复议法",
    "中华人民共和国保守国家秘密法",
    "中华人民共和国保守国家秘密法实施条例",
    "中华人民共和国枪支管理法",
    "中华人民共和国道路交通安全法",
    "中华人民共和国未成年人保护法",
    "中国共产党章程",
    "中国共产党纪律处分条例",
    "中国共产党党员教育管理工作条例",
    "公安机关办理刑事案件程序规定",
    "公安机关适用继续盘问规定",
    "最高人民法院关于适用《中华人民共和国行政诉讼法》的解释",
    "最高人民法院、最高人民检察院关于办理虚构案件适用法律若干问题的解释（二）",
)
SPEECH = "在学员结业大会上的讲话（2025年3月1日）"


def make_table() -> ArticleTable:
    documents = []
    for title in LAWS:
        version = statute(title)
        documents.append((version, articles_of(version, {n: f"{title}之{n}。" for n in range(1, 11)})))
    speech = statute(SPEECH, kind=DocumentKind.PROSE, status=VersionStatus.UNKNOWN)
    documents.append((speech, prose(speech, "同志们，结业不是终点。")))
    return snapshot(*documents).articles


TABLE = make_table()


def named(text: str) -> list[str]:
    return [m.name if m.doc_ids else f"?{m.name}" for m in TABLE.find_laws(text)]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("刑法", LAWS[0]),
        ("《中华人民共和国刑法》", LAWS[0]),
        ("刑诉法", LAWS[1]),
        ("治安法", LAWS[2]),
        ("治安处罚法", LAWS[2]),
        ("治安管理处罚法（2025年修订）", LAWS[2]),
        ("2012年版治安管理处罚法", LAWS[2]),
        ("新治安管理处罚法", LAWS[2]),
        ("警察法", LAWS[3]),
        ("保密法", LAWS[5]),
        ("保密法实施条例", LAWS[6]),
        ("枪支法", LAWS[7]),
        ("道交法", LAWS[8]),
        ("道路安全法", LAWS[8]),
        ("未成年保护法", LAWS[9]),
        ("党章", LAWS[10]),
        ("纪律处分条例", LAWS[11]),
        ("处分条例", LAWS[11]),
        ("党员教育管理条例", LAWS[12]),
        ("刑事程序规定", LAWS[13]),
        ("刑事案件程序规定", LAWS[13]),
        ("继续盘问规定", LAWS[14]),
        ("行诉法解释", LAWS[15]),
        ("行政诉讼法司法解释", LAWS[15]),
        ("关于适用行政诉讼法的解释", LAWS[15]),
        ("两高关于办理虚构案件适用法律若干问题的解释（二）", LAWS[16]),
        ("虚构案件司法解释（二）", LAWS[16]),
        ("虚构案件司法解释二", LAWS[16]),
        ("ＰＩＰＬ", None),
        ("海商法", None),
        ("行政复议法实施条例", None),
        ("治安管理处罚条例", None),
        ("", None),
    ],
)
def test_names_resolve(name: str, title: str | None):
    assert TABLE.resolve_law(name) == ((title,) if title else ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请问刑法第三条和《治安管理处罚法》第五条", [LAWS[0], LAWS[2]]),
        ("中华人民共和国 治安管理处罚法 第三条", [LAWS[2]]),
        ("社会法未成年人保护法第七条的内容", [LAWS[9]]),
        ("诉讼与非诉讼程序法刑事诉讼法第四条", [LAWS[1]]),
        ("最高人民法院关于适用《中华人民共和国行政诉讼法》的解释第三条", [LAWS[15]]),
        ("我市治安管理处罚法执行得怎么样", [LAWS[2]]),
        ("昆明市治安管理处罚法执行得怎么样", [LAWS[2]]),
        ("云南省实施治安管理处罚法的情况", [LAWS[2]]),
        ("治安管理处罚法规定了什么", [LAWS[2]]),
        ("《在学员结业大会上的讲话》讲了什么", [SPEECH]),
        ("道路安全法第三条", [LAWS[8]]),
        ("2025年12月的时候治安法第四条", [LAWS[2]]),
        ("什么情况可以继续盘问", []),
        ("提高公民法律意识", []),
        ("的刑法学教材和民法院校", []),
        ("的人民警察法制教育", []),
        ("治安管理处罚法律责任", []),
        ("《刑法》学习和刑法规定", [LAWS[0], LAWS[0]]),
    ],
)
def test_laws_are_found_in_questions(text: str, expected: list[str]):
    assert named(text) == expected


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("行政复议法实施条例第五条", "行政复议法实施条例"),
        ("《行政复议法实施条例》规定了什么", "行政复议法实施条例"),
        ("人民武装警察法第三条", "人民武装警察法"),
        ("地方警察法第三条", "地方警察法"),
        ("请问海商法第三条", "海商法"),
        ("劳动法怎么规定加班", "劳动法"),
        ("刑法修正案（十二）第一条", "刑法修正案（十二）"),
        ("刑诉法司法解释第五条", "刑诉法司法解释"),
        (
            "最高人民法院关于适用《中华人民共和国刑事诉讼法》的解释第五条",
            "最高人民法院关于适用《中华人民共和国刑事诉讼法》的解释",
        ),
        ("刑法分则编司法解释第二条", "刑法分则编司法解释"),
        ("云南省实施《道路交通安全法》办法第十条", "云南省实施《道路交通安全法》办法"),
        ("云南省保守国家秘密法实施条例第三条", "云南省保守国家秘密法实施条例"),
        ("公务员处分条例第三条", "公务员处分条例"),
        ("根据《食堂管理办法》该怎么办", "食堂管理办法"),
        ("按照食堂管理办法第三条", "食堂管理办法"),
    ],
)
def test_a_law_that_is_not_held_is_reported_and_not_taken_for_a_part_of_its_name(text: str, unknown: str):
    assert named(text) == [f"?{unknown}"]


def test_words_before_an_article_that_name_no_law_are_not_reported():
    for text in ("本法第三条", "该条例第四条", "依照法律规定第三条", "新法第五条", "上述办法第二条", "第三条讲什么"):
        assert named(text) == []


def test_mentions_span_the_name_with_its_marks():
    text = "请问《治安管理处罚法》第三条"
    (mention,) = TABLE.find_laws(text)
    assert text[mention.start : mention.end] == "《治安管理处罚法》"
    assert mention.statute


def test_a_title_that_is_not_known_hides_the_names_inside_it():
    assert named("《刑法学讲义》里怎么说") == []


def test_articles_and_rows():
    assert [len(TABLE.rows("中国共产党章程@1", ArticleNumber(n))) for n in (1, 10, 11)] == [1, 1, 0]
    assert TABLE.holders(("中国共产党章程",), ArticleNumber(3)) == ("中国共产党章程@1",)
    assert TABLE.articles_of(("中国共产党章程",))[-1] == ArticleNumber(10)
    assert TABLE.title_of("中国共产党章程") == "中国共产党章程"
    assert TABLE.title_of("没有") is None


def test_versions_of_one_document_share_a_name_and_keep_their_rows_apart():
    old = statute("中华人民共和国虚构法", doc_id="x", version_id="old", promulgated=dt.date(2001, 1, 1))
    new = statute("中华人民共和国虚构法", doc_id="x", version_id="new", promulgated=dt.date(2020, 1, 1))
    table = snapshot(
        (old, articles_of(old, {1: "旧文。", 2: "仅旧文有。"})), (new, articles_of(new, {1: ["新文上。", "新文下。"]}))
    ).articles
    assert table.resolve_law("虚构法") == ("x",)
    assert table.holders(("x",), ArticleNumber(1)) == ("old", "new")
    assert table.holders(("x",), ArticleNumber(2)) == ("old",)
    assert (table.rows("old", ArticleNumber(1)), table.rows("new", ArticleNumber(1))) == ([0], [2, 3])


def test_rows_of_a_corpus_form_laws():
    versions, passages = [], []
    for number, (law, article) in enumerate(
        [("中华人民共和国虚构法", 1), ("虚构法", 2), ("中华人民共和国虚构法", 3), ("虚构组织办法（试行）", 1)]
    ):
        versions.append(Version(f"r{number}", f"r{number}", law, DocumentKind.BEIR, "c.jsonl", "beir", "0"))
        passages.append(
            Passage(
                f"r{number}", f"r{number}", f"r{number}", PassageKind.ROW, "文。", 0, 2, f"{law}第{article}条",
                articles_of(versions[-1], {article: "文。"})[0].locator, ArticleNumber(article),
            )
        )  # fmt: skip
    versions.append(Version("w", "w", "虚构的山", DocumentKind.BEIR, "c.jsonl", "beir", "0"))
    passages.append(Passage("w", "w", "w", PassageKind.ROW, "高。", 0, 2, "虚构的山", passages[0].locator))
    table = ArticleTable.from_snapshot(versions, passages)
    assert table.resolve_law("虚构法") == ("r0", "r1", "r2")
    assert table.holders(("r0",), ArticleNumber(2)) == ("r1",)
    assert table.resolve_law("虚构组织办法") == ("r3",)
    assert table.find_laws("虚构的山有多高") == []


def test_interpretations_one_and_two_stay_apart():
    one, two = (statute(f"最高人民法院关于审理虚构纠纷案件若干问题的解释（{n}）") for n in "一二")
    table = snapshot((one, articles_of(one, {1: "甲。"})), (two, articles_of(two, {1: "乙。"}))).articles
    assert table.resolve_law(two.title) == (two.doc_id,)
    assert table.resolve_law("虚构纠纷司法解释（一）") == (one.doc_id,)


def test_a_title_is_not_lost_to_the_short_name_of_another_law():
    """警察法 may be the title of a law of its own."""
    own = statute("警察法")
    other = statute("中华人民共和国人民警察法")
    table = snapshot((own, articles_of(own, {1: "甲。"})), (other, articles_of(other, {1: "乙。"}))).articles
    assert table.resolve_law("警察法") == ("警察法",)


def test_an_abbreviation_that_fits_two_laws_resolves_to_neither():
    laws = [statute("虚构甲管理处罚法"), statute("虚构乙管理处罚法")]
    table = snapshot(*((law, articles_of(law, {1: "甲。"})) for law in laws)).articles
    assert table.resolve_law("虚构管理处罚法") == ()


def test_many_laws_are_searched_fast():
    laws = [statute(f"中华人民共和国第{n}号虚构事务管理法") for n in range(2000)]
    table = ArticleTable.from_snapshot(laws, [])
    question = "请问中华人民共和国第1999号虚构事务管理法第三条和第7号虚构事务管理法第四条是什么" * 10
    started = time.perf_counter()
    mentions = table.find_laws(question)
    assert len(mentions) == 20
    assert time.perf_counter() - started < 0.1


def test_the_table_of_known_laws_is_written_as_names_are_compared():
    assert all(name == fold(name) for name in (*WELL_KNOWN, *SHORT_NAMES, *GENRES))
    assert all(looks_like_law(title) for title in WELL_KNOWN)
    assert not set(SHORT_NAMES) & WELL_KNOWN
    assert set(SHORT_NAMES.values()) <= WELL_KNOWN


@given(st.text(alphabet="《》〈〉“” 　刑法第三条ＡＢ㈠、院最，。()（）", max_size=40))
def test_folding_keeps_track_of_positions(text: str):
    folded, positions = fold_with_map(text)
    assert len(folded) == len(positions)
    assert positions == sorted(positions)
    assert all(c in unicodedata.normalize("NFKC", text[i]).lower() for c, i in zip(folded, positions, strict=True))


@given(st.text(max_size=80))
def test_any_text_can_be_searched(text: str):
    for mention in TABLE.find_laws(text):
        assert 0 <= mention.start < mention.end <= len(text)
