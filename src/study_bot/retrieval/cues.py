"""What kind of answer a question wants, and the question without its chatter."""

from __future__ import annotations

import re
from enum import StrEnum


class QuestionKind(StrEnum):
    """The kind of answer asked for; the first that fits, in this order of preference where words compete."""

    ARTICLE = "article"  # the words of an article
    PENALTY = "penalty"  # punishment, discipline, liability
    DEFINITION = "definition"  # what a term means
    WHEN = "when"
    WHO = "who"
    WHERE = "where"
    HOW_MANY = "how_many"  # a number, an amount, a duration
    LIST = "list"  # several things
    PROCEDURE = "procedure"  # steps to take
    ALLOWED = "allowed"  # whether something may, must or does
    REASON = "reason"
    OTHER = "other"


_THINGS = "个|种|类|项|条|款|点|方面|部分|步|级|章|节"
_CUES: tuple[tuple[QuestionKind, re.Pattern[str]], ...] = (
    (QuestionKind.ARTICLE, re.compile(r"第几[条款项]|哪[一几]?[条款](?!件|例)")),
    (
        QuestionKind.PENALTY,
        re.compile(
            r"(?:怎么|如何|怎样|怎么样|会|受到?什么|给予什么|什么|何种|哪种|哪些)(?:处罚|处分|惩罚|惩处|处置|制裁|处理)|怎么罚|罚多少|罚款(?:多少|几)|判(?:几|多|什么刑|刑)|怎么判|(?:拘留|有期徒刑|刑拘)(?:几|多)"
            r"|(?:的)?(?:处罚|量刑|罚则|刑期|处分)(?:标准|幅度|规定)?(?:是|有)|法律责任|刑事责任|什么后果|追究|(?:怎么|如何|怎样)(?:定罪|量刑)|多少罚款|坐牢"
        ),
    ),
    (
        QuestionKind.DEFINITION,
        re.compile(
            r"什么是|什么叫|何谓|何为|是什么意思|(?:的)?(?:定义|含义|概念|涵义|内涵)|是指什么|是指哪|指的是什么|怎么理解|如何理解"
        ),
    ),
    (
        QuestionKind.WHEN,
        re.compile(
            r"什么时[候间]|何时|哪一?[年天日月]|几[月号]|(?:日期|时间)是|(?:施行|生效|成立|召开|发布|实施|公布)(?:日期|时间)"
        ),
    ),
    (
        QuestionKind.WHO,
        re.compile(
            r"谁|何人|(?:哪|什么|哪个|哪些|何种|哪一?级)(?:些|个|类|一)?(?:部门|机关|单位|机构|组织|人员?|人民政府|政府|法院|主体)|由哪|由什么"
        ),
    ),
    (QuestionKind.WHERE, re.compile(r"哪里|何处|何地|什么地方|在哪|向哪")),
    (
        QuestionKind.HOW_MANY,
        re.compile(
            rf"多少|多长|多久|多大|多高|多重|多远|几(?!{_THINGS}|乎|经)|第几|百分之几|期限是|年龄是|(?:最[长短多少高低])(?:不超过)?.{{0,6}}(?:是|为|几|多)"
        ),
    ),
    (
        QuestionKind.LIST,
        re.compile(
            rf"哪些|哪几|几(?:{_THINGS})|包括什么|包含什么|(?:有|分为)(?:什么|几)(?:种类|情形|条件|要求|职责|义务|权利)|(?:情形|条件|职责|义务|权利|种类|要求|原则|任务)(?:是|有|包括)|分别|列举|列出"
        ),
    ),
    (
        QuestionKind.PROCEDURE,
        re.compile(
            r"程序(?!法|规定)|流程|步骤|手续|(?:怎么|如何|怎样)(?:办|申请|申诉|复议|起诉|做|操作|开展|报案|处置|提出|进行)|怎么办"
        ),
    ),
    (QuestionKind.REASON, re.compile(r"为什么|为何|何以|原因|意义|目的|凭什么")),
    (
        QuestionKind.ALLOWED,
        re.compile(
            r"能不能|能否|可不可以|可否|是否|是不是|有没有|要不要|应不应|允不允许|算不算|合不合|需不需|吗[？?。！!\s]*$|(?<![什怎那多要])么[？?。！!\s]*$|(?<!或)(?:可以|允许|有权)(?!.*(?:什么|哪|怎|如何))"
        ),
    ),
)
_LIST_CUE = re.compile(
    rf"哪些|哪几|(?<!第)几(?:{_THINGS})|分别|列举|列出|包括什么|包含什么|包括哪|(?:情形|条件|职责|义务|权利|种类|原则|任务)(?:是|有|包括)什么"
)

