from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.retrieval.query import Query, QuestionKind, VersionWish, understand
from study_bot.text import to_chinese_number
from study_bot.types import ArticleNumber, ArticleReference, Turn
from tests.retrieval.samples import TODAY, articles_of, snapshot, statute

SECURITY = "中华人民共和国治安管理处罚法"
CRIMINAL = "中华人民共和国刑法"
EDUCATION = "中国共产党党员教育管理工作条例"
SPELLINGS = {
    SECURITY: (
        "治安管理处罚法",
        "《治安管理处罚法》",
        "中华人民共和国治安管理处罚法",
        "治安法",
        "治安处罚法",
        "社会法治安管理处罚法",
    ),
    CRIMINAL: ("刑法", "《刑法》", "《中华人民共和国刑法》", "中华人民共和国刑法"),
    EDUCATION: ("党员教育管理工作条例", "《党员教育管理工作条例》", EDUCATION, "党员教育管理条例"),
}


def make_articles():
    documents = []
    for title in SPELLINGS:
        version = statute(title)
        numbers = [*range(1, 31), *(ArticleNumber(7, m) for m in range(1, 4))]
        documents.append((version, articles_of(version, dict.fromkeys(numbers, "有内容。"))))
    return snapshot(*documents).articles


ARTICLES = make_articles()


def ask(question: str, *earlier: str | Turn) -> Query:
    turns = [t if isinstance(t, Turn) else Turn(t, "见上。") for t in earlier]
    return understand(question, ARTICLES, TODAY, turns)


def references(query: Query) -> list[ArticleReference]:
    return [r.reference for r in query.references]


def ref(law: str, number: int, insert: int = 0, clause: int | None = None, item: int | None = None) -> ArticleReference:
    return ArticleReference(law, ArticleNumber(number, insert), clause, item)


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, ArticleReference]:
    """A reference and one of the ways people write it."""
    law = draw(st.sampled_from(sorted(SPELLINGS)))
    name = draw(st.sampled_from(SPELLINGS[law]))
    number = draw(st.integers(1, 9999))
    insert = draw(st.sampled_from([0, 0, 1, 2, 12]))
    clause = draw(st.none() | st.integers(1, 12))
    item = draw(st.none() | st.integers(1, 20))
    write = draw(st.sampled_from([str, to_chinese_number, lambda n: full_width(str(n))]))
    # 刑法十条 may as well be ten articles: a single numeral needs its 第.
    first = draw(st.sampled_from(["第", "第"] if number <= 10 else ["第", "第", ""]))
    joint = draw(st.sampled_from(["", " ", "的"]))
    text = f"{name}{joint}{first}{write(number)}条"
    if insert:
        text += f"之{write(insert)}"
    if clause:
        text += f"第{write(clause)}款"
    if item:
        text += draw(st.sampled_from([f"第{write(item)}项", f"第（{write(item)}）项", f"第({write(item)})项"]))
    before = draw(st.sampled_from(["", "请问", "根据", "我想知道"]))
    after = draw(st.sampled_from(["", "是什么", "怎么规定的？", "的内容是什么？", "讲什么"]))
    return before + text + after, ArticleReference(law, ArticleNumber(number, insert), clause, item)


@settings(max_examples=400, deadline=None)
@given(spelled())
def test_a_reference_is_found_exactly_in_any_spelling(case: tuple[str, ArticleReference]):
    text, reference = case
    query = ask(text)
    assert references(query) == [reference]
    assert query.references[0].doc_ids == (reference.law,)
    assert query.references[0].exists == (reference.article in ARTICLES.articles_of((reference.law,)))
    assert query.doc_ids == (reference.law,)
    assert query.unknown_laws == ()


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("治安法第四条和第六条", [4, 6]),
        ("治安法第4、5条", [4, 5]),
        ("治安法第四条、五条", [4, 5]),
        ("治安法第十条至第十二条", [10, 11, 12]),
        ("治安法第10-12条", [10, 11, 12]),
        ("治安法第10条到12条", [10, 11, 12]),
        ("治安法10到12条", [10, 11, 12]),
        ("治安法第12条至第10条", [12, 10]),
        ("治安法第1条到第30条", [1, 30]),
    ],
)
def test_several_articles(question: str, numbers: list[int]):
    assert [r.article.number for r in references(ask(question))] == numbers


