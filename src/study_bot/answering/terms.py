"""How much of a question's informative vocabulary a text contains."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

_INTERROGATIVE = re.compile(
    r"(?:(?<![没具享含])有)?(?:什么(?:时[候间]|样|是|叫)?|哪[些个里种年月天儿一]?)|何[时地人种为谓]|为[何什]么?|怎么(?:样|办)?|怎样|如何|多[少久长大]"
    r"|几(?=[个天年次种条项名日月人类点])|谁|[是能可]否|[吗呢吧么啊呀][？?]?$|请问|有没有|[是能会要该]不[是能会要该]|指的?是|[？?！!]"
)


def content_words(question: str) -> str:
    """A question without the words that only ask, so that nothing is expected of a text for their sake; breaks stay."""
    return _INTERROGATIVE.sub(" ", question)


Tokens = Callable[[str], list[str]]
"""A tokenizer: the same one for questions and texts."""


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """Tokens of a question with their weights (> 0); `total` is the sum of the weights."""

    weights: Mapping[str, float]

    @property
    def total(self) -> float:
        """Sum of all weights; 0 for a question without informative tokens."""
        return sum(self.weights.values())

    def coverage(self, tokens: Iterable[str]) -> float:
        """Share (0..1) of the question's weight whose tokens occur in `tokens`; 0 for a question without terms."""
        total = self.total
        if not total:
            return 0.0
        present = set(tokens)
        return sum(weight for token, weight in self.weights.items() if token in present) / total

    def without(self, tokens: Iterable[str]) -> QuestionTerms:
        """The terms that are not among `tokens`."""
        known = set(tokens)
        return QuestionTerms({token: weight for token, weight in self.weights.items() if token not in known})


def question_terms(tokens: Iterable[str], document_frequency: Callable[[str], int], documents: int) -> QuestionTerms:
    """Weigh each distinct token by its inverse document frequency, ln(1 + (N - df + 0.5) / (df + 0.5)) as in BM25
    (Robertson & Zaragoza 2009, with the +1 that keeps it positive). An unseen token weighs most: it is what the
    library does not say. Not so a single character (罚) that the library has inside words only; it is left out.
    """
    weights = {}
    for token in dict.fromkeys(tokens):
        frequency = min(document_frequency(token), documents)
        if not frequency and len(token) == 1:
            continue
        weights[token] = math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
    return QuestionTerms(weights)
