"""Quiz questions about the starter library, answered from its own passages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.answering.alignment import aligned_pairs, tokenise
from study_bot.answering.choices import choose
from study_bot.answering.fill_in import fill_in
from study_bot.answering.option_evidence import weigh
from study_bot.answering.quiz_forms import parse_stem, plain_option, referred_options, truth_options
from study_bot.answering.statement_check import Verdict, check_statement
from study_bot.index.sparse import SparseIndex
from study_bot.index.tokens import Tokenizer
from study_bot.library.catalog import describe
from study_bot.library.loaders import LoadLimits, load_file
from study_bot.library.passages import cut_passages
from study_bot.types import Hit, Locator, Passage, PassageKind

CORPUS = Path(__file__).resolve().parent.parent.parent / "corpus"
FILES = (
    "规章制度/江临市公安局学习测试与补课办法.md",
    "规章制度/江临市公安局每日学习推送工作细则.txt",
    "专家课堂/人民警察职权与执法规范要点.md",
)

Find = Callable[[str], list[Hit]]


@pytest.fixture(scope="module")
def find() -> Find:
    """Keyword search over three files of the starter library."""
    passages: list[Passage] = []
    for name in FILES:
        version, text = describe(name, load_file(CORPUS / name, LoadLimits()), name)
        passages += cut_passages(text, version)
    tokenizer = Tokenizer()
    index = SparseIndex.from_tokens(tokenizer.tokens(f"{p.title} {p.text}") for p in passages)

    def search(text: str) -> list[Hit]:
        scores, rows = index.search(tokenizer.tokens(parse_stem(text).text), 8)
        return [Hit(passages[row], float(score)) for score, row in zip(scores, rows, strict=True)]

    return search


def passage(text: str) -> Passage:
    return Passage("p", "v", "d", PassageKind.PROSE, text, 0, len(text), "", Locator())


SINGLE = [
    ("闭卷测试时长为（ ）分钟。", ["60", "90", "120", "150"], 2),
    ("迟到（　　）的，不得进入考场，按照缺考处理。", ["十五分钟", "30分钟", "一小时"], 1),
    ("补考合格的，成绩一律按____记载。", ["60分", "70分", "80分", "实际得分"], 1),
    ("学员凭 或者工作证入场。", ["居民身份证", "人民警察证", "驾驶证"], 1),
    ("题库题目每年更新的数量不少于总数的（ ）。", ["10%", "20%", "50%"], 1),
    ("推送日志保存（ ），学员个人练习记录保存五年。", ["半年", "一年", "三年"], 1),
    ("推送日志保存一年，学员个人练习记录保存（ ）。", ["半年", "一年", "五年"], 2),
    ("检查公民住所，必须有哪一级公安机关开具的检查证？（ ）", ["派出所", "县级以上", "省级"], 1),
    ("学员不得携带手机、智能手表和（ ）进入座位。", ["饮用水", "学习资料", "学习"], 1),
]


@pytest.mark.parametrize(("question", "options", "answer"), SINGLE)
def test_single_choice(find: Find, question: str, options: list[str], answer: int) -> None:
    choice = choose(question, options, find(question))
    assert choice.picked == (answer,)
    assert choice.margin > 0
    (proof,) = choice.proofs
    assert proof.quote in proof.passage.text


def test_the_proof_is_the_sentence_that_says_so(find: Find) -> None:
    question = "同一天的提醒不超过（ ）次。"
    choice = choose(question, ["一", "两", "三"], find(question))
    assert choice.picked == (1,)
    assert "同一天的提醒不超过两次" in choice.proofs[0].quote
    assert choice.proofs[0].passage in [hit.passage for hit in choice.hits]


def test_letters_of_options_do_not_count(find: Find) -> None:
    question = "闭卷测试时长为（ ）分钟。"
    assert choose(question, ["A．60", "B．90", "C．120"], find(question)).picked == (2,)


def test_a_part_for_each_blank(find: Find) -> None:
    question = "推送日志保存（ ），学员个人练习记录保存（ ）。"
    options = ["五年、一年", "一年、五年", "一年、三年"]
    assert choose(question, options, find(question)).picked == (1,)


def test_a_sentence_turned_round() -> None:
    """The question has the defined word last, the text has it first."""
    text = "驱逐性警械，是指警棍、催泪弹等器具。约束性警械，是指手铐、警绳等用来控制人身的器具。"
    question = "手铐、警绳等用来控制人身的器具，称为（ ）。"
    wrong, right = weigh(parse_stem(question), ["驱逐性警械", "约束性警械"], [passage(text)])
    assert right.share > wrong.share
    assert right.place is not None
    assert text[right.place.start : right.place.end] == "约束性警械"
    assert right.place.start > 0


def test_several_right_options(find: Find) -> None:
    question = "（多选）教育训练处统计上月推送情况，统计指标包括（ ）。"
    options = ["按时推送率", "补考通过率", "当日完成率", "反馈处理率", "图书借阅率"]
    choice = choose(question, options, find(question))
    assert choice.picked == (0, 2, 3)
    assert all("推送情况" in proof.passage.text for proof in choice.proofs)


def test_what_does_not_belong(find: Find) -> None:
    question = "下列不属于推送情况统计指标的是（ ）。"
    choice = choose(question, ["按时推送率", "补考通过率", "当日完成率", "反馈处理率"], find(question))
    assert choice.picked == (1,)
    assert choice.proofs, "what belongs is shown"


def test_a_part_of_a_long_article_is_read_with_its_lead() -> None:
    lead = "有下列情形之一的，应当安排补课："
    part = replace(passage("（五）援派外地的；\n（六）驻外执勤的。"), lead=lead, kind=PassageKind.ARTICLE_PART)
    question = "下列情形，应当安排补课的有（ ）。"
    choice = choose(question, ["援派外地的", "驻外执勤的", "迟到的"], [Hit(part, 1.0)])
    assert choice.picked == (0, 1)
    assert [proof.quote for proof in choice.proofs] == ["（五）援派外地的；", "（六）驻外执勤的。"]
    assert fill_in("有（ ）情形之一的，应当安排补课", [Hit(part, 1.0)]) is None, "the lead is not in the passage"


def test_all_of_the_others(find: Find) -> None:
    question = "统计上月推送情况的统计指标包括（ ）。"
    options = ["按时推送率", "当日完成率", "练习正确率", "以上都是"]
    assert choose(question, options, find(question)).picked == (3,)
    letters = ["按时推送率", "当日完成率", "图书借阅率", "A和B"]
    assert choose(question, letters, find(question)).picked == (3,)


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("闭卷测试时长为120分钟，开考六十分钟后方可交卷离场。（ ）", True),
        ("闭卷测试时长为90分钟，开考六十分钟后方可交卷离场。（ ）", False),
        ("学员可以设置个人提醒时间，但不能关闭推送。", True),
        ("学员可以设置个人提醒时间，也能关闭推送。", False),
        ("根据《江临市公安局学习测试与补课办法》，无故缺考的，成绩按零分记，并通报所在单位。", True),
        ("命题人员可以参加本次测试。", False),
        ("继续盘问只能由辅警执行。", False),
    ],
)
def test_true_or_false(find: Find, statement: str, holds: bool) -> None:
    choice = choose(statement, ["对", "错"], find(statement))
    assert choice.picked == ((0,) if holds else (1,))
    assert choose(statement, ["×", "√"], find(statement)).picked == ((1,) if holds else (0,))
    assert len(choice.proofs) == 1


def test_statements_as_options(find: Find) -> None:
    options = [
        "闭卷测试时长为一百二十分钟。",
        "每个考场安排三名监考人员。",
        "相邻座位的试卷题目顺序不同。",
    ]
    hits = [hit for option in options for hit in find(option)[:2]]
    assert choose("关于闭卷测试，下列说法错误的是（ ）。", options, hits).picked == (1,)
    assert choose("（多选）关于闭卷测试，下列说法正确的有（ ）。", options, hits).picked == (0, 2)
    assert choose("关于闭卷测试，下列说法正确的是（ ）。", options, hits).picked == (), "two of them are right"


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("围棋棋盘上共有（ ）个交叉点。", ["324", "361", "400"]),
        ("学习测试的成绩由（ ）刻在石碑上。", ["石匠", "学员"]),
    ],
)
def test_nothing_is_picked_when_the_texts_do_not_say(find: Find, question: str, options: list[str]) -> None:
    choice = choose(question, options, find(question))
    assert choice.picked == ()
    assert choice.proofs == ()


def test_without_passages_nothing_is_picked() -> None:
    choice = choose("试用期不得超过（ ）。", ["一个月", "二个月"], [])
    assert (choice.picked, choice.scores, choice.hits, choice.proofs) == ((), (0.0, 0.0), (), ())
    assert choose("地球是圆的。", ["对", "错"], []).picked == ()


def test_options_are_needed() -> None:
    with pytest.raises(ValueError, match="options"):
        choose("试用期不得超过（ ）。", [], [])


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("闭卷测试时长为（ ）分钟，开考六十分钟后方可交卷离场。", "一百二十"),
        ("学员凭（ ）或者工作证入场。", "人民警察证"),
        ("（ ）每周一轮换，交接时应当填写交接单。", "轮值编辑"),
        ("因公缺考的，安排（ ）。", "补考"),
    ],
)
def test_fill_in(find: Find, question: str, words: str) -> None:
    filling = fill_in(question, find(question))
    assert filling is not None
    assert filling.text == words
    assert filling.passage.text[filling.start : filling.end] == words


def test_fill_in_the_second_blank(find: Find) -> None:
    question = "推送日志保存（ ），学员个人练习记录保存（ ）。"
    found = [fill_in(question, find(question), blank=number) for number in range(2)]
    assert [filling.text for filling in found if filling is not None] == ["一年", "五年"]
    with pytest.raises(IndexError):
        fill_in(question, find(question), blank=2)


def test_fill_in_leaves_open_what_no_passage_says(find: Find) -> None:
    question = "围棋棋盘上共有（ ）个交叉点。"
    assert fill_in(question, find(question)) is None
    assert fill_in(question, []) is None
    assert fill_in(question, [Hit(passage(""), 1.0)]) is None


@given(order=st.permutations(range(4)), number=st.integers(0, len(SINGLE) - 1))
def test_the_order_of_options_changes_nothing(find: Find, order: list[int], number: int) -> None:
    question, options, _ = SINGLE[number]
    options = [*options, "督察支队", "图书借阅率"][:4]
    straight = choose(question, options, find(question))
    mixed = choose(question, [options[i] for i in order], find(question))
    assert sorted(order[i] for i in mixed.picked) == list(straight.picked)
    assert [mixed.scores[order.index(i)] for i in range(4)] == pytest.approx(straight.scores, abs=1e-4)


_TEXTS = st.text("一二十百3甲乙丙是不的，。；（）_ \nAa%万", max_size=30)


@given(question=_TEXTS, options=st.lists(_TEXTS, min_size=1, max_size=5), texts=st.lists(_TEXTS, max_size=4))
def test_whatever_comes_in_the_result_is_in_range(question: str, options: list[str], texts: list[str]) -> None:
    choice = choose(question, options, [Hit(passage(text), 1.0) for text in texts])
    assert list(choice.picked) == sorted(set(choice.picked))
    assert all(0 <= index < len(options) for index in choice.picked)
    assert len(choice.scores) == len(options)
    assert all(0 <= score <= 1 for score in choice.scores)
    assert choice.margin >= 0
    assert bool(choice.picked) == bool(choice.proofs)
    for proof in choice.proofs:
        assert 0 <= proof.start < proof.end <= len(proof.passage.text)
    filling = fill_in(question, choice.hits)
    if filling is not None:
        assert 0 <= filling.start < filling.end <= len(filling.passage.text)
        assert filling.text.strip("，。； \n")


@given(text=_TEXTS)
def test_tokens_stand_where_they_say(text: str) -> None:
    tokens = tokenise(text)
    assert all(0 <= token.start < token.end <= len(text) for token in tokens)
    assert all(one.end <= other.start for one, other in pairwise(tokens))
    assert aligned_pairs(tokens, tokens) == [(i, i) for i in range(len(tokens))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("二个月", "2个月"),
        ("第二十六条", "第26条"),
        ("百分之五十", "50%"),
        ("三分之二", "3分之2"),
        ("一万元", "10000元"),
        ("二〇二五年", "２０２５年"),
        ("两次", "2次"),
    ],
)
def test_numbers_are_compared_as_numbers(one: str, other: str) -> None:
    assert [t.text for t in tokenise(one)] == [t.text for t in tokenise(other)]
    assert [t.text for t in tokenise(one)] != [t.text for t in tokenise("七" + other[1:])]


@pytest.mark.parametrize(
    ("question", "pieces"),
    [
        ("测试共（　）题，每题____分。", ("测试共", "题，每题", "分。")),
        ("测试共 题。", ("测试共", "题。")),
        ("测试在2026 年举行，共（ ）题。", ("测试在2026 年举行，共", "题。")),
        ("测试在哪一年开始？（ ）", ("测试在", "开始？")),
        ("测试由谁组织？", ("测试由", "组织？")),
        ("测试由教育训练处组织", ("测试由教育训练处组织", "")),
    ],
)
def test_blanks(question: str, pieces: tuple[str, ...]) -> None:
    assert parse_stem(question).pieces == pieces


def test_what_a_question_asks_for() -> None:
    assert parse_stem("下列不属于测试题型的是（ ）。").negative
    assert parse_stem("关于测试，说法错误的是（ ）。").negative
    assert not parse_stem("复核发现（ ）的，当日更正错误。").negative
    assert parse_stem("测试题型包括（ ）。").several
    assert not parse_stem("题型包括（ ）、多选和判断。").several
    assert parse_stem("下列说法正确的是（ ）。").about_statements


def test_forms_of_options() -> None:
    assert plain_option("B．一百道") == plain_option("(B) 一百道") == "一百道"
    assert truth_options(["B. 错误", "A. 正确"]) == (1, 0)
    assert truth_options(["对", "错", "不好说"]) is None
    assert referred_options(["甲", "乙", "以上都对"]) == {2: frozenset((0, 1))}
    assert referred_options(["甲", "乙", "丙", "ABC", "A和C"]) == {3: frozenset((0, 1, 2)), 4: frozenset((0, 2))}


def test_a_statement_that_no_passage_speaks_of_stays_open(find: Find) -> None:
    statement = "围棋棋盘上共有三百六十一个交叉点。"
    finding = check_statement(statement, [hit.passage for hit in find(statement)])
    assert finding is None or finding.verdict is Verdict.OPEN


def test_it_is_quick(find: Find) -> None:
    """Eight passages and four options within 20 ms; the limit leaves room for a busy machine."""
    question, options = "推送内容发现错误的，应当在（ ）以内撤回或者更正。", ["一小时", "二小时", "一日", "三日"]
    hits = find(question)
    assert len(hits) == 8
    started = time.process_time()
    for _ in range(10):
        choice = choose(question, options, hits)
    assert choice.picked == (1,)
    assert (time.process_time() - started) / 10 < 0.1
