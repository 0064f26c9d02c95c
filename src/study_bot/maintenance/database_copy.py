"""Copying a database in use, and putting a copy in its place: SQLite by its own means, PostgreSQL by its tools."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from study_bot.accounts.audit import FIRST
from study_bot.errors import InputError, StorageError
from study_bot.storage.database import BUSY_MS, Database
from study_bot.storage.tables import AuditRow, FileRow

SQLITE_FAMILY = ("", "-wal", "-shm", "-journal")
"""Endings of the files that together are an SQLite database."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds: checksums of the files of the library, number and digest of the trail's last line."""

    revision: str | None
    contents: frozenset[str]
    trail_lines: int
    trail_head: str


def copy(database: Database, target: Path) -> Copied:
    """Write the database as it is at this moment to a new file, while others go on writing to it.

    :raises StorageError: it cannot be read, or PostgreSQL's pg_dump is missing or refuses.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if database.path is None:
        return _dump(database, target)
    try:
        with (
            contextlib.closing(sqlite3.connect(database.path, timeout=BUSY_MS / 1000)) as source,
            contextlib.closing(sqlite3.connect(target)) as made,
        ):
            source.backup(made)
            made.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
    except sqlite3.Error as error:
        raise StorageError(f"数据库不能读取（{error}）。请检查磁盘空间和权限。") from error
    return facts_of(target)


def facts_of(path: Path) -> Copied:
    """What the SQLite database at `path` holds.

    :raises InputError: it is damaged.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA trusted_schema=OFF")
            if connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar() != "ok":
                raise InputError("备份中的数据库已损坏。请换一份备份。")
            return _facts(connection)
    except SQLAlchemyError as error:
        raise InputError("备份中的数据库已损坏，或不是本程序的数据库。请换一份备份。") from error


def load(database: Database, dump: Path) -> None:
    """Replace the contents of a PostgreSQL database by a dump, in one transaction.

    :raises StorageError: pg_restore is missing or refuses; nothing was changed.
    """
    arguments = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run(database, "pg_restore", *arguments, str(dump))


def is_empty(database: Database) -> bool:
    """Whether a database has no tables of this program yet.

    :raises StorageError: it cannot be reached.
    """
    return database.revision() is None


def check_dump(dump: Path) -> None:
    """See that PostgreSQL's tools can read a dump, as far as they are installed here.

    :raises InputError: they cannot.
    """
    program = shutil.which("pg_restore")
    if program is None:
        return
    done = subprocess.run([program, "--list", str(dump)], capture_output=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise InputError("备份中的数据库已损坏，或是由更新版本的 PostgreSQL 导出的。")


def _dump(database: Database, target: Path) -> Copied:
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        facts = _facts(connection)
        arguments = ("--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        _run(database, "pg_dump", *arguments, f"--file={target}")
    return facts


def _facts(connection: Connection) -> Copied:
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    contents = frozenset(connection.scalars(select(FileRow.sha256)))
    last = connection.execute(
        select(AuditRow.number, AuditRow.digest).order_by(AuditRow.number.desc()).limit(1)
    ).first()
    return Copied(revision, contents, *((last.number, last.digest) if last else (0, FIRST)))


def _run(database: Database, name: str, *arguments: str) -> None:
    """One of PostgreSQL's tools; the password goes by the environment, where other users cannot see it."""
    program = shutil.which(name)
    if program is None:
        raise StorageError(
            f"没有找到 {name}。请安装与数据库服务器同版本的 PostgreSQL 客户端程序（postgresql-client）。"
        )
    url = database.url
    environment = {**os.environ, "PGPASSWORD": url.password or "", "LC_ALL": "C"}
    if not url.password:
        del environment["PGPASSWORD"]
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    done = subprocess.run(  # noqa: S603 - a fixed program, no shell
        [program, "--no-password", f"--dbname={address}", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join(done.stderr.split())[:300]
        raise StorageError(f"{name} 没有成功（{words}）。数据库没有改动；请检查版本、权限和磁盘空间后再试。")
