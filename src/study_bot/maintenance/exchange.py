"""Exchanging a site for what a backup says: the journal, and the steps it stands for; each can be done again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, select

from study_bot.accounts import audit
from study_bot.accounts.roles import Actor
from study_bot.errors import StorageError
from study_bot.index.lock import writer_lock
from study_bot.index.manifest import MANIFEST_FILE
from study_bot.index.publish import TEMPORARY_PREFIX, make_live
from study_bot.maintenance import database_copy
from study_bot.maintenance.archive import DATABASE, DATABASE_FILES
from study_bot.maintenance.backup import sync
from study_bot.maintenance.folders import STAGE, SiteFolders, site_folders
from study_bot.settings import Settings
from study_bot.storage.database import Database, database_of
from study_bot.storage.tables import AuditRow, SessionRow, TicketRow

JOURNAL = "journal.json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The journal. `gone` and `new` are names in the data folder, `database_gone` in that of an SQLite file.

    `id` marks the line of the trail; `trail_lines` and `trail_head` say how the backup's trail ends; `dump` says that
    the database is PostgreSQL's, to be loaded.
    """

    id: str
    backup: str
    created: str
    actor: str
    trail_lines: int
    trail_head: str
    gone: tuple[str, ...]
    new: tuple[str, ...]
    database_gone: tuple[str, ...]
    dump: bool
    build_id: str | None


def pending(settings: Settings) -> bool:
    """Whether a restore was killed and left something to finish or to throw away."""
    return (settings.data_dir / STAGE).exists() or (settings.index_dir / STAGE).exists()


def finish(settings: Settings) -> None:
    """Finish a restore that was killed after its journal was written, throw away one that was killed before.

    Whoever calls it holds the site alone.

    :raises StorageError: it cannot be finished now; the next start tries again.
    """
    with (
        contextlib.closing(database_of(settings.database_url.get_secret_value(), settings.data_dir)) as database,
        disk_errors(),
    ):
        folders = site_folders(settings, database)
        exchange = _read_journal(folders)
        if exchange is not None:
            if exchange.dump:
                _load_dump(exchange, database, folders)
            _move_all(exchange, folders)
            _place_build(exchange, folders)
            (folders.data / STAGE / JOURNAL).unlink()
            sync(folders.data / STAGE)
        discard(folders)


def write_journal(exchange: Exchange, stage: Path) -> None:
    """From here on the exchange will be finished."""
    part = stage / f"{JOURNAL}.partial"
    part.write_text(json.dumps(asdict(exchange), ensure_ascii=True), encoding="utf-8")
    sync(part)
    part.replace(stage / JOURNAL)
    sync(stage)
    sync(stage.parent)


def note(database: Database, exchange: Exchange) -> None:
    """End all sessions and write the restore into the trail, once."""
    with database.write() as session:
        done = session.scalar(
            select(AuditRow.number)
            .where(AuditRow.action == "backup.restore", AuditRow.detail.contains(exchange.id))
            .limit(1)
        )
        if done is None:
            session.execute(delete(SessionRow))
            session.execute(delete(TicketRow))
            detail = {"id": exchange.id, "created": exchange.created}
            audit.append(session, Actor(None, label=exchange.actor), "backup.restore", exchange.backup, detail)


def _load_dump(exchange: Exchange, database: Database, folders: SiteFolders) -> None:
    """The database first: if it refuses, nothing else was touched, and the old state stays."""
    stage = folders.data / STAGE
    dump = stage / DATABASE / DATABASE_FILES["postgresql"]
    if not dump.exists():
        return  # loaded before the program was killed
    try:
        database_copy.load(database, dump)
    except StorageError:
        # Of a program that was killed, the tool may have gone on and been done. If that cannot be looked up, the
        # journal stays and the next start tries again.
        if not _is_loaded(exchange, database):
            (stage / JOURNAL).unlink()
            discard(folders)
            raise
    database.migrate()
    note(database, exchange)
    dump.unlink()
    sync(dump.parent)


def _is_loaded(exchange: Exchange, database: Database) -> bool:
    """Whether the database holds the backup already: a load may have gone through before the program was killed."""
    if database_copy.is_empty(database):
        return False
    with database.read() as session:
        last = session.scalar(select(AuditRow).order_by(AuditRow.number.desc()).limit(1))
    if last is None:
        return exchange.trail_lines == 0
    return last.digest == exchange.trail_head or exchange.id in last.detail


def _move_all(exchange: Exchange, folders: SiteFolders) -> None:
    """Move what goes aside, then what comes in. Done again after a kill, each step finds what it left."""
    stage = folders.data / STAGE
    _move(exchange.gone, folders.data, stage / "old")
    if folders.database is not None:
        beside = folders.database.parent / STAGE
        _move(exchange.database_gone, folders.database.parent, beside / "database-old")
        _move((folders.database.name,), beside / "database-new", folders.database.parent)
    _move(exchange.new, stage / "new", folders.data)


def _move(names: tuple[str, ...], source: Path, target: Path) -> None:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        if os.path.lexists(source / name) and not os.path.lexists(target / name):
            (source / name).rename(target / name)
    if source.exists():
        sync(source)
    sync(target)


def _place_build(exchange: Exchange, folders: SiteFolders) -> None:
    if exchange.build_id is None:
        return
    staged, place = folders.index / STAGE / exchange.build_id, folders.index / exchange.build_id
    with writer_lock(folders.index):
        if staged.exists():
            if place.exists():  # of the same id, perhaps damaged
                doomed = folders.index / f"{TEMPORARY_PREFIX}{uuid4().hex}"
                place.rename(doomed)
                shutil.rmtree(doomed)
            staged.rename(place)
            sync(folders.index)
        if (place / MANIFEST_FILE).is_file():
            make_live(folders.index, exchange.build_id)


def discard(folders: SiteFolders) -> None:
    """Remove what was unpacked and what went; without a journal nobody needs it."""
    stages = [folders.index / STAGE, folders.data / STAGE]
    if folders.database is not None and folders.database.parent.resolve() != folders.data.resolve():
        stages.insert(0, folders.database.parent / STAGE)
    for stage in stages:  # the one of the data folder last: while it is there, the next start comes back here
        if stage.exists():
            shutil.rmtree(stage)


def _read_journal(folders: SiteFolders) -> Exchange | None:
    try:
        record: dict[str, Any] = json.loads((folders.data / STAGE / JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    for name in ("gone", "new", "database_gone"):
        record[name] = tuple(record[name])
    return Exchange(**record)


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Turn what the file system refuses into an error that says what to do.

    :raises StorageError: it refused.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"恢复没有完成（{error.strerror or error}：{error.filename}）。请检查磁盘空间和权限后再试；"
            "恢复若已开始替换，会在下次启动时接着完成。"
        ) from error