def test_parts_after_a_list_belong_to_its_last_article():
    assert references(ask("刑法第3、4条第二款")) == [ref(CRIMINAL, 3), ref(CRIMINAL, 4, 0, 2)]
    assert references(ask("刑法第三条至第四条第二款")) == [ref(CRIMINAL, 3), ref(CRIMINAL, 4, 0, 2)]


def test_a_range_of_inserted_articles():
    assert references(ask("刑法第七条之一至第七条之三")) == [ref(CRIMINAL, 7, m) for m in (1, 2, 3)]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("刑法第17条第一款和第三款", [(1, None), (3, None)]),
        ("刑法第17条第一、二款", [(1, None), (2, None)]),
        ("刑法第17条第二款第（一）项、第（三）项", [(2, 1), (2, 3)]),
        ("刑法第17条第1、2项", [(None, 1), (None, 2)]),
        ("刑法第17条第一款第一项至第三项", [(1, 1), (1, 2), (1, 3)]),
        ("刑法第17条第一款第（二）至（四）项", [(1, 2), (1, 3), (1, 4)]),
        ("刑法第17条第一款、第二款第三项", [(1, None), (2, 3)]),
        ("刑法第17条第一款第二项和第三款", [(1, 2), (3, None)]),
    ],
)
def test_several_parts_of_an_article(question: str, parts: list[tuple[int | None, int | None]]):
    assert [(r.clause, r.item) for r in references(ask(question))] == parts


def test_each_article_belongs_to_the_law_before_it():
    assert references(ask("依照刑法第二条和治安法第三条、第四条")) == [
        ref(CRIMINAL, 2),
        ref(SECURITY, 3),
        ref(SECURITY, 4),
    ]


def test_a_law_after_the_article():
    assert references(ask("第二条 刑法")) == [ref(CRIMINAL, 2)]


def test_no_law_at_all():
    (found,) = ask("第五条讲什么").references
    assert (found.reference.law, found.doc_ids, found.exists, found.last_article) == ("", (), False, None)


def test_the_only_law_of_a_library_is_meant():
    version = statute("学习管理规定")
    articles = snapshot((version, articles_of(version, {1: "甲。", 2: "乙。"}))).articles
    query = understand("第二条讲什么", articles, TODAY)
    assert query.references[0].doc_ids == ("学习管理规定",)
    assert query.references[0].exists


def test_an_article_beyond_the_law_is_unresolved():
    query = ask("治安法第500条")
    assert query.unresolved == query.references
    assert query.references[0].last_article == ArticleNumber(30)


def test_a_law_that_is_not_held():
    query = ask("海商法第三条是什么")
    assert query.unknown_laws == ("海商法",)
    assert query.references[0].doc_ids == ()
    assert query.references[0].reference.law == "海商法"
    assert query.doc_ids == ()


def test_numbers_that_are_no_articles():
    for question in ("根据哪一条法律可以拘留", "治安法共有多少条", "治安法一共144条吗", "我提三条意见"):
        assert ask(question).references == ()


@pytest.mark.parametrize("question", ["山城的第一条铁路是哪条", "十项要求第三条是什么", "学校的第一条经验"])
def test_the_first_of_something_is_no_article(question: str):
    assert ask(question).references == ()


@pytest.mark.parametrize("question", ["请问第三条", "第三条和第四条讲什么", "本法第三条", "该条例第三条的处罚"])
def test_an_article_of_a_law_not_named(question: str):
    assert {r.reference.law for r in ask(question).references} == {""}


@pytest.mark.parametrize(
    ("earlier", "question", "expected"),
    [
        ("治安法对赌博怎么处罚", "第7条讲什么", [ref(SECURITY, 7)]),
        ("治安法对赌博怎么处罚", "那7条呢", [ref(SECURITY, 7)]),
        ("治安法第七条是什么", "那第二款呢", [ref(SECURITY, 7, 0, 2)]),
        ("治安法第七条第二款是什么", "第三项呢", [ref(SECURITY, 7, 0, 2, 3)]),
        ("治安法第七条是什么", "它的处罚是什么", [ref(SECURITY, 7)]),
        ("治安法第七条是什么", "这一条的罚款是多少", [ref(SECURITY, 7)]),
        ("治安法第七条是什么", "那旧法呢", [ref(SECURITY, 7)]),
        ("治安法第七条是什么", "刑法第三条呢", [ref(CRIMINAL, 3)]),
        ("治安法第七条是什么", "代他人签到的学员能结业吗", []),
    ],
)
def test_follow_ups(earlier: str, question: str, expected: list[ArticleReference]):
    assert references(ask(question, earlier)) == expected


