from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.errors import DatasetError
from study_bot.index.embedding import SentenceTransformerEncoder
from study_bot.retrieval.adapter import ADAPTER_FILE, load_adapter
from study_bot.retrieval.learned import load_learned
from study_bot.settings import Settings
from study_bot.training.recipe import PLAN, STEPS, Plan, Step, Workshop, build_indexes, main, run
from tests.index.model_samples import save_static_model
from tests.support import PROJECT_ROOT
from tests.training.samples import write_renamed_set

SMALL = Plan(
    {"index": ("{data}/renamed/corpus.jsonl",)},
    {"renamed": ("{data}/renamed", "index")},
    adapter=("renamed",),
    ranking=("renamed",),
)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    write_renamed_set(tmp_path / "data" / "renamed")
    save_static_model(tmp_path / "model")
    encoder = SentenceTransformerEncoder(tmp_path / "model")
    return Workshop(
        tmp_path / "data", tmp_path / "work", tmp_path, dt.date(2026, 3, 1), 1, Settings(), encoder, plan=SMALL
    )


def in_folder(folder: Path) -> list[Step]:
    """The real steps, with what they ship going to a folder."""
    folder.mkdir()
    return [replace(step, ships={name: folder / name for name in step.ships}) for step in STEPS[:5]]


def test_from_texts_to_shipped_files(workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(workshop, in_folder(tmp_path / "package"))
    assert dict(load_adapter(tmp_path / "package" / ADAPTER_FILE).card.data) == {"renamed": 80}
    learned = load_learned(tmp_path / "package", workshop.encoder.fingerprint, workshop.encoder.dimension)
    assert learned.ranking.card["data"] == {"renamed": 80}
    assert "建立索引" in capsys.readouterr().err

    build_indexes(workshop)
    assert "已有，直接使用" in capsys.readouterr().err


def test_a_step_that_fails_leaves_the_package_as_it_was(workshop: Workshop, tmp_path: Path) -> None:
    def fail(workshop: Workshop) -> None:
        raise DatasetError("没有数据。")

    def make(workshop: Workshop) -> None:
        workshop.out.mkdir(parents=True)
        (workshop.out / "made").touch()

    write = Step("写出", make, {"made": tmp_path / "package" / "made"})
    with pytest.raises(DatasetError):
        run(workshop, [*in_folder(tmp_path / "package")[:1], write, Step("失败", fail)])
    assert (workshop.out / "made").is_file()
    assert list((tmp_path / "package").iterdir()) == []


def test_what_ships_is_planned_on_things_that_exist() -> None:
    assert {*PLAN.adapter, *PLAN.ranking, *PLAN.reader} <= PLAN.sets.keys()
    put = [*PLAN.sets.values(), *((path, library) for path, _, library in (*PLAN.gate, *PLAN.far))]
    assert {library for _, library in put} == PLAN.libraries.keys()
    own = [path for path, _ in put] + [path for paths in PLAN.libraries.values() for path in paths]
    places = {PROJECT_ROOT / path.removeprefix("{project}/") for path in own if path.startswith("{project}/")}
    assert len(places) == 3
    assert all((folder, library) in PLAN.sets.values() for folder, library in PLAN.lists.items())
    assert all(place.is_dir() for place in places)


def test_missing_data_are_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    save_static_model(tmp_path / "model")
    monkeypatch.setenv("STUDY_BOT_EMBEDDING_MODEL", str(tmp_path / "model"))
    assert main(["--data", str(tmp_path / "none"), "--work", str(tmp_path / "work"), "--project", str(tmp_path)]) == 2
    assert "错误：" in capsys.readouterr().err
