"""A database that is only SQLite, for what does not depend on the kind: PostgreSQL costs a second a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.storage.database import Database, open_database
from tests.accounts.site import Site


@pytest.fixture
def light_database(tmp_path: Path) -> Iterator[Database]:
    database = open_database("", tmp_path / "data")
    yield database
    database.close()


@pytest.fixture
def light_site(light_database: Database) -> Site:
    return Site(light_database)
