"""A managed library with nothing in it, on both kinds of database, and people who do things to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.accounts.roles import Actor, Person, Role
from study_bot.documents.build_requests import Builds
from study_bot.documents.content import ContentStore
from study_bot.documents.files import Files
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database, open_database
from study_bot.storage.people_tables import PersonRow
from tests.documents.build_fakes import someone
from tests.index.builder_fakes import build, prose_text, write_library


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data", index_dir=tmp_path / "index", max_file_mb=1, max_uncompressed_mb=20, ocr=False
    )


@pytest.fixture
def files(database: Database, settings: Settings) -> Iterator[Files]:
    """On SQLite and on PostgreSQL."""
    opened = Files(database, ContentStore(settings.data_dir / "content"), settings)
    yield opened
    opened.close()


@pytest.fixture
def quick_files(settings: Settings) -> Iterator[Files]:
    """On SQLite only, for what does not depend on the database."""
    database = open_database("", settings.data_dir)
    opened = Files(database, ContentStore(settings.data_dir / "content"), settings)
    yield opened
    opened.close()
    database.close()


def person(database: Database, role: Role, badge: str = "") -> Actor:
    """Somebody with an account."""
    badge = badge or role.value
    with database.write() as session:
        row = PersonRow(badge=badge, name="张三", role=role.value, must_change=False, created_at=utc_now())
        session.add(row)
        session.flush()
        return Actor(Person(row.id, badge, "张三", role), "127.0.0.1")


@pytest.fixture
def admin(request: pytest.FixtureRequest) -> Actor:
    name = "files" if "files" in request.fixturenames else "quick_files"
    return person(request.getfixturevalue(name).database, Role.ADMIN)


@pytest.fixture
def builds(database: Database, settings: Settings) -> Builds:
    return Builds(database, settings)


@pytest.fixture
def boss(database: Database) -> Actor:
    return someone(database, Role.ADMIN)


@pytest.fixture
def two_builds(tmp_path: Path, settings: Settings) -> tuple[str, str]:
    """Ids of an older build and of the live one."""
    library = write_library(tmp_path / "文献")
    old = build(library, settings.index_dir)
    (library / "关于植树的讲话.txt").write_text(prose_text("植树"), encoding="utf-8")
    return old.build_id, build(library, settings.index_dir).build_id
