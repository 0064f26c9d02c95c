"""The measures against values worked out by hand and against ir-measures."""

from __future__ import annotations

import math

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.evaluation.datasets import read_qrels, read_run, write_run
from study_bot.evaluation.metrics import evaluate, first_relevant_rank, parse_metric

GRADES = {"a": 1, "b": 2, "c": 0}


@pytest.mark.parametrize(
    ("metric", "ranked", "expected"),
    [
        ("R@1", ["a", "b"], 0.5),
        ("R@2", ["a", "b"], 1.0),
        ("R@10", [], 0.0),
        ("hit@1", ["c", "a"], 0.0),
        ("hit@2", ["c", "a"], 1.0),
        ("MRR@3", ["c", "x", "b"], 1 / 3),
        ("MRR@2", ["c", "x", "b"], 0.0),
        ("MAP@3", ["a", "x", "b"], (1 + 2 / 3) / 2),
        ("MAP@1", ["a", "x", "b"], 0.5),
        ("nDCG@2", ["b", "a"], 1.0),
        ("nDCG@2", ["a", "b"], (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))),
    ],
)
def test_value_worked_out_by_hand(metric: str, ranked: list[str], expected: float) -> None:
    scores = evaluate({"q": ranked}, {"q": GRADES}, [metric])
    assert scores.mean[metric] == pytest.approx(expected)


def test_judged_query_without_ranking_counts_as_zero() -> None:
    scores = evaluate({"q1": ["a"], "not judged": ["a"]}, {"q1": {"a": 1}, "q2": {"a": 1}}, ["R@1"])
    assert scores.mean == {"R@1": 0.5}
    assert scores.per_query == {"q1": {"R@1": 1.0}, "q2": {"R@1": 0.0}}


@pytest.mark.parametrize("name", ["R", "R@0", "P@5", "ndcg@10", "R@-1", "R@1.5"])
def test_unknown_metric_is_named_in_the_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown metric '{name}'"):
        parse_metric(name)


def test_nothing_judged_is_an_error() -> None:
    with pytest.raises(ValueError, match="no query"):
        evaluate({}, {}, ["R@1"])


def test_rank_of_the_first_relevant_document() -> None:
    assert first_relevant_rank(["c", "x", "b", "a"], GRADES) == 3
    assert first_relevant_rank(["c", "x"], GRADES) is None


_DOCS = [f"d{number}" for number in range(12)]
_GRADES = st.dictionaries(st.sampled_from(_DOCS), st.integers(0, 3), min_size=1).filter(
    lambda grades: any(grades.values())
)
_ORACLES = {"R": "R@{}", "hit": "Success@{}", "MRR": "RR@{}", "nDCG": "nDCG@{}", "MAP": "AP@{}"}


@given(
    qrels=st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), _GRADES, min_size=1),
    rankings=st.dictionaries(
        st.sampled_from(["q1", "q2", "q3", "q4"]), st.lists(st.sampled_from(_DOCS), unique=True), max_size=4
    ),
    k=st.integers(1, 15),
)
def test_agrees_with_ir_measures(qrels: dict[str, dict[str, int]], rankings: dict[str, list[str]], k: int) -> None:
    """Every query's value is that of the reference programs."""
    oracles = {f"{name}@{k}": ir_measures.parse_measure(form.format(k)) for name, form in _ORACLES.items()}
    run = {
        query_id: {doc_id: float(-rank) for rank, doc_id in enumerate(ranked)} for query_id, ranked in rankings.items()
    }
    ours = evaluate(rankings, qrels, list(oracles))
    theirs = {(m.query_id, str(m.measure)): m.value for m in ir_measures.iter_calc(list(oracles.values()), qrels, run)}
    for query_id in qrels:
        for name, oracle in oracles.items():
            # A query that was not answered is 0, whether or not the reference lists it.
            assert ours.per_query[query_id][name] == pytest.approx(theirs.get((query_id, str(oracle)), 0.0)), name
    for name in oracles:
        assert ours.mean[name] == pytest.approx(sum(v[name] for v in ours.per_query.values()) / len(qrels))


@given(
    grades=_GRADES,
    ranked=st.lists(st.sampled_from(_DOCS), unique=True),
    name=st.sampled_from(sorted(_ORACLES)),
    k=st.integers(1, 15),
)
def test_values_lie_between_zero_and_one(grades: dict[str, int], ranked: list[str], name: str, k: int) -> None:
    value = evaluate({"q": ranked}, {"q": grades}, [f"{name}@{k}"]).mean[f"{name}@{k}"]
    assert 0 <= value <= 1 + 1e-12
    best = sorted(grades, key=lambda doc_id: -grades[doc_id])
    if name not in {"R", "MAP"}:
        assert evaluate({"q": best}, {"q": grades}, [f"{name}@{k}"]).mean[f"{name}@{k}"] == pytest.approx(1.0)


@given(
    qrels=st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), _GRADES, min_size=1),
    tied=st.dictionaries(
        st.sampled_from(["q1", "q2", "q4"]),
        st.lists(
            st.tuples(st.sampled_from(_DOCS), st.sampled_from([0.0, 0.5, 0.5000000001, 1e6])),
            unique_by=lambda entry: entry[0],
            min_size=1,
        ),
    ),
)
def test_files_with_tied_scores_are_scored_alike(
    tmp_path_factory: pytest.TempPathFactory, qrels: dict[str, dict[str, int]], tied: dict[str, list]
) -> None:
    """A run whose scores are tied is written so that other programs see our order; so are judgements of TREC."""
    folder = tmp_path_factory.getbasetemp()
    write_run(folder / "tied.trec", tied, "tag")
    (folder / "tied.qrels").write_text(
        "".join(f"{q} 0 {d} {grade}\n" for q, grades in qrels.items() for d, grade in grades.items()), encoding="utf-8"
    )
    ours = evaluate(
        {q: [doc_id for doc_id, _ in ranking] for q, ranking in read_run(folder / "tied.trec").items()},
        read_qrels(folder / "tied.qrels"),
        [f"{name}@5" for name in _ORACLES],
    )
    theirs = {
        (m.query_id, str(m.measure)): m.value
        for m in ir_measures.iter_calc(
            [ir_measures.parse_measure(form.format(5)) for form in _ORACLES.values()],
            list(ir_measures.read_trec_qrels(str(folder / "tied.qrels"))),
            list(ir_measures.read_trec_run(str(folder / "tied.trec"))),
        )
    }
    for query_id, scores in ours.per_query.items():
        for name, form in _ORACLES.items():
            assert scores[f"{name}@5"] == pytest.approx(theirs.get((query_id, form.format(5)), 0.0)), name
