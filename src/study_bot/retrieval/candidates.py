"""What ranking needs to know: of the passages of a snapshot, once, and of a question's candidates, each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from study_bot.index.tokens import Tokenizer
from study_bot.retrieval.features import Evidence, Floats, deviations, feedback
from study_bot.retrieval.lists import announces, asked_things
from study_bot.text import short_title
from study_bot.types import Passage

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


class Contributions(Protocol):
    """What is needed of a keyword index."""

    def contributions(self, tokens: Sequence[str], rows: Rows) -> NDArray[np.float32]:
        """What each token adds to the score of each row, shape (tokens, rows)."""
        ...

    def document_frequency(self, token: str) -> int:
        """Number of rows that have the token."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class QuestionTokens:
    """The distinct tokens of a question. `counts` tells how often each occurs in it, `weights` are inverse document
    frequencies ln(1 + (N - df + 0.5) / (df + 0.5)), `is_word` tells words from character pairs.
    `things` is what the question wants listed, "" = nothing."""

    tokens: tuple[str, ...]
    counts: Floats
    weights: Floats
    is_word: Mask
    things: str = ""

    @property
    def repeated(self) -> list[str]:
        """The tokens, each as often as it occurs: what keyword search is given."""
        return [token for token, count in zip(self.tokens, self.counts, strict=True) for _ in range(int(count))]


class CandidateFacts:
    """Knows the passages of one snapshot. Holds no state of a question: safe for many threads at once."""

    def __init__(self, passages: Sequence[Passage], sparse: Contributions) -> None:
        self._sparse, self._passages = sparse, passages
        self._tokenizer = Tokenizer()
        titles: dict[str, int] = {}
        self._law = np.fromiter((titles.setdefault(p.title, len(titles)) for p in passages), np.int64, len(passages))
        self._titles = [short_title(title) for title in titles]
        self._title_words: dict[int, frozenset[str]] = {}
        self._article = np.fromiter((_number(p) for p in passages), np.float64, len(passages))
        self._lengths = np.fromiter((len(p.text) for p in passages), np.int64, len(passages))

    def tokens(self, text: str) -> list[str]:
        """The tokens keyword search makes of a text."""
        return self._tokenizer.tokens(text)

    def words(self, text: str) -> list[str]:
        """The words of a text, without the character pairs."""
        return self._tokenizer.words_and_pairs(text)[0]

    def tags(self, text: str) -> set[str]:
        """Part-of-speech tags that occur in a text."""
        return self._tokenizer.tags(text)

    def question(self, text: str) -> QuestionTokens:
        """The tokens of a question, weighed by their rarity in the snapshot."""
        words, pairs = self._tokenizer.words_and_pairs(text)
        counts = Counter(words)
        counts.update(pairs)
        known, total = set(words), len(self._lengths)
        frequencies = np.array([min(self._sparse.document_frequency(token), total) for token in counts], np.float64)
        return QuestionTokens(
            tokens=tuple(counts),
            counts=np.array(list(counts.values()), np.float64),
            weights=np.log1p((total - frequencies + 0.5) / (frequencies + 0.5)),
            is_word=np.array([token in known for token in counts], np.bool_),
            things=asked_things(text),
        )

    def evidence(
        self,
        question: QuestionTokens,
        rows: Rows,
        vectors: NDArray[np.float32],
        plain: NDArray[np.float32],
        adapted: NDArray[np.float32],
        named: Mask | None,
    ) -> Evidence:
        """What ranking weighs.

        :param rows: the candidates, (n,).
        :param vectors: theirs, (n, dimension).
        :param plain: the question's vector, (dimension,); `adapted` the same after the adapter.
        :param named: mask over all passages of the documents the question names, None = none.
        """
        contributions = self._sparse.contributions(question.tokens, rows) * question.counts[:, None]
        nearness = np.asarray(vectors @ adapted, np.float64)
        covered, share = self._title_match(question, self._law[rows])
        return Evidence(
            dense=np.asarray(vectors @ plain, np.float64),
            adapted=nearness,
            contributions=contributions,
            weights=question.weights,
            is_word=question.is_word,
            law=self._law[rows],
            article=self._article[rows],
            feedback=feedback(vectors, deviations(nearness)),
            title_covered=covered,
            title_share=share,
            lengths=self._lengths[rows],
            is_article=~np.isnan(self._article[rows]),
            named=np.zeros(rows.size, np.bool_) if named is None else named[rows],
            announces=self._announces(question.things, rows),
        )

    def _announces(self, things: str, rows: Rows) -> Mask:
        if not things:
            return np.zeros(rows.size, np.bool_)
        passages = (self._passages[row] for row in rows.tolist())
        return np.fromiter((announces(f"{p.lead}\n{p.text}", things) for p in passages), np.bool_, rows.size)

    def _title_match(self, question: QuestionTokens, laws: Rows) -> tuple[Floats, Floats]:
        """Per candidate: the share of its title's words that the question has, and the weighted share of the question's
        words that stand in the title."""
        weights = {t: w for t, w, word in zip(question.tokens, question.weights, question.is_word, strict=True) if word}
        known, total = frozenset(weights), sum(weights.values()) or 1.0
        distinct, place = np.unique(laws, return_inverse=True)
        covered, share = np.zeros(distinct.size), np.zeros(distinct.size)
        for i, law in enumerate(distinct.tolist()):
            words = self._words_of_title(law)
            if not known.isdisjoint(words):
                common = known & words
                covered[i] = len(common) / len(words)
                share[i] = sum(weights[token] for token in common) / total
        return covered[place], share[place]

    def _words_of_title(self, law: int) -> frozenset[str]:
        words = self._title_words.get(law)
        if words is None:
            words = self._title_words[law] = frozenset(self._tokenizer.words_and_pairs(self._titles[law])[0])
        return words


def _number(passage: Passage) -> float:
    article = passage.article
    return float("nan") if article is None else article.number + article.insert / 100
