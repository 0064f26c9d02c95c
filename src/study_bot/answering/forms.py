"""What the answer to a kind of question looks like: a day, a number, a body, a list, a sanction."""

from __future__ import annotations

import re

from study_bot.retrieval.cues import QuestionKind

_NUMERAL = r"[0-9０-９零〇一二三四五六七八九十百千万亿两半]"
_TIME = re.compile(
    rf"{_NUMERAL}+\s*(?:年|月|日|号|时|点|世纪)|(?:星期|周)[一二三四五六日天]|之日|当[日天]|[早晚上下中]午|凌晨|工作日|次日|每[日天周月年季]"
)
_QUANTITY = re.compile(
    rf"{_NUMERAL}+\s*(?:余|多|点{_NUMERAL}+|\.[0-9]+)?\s*(?:[元年月日天周时分秒个名人次条项种类级倍件份页题道学岁米里吨克度%％‰公千平万亿]|小时|以上|以下)|百分之|分之"
)
_BODY = re.compile(
    r"机关|部门|机构|委员会|政府|法院|检察院|组织|支部|党委|党组|人员|警察|民警|公民|[局部处队所室科会厅院]|人(?=[，。、])"
)

_LISTING = re.compile(r"下列|如下|以下|包括|分为|[（(]一[）)]|一是|首先|、[^、。；]{1,30}、")
_SANCTION = re.compile(r"处以?|罚款|拘留|有期徒刑|拘役|管制|处分|警告|没收|吊销|追究|责任|严重警告|撤销|开除")
_DEFINING = re.compile(r"是指|，指|所称|的含义|含义如下|即|就是|是")
_PERMITTING = re.compile(r"可以|应当|不得|必须|禁止|有权|不能|允许|需要|无权|严禁")

_FORMS = {
    QuestionKind.WHEN: _TIME,
    QuestionKind.HOW_MANY: _QUANTITY,
    QuestionKind.WHO: _BODY,
    QuestionKind.LIST: _LISTING,
    QuestionKind.PENALTY: _SANCTION,
    QuestionKind.DEFINITION: _DEFINING,
    QuestionKind.ALLOWED: _PERMITTING,
}


def expected_form(kind: QuestionKind) -> re.Pattern[str] | None:
    """A pattern that the words of an answer to this kind of question contain; None = nothing can be said."""
    return _FORMS.get(kind)
