from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from study_bot.errors import LearnedFileError
from study_bot.retrieval.adapter import ADAPTER_FILE, AdapterCard, QueryAdapter
from study_bot.training.adapter_choice import adapted, choose, cross_validated
from study_bot.training.adapter_fit import AdapterRecipe
from study_bot.training.files import FIGURES_FILE, FOLDS_FILE, read_folds, write_figures, write_folds
from tests.training.samples import DIMENSION, turned_pairs

RECIPE = AdapterRecipe(learning_rate=0.03, batch=64, temperature=0.1)


def save_adapter(folder: Path, seed: int = 0) -> QueryAdapter:
    weight = np.random.default_rng(seed).standard_normal((DIMENSION, DIMENSION)).astype(np.float16).astype(np.float32)
    adapter = QueryAdapter(weight, AdapterCard(model="m", created="2026-01-01"))
    adapter.save(folder / ADAPTER_FILE)
    return adapter


def test_folds_come_back_and_belong_to_their_adapter(tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path)
    assert read_folds(tmp_path) is None
    pairs = turned_pairs(60)
    validated = cross_validated([pairs], [], RECIPE, choose([pairs], [], RECIPE))
    write_folds(tmp_path, [pairs], validated)
    read = read_folds(tmp_path)
    assert read is not None
    texts, vectors = ["没有问过的", *pairs.texts], np.vstack([pairs.vectors[:1], pairs.vectors])
    found = read.adapted(texts, vectors, adapter)
    assert np.allclose(found[1:], validated.vectors[0], atol=5e-3)
    assert np.allclose(found[0], adapted(pairs.vectors[:1], adapter.weight)[0])
    save_adapter(tmp_path, seed=1)
    assert read_folds(tmp_path) is None


def test_damaged_folds_are_told(tmp_path: Path) -> None:
    save_adapter(tmp_path)
    (tmp_path / FOLDS_FILE).write_bytes(b"nonsense")
    with pytest.raises(LearnedFileError, match="train adapter"):
        read_folds(tmp_path)


def test_figures_of_one_part_leave_those_of_the_other(tmp_path: Path) -> None:
    write_figures(tmp_path, "ranking", {"a": 1})
    write_figures(tmp_path, "adapter", {"b": 2})
    write_figures(tmp_path, "ranking", {"a": 3})
    assert json.loads((tmp_path / FIGURES_FILE).read_text("utf-8")) == {"adapter": {"b": 2}, "ranking": {"a": 3}}
    (tmp_path / FIGURES_FILE).write_text("[]", encoding="utf-8")
    write_figures(tmp_path, "adapter", {})
    (tmp_path / FIGURES_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(LearnedFileError, match="figures"):
        write_figures(tmp_path, "adapter", {})
