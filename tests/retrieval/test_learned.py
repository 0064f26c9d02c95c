"""Which learned files are used: a site's own before those of the package, and none that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from study_bot.errors import LearnedFileError
from study_bot.retrieval.adapter import ADAPTER_FILE, AdapterCard, QueryAdapter, load_adapter
from study_bot.retrieval.learned import load_learned, packaged
from study_bot.retrieval.ranking import RANKING_FILE, RankingModels, load_ranking
from tests.retrieval.samples import plain_ranking

SHIPPED = load_adapter(packaged(ADAPTER_FILE))
MODEL, DIMENSION = SHIPPED.card.model, SHIPPED.dimension


def own_adapter(folder: Path, model: str = MODEL, dimension: int = DIMENSION) -> None:
    QueryAdapter(np.eye(dimension, dtype=np.float32), AdapterCard(model, "2026-11-24")).save(folder / ADAPTER_FILE)


def own_ranking(folder: Path) -> RankingModels:
    models = RankingModels(plain_ranking(adapted_z=1.0), plain_ranking(dense_z=1.0))
    (folder / RANKING_FILE).write_text(models.to_json(), "utf-8")
    return models


def test_what_ships_along_is_used_for_the_model_it_was_learned_on():
    learned = load_learned(None, MODEL, DIMENSION)
    assert learned.adapter is not None
    np.testing.assert_array_equal(learned.adapter.weight, SHIPPED.weight)
    expected = load_ranking(packaged(RANKING_FILE)).adapted
    np.testing.assert_array_equal(learned.ranking.weights, expected.weights)


@pytest.mark.parametrize(("model", "dimension"), [("another", DIMENSION), (MODEL, DIMENSION + 1)])
def test_another_embedding_model_goes_without_adapter(model: str, dimension: int):
    learned = load_learned(None, model, dimension)
    assert learned.adapter is None
    np.testing.assert_array_equal(learned.ranking.weights, load_ranking(packaged(RANKING_FILE)).plain.weights)


def test_the_adapter_can_be_switched_off(tmp_path: Path):
    own_adapter(tmp_path)
    own = own_ranking(tmp_path)
    learned = load_learned(tmp_path, MODEL, DIMENSION, adapter=False)
    assert learned.adapter is None
    np.testing.assert_array_equal(learned.ranking.weights, own.plain.weights)


def test_the_sites_own_files_go_first(tmp_path: Path):
    own_adapter(tmp_path)
    own = own_ranking(tmp_path)
    learned = load_learned(tmp_path, MODEL, DIMENSION)
    assert learned.adapter is not None
    np.testing.assert_array_equal(learned.adapter.weight, np.eye(DIMENSION))
    np.testing.assert_array_equal(learned.ranking.weights, own.adapted.weights)


def test_what_the_site_lacks_is_taken_from_the_package(tmp_path: Path):
    own_ranking(tmp_path)
    learned = load_learned(tmp_path, MODEL, DIMENSION)
    assert learned.adapter is not None
    np.testing.assert_array_equal(learned.adapter.weight, SHIPPED.weight)
    nothing = load_learned(tmp_path / "none", MODEL, DIMENSION)
    np.testing.assert_array_equal(nothing.ranking.weights, load_ranking(packaged(RANKING_FILE)).adapted.weights)


def test_an_own_adapter_for_another_model_gives_way_to_the_one_that_fits(tmp_path: Path):
    own_adapter(tmp_path, model="former")
    learned = load_learned(tmp_path, MODEL, DIMENSION)
    assert learned.adapter is not None
    np.testing.assert_array_equal(learned.adapter.weight, SHIPPED.weight)


def test_an_own_adapter_serves_another_model(tmp_path: Path):
    own_adapter(tmp_path, model="ours", dimension=8)
    learned = load_learned(tmp_path, "ours", 8)
    assert learned.adapter is not None
    assert learned.adapter.dimension == 8


@pytest.mark.parametrize("name", [ADAPTER_FILE, RANKING_FILE])
def test_a_damaged_own_file_is_told_not_passed_over(tmp_path: Path, name: str):
    (tmp_path / name).write_text("{}")
    with pytest.raises(LearnedFileError, match=name):
        load_learned(tmp_path, MODEL, DIMENSION)
