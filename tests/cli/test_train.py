"""`study-bot train` over real services and a tiny sentence-transformers model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from study_bot.retrieval.adapter import AdapterCard, QueryAdapter, load_adapter
from study_bot.retrieval.ranking import load_ranking
from study_bot.services import build_services
from tests.cli.conftest import Program
from tests.index.model_samples import save_static_model
from tests.training.samples import write_renamed_set

DATE = "2026-03-01"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a set whose questions call everything by other words, and one whose golds are drawn by lot."""
    folder = tmp_path_factory.mktemp("world")
    save_static_model(folder / "model")
    write_renamed_set(folder / "renamed")
    write_renamed_set(folder / "lot", chance=True)
    write_renamed_set(folder / "few", questions=30)
    return folder


@pytest.fixture
def real(program: Program, world: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program over the model of `world`, with the corpus indexed."""
    monkeypatch.setenv("STUDY_BOT_EMBEDDING_MODEL", str(world / "model"))
    program.build_services = build_services
    if not (world / "index").is_dir():
        built = program(
            "index", "build", "--source", str(world / "renamed/corpus.jsonl"), "--index", str(world / "index")
        )
        assert built.code == 0, built.err
    return program


def train(program: Program, world: Path, kind: str, out: Path, *data: str, more: tuple[str, ...] = ()):
    sets = [word for name in data for word in ("--data", str(world / name))]
    index = str(world / "index")
    return program("train", kind, *sets, "--index", index, "--out", str(out), "--date", DATE, "--json", *more)


def recall(program: Program, world: Path) -> float:
    result = program("eval", "retrieval", str(world / "renamed"), "--index", str(world / "index"), "--json")
    return float(result.json["metrics"]["R@10"])


def test_learn_and_use(real: Program, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = recall(real, world)
    adapter = train(real, world, "adapter", tmp_path, "renamed")
    assert adapter.code == 0, adapter.err
    figures = adapter.json["sets"]["renamed"]
    assert figures["after"]["R@10"] > figures["before"]["R@10"] + 0.3
    card = load_adapter(tmp_path / "adapter.safetensors").card
    assert (card.created, dict(card.data)) == (DATE, {"renamed": 80})
    assert card.metrics["renamed R@10"] == figures["after"]["R@10"]
    assert "交叉检验 5/5" in adapter.err

    ranking = train(real, world, "ranking", tmp_path, "renamed", more=("--from-zero",))
    assert ranking.code == 0, ranking.err
    assert ranking.json["written"] == str(tmp_path / "ranking.json")
    models = load_ranking(tmp_path / "ranking.json")
    assert models.adapted.card["model"] == models.plain.card["model"] == card.model
    assert models.adapted.card["metrics"]["renamed"]["R@10"] > models.plain.card["metrics"]["renamed"]["R@10"] + 0.2
    written = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert written["adapter"]["sets"]["renamed"] == figures
    assert written["ranking"]["sets"] == {"renamed": 80}

    monkeypatch.setenv("STUDY_BOT_LEARNED_DIR", str(tmp_path))
    assert recall(real, world) > before + 0.3


def test_again_the_same_and_in_words(real: Program, world: Path, tmp_path: Path) -> None:
    arguments = ("--data", str(world / "renamed"), "--index", str(world / "index"), "--date", DATE)
    first = real("train", "adapter", *arguments, "--out", str(tmp_path))
    assert "renamed（80 题）：R@1 0." in first.out
    assert f'learned_dir = "{tmp_path}"' in first.out
    real("train", "adapter", *arguments, "--out", str(tmp_path / "again"))
    for name in ("adapter.safetensors", "adapter_folds.safetensors", "figures.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_nothing_is_written_where_there_is_nothing_to_learn(real: Program, world: Path, tmp_path: Path) -> None:
    result = train(real, world, "adapter", tmp_path / "out", "lot")
    assert result.code == 0
    assert result.json["written"] is None
    assert result.json["choice"]["strength"] == 0
    assert "没有写出适配器" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["adapter", "ranking"])
def test_what_cannot_be_trained_is_told(real: Program, world: Path, tmp_path: Path, kind: str) -> None:
    few = train(real, world, kind, tmp_path, "few")
    assert few.code == 2
    assert "只有 30 个" in few.err
    assert "eval cases" in few.err
    missing = real("train", kind, "--data", f"{world / 'renamed'}={tmp_path / 'nothing'}", "--out", str(tmp_path))
    assert missing.code == 3
    assert "study-bot index build" in missing.err
    absent = train(real, world, kind, tmp_path, "absent")
    assert (absent.code, "absent" in absent.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_ranking_needs_the_folds_of_an_adapter_that_knows_the_set(real: Program, world: Path, tmp_path: Path) -> None:
    model = real("model", "info", "--json").json
    card = AdapterCard(model=model["fingerprint"], created=DATE, data={"renamed": 80})
    QueryAdapter(np.zeros((32, 32), np.float32), card).save(tmp_path / "adapter.safetensors")
    result = train(real, world, "ranking", tmp_path, "renamed")
    assert result.code == 2
    assert "先用同一个 --out 运行 study-bot train adapter" in result.err
