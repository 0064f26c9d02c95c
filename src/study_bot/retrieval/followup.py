"""Whether a question stands on its own or leans on the turn before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

Spans = Sequence[tuple[int, int]]

# Fewer characters than this besides question words are no subject.
_MIN_SUBJECT = 2

_LEANS = re.compile(
    r"^.{1,10}呢[？?。]*$"
    r"|^(?:那么?(?=[，,\s第它他她其这该可能要需会应如是有对还在超不谁哪怎什多几为由被向到])|它|[他她]们?|其(?!他|它|实)|这|该|此|上述|上面|前面|刚才|还有|另外|其[他它](?:的|呢|情)"
    r"|再(?:说|讲|问|详细|具体)|然后呢|继续[说讲，,]|(?:再|更)?(?:详细|具体)(?:点|些|说|讲|是|呢|一[点些下])|第[^\s，。]{1,8}[条款项]"
    r"|除此|除了?(?:这|上)|如果(?:不|没|违反)|[与和]之)"
    r"|它|这一?[条款项个种部]|那一?[条款项个种部]|[该此][条款项法]|上[面述一][条款项个]?|前面|刚才|本[条款法]"
)
_POINTS_AT_ARTICLE = re.compile(
    r"它|其(?:中|处罚|内容|余)|[这那]一?[条款项]|[该此][条款项]|本[条款]|上述条款|刚才(?:那|的)|这个(?:规定|条文|条款)"
)
# Words that ask without saying about what.
_FILLER = (
    r"[\s，。？?！!、；：]|那么?|呢|吗|啊|吧|呀|的|了|是|什么|怎么|如何|哪些|哪|多[少久长大高]|几|还有|有|为何|为什么|请问|具体|详细|再|说|讲|一下"
    r"|它|这个?|那个?|该|其|上述|第|[一二三四五六七八九十百千〇零两\d]+[条款项]|解释|内容|规定|情况|时候|年|版|旧|新|法"
)
_ONLY_FILLER = re.compile(rf"(?:{_FILLER})*")
# Those, and words that fit every rule: what is left of a question without them is its subject.
_NO_SUBJECT = re.compile(
    rf"{_FILLER}"
    r"|期限|时限|时间|条件|程序|流程|步骤|手续|标准|金额|数额|罚款|处罚|处分|后果|责任|例外|情形|范围|权限|部门|机关|依据|要求|原因|目的"
    r"|可以|可否|能否|能够|能|应当|应该|需要|必须|是否|不|延长|办理|规则|区别|最[长短多少高低]|至少|谁|由|会|要"
)
_OPENING = re.compile(r"^那么?(?=..)")


def without_spans(text: str, spans: Spans) -> str:
    """`text` without the given spans, which are in order."""
    parts, position = [], 0
    for start, end in spans:
        parts.append(text[position:start])
        position = max(position, end)
    return "".join([*parts, text[position:]])


def leans_on_previous(text: str, time_spans: Spans) -> bool:
    """Whether a question that names no law needs the turn before: it opens with 第二款, says 它, or has no subject."""
    return _LEANS.search(text) is not None or not has_subject(without_spans(text, time_spans))


def has_subject(text: str) -> bool:
    """Whether anything but question words is left of a question."""
    return len(_NO_SUBJECT.sub("", text)) >= _MIN_SUBJECT


def points_at_article(text: str) -> bool:
    """Whether words such as 这一条 or 它 stand for the article named before."""
    return _POINTS_AT_ARTICLE.search(text) is not None


def joined_text(previous: str, own: str) -> str:
    """What to search for: the words of the turn before between those of this one, which thus weigh more."""
    own = "" if _ONLY_FILLER.fullmatch(own) else _OPENING.sub("", own)
    if not own or previous in own:
        return own or previous
    return f"{own} {previous} {own}".strip()