_GREETING = re.compile(
    r"^(?:[您你]好[，,。！!\s]*|(?:大家好|老师好?|同志|谢谢[您你]?|打扰一?下?|不好意思|那么?|嗯|哦|对了)[，,。！!\s]+|那么|麻烦"
    r"|(?:请|烦请|麻烦)?(?:您|你)?(?:再)?(?:帮我|给我|替我)(?:查|看|找|解释|介绍|说|讲|列)(?:一?[查看找说讲]?下|一[查看找说讲])?"
    r"|(?:我)?(?:想|要|想要)(?:请?[问教]|了解|知道|咨询|学习|查)(?:[一了]?下)?(?:的是)?|请问(?:一下)?(?:[您你])?|请教(?:一下)?|问一?下"
    r"|(?:请|能不能|能否|可以|可否)?(?:您|你)?(?:告诉我|简要?述|介绍一?下?|说明一?下?|解释一?下?|说说|讲讲|谈谈|列举一?下?|回答)(?:一下)?)[，,：:\s]*"
)
_TAIL = re.compile(
    r"(?:(?<=[条款项])的?(?:具体)?(?:内容|条文|原文|全文)(?:具体)?(?:是|有|讲|说|包括)?(?:什么|哪些|啥)?|(?<=[条款项])是(?:什么|啥)"
    r"|是?(?:怎么|如何|怎样)(?:规定|表述)的?|(?<=[条款项法典例章则》])(?:都|主要)?(?:怎么|如何)?(?:讲|说|写|规定)(?:的是|了|的)?(?:什么|啥|些什么)?(?:内容)?"
    r"|(?:有|作了)(?:什么|哪些|何)规定)?(?:呢|啊|呀|哦|吧)?[？?。！!\s]*(?:谢谢[您你]?[！!。\s]*)?$"
)
_BARE_PENALTY = re.compile(
    r"(?<=怎么|如何|怎样|会被|要被|[被要会该]不)罚(?![款没金])|(?<=[怎如][么何]被)罚(?![款没金])"
)
# Shorter than this nothing is left of the question.
_MIN_REST = 2


def question_kind(question: str, *, asks_article: bool) -> QuestionKind:
    """The kind of a question.

    :param asks_article: the question names an article; then it asks for its words unless other cues speak.
    """
    for kind, pattern in _CUES:
        if pattern.search(question):
            return kind
    return QuestionKind.ARTICLE if asks_article else QuestionKind.OTHER


def wants_list(question: str) -> bool:
    """Whether several things are asked for, whatever else the question wants."""
    return _LIST_CUE.search(question) is not None


def without_chatter(question: str) -> str:
    """The question without greetings and without closing words such as 的内容是什么; itself if nothing would remain.

    A bare 罚 becomes 处罚: as a word of its own no statute has it.
    """
    text = _BARE_PENALTY.sub("处罚", question.strip())
    while (match := _GREETING.match(text)) and match.end() and len(text) - match.end() >= _MIN_REST:
        text = text[match.end() :]
    stripped = _TAIL.sub("", text, count=1)
    return stripped if len(stripped) >= _MIN_REST else text
