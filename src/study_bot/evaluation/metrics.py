"""Measures of a ranking against relevance judgements. Pure functions, one query each; means come last.

Every measure takes `ranked` (document ids, best first, none twice), `grades` (document id -> grade, above 0 =
relevant; absent = 0) and the cut-off `k` >= 1, and returns 0..1, 1 being perfect. With nothing relevant the
result is 0. Let `R` be the number of relevant documents and `rel(i)` 1 when the i-th document is relevant, else 0.

Definitions are those of trec_eval (https://github.com/usnistgov/trec_eval), which `ir-measures` computes too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Grades = Mapping[str, int]
Measure = Callable[[Sequence[str], Grades, int], float]


def recall(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """`sum(rel(i), i <= k) / R`: the share of what is relevant that was found.

    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, section 8.3.
    """
    relevant = _relevant(grades)
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def hit_rate(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """1 if anything relevant is among the first k, else 0 (success at k).

    Source: trec_eval, measure `success`.
    """
    return 0.0 if _relevant(grades).isdisjoint(ranked[:k]) else 1.0


def reciprocal_rank(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """`1 / i` for the first relevant document at `i <= k`, 0 if there is none; its mean is MRR.

    Source: Voorhees, The TREC-8 Question Answering Track Report, 1999.
    """
    relevant = _relevant(grades)
    return next((1 / rank for rank, doc_id in enumerate(ranked[:k], start=1) if doc_id in relevant), 0.0)


def average_precision(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """`sum(rel(i) * precision(i), i <= k) / R` with `precision(i) = sum(rel(j), j <= i) / i`; its mean is MAP.

    Source: Buckley and Voorhees, Evaluating Evaluation Measure Stability, SIGIR 2000; cut as in trec_eval's `map_cut`.
    """
    relevant = _relevant(grades)
    if not relevant:
        return 0.0
    found = 0
    total = 0.0
    for rank, doc_id in enumerate(ranked[:k], start=1):
        if doc_id in relevant:
            found += 1
            total += found / rank
    return total / len(relevant)


def ndcg(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """`DCG / ideal DCG` with `DCG = sum(grade(i) / log2(i + 1), i <= k)`, grades below 0 counting as 0.

    Source: Järvelin and Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques, TOIS 20(4), 2002, with the
    linear gain and the discount that trec_eval's `ndcg_cut` uses.
    """
    ideal = _dcg(sorted((max(grade, 0) for grade in grades.values()), reverse=True)[:k])
    return _dcg(max(grades.get(doc_id, 0), 0) for doc_id in ranked[:k]) / ideal if ideal else 0.0


def _dcg(gains: Iterable[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _relevant(grades: Grades) -> set[str]:
    return {doc_id for doc_id, grade in grades.items() if grade > 0}


MEASURES: Mapping[str, Measure] = {
    "R": recall,
    "hit": hit_rate,
    "MRR": reciprocal_rank,
    "nDCG": ndcg,
    "MAP": average_precision,
}
"""Measures by the name used in reports, written `name@k`."""

DEFAULT_METRICS = ("R@1", "R@5", "R@10", "R@20", "R@100", "hit@5", "MRR@10", "nDCG@10", "MAP@100")


@dataclass(frozen=True, slots=True)
class Scores:
    """`per_query[query id][metric]` for every judged query, and the means over them."""

    per_query: Mapping[str, Mapping[str, float]]
    mean: Mapping[str, float]


def parse_metric(name: str) -> tuple[Measure, int]:
    """Split `nDCG@10` into its measure and cut-off.

    :raises ValueError: unknown measure, or the cut-off is not a number above 0.
    """
    match = re.fullmatch(r"(\w+)@([1-9][0-9]*)", name)
    if match is None or match[1] not in MEASURES:
        raise ValueError(f"unknown metric {name!r}; known are {', '.join(MEASURES)}, each followed by @k")
    return MEASURES[match[1]], int(match[2])


def evaluate(
    rankings: Mapping[str, Sequence[str]],
    qrels: Mapping[str, Grades],
    metrics: Sequence[str] = DEFAULT_METRICS,
) -> Scores:
    """Score `rankings` (query id -> document ids, best first) on every query of `qrels`.

    A judged query without a ranking scores 0; rankings of queries that are not judged are left out.

    :raises ValueError: a metric's name is unknown, or `qrels` is empty.
    """
    if not qrels:
        raise ValueError("qrels hold no query")
    parsed = {name: parse_metric(name) for name in metrics}
    per_query = {
        query_id: {name: measure(rankings.get(query_id, ()), grades, k) for name, (measure, k) in parsed.items()}
        for query_id, grades in qrels.items()
    }
    mean = {name: math.fsum(values[name] for values in per_query.values()) / len(per_query) for name in metrics}
    return Scores(per_query=per_query, mean=mean)


def first_relevant_rank(ranked: Sequence[str], grades: Grades) -> int | None:
    """1-based rank of the first relevant document; None if it was not retrieved."""
    relevant = _relevant(grades)
    return next((rank for rank, doc_id in enumerate(ranked, start=1) if doc_id in relevant), None)
