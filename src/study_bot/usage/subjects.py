"""What questions are about, in words that many of them share: never the sentence of one person."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable

MIN_ASKERS = 2
"""A word is shown when so many people used it."""

# Two characters or more, neither digits nor an amount.
_WORD = re.compile(r"(?!\d)(?![零〇一二三四五六七八九十百千两]+.?$)\w{2,}")

# Words that say how something is asked or that nearly every question about rules holds.
_COMMON = frozenset(
    re.split(
        r"\s+",
        """什么 怎么 如何 哪些 是否 可以 应当 应该 需要 必须 可能 不能 能否 规定 情况 情形 有关 相关 关于 进行 对于 属于
        因为 所以 如果 但是 以及 或者 我们 他们 自己 请问 一下 一个 哪个 哪里 多少 多久 多长 时间 时候 为什么 怎样 问题
        内容 要求 具体 主要 包括 根据 按照 依照 没有 现在 目前 之后 之前 以后 以前 超过 最长 最多 小时
        讲什么 是什么 怎么办 怎么处理""",
    )
)


class SubjectCounter:
    """Counts questions by the words in them."""

    def __init__(self) -> None:
        from study_bot.index.tokens import Tokenizer

        self._tokenizer = Tokenizer()
        self._questions: Counter[str] = Counter()
        self._askers: defaultdict[str, set[Hashable]] = defaultdict(set)

    def add(self, question: str, asker: Hashable) -> None:
        """Count a question; `asker` tells one person from another."""
        for word in self._subjects(question):
            self._questions[word] += 1
            self._askers[word].add(asker)

    def most(self, limit: int) -> list[tuple[str, int]]:
        """The most frequent words with their numbers of questions, leaving out those of fewer than MIN_ASKERS people
        and those that only occur as part of a longer one."""
        shared = {word: n for word, n in self._questions.items() if len(self._askers[word]) >= MIN_ASKERS}
        kept: list[tuple[str, int]] = []
        for word, count in sorted(shared.items(), key=lambda item: (-item[1], -len(item[0]), item[0])):
            if not any(word in other and count <= n for other, n in kept):
                kept.append((word, count))
            if len(kept) == limit:
                break
        return kept

    def _subjects(self, question: str) -> Iterable[str]:
        from study_bot.answering.terms import content_words

        words, _ = self._tokenizer.words_and_pairs(content_words(question))
        return {word for word in words if _WORD.fullmatch(word) and word not in _COMMON}
