from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from study_bot.maintenance.site import Site, open_site
from study_bot.settings import Settings
from tests.databases import postgres_database
from tests.maintenance.sites import settings_in


@pytest.fixture(params=["sqlite", "postgresql"])
def new_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Settings]]:
    """Makes the settings of an empty site of the given name; each test that takes it runs on both kinds of database."""
    opened = []

    def new(name: str) -> Settings:
        folder = tmp_path / name
        folder.mkdir()
        if request.param == "sqlite":
            return settings_in(folder)
        context = postgres_database(request.getfixturevalue("postgres"))
        opened.append(context)
        return settings_in(folder, context.__enter__())

    yield new
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty site with SQLite."""
    with open_site(settings_in(tmp_path)) as opened:
        yield opened
