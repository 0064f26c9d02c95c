"""The dense index against numpy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_bot.errors import DamagedIndexError
from study_bot.index.dense import MANY, DenseIndex
from study_bot.index.vectors import unit_rows


def _unit(count: int, dimension: int = 24, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, dimension)), dimension)


def _reference(matrix: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None) -> list[int]:
    scores = matrix @ query
    rows = np.arange(len(matrix)) if allowed is None else np.flatnonzero(allowed)
    return rows[np.argsort(-scores[rows])][:k].tolist()


@given(st.integers(1, 200), st.integers(1, 5), st.integers(1, 250), st.floats(0, 1), st.booleans(), st.integers(0, 99))
def test_search_equals_sorting_all_products(
    count: int, queries: int, k: int, share: float, masked: bool, seed: int
) -> None:
    matrix, asked = _unit(count, seed=seed), _unit(queries, seed=seed + 1)
    allowed = np.random.default_rng(seed).random(count) < share if masked else None
    scores, rows = DenseIndex.from_vectors(matrix).search(asked, k, allowed)
    assert scores.shape == rows.shape == (queries, k)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)
    for query, got, found in zip(asked, scores, rows, strict=True):
        expected = _reference(matrix, query, k, allowed)
        assert found[: len(expected)].tolist() == expected
        assert (found[len(expected) :] == -1).all()
        assert (got[len(expected) :] == -np.inf).all()
        np.testing.assert_allclose(got[: len(expected)], matrix[expected] @ query, atol=1e-5)


@pytest.fixture(scope="module", params=[128, 129])
def large(request: pytest.FixtureRequest) -> tuple[np.ndarray, DenseIndex, DenseIndex]:
    """Vectors that share a direction, as those of a real model do, with a column that says nothing, many equal rows,
    and two indexes of them, one of which is prepared."""
    dimension = request.param
    random = np.random.default_rng(3)
    matrix = random.standard_normal((MANY + 500, dimension)) + 2 * random.standard_normal(dimension)
    matrix[:, 3] = 0
    matrix[:, 4] = 7
    matrix[600:1400] = matrix[599]
    matrix = unit_rows(matrix, dimension)
    prepared = DenseIndex.from_vectors(matrix)
    prepared.prepare(threads=2)
    return matrix, DenseIndex.from_vectors(matrix), prepared


@given(st.integers(0, 999), st.integers(1, 8), st.integers(1, 400), st.sampled_from([None, 0.9, 0.3, 0.01, 0.0]))
@settings(max_examples=40, derandomize=True)
def test_a_prepared_index_finds_the_same(
    large: tuple[np.ndarray, DenseIndex, DenseIndex], seed: int, count: int, k: int, share: float | None
) -> None:
    matrix, plain, prepared = large
    random = np.random.default_rng(seed)
    near = matrix[random.integers(0, len(matrix), count)] + 0.1 * random.standard_normal((count, matrix.shape[1]))
    asked = unit_rows(near, matrix.shape[1])
    allowed = None if share is None else random.random(len(matrix)) < share
    for one, other in zip(plain.search(asked, k, allowed), prepared.search(asked, k, allowed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_prepared_index_knows_when_estimates_will_not_do(
    large: tuple[np.ndarray, DenseIndex, DenseIndex],
) -> None:
    """More equal rows than are looked at: which come first is decided by their numbers, so all must be seen."""
    matrix, plain, prepared = large
    asked = matrix[599:600]
    np.testing.assert_array_equal(prepared.search(asked, 100)[1], plain.search(asked, 100)[1])
    assert prepared.search(asked, 100)[1][0].tolist() == list(range(599, 699))
    zero = np.zeros_like(asked)
    np.testing.assert_array_equal(prepared.search(zero, 5)[1], plain.search(zero, 5)[1])


@pytest.mark.parametrize(("count", "dimension"), [(100, 128), (MANY, 16)])
def test_what_is_small_anyway_needs_no_copy(count: int, dimension: int) -> None:
    matrix = _unit(count, dimension)
    index = DenseIndex.from_vectors(matrix)
    index.prepare()
    assert index._coarse is None
    assert index.search(matrix[:1], 1)[1].tolist() == [[0]]


def test_threads_search_one_prepared_index(large: tuple[np.ndarray, DenseIndex, DenseIndex]) -> None:
    matrix, plain, prepared = large
    pairs = [matrix[[n, n + 1000]] for n in range(2000, 2040)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda pair: prepared.search(pair, 20)[1].tolist(), pairs))
    assert found == [plain.search(pair, 20)[1].tolist() for pair in pairs]


@pytest.mark.parametrize("share", [0.02, 0.6, None])
def test_few_and_many_queries_find_the_same(share: float | None) -> None:
    """They go different ways; either reads only what is allowed."""
    matrix, asked = _unit(3000, 64), _unit(40, 64, seed=1)
    allowed = None if share is None else np.random.default_rng(0).random(3000) < share
    index = DenseIndex.from_vectors(matrix)
    scores, rows = index.search(asked, 25, allowed)
    for start in (0, 7, 32):
        few_scores, few_rows = index.search(asked[start : start + 8], 25, allowed)
        np.testing.assert_array_equal(few_rows, rows[start : start + 8])
        np.testing.assert_allclose(few_scores, scores[start : start + 8], atol=1e-6)


def test_equal_scores_come_in_row_order() -> None:
    matrix = np.tile(_unit(3), (500, 1))
    _, rows = DenseIndex.from_vectors(matrix).search(matrix[1:2], 501, None)
    assert rows[0, :500].tolist() == list(range(1, 1500, 3))


@pytest.mark.parametrize("dimension", [1, 7, 384])
def test_an_index_larger_than_one_block(dimension: int) -> None:
    matrix = _unit(3000, dimension)
    _, rows = DenseIndex.from_vectors(matrix).search(matrix[[2999, 1400]], 1)
    products = matrix @ matrix[[2999, 1400]].T
    assert products[rows[:, 0], [0, 1]] == pytest.approx(products.max(axis=0))


def test_an_empty_index_finds_nothing() -> None:
    index = DenseIndex.from_vectors(np.zeros((0, 24), np.float32))
    scores, rows = index.search(_unit(2), 3)
    assert len(index) == 0
    assert rows.tolist() == [[-1] * 3] * 2
    assert np.isneginf(scores).all()
    assert index.search(_unit(1), 3, np.zeros(0, bool))[1].tolist() == [[-1] * 3]
    assert index.vectors().shape == (0, 24)


def test_no_queries_or_none_wanted() -> None:
    index = DenseIndex.from_vectors(_unit(5))
    assert index.search(np.zeros((0, 24), np.float32), 3)[1].shape == (0, 3)
    assert index.search(_unit(2), 0)[1].shape == (2, 0)


def test_scores_of_chosen_rows() -> None:
    matrix, query = _unit(50), _unit(1, seed=1)[0]
    index = DenseIndex.from_vectors(matrix)
    np.testing.assert_allclose(index.scores(query, [7, 0, 7]), matrix[[7, 0, 7]] @ query, atol=1e-6)
    assert index.scores(query, []).shape == (0,)
    with pytest.raises(ValueError, match="of 50"):
        index.scores(query, [50])


def test_vectors_of_chosen_rows(tmp_path: Path) -> None:
    """Copies: what is done to them does not reach the index."""
    matrix = _unit(50)
    DenseIndex.from_vectors(matrix).save(tmp_path / "dense.faiss")
    for index in (DenseIndex.from_vectors(matrix), DenseIndex.load(tmp_path / "dense.faiss")):
        chosen = index.rows([7, 0, 7, 49])
        np.testing.assert_array_equal(chosen, matrix[[7, 0, 7, 49]])
        chosen[:] = 0
        np.testing.assert_array_equal(index.vectors(), matrix)
        assert index.rows([]).shape == (0, 24)
        for wrong in ([50], [-1], [0, 50]):
            with pytest.raises(ValueError, match="of 50"):
                index.rows(wrong)


@pytest.mark.parametrize("shape", [(3,), (3, 0)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        DenseIndex.from_vectors(np.zeros(shape, np.float32))


def test_queries_and_masks_must_fit() -> None:
    index = DenseIndex.from_vectors(_unit(5))
    with pytest.raises(ValueError, match="dimension 24"):
        index.search(_unit(1, dimension=23), 1)
    with pytest.raises(ValueError, match=r"mask .* 5 rows"):
        index.search(_unit(1), 1, np.ones(4, bool))


def test_saved_and_mapped_again(tmp_path: Path) -> None:
    """The same answers from the file; the vectors are not read into memory; other processes may hold it too."""
    matrix = _unit(5000, dimension=256)
    made = DenseIndex.from_vectors(matrix)
    made.save(tmp_path / "dense.faiss")
    loaded = DenseIndex.load(tmp_path / "dense.faiss", threads=1)
    asked, allowed = _unit(3, 256, seed=1), np.arange(5000) % 7 == 0
    for mask in (None, allowed):
        for one, other in zip(made.search(asked, 20, mask), loaded.search(asked, 20, mask), strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded.vectors(), matrix)
    assert loaded.dimension == 256
    assert "dense.faiss" in Path("/proc/self/maps").read_text()


def test_threads_search_one_index() -> None:
    matrix, asked = _unit(500), _unit(40, seed=1)
    index = DenseIndex.from_vectors(matrix)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda query: index.search(query[None], 5)[1][0].tolist(), asked))
    assert found == index.search(asked, 5)[1].tolist()


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign", "other kind"])
def test_a_damaged_file_says_so(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "dense.faiss"
    if damage == "cut":
        DenseIndex.from_vectors(_unit(50)).save(path)
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "foreign":
        path.write_bytes(b"not an index")
    elif damage == "other kind":
        import faiss

        faiss.write_index(faiss.IndexFlatL2(4), str(path))
    with pytest.raises(DamagedIndexError, match=r"dense\.faiss.*study-bot index build"):
        DenseIndex.load(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot write"):
        DenseIndex.from_vectors(_unit(5)).save(tmp_path / "no" / "dense.faiss")
