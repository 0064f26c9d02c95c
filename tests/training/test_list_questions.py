"""Questions made from the articles that announce a list."""

from __future__ import annotations

from pathlib import Path

from study_bot.evaluation.question_sets import read_question_set
from study_bot.retrieval.lists import announces, asked_things
from study_bot.training.list_questions import list_questions, write_list_questions
from study_bot.types import ArticleNumber, Locator, Passage, PassageKind

TEXTS = (
    "第一条 值班长履行下列职责：\n（一）登记；\n（二）检查。",
    "第二条 借用人应当履行下列义务：\n（一）爱护；\n（二）归还。",
    "第三条 值班长不得有下列行为：\n（一）离岗。",
    "第四条 值班长应当忠于职责。",
    "第五条 阅览室的负责人行使下列职权：\n（一）批准。",
    "第六条 阅览室的负责人行使下列职权：\n（一）停用。",
    "第七条 有下列情形之一的，不予登记：\n（一）没有证件。",
)


def passages() -> list[Passage]:
    return [
        Passage(
            f"p{n}", "v", "d", PassageKind.ARTICLE, text, 0, len(text), "某办法", Locator(), article=ArticleNumber(n)
        )
        for n, text in enumerate(TEXTS, start=1)
    ]


def test_each_announced_list_gives_a_question_that_asks_for_it() -> None:
    made = {question.gold: question.text for question in list_questions(passages())}
    assert made.keys() == {"p1", "p2", "p3"}  # two of one subject are not told apart, and 有下列情形 has none
    for number, text in enumerate(TEXTS, start=1):
        if (question := made.get(f"p{number}")) is not None:
            assert announces(text, asked_things(question))
    assert "值班长" in made["p1"] and "职责" in made["p1"] and "应当" not in made["p2"].split("借用人")[0]


def test_what_is_written_is_a_set(tmp_path: Path) -> None:
    assert write_list_questions(passages(), tmp_path / "lists") == 3
    assert write_list_questions(passages(), tmp_path / "lists") == 3
    asked = read_question_set(tmp_path / "lists", "dev", None)
    assert len(asked.queries) == 3
    assert sorted(gold for golds in asked.qrels.values() for gold in golds) == ["p1", "p2", "p3"]
