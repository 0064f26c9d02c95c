"""Small texts of a fictional office, as files."""

from __future__ import annotations

import io


def rule(year: int, *articles: str, title: str = "江临市公共自习室管理办法", effective: str = "") -> bytes:
    """A rule adopted on 5 March of a year, in force since 1 April unless told otherwise."""
    numerals = "一二三四五六七八九十"
    lines = [title, f"（{year}年3月5日江临市学习委员会会议通过）", "第一章 总 则"]
    lines += [f"第{numerals[i]}条 {text}" for i, text in enumerate(articles)]
    lines.append(f"第{numerals[len(articles)]}条 本办法自{effective or f'{year}年4月1日'}起施行。")
    return "\n".join(lines).encode()


OLD_ARTICLES = (
    "为了让夜读的人有灯有座，制定本办法。",
    "连续三次预约不到的，处二百元以下罚款。",
    "值班员每日巡查两次，并作记录。",
)
NEW_ARTICLES = (
    "为了让夜读的人有灯有座，制定本办法。",
    "自习室应当配备急救药箱。",
    "连续三次预约不到的，处五百元以下罚款。",
    "值班员每日巡查两次，并作记录。",
)


def old_rule() -> bytes:
    return rule(2020, *OLD_ARTICLES)


def new_rule() -> bytes:
    return rule(2024, *NEW_ARTICLES)


def speech(words: str = "读书要沉下心来。") -> bytes:
    return ("在读书会上的讲话\n同志们：\n今天谈谈读书。" + words + "\n谢谢大家。\n").encode()


def stream(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)
