"""Search over one snapshot: every list's rows are candidates, masks hold, and nothing found is no error."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.retrieval.adapter import AdapterCard, QueryAdapter
from study_bot.retrieval.hybrid import LAW_BONUS, Candidates, HybridSearch, QuestionVectors
from study_bot.retrieval.learned import LearnedRetrieval
from tests.retrieval.samples import FakeSnapshot, HashEncoder, articles_of, plain_ranking, prose, snapshot, statute

GUARD, CARS = statute("值守规定"), statute("车辆办法")
LIBRARY = snapshot(
    (GUARD, articles_of(GUARD, {n: f"值守人员第{n}次登记来访人员。" for n in range(1, 16)})),
    (CARS, articles_of(CARS, {n: f"车辆停放在{n}号库房。" for n in range(1, 16)})),
)
SIZE = len(LIBRARY.passages)
RANKING = plain_ranking(adapted_z=1.0, bm25_z=1.0)
TURN = QueryAdapter(
    np.random.default_rng(4).standard_normal((32, 32)).astype(np.float32) / 8, AdapterCard("fake", "2026-11-24")
)


def search_in(
    library: FakeSnapshot = LIBRARY, *, adapter: QueryAdapter | None = TURN, candidates: int = 5
) -> HybridSearch:
    return HybridSearch(library, LearnedRetrieval(adapter, RANKING), candidates)


def ask(
    search: HybridSearch,
    question: str,
    k: int = 3,
    allowed: np.ndarray | None = None,
    named: np.ndarray | None = None,
) -> Candidates:
    return search.search(vectors_of(search, question), question, k, allowed, named)


def vectors_of(search: HybridSearch, question: str) -> QuestionVectors:
    return search.adapted(HashEncoder().encode_queries([question]))[0]


def lists_of(search: HybridSearch, question: str, length: int, allowed: np.ndarray | None) -> list[set[int]]:
    """The rows of the list of either vector, and of the keywords."""
    vectors = vectors_of(search, question)
    near = [LIBRARY.dense.search(v[None], length, allowed)[1][0] for v in (vectors.plain, vectors.adapted)]
    words = LIBRARY.sparse.search(search.tokens(question), length, allowed)[1]
    return [{row for row in rows.tolist() if row >= 0} for rows in (*near, words)]


masks = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE).map(lambda bits: np.array(bits, np.bool_))
questions = st.sampled_from(["车辆登记", "值守人员", "第三条", "火箭", "？", "库房停放来访"])


@given(questions, st.integers(1, 40), st.none() | masks)
def test_the_rows_of_every_list_are_ranked_once(question: str, k: int, allowed: np.ndarray | None):
    search = search_in()
    found = ask(search, question, k, allowed)
    lists = lists_of(search, question, min(max(5, k), SIZE), allowed)
    assert set(found.rows.tolist()) == set().union(*lists)
    assert found.rows.tolist() == sorted(set(found.rows.tolist()))
    assert sorted(found.ranked.rows.tolist()) == found.rows.tolist()
    assert all(a >= b for a, b in pairwise(found.ranked.scores.tolist()))


@given(questions, st.none() | masks, masks)
def test_masks_hold_and_a_named_law_has_lists_of_its_own(question: str, allowed: np.ndarray | None, named: np.ndarray):
    search = search_in()
    found = ask(search, question, 3, allowed, named)
    rows = set(found.rows.tolist())
    if allowed is not None:
        assert all(allowed[row] for row in rows)
    own = named if allowed is None else named & allowed
    assert rows == set().union(*lists_of(search, question, 5, allowed), *lists_of(search, question, 5, own))
    assert found.evidence.named.tolist() == named[found.rows].tolist()


def test_a_named_law_has_the_bonus():
    search = search_in(candidates=SIZE)
    named = np.array([p.doc_id == CARS.doc_id for p in LIBRARY.passages])
    with_name, without = ask(search, "登记来访", named=named), ask(search, "登记来访")
    before = dict(zip(without.ranked.rows.tolist(), without.ranked.scores.tolist(), strict=True))
    after = dict(zip(with_name.ranked.rows.tolist(), with_name.ranked.scores.tolist(), strict=True))
    for row in range(SIZE):
        assert after[row] == pytest.approx(before[row] + LAW_BONUS * named[row])


def test_passages_of_a_named_law_are_found_though_many_others_fit_better():
    """The lists are short here; the named law has lists of its own."""
    named = np.array([p.doc_id == CARS.doc_id for p in LIBRARY.passages])
    question = "值守人员登记来访人员"
    assert not set(np.flatnonzero(named).tolist()) & set(ask(search_in(), question).rows.tolist())
    assert sum(named[ask(search_in(), question, named=named).rows]) >= 5


def test_more_wanted_than_there_is():
    found = ask(search_in(), "车辆登记", 1000)
    assert found.rows.tolist() == list(range(SIZE))


def test_the_score_is_that_of_the_model():
    found = ask(search_in(), "车辆登记")
    scores = dict(zip(found.ranked.rows.tolist(), found.ranked.scores.tolist(), strict=True))
    expected = RANKING.scores(found.evidence)
    assert [scores[row] for row in found.rows.tolist()] == pytest.approx(expected.tolist())


def test_keyword_scores_are_those_of_keyword_search_and_0_without_a_common_word():
    search = search_in()
    found = ask(search, "车辆登记", 1000)
    np.testing.assert_allclose(found.sparse, LIBRARY.sparse.scores(search.tokens("车辆登记")), atol=1e-5)
    assert not ask(search, "火箭").sparse.any()


def test_nothing_allowed_finds_nothing():
    allowed = np.zeros(SIZE, np.bool_)
    for named in (None, np.ones(SIZE, np.bool_)):
        found = ask(search_in(), "车辆登记", allowed=allowed, named=named)
        assert found.rows.size == found.ranked.rows.size == found.sparse.size == 0


def test_an_empty_library_finds_nothing():
    assert ask(search_in(snapshot()), "车辆登记").ranked.rows.size == 0


def test_a_library_of_one_passage():
    talk = statute("讲话")
    search = search_in(snapshot((talk, prose(talk, "车辆要用在一线。"))))
    for question in ("车辆", "火箭", ""):
        found = ask(search, question)
        assert found.ranked.rows.tolist() == [0]
        assert np.isfinite(found.ranked.scores).all()


def test_a_library_with_no_word_of_the_question_still_answers_by_vectors():
    found = ask(search_in(), "火箭发射")
    assert found.rows.size >= 5
    assert np.isfinite(found.ranked.scores).all()


def test_without_an_adapter_both_vectors_are_the_same():
    search = search_in(adapter=None)
    vectors = vectors_of(search, "车辆登记")
    assert vectors.plain is vectors.adapted
    evidence = ask(search, "车辆登记").evidence
    np.testing.assert_array_equal(evidence.dense, evidence.adapted)


def test_with_one_the_adapted_vector_is_the_adapters():
    asked = HashEncoder().encode_queries(["车辆登记", "值守"])
    both = search_in().adapted(asked)
    np.testing.assert_array_equal([v.plain for v in both], asked)
    np.testing.assert_allclose([v.adapted for v in both], TURN.transform(asked), atol=1e-6)
    assert search_in().adapted(np.zeros((0, 32), np.float32)) == []
