"""The database: one engine, transactions that begin as writers, and the migrations that bring it up to date."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from study_bot.errors import NotFoundError, SettingsError, StorageError

MIGRATIONS = Path(__file__).with_name("migrations")

BUSY_MS = 30_000
"""How long a writer of SQLite waits for another one."""

_READ_ONLY = "study_bot_read_only"


class Database:
    """People, documents, builds, questions and the trail. Safe for many threads and processes."""

    def __init__(self, url: str | URL) -> None:
        """Open lazily; nothing is read or written before the first transaction.

        :param url: an SQLAlchemy address, `sqlite:///path` or `postgresql+psycopg://…`.
        :raises SettingsError: the address cannot be understood, or the driver is not installed.
        """
        try:
            self.url = make_url(url)
            self.engine = _engine(self.url)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            raise SettingsError(
                "数据库地址（STUDY_BOT_DATABASE_URL）无法识别，应写成 sqlite:///路径 或 postgresql+psycopg://用户:密码@主机/库名；"
                "使用 PostgreSQL 时还要安装 study-bot[postgres]。"
            ) from None

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database, None for any other."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may write: committed at the end, rolled back by an exception.

        :raises StorageError: the database cannot be reached or written.
        """
        with _chinese_errors(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads; it never waits for writers.

        :raises StorageError: the database cannot be reached.
        """
        engine = self.engine.execution_options(**{_READ_ONLY: True})
        with _chinese_errors(), Session(engine, expire_on_commit=False) as session:
            yield session

    def migrate(self) -> None:
        """Bring the tables up to the version of this program; each step is one transaction.

        :raises StorageError: the database is newer than the program, or cannot be reached.
        """
        with _chinese_errors(), self._migrating():
            with self.engine.connect() as connection:
                present = MigrationContext.configure(connection).get_current_revision()
            script = ScriptDirectory.from_config(_config())
            if present is not None and present not in {step.revision for step in script.walk_revisions()}:
                raise StorageError("数据库是由更新版本的程序建立的，请安装同样新的版本，或恢复旧的备份。")
            if present != script.get_current_head():
                with self.engine.begin() as connection:
                    command.upgrade(_config(connection), "head")

    def revision(self) -> str | None:
        """Name of the newest migration that was applied, None for an empty database."""
        with _chinese_errors(), self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _migrating(self) -> Iterator[None]:
        """One process at a time; the operating system frees the lock of one that is killed."""
        if self.path is None:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_KEY})
                try:
                    yield
                finally:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_KEY})
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            self.path.with_name(self.path.name + ".migrate"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


_MIGRATION_KEY = 7_303_461


def open_database(url: str, data_dir: Path) -> Database:
    """The database of a site: at `url`, or if that is empty an SQLite file in `data_dir`; brought up to date.

    :raises SettingsError: the address is wrong.
    :raises StorageError: it cannot be reached or written.
    """
    if not url:
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"数据目录 {data_dir} 不能写入（{error.strerror}）。请检查权限和磁盘。") from None
    database = database_of(url, data_dir)
    database.migrate()
    return database


def database_of(url: str, data_dir: Path) -> Database:
    """The same database, neither made nor brought up to date.

    :raises SettingsError: the address is wrong.
    """
    return Database(url or URL.create("sqlite", database=str(data_dir / "study_bot.sqlite3")))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and without a lock
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turned writer midway would fail at once where another writes; writers say so from the start.
        reading = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def _chinese_errors() -> Iterator[None]:
    try:
        yield
    except (OverflowError, DataError) as error:  # a number that no column holds, e.g. from an address typed by hand
        raise NotFoundError("没有这个编号，请检查地址或刷新页面。") from error
    except OperationalError as error:
        raise StorageError(
            f"数据库暂时不能使用（{error.orig}）。请检查磁盘空间、权限和数据库服务，然后再试。"
        ) from error
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and "not a database" in str(error.orig):
            raise StorageError("数据库文件已损坏，或不是数据库。请从备份恢复；原文件没有被改动。") from error
        if error.connection_invalidated:
            raise StorageError("与数据库的连接断开了，请稍后再试。") from error
        raise
