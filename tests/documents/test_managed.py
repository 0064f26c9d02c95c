"""Whether a site has a managed library, without touching what is there."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from study_bot.accounts.roles import Role
from study_bot.documents.files import Files
from study_bot.documents.managed import published_in_library
from study_bot.errors import StorageError
from study_bot.settings import Settings
from study_bot.storage.database import open_database
from tests.documents.conftest import person
from tests.documents.samples import new_rule


def test_looking_makes_nothing(settings: Settings) -> None:
    assert published_in_library(settings) is None
    assert not settings.data_dir.exists()


def test_a_site_in_which_nothing_was_ever_published(settings: Settings) -> None:
    open_database("", settings.data_dir).close()
    assert published_in_library(settings) is None


def test_what_is_published_counts_even_when_all_was_withdrawn(quick_files: Files, settings: Settings) -> None:
    import io

    admin = person(quick_files.database, Role.ADMIN)
    file = quick_files.give(admin, "办法.txt", io.BytesIO(new_rule()))
    assert published_in_library(settings) is None, "a draft is in no index"
    quick_files.publish(admin, [file.id])
    assert published_in_library(settings) == 1
    quick_files.delete(admin, file.id)
    assert published_in_library(settings) == 0


def test_a_database_of_something_else(settings: Settings, tmp_path: Path) -> None:
    settings.data_dir.mkdir()
    with sqlite3.connect(settings.data_dir / "study_bot.sqlite3") as other:
        other.execute("CREATE TABLE notes (words TEXT)")
    other.close()
    assert published_in_library(settings) is None
    (settings.data_dir / "study_bot.sqlite3").write_bytes(b"no database at all, whatever its name says" * 100)
    with pytest.raises(StorageError):
        published_in_library(settings)
