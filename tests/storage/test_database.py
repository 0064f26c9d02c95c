from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from study_bot.errors import SettingsError, StorageError
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database, open_database
from study_bot.storage.tables import Base, PersonRow, StateRow, UnitRow


def test_the_migrations_make_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.write() as session:
        session.add(UnitRow(name="一处", created_at=utc_now()))
    database.migrate()
    with database.read() as session:
        assert session.scalar(select(UnitRow.name)) == "一处"


def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="更新版本"):
        database.migrate()


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    def start(_: int) -> str | None:
        database = open_database("", tmp_path / "data")
        try:
            return database.revision()
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(start, range(6)))) == 1


def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    at = dt.datetime(2026, 3, 1, 8, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    with database.write() as session:
        session.add(UnitRow(name="一处", created_at=at))
    with database.read() as session:
        stored = session.scalar(select(UnitRow.created_at))
    assert stored == at and stored is not None and stored.utcoffset() == dt.timedelta(0)


def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(StatementError), database.write() as session:
        session.add(UnitRow(name="一处", created_at=dt.datetime(2026, 3, 1)))


def test_writers_wait_for_one_another(database: Database) -> None:
    with database.write() as session:
        session.add(StateRow(name="n", value=0))

    def count() -> None:
        for _ in range(20):
            with database.write() as session:
                row = session.get_one(StateRow, "n", with_for_update=True)
                row.value += 1

    threads = [threading.Thread(target=count) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalar(select(StateRow.value)) == 100


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as writing:
        writing.add(StateRow(name="n", value=1))
        writing.flush()
        with database.read() as session:
            assert session.get(StateRow, "n") is None


def test_references_are_kept(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(PersonRow(badge="1", name="甲", role="officer", unit_id=99, created_at=utc_now()))


@pytest.mark.parametrize("address", ["nonsense", "mysql+nothing://x", "sqlite"])
def test_a_wrong_address_is_told(address: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="STUDY_BOT_DATABASE_URL"):
        open_database(address, tmp_path)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="数据库"):
        open_database("postgresql+psycopg://nobody@127.0.0.1:1/none", tmp_path)


def test_a_file_that_is_no_database_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "study_bot.sqlite3"
    path.write_bytes(b"not a database, but somebody's file" * 100)
    with pytest.raises(StorageError):
        open_database("", tmp_path)
    assert path.read_bytes().startswith(b"not a database")
