"""Whether what was retrieved answers the question: a probability from a few features, and the gate on it.

The weights were fitted by logistic regression on questions with and without an answer in the library they were put to
(docs/architecture.md, "Refusal", has the figures). They hold for the offline embedding model, whose cosines lie close
together; another model needs another fit or another threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from study_bot.answering.terms import QuestionTerms, Tokens
from study_bot.library.passages import embedding_text
from study_bot.types import Hit

CONSIDERED = 5
"""Hits whose vocabulary is compared with the question."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer.

    `coverage` (0..1): share of the question's weighted vocabulary in the best one of the first hits. `dense`: highest
    cosine; `margin`: its excess over the mean cosine of the retrieved hits (>= 0). `exact`: an article the question
    names was found.
    """

    coverage: float = 0.0
    dense: float = 0.0
    margin: float = 0.0
    exact: bool = False


def evidence_of(hits: Sequence[Hit], terms: QuestionTerms, tokens: Tokens) -> Evidence:
    """Measure the first hits against the question."""
    if not hits:
        return Evidence()
    words = [set(tokens(embedding_text(hit.passage))) for hit in hits[:CONSIDERED]]
    cosines = [hit.dense for hit in hits if hit.dense is not None]
    top = max(cosines, default=0.0)
    return Evidence(
        coverage=max(terms.coverage(own) for own in words),
        dense=top,
        margin=top - sum(cosines) / len(cosines) if cosines else 0.0,
        exact=any(hit.exact for hit in hits),
    )


BIAS = -4.49
COVERAGE_WEIGHT = 4.72
DENSE_WEIGHT = 58.0
"""Weight of the cosine above DENSE_ORIGIN."""
DENSE_ORIGIN = 0.85
"""Cosine of the best passage for a question that has nothing to do with the library."""
MARGIN_WEIGHT = 37.0


def confidence(evidence: Evidence) -> float:
    """Probability (0..1) that the hits answer the question; 1 when they are the article it names."""
    if evidence.exact:
        return 1.0
    z = (
        BIAS
        + COVERAGE_WEIGHT * evidence.coverage
        + DENSE_WEIGHT * (evidence.dense - DENSE_ORIGIN)
        + MARGIN_WEIGHT * evidence.margin
    )
    return 1 / (1 + math.exp(-z))
