"""How much of a question's informative vocabulary a text contains."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

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
    library does not say.
    """
    weights = {}
    for token in dict.fromkeys(tokens):
        frequency = min(document_frequency(token), documents)
        weights[token] = math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
    return QuestionTerms(weights)
