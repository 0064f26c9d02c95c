"""What the measures of a report are called, how they are read, and which of them decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PerQuestion = Mapping[str, Mapping[str, float]]
"""Question id -> measure -> value; a measure that does not apply to a question is absent."""


@dataclass(frozen=True, slots=True)
class MeasureInfo:
    """How a measure is shown. `digits` of the decimal fraction; `note` is one Chinese sentence. `brief` fits a table.

    `headline` measures are those a gate watches and a page shows large.
    """

    label: str
    note: str
    higher_is_better: bool = True
    headline: bool = False
    digits: int = 4
    abbreviation: str = ""

    @property
    def brief(self) -> str:
        """The abbreviation where there is one, else the label."""
        return self.abbreviation or self.label


_ANSWERS: Mapping[str, MeasureInfo] = {
    "right": MeasureInfo("正确率", "答得对或该拒答时拒答的题所占的比例。", headline=True),
    "choice": MeasureInfo("选择题正确率", "选出的选项与标准答案完全一致的题所占的比例。", headline=True),
    "blanks": MeasureInfo("填空正确率", "每个空都填得与标准答案一致的题所占的比例。", headline=True),
    "gold_in_quotes": MeasureInfo(
        "引文含答案", "标准答案原样出现在所引原文中的题所占的比例，须与回答长度一起看。", headline=True
    ),
    "gold_in_answer": MeasureInfo("回答含答案", "标准答案原样出现在回答中的题所占的比例。"),
    "must": MeasureInfo("要点齐全", "要求的字句全部出现在回答中的题所占的比例。", headline=True),
    "EM": MeasureInfo("完全一致", "回答去掉标点和空白后与标准答案相同的题所占的比例。"),
    "F1": MeasureInfo("字 F1", "回答与标准答案的字重合程度（SQuAD 的 F1，以字代词）。", headline=True),
    "ROUGE-L": MeasureInfo("ROUGE-L", "回答与标准答案最长公共子序列的 F 值。"),
    "chars": MeasureInfo("回答字数", "回答的平均字数（不含引用标号、标点和空白）。", higher_is_better=False, digits=1),
    "citation_precision": MeasureInfo("引用准确率", "引用中出自相关段落、或引文含标准答案的比例。"),
    "citation_recall": MeasureInfo("引用召回率", "相关段落被引用的比例；没有评判时，为引文含标准答案的比例。"),
    "verbatim": MeasureInfo("原文比例", "回答的字句（除标题外）能在引文中找到的比例，由记录另行核对。"),
    "false_answer": MeasureInfo("误答率", "该拒答的问题中给出回答的比例。", higher_is_better=False, headline=True),
    "false_refusal": MeasureInfo("误拒率", "有答案的问题中被拒答的比例。", higher_is_better=False, headline=True),
    "total_ms": MeasureInfo("用时（毫秒）", "每题用时的平均值。", higher_is_better=False, digits=1),
}

_RANKINGS: Mapping[str, tuple[str, str]] = {
    "R": ("召回率", "相关文档中排在前 {k} 名之内的比例。"),
    "hit": ("命中率", "前 {k} 名之内有相关文档的问题所占的比例。"),
    "MRR": ("平均倒数名次", "首个相关文档名次的倒数，{k} 名以后记 0。"),
    "nDCG": ("归一化折损累积增益", "前 {k} 名的折损累积增益与最好排法之比。"),
    "MAP": ("平均准确率均值", "各相关文档处的准确率的平均，只计前 {k} 名。"),
}

# Rankings are decided by these; more of them would only repeat what they say.
_HEADLINE_RANKINGS = frozenset({"R@5", "R@10", "MRR@10", "nDCG@10"})


def describe(name: str) -> MeasureInfo:
    """How to show a measure; one that is not known is shown by its own name, higher taken for better."""
    if (known := _ANSWERS.get(name)) is not None:
        return known
    kind, _, cut = name.partition("@")
    if kind in _RANKINGS:
        label, note = _RANKINGS[kind]
        return MeasureInfo(
            f"{label} {name}", note.format(k=cut), headline=name in _HEADLINE_RANKINGS, abbreviation=name
        )
    return MeasureInfo(name, "")


def formatted(name: str, value: float) -> str:
    """A value with the digits of its measure."""
    return f"{value:.{describe(name).digits}f}"


def measure_names(per_question: PerQuestion) -> tuple[str, ...]:
    """Every measure that has a value: those of answers in the order of this module, then others as they come."""
    seen = dict.fromkeys(name for values in per_question.values() for name in values)
    return (*(name for name in _ANSWERS if name in seen), *(name for name in seen if name not in _ANSWERS))


def means(per_question: PerQuestion, question_ids: Iterable[str] | None = None) -> dict[str, float]:
    """Mean of each measure over the questions that have it; `question_ids` None = all of them."""
    chosen = [per_question[q] for q in (per_question if question_ids is None else question_ids)]
    result = {}
    for name in measure_names(per_question):
        values = [scores[name] for scores in chosen if name in scores]
        if values:
            result[name] = sum(values) / len(values)
    return result


def counts(per_question: PerQuestion) -> dict[str, int]:
    """How many questions have each measure."""
    return {name: sum(name in scores for scores in per_question.values()) for name in measure_names(per_question)}
