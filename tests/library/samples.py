"""A rule of a fictional office, in the shapes that real ones have."""

from __future__ import annotations

from study_bot.types import Block, BlockKind, LoadedFile

TITLE = "江临市公共自习室管理办法"

RULE = f"""{TITLE}
（2021年3月5日江临市学习委员会第2次会议通过 2021年3月20日公布 2024年5月6日修订）
目 录
第一章 总 则
第二章 使 用
第一节 预约
第三章 附 则
第一章 总 则
第一条 为了让夜读的人有灯有座，制定本办法。
第二条 本办法所称自习室，是指由街道开办、向居民开放的阅读场所。
企业自办的阅览室，参照本办法执行。
第二章 使 用
第一节 预约
第三条 有下列情形之一的，可以优先预约：
（一）备考的居民；
（二）家中没有书桌的学生，包括：
1.小学生；
2.中学生；
（三）其他确有需要的人。
前款第（三）项由值班员认定。
第四条 依照本办法第三条规定预约的，保留座位十五分钟。
第四条之一 连续三次不到的，七日内不得预约。
第五条 值班员每日巡查两次。
第三章 附 则
第六条 本办法自2021年4月1日起施行。《江临市夜读管理规定》同时废止。
附件：开放时间表
周一至周五十八时至二十二时
"""


def loaded(text: str) -> LoadedFile:
    """A loaded file of one paragraph a line."""
    blocks = tuple(Block(line.strip()) for line in text.splitlines() if line.strip())
    return LoadedFile(format="txt", blocks=blocks)


def row(text: str) -> Block:
    return Block(text, BlockKind.TABLE_ROW, cells=tuple(text.split("；")))