def test_carried_references_say_so():
    assert ask("那第二款呢", "治安法第七条是什么").references[0].carried
    assert not ask("第八条呢", "治安法第七条是什么").references[0].carried


def test_a_follow_up_takes_law_and_topic_along():
    query = ask("那卖淫呢", "治安法对赌博怎么处罚")
    assert query.follow_up
    assert query.doc_ids == (SECURITY,)
    assert query.search_text == "卖淫 治安法对赌博怎么处罚 卖淫"
    assert query.keywords == "卖淫 对赌博怎么处罚 卖淫"


def test_generic_words_of_a_follow_up_are_searched_for_too():
    assert "期限" in ask("期限是多久", "治安法对赌博怎么处罚").search_text


def test_a_law_is_remembered_over_several_turns():
    query = ask("第九条呢", "治安法第七条", "第八条呢")
    assert references(query) == [ref(SECURITY, 9)]


def test_a_law_named_only_by_the_answer():
    query = ask("第九条呢", Turn("打架怎么处罚", "《治安管理处罚法》第三条：有内容。"))
    assert references(query) == [ref(SECURITY, 9)]


def test_a_question_with_a_subject_of_its_own_carries_nothing():
    query = ask("代他人签到的学员能结业吗", "治安法第七条是什么")
    assert not query.follow_up
    assert query.doc_ids == ()
    assert query.search_text == "代他人签到的学员能结业吗"


@pytest.mark.parametrize(
    "question",
    [
        "继续盘问的时限是多久",
        "为什么要学习校史",
        "第三次大会的主题是什么",
        "其实签到有什么用",
        "再就业的政策",
        "35项必学内容有哪些？",
    ],
)
def test_questions_that_only_look_like_follow_ups(question: str):
    assert not ask(question, "治安法第七条是什么").follow_up


@pytest.mark.parametrize(
    "question",
    [
        "为什么？",
        "还有呢",
        "具体说说",
        "那未成年人呢",
        "这种行为怎么认定",
        "如果不交罚款呢",
        "期限是多久",
        "那可以延长吗",
        "由谁处罚",
    ],
)
def test_questions_that_need_the_turn_before(question: str):
    assert "治安法对赌博怎么处罚" in ask(question, "治安法对赌博怎么处罚").search_text


def test_a_new_day_for_the_same_question():
    query = ask("2025年12月的时候呢", "治安法对赌博怎么处罚")
    assert query.as_of == dt.date(2025, 12, 31)
    assert query.search_text == "治安法对赌博怎么处罚"


def test_search_text_drops_chatter_and_version_words_and_keeps_the_law():
    query = ask("请问（2012年修正）治安管理处罚法对赌博是怎么规定的？")
    assert query.search_text == "治安管理处罚法对赌博"
    assert query.years == (2012,)
    assert query.wants_history


def test_wishes_and_kinds():
    assert ask("旧治安管理处罚法第三条").wish is VersionWish.OLD
    assert ask("旧治安管理处罚法第三条").wants_history
    assert not ask("现行治安管理处罚法第三条").wants_history
    assert ask("治安法第三条讲什么").kind is QuestionKind.ARTICLE
    assert ask("治安法规定了哪些处罚").wants_list


def test_kinds_are_not_read_from_the_names_of_laws():
    version = statute("学习程序规定")
    articles = snapshot((version, articles_of(version, {1: "甲。"}))).articles
    assert understand("学习程序规定第一条", articles, TODAY).kind is QuestionKind.ARTICLE


@settings(deadline=None)
@given(
    st.lists(
        st.text(alphabet="治安法刑《》第一二十条款项那它呢的旧年版2025，和至、", max_size=24), min_size=1, max_size=4
    )
)
def test_any_conversation_can_be_read(questions: list[str]):
    *earlier, last = questions
    query = ask(last, *earlier)
    assert query.search_text or not last.strip()
