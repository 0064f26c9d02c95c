"""Every test runs off the network, without the developer's settings, in a home of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from study_bot.settings import CONFIG_FILE, Settings, default_cache_dir
from study_bot.storage.database import Database, open_database
from tests.databases import postgres_database, postgres_server
from tests.network_guard import sitecustomize as network_guard
from tests.support import requires_browser

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "NO_PROXY": "127.0.0.1,localhost",
    "PYTHONUTF8": "1",
}

# How long an example takes says something about the load of the machine only.
settings.register_profile("study-bot", deadline=None)
settings.load_profile("study-bot")


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Guard the network, and set up the environment of this process and of those it starts.

    The prepared offline model may be shared with the user's cache: it is checked by its checksums and never
    written to once it is complete. Everything else is empty and temporary.
    """
    network_guard.install()
    home = tmp_path_factory.mktemp("home")
    cache = home / ".cache" / "study-bot"
    cache.mkdir(parents=True)
    users_cache = default_cache_dir()
    if users_cache.is_dir():
        for folder in users_cache.iterdir():
            if folder.is_dir() and not folder.name.startswith("."):
                (cache / folder.name).symlink_to(folder, target_is_directory=True)
    patch = pytest.MonkeyPatch()
    for name in os.environ:
        if name.startswith(("STUDY_BOT_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_", "GRADIO_")) and name != "STUDY_BOT_CI":
            patch.delenv(name)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        patch.delenv(name, raising=False)
        patch.delenv(name.upper(), raising=False)
    for name, value in _OFFLINE.items():
        patch.setenv(name, value)
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    patch.setenv("PYTHONPATH", str(Path(network_guard.__file__).parent), prepend=os.pathsep)
    if Path(CONFIG_FILE).exists():  # in the folder the tests are started from: the developer's
        patch.setitem(Settings.model_config, "toml_file", home / CONFIG_FILE)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser that can draw Chinese."""
    return requires_browser()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL server of the tests' own, started when the first test asks for it."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as address:
        yield address


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows, to be copied: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("migrated")
    opened = open_database("", folder)
    path = opened.path
    opened.close()
    assert path is not None
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of such a database on PostgreSQL."""
    with postgres_database(postgres) as address:
        open_database(address, tmp_path_factory.mktemp("unused")).close()
        yield address.rsplit("/", 1)[1]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, migrated; each test that takes it runs on both kinds."""
    if request.param == "sqlite":
        (tmp_path / "data").mkdir()
        migrated: Path = request.getfixturevalue("migrated")
        shutil.copyfile(migrated, tmp_path / "data" / migrated.name)
        opened = open_database("", tmp_path / "data")
        yield opened
        opened.close()
        return
    template = request.getfixturevalue("migrated_postgres")
    with postgres_database(request.getfixturevalue("postgres"), template) as address:
        opened = open_database(address, tmp_path / "data")
        yield opened
        opened.close()
