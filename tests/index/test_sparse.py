"""The sparse index against the formula written out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.errors import DamagedIndexError
from study_bot.index.sparse import K1, B, SparseIndex

ROWS = [["盗窃", "罚款", "罚款"], ["罚款"], [], ["拘留", "盗窃", "盗窃", "盗窃"], ["登记"], ["罚款", "拘留"]]

_TOKENS = st.lists(st.sampled_from(["盗窃", "罚款", "拘留", "登记", "值班", ""]), max_size=8)


def bm25(rows: list[list[str]], query: list[str]) -> list[float]:
    """Lucene's BM25, term by term."""
    average = sum(map(len, rows)) / len(rows)
    scores = []
    for row in rows:
        score = 0.0
        for token in query:
            holders = sum(token in other for other in rows)
            if count := row.count(token):
                idf = math.log(1 + (len(rows) - holders + 0.5) / (holders + 0.5))
                score += idf * count / (count + K1 * (1 - B + B * len(row) / average))
        scores.append(score)
    return scores


@given(st.lists(_TOKENS, min_size=1, max_size=12), _TOKENS)
def test_scores_follow_the_formula(rows: list[list[str]], query: list[str]) -> None:
    """For empty rows, unknown, repeated and empty tokens too."""
    scores = SparseIndex.from_tokens(rows).scores(query)
    assert scores.shape == (len(rows),)
    np.testing.assert_allclose(scores, bm25(rows, query), rtol=1e-4, atol=1e-6)


@given(st.lists(_TOKENS, max_size=12), _TOKENS, st.integers(0, 15), st.integers(0, 2**12 - 1), st.booleans())
def test_search_is_the_head_of_the_sorted_scores(
    rows: list[list[str]], query: list[str], k: int, bits: int, masked: bool
) -> None:
    """Best first, ties in row order, nothing that shares no token, nothing outside the mask."""
    index = SparseIndex.from_tokens(rows)
    allowed = np.array([bool(bits >> i & 1) for i in range(len(rows))], bool) if masked else None
    scores, found = index.search(query, k, allowed)
    everything = index.scores(query)
    expected = [
        row
        for row in sorted(range(len(rows)), key=lambda row: (-everything[row], row))
        if everything[row] > 0 and (allowed is None or allowed[row])
    ][:k]
    assert found.tolist() == expected
    np.testing.assert_array_equal(scores, everything[expected])
    assert found.dtype == np.int64


def test_rare_words_count_more_and_length_counts_against() -> None:
    index = SparseIndex.from_tokens(ROWS)
    assert index.search(["登记", "罚款"], 9)[1].tolist()[0] == 4
    assert index.search(["罚款"], 9)[1].tolist() == [1, 0, 5]


@pytest.mark.parametrize("query", [[], ["没有这个词"], [""]])
def test_a_question_without_known_words_finds_nothing(query: list[str]) -> None:
    scores, rows = SparseIndex.from_tokens(ROWS).search(query, 5)
    assert scores.shape == rows.shape == (0,)


@pytest.mark.parametrize("rows", [[], [[]], [[], []]])
def test_an_index_without_words(rows: list[list[str]], tmp_path: Path) -> None:
    index = SparseIndex.from_tokens(rows)
    index.save(tmp_path / "sparse")
    for one in (index, SparseIndex.load(tmp_path / "sparse")):
        assert len(one) == len(rows)
        assert one.scores(["罚款"]).shape == (len(rows),)
        assert one.search(["罚款"], 5, np.ones(len(rows), bool))[1].shape == (0,)
        assert not one.contributions(["罚款"], range(len(rows))).any()


@given(st.lists(_TOKENS, max_size=12), _TOKENS, st.integers(0, 999))
def test_contributions_are_the_scores_of_single_tokens(rows: list[list[str]], query: list[str], seed: int) -> None:
    """Of chosen rows in any order, with repetition; unknown and repeated tokens have lines of their own."""
    index = SparseIndex.from_tokens(rows)
    chosen = np.random.default_rng(seed).integers(0, len(rows), 9 if rows else 0)
    table = index.contributions([*query, "没有这个词"], chosen)
    assert (table.shape, table.dtype) == ((len(query) + 1, chosen.size), np.float32)
    for line, token in zip(table, [*query, "没有这个词"], strict=True):
        np.testing.assert_array_equal(line, index.scores([token])[chosen])
    np.testing.assert_allclose(table.sum(axis=0), index.scores(query)[chosen], rtol=1e-5)


def test_contributions_of_the_last_row_and_of_none() -> None:
    index = SparseIndex.from_tokens(ROWS)
    assert (index.contributions(["罚款", "登记"], [5, 4]) > 0).tolist() == [[True, False], [False, True]]
    assert index.contributions(["罚款"], []).shape == (1, 0)
    assert index.contributions([], [1, 2]).shape == (0, 2)


def test_contributions_after_loading(tmp_path: Path) -> None:
    index = SparseIndex.from_tokens(ROWS)
    index.save(tmp_path / "sparse")
    loaded = SparseIndex.load(tmp_path / "sparse")
    everything = (["盗窃", "罚款", "无"], range(len(ROWS)))
    np.testing.assert_array_equal(loaded.contributions(*everything), index.contributions(*everything))


def test_many_queries() -> None:
    index = SparseIndex.from_tokens(ROWS)
    queries = [["罚款"], [], ["盗窃", "拘留"]]
    for (scores, rows), query in zip(index.search_many(queries, 2), queries, strict=True):
        np.testing.assert_array_equal(rows, index.search(query, 2)[1])
        np.testing.assert_array_equal(scores, index.search(query, 2)[0])


def test_a_mask_must_fit() -> None:
    with pytest.raises(ValueError, match="6 rows"):
        SparseIndex.from_tokens(ROWS).search(["罚款"], 1, np.ones(5, bool))


def test_saved_and_mapped_again(tmp_path: Path) -> None:
    """Byte for byte the same files each time, no pickle, the arrays mapped."""
    for name in ("one", "two"):
        SparseIndex.from_tokens(ROWS).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.suffix in (".json", ".npy")
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    loaded = SparseIndex.load(tmp_path / "one")
    np.testing.assert_array_equal(
        loaded.scores(["盗窃", "拘留"]), SparseIndex.from_tokens(ROWS).scores(["盗窃", "拘留"])
    )
    assert len(loaded) == len(ROWS)
    assert "data.csc.index.npy" in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("name", ["sparse.json", "data.csc.index.npy", "indptr.csc.index.npy", "vocab.index.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_folder_says_so(tmp_path: Path, name: str, damage: str) -> None:
    SparseIndex.from_tokens(ROWS).save(tmp_path / "sparse")
    SparseIndex.from_tokens([["甲", "乙"]]).save(tmp_path / "other")
    path = tmp_path / "sparse" / name
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-3])
    else:
        path.write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(DamagedIndexError, match=r"sparse 已损坏或缺失.*study-bot index build"):
        SparseIndex.load(tmp_path / "sparse")
