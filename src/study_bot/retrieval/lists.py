"""Lists: which things a question asks to have listed, and whether a text announces a list of just these.

Statutes name first what they list: 应当履行下列义务：（一）… A question for 哪些义务 is answered by that list, all of
it, and not by whatever else speaks of duties. Pure functions.
"""

from __future__ import annotations

import functools
import re

# What statutes list. Of a group each word asks for, and announces, the same.
_THINGS = (
    ("职责", "职权", "权限"),
    ("义务",),
    ("权利",),
    ("条件", "资格"),
    ("情形", "情况"),
    ("种类", "类型", "形式"),
    ("行为", "活动"),
    ("纪律",),
    ("原则",),
    ("任务",),
    ("要求", "规定"),
    ("措施", "手段", "方式", "方法", "途径"),
    ("程序", "步骤", "环节"),
    ("内容", "事项"),
    ("材料", "资料", "文件", "证件"),
    ("证据",),
    ("物品", "财物"),
    ("人员", "人"),
    ("机关", "部门", "单位", "机构", "组织"),
    ("制度",),
    ("责任", "后果"),
    ("处分", "处罚"),
)
_GROUP = {word: group for group in _THINGS for word in group}

THINGS = tuple(_GROUP)
"""All words that `asked_things` may give."""

_WORD = "|".join(sorted(_GROUP, key=len, reverse=True))

# 借用人有哪些义务 asks for 义务: what follows goes before what precedes.
_ASKED = (
    re.compile(
        rf"(?:哪(?:些|几[个种类项条])|有什么|什么样的|(?:什么|何种|哪种)(?=情[形况]|条件))(?:[^，,。？?]*?的)??(?P<things>{_WORD})"
    ),
    re.compile(rf"(?P<things>{_WORD})(?:都|主要|一般|具体|分别)?(?:有|是|包括|分为)?(?:哪些|哪几|什么)"),
)


def asked_things(question: str) -> str:
    """The word for what a question wants listed (人民警察有哪些职责: 职责); "" if it asks for no list of the kind."""
    match = next(filter(None, (pattern.search(question) for pattern in _ASKED)), None)
    return match["things"] if match else ""


def announces(text: str, things: str) -> bool:
    """Whether a text announces a list of `things` (依法履行下列职责), a word that `asked_things` gave."""
    group = _GROUP.get(things, ())
    return any(word in text for word in group) and _announcement(group).search(text) is not None


@functools.cache
def _announcement(group: tuple[str, ...]) -> re.Pattern[str]:
    word = "|".join(group)
    return re.compile(
        rf"(?:下列|以下|如下)[^，,。；;：:（(]{{0,12}}(?:{word})"
        rf"|(?:{word})(?:如下|主要包括|包括|主要有|分为|有|是|为)?[：:]"
    )
