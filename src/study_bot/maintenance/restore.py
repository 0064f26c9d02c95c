"""Putting a backup in the place of what is there. Killed at any moment, the site is as it was or as the backup says.

Everything is unpacked, checked and forced to disk beside what it is to replace. Then the journal is written: from that
moment the exchange will be finished, if need be at the next start; before it, what was unpacked is thrown away.

    data/.restore/journal.json   which names go, which come
    data/.restore/new/  old/     the parts to come, and those that went; likewise beside a database kept elsewhere
    index/.restore/<build_id>/   the build to come
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL

from study_bot.accounts.roles import Actor, Role
from study_bot.errors import ConflictError, InputError, StorageError
from study_bot.index.lock import writer_lock
from study_bot.index.publish import sync_tree
from study_bot.maintenance import backup, database_copy
from study_bot.maintenance.archive import DATA, DATABASE, DATABASE_FILES, INDEX, Archive
from study_bot.maintenance.backup import BackupReport
from study_bot.maintenance.exchange import JOURNAL, Exchange, discard, disk_errors, finish, note, write_journal
from study_bot.maintenance.folders import STAGE, SiteFolders, site_folders
from study_bot.maintenance.locks import own_site
from study_bot.settings import Settings
from study_bot.storage.database import Database, database_of

_SPARE = 64 * 1024 * 1024
"""Bytes that must stay free beside what is unpacked."""


def restore(
    file: Path, settings: Settings, *, actor: Actor, replace: bool = False, keep: Path | None = None
) -> BackupReport:
    """Make the site what a backup says. Everybody has to sign in again.

    :param actor: for the trail of the restored site.
    :param replace: whether a site that holds something may be replaced.
    :param keep: where a backup of that site is written first; None = it is given up.
    :raises ForbiddenError: the actor is a person and no admin.
    :raises InputError: the backup is damaged, or is of another kind of database.
    :raises ConflictError: the site is not empty and `replace` is not given.
    :raises StorageError: a server is running, the disk is full, or the database is newer or cannot be reached; or the
        present site cannot be backed up to `keep`. The site is as it was.
    :raises BuildInProgressError: an index is being built.
    """
    actor.allow(Role.ADMIN)
    with backup.opened(file) as archive, own_site(settings.data_dir):
        finish(settings)
        with contextlib.closing(database_of(settings.database_url.get_secret_value(), settings.data_dir)) as database:
            folders = site_folders(settings, database)
            _check_fitting(file, archive, database, folders)
            if not _is_empty(database, folders):
                if not replace:
                    raise ConflictError("这里已有数据，没有恢复。确认要用备份替换现有数据时，请加 --replace。")
                if keep is not None:
                    _keep_present(keep, database, settings, folders)
            report = backup.report_of(file, archive.manifest)
            _prepare(file, archive, actor, database, folders)
        finish(settings)
    return report


def _check_fitting(file: Path, archive: Archive, database: Database, folders: SiteFolders) -> None:
    manifest = archive.manifest
    kind = "sqlite" if database.is_sqlite else "postgresql"
    if manifest.database != kind:
        names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        raise InputError(
            f"备份中的数据库是 {names[manifest.database]}，现在设置的是 {names[kind]}。"
            "请把 STUDY_BOT_DATABASE_URL 改成同一种数据库再恢复。"
        )
    if file.resolve().is_relative_to(folders.data.resolve()):
        raise InputError(f"备份文件在数据目录 {folders.data} 里面，恢复时会被替换掉。请先把它移到别处。")
    if any(folders.is_foreign(name) for name in _new_names(archive)):
        raise InputError(
            "备份中的数据目录与这里的设置冲突（索引、缓存或数据库在数据目录里的名字相同）。请调整设置后再恢复。"
        )
    folders.index.mkdir(parents=True, exist_ok=True)
    needed = {folders.data: 0, folders.index: 0}
    for member in manifest.members:
        needed[folders.index if member.name.startswith(f"{INDEX}/") else folders.data] += member.size
    for folder, size in needed.items():
        if shutil.disk_usage(folder).free < size + _SPARE:
            raise StorageError(f"磁盘空间不足：{folder} 还需要 {size / 1e6:.0f} MB。请清理磁盘后再恢复。")


def _new_names(archive: Archive) -> tuple[str, ...]:
    """Names in the data folder that a backup brings, sorted."""
    names = (member.name.split("/") for member in archive.manifest.members)
    return tuple(sorted({parts[1] for parts in names if parts[0] == DATA}))


def _is_empty(database: Database, folders: SiteFolders) -> bool:
    if folders.entries():
        return False
    return not folders.database_files() if database.is_sqlite else database_copy.is_empty(database)


def _keep_present(keep: Path, database: Database, settings: Settings, folders: SiteFolders) -> None:
    try:
        if database.is_sqlite and not folders.database_files():
            raise StorageError("现有的数据没有数据库。")
        backup.create(keep, database, settings)
    except (StorageError, InputError) as error:
        raise StorageError(
            f"恢复之前要先备份现有数据，但没有备份成：{error}确实不再需要现有数据时，请加 --discard。"
        ) from error


def _prepare(file: Path, archive: Archive, actor: Actor, database: Database, folders: SiteFolders) -> None:
    """Everything up to the journal."""
    manifest = archive.manifest
    stage = folders.data / STAGE
    exchange = Exchange(
        id=uuid4().hex,
        backup=file.name,
        created=manifest.created.isoformat(timespec="seconds"),
        actor=actor.name,
        trail_lines=manifest.trail_lines,
        trail_head=manifest.trail_head,
        gone=folders.entries(),
        new=_new_names(archive),
        database_gone=folders.database_files(),
        dump=not database.is_sqlite,
        build_id=manifest.build_id,
    )
    try:
        with disk_errors(), writer_lock(folders.index):
            (stage / "new").mkdir(mode=0o700, parents=True)
            archive.unpack(DATABASE, stage / DATABASE)
            backup.check_database(manifest, stage / DATABASE)
            archive.unpack(DATA, stage / "new")
            if manifest.build_id is not None:
                archive.unpack(INDEX, folders.index / STAGE)
                sync_tree(folders.index / STAGE)
            if folders.database is not None:
                _bring_up_to_date(stage / DATABASE / DATABASE_FILES["sqlite"], exchange)
                _stage_database(stage / DATABASE / DATABASE_FILES["sqlite"], folders.database)
            sync_tree(stage)
            write_journal(exchange, stage)
    except BaseException:
        if not (stage / JOURNAL).exists():
            discard(folders)
        raise


def _bring_up_to_date(path: Path, exchange: Exchange) -> None:
    """Migrate the staged copy, end its sessions and note the restore in its trail."""
    with contextlib.closing(Database(URL.create("sqlite", database=str(path)))) as staged:
        staged.migrate()
        note(staged, exchange)


def _stage_database(copy: Path, place: Path) -> None:
    """Lay the copy beside the place it is to take; the two may be on another disk than the data folder."""
    folder = place.parent / STAGE / "database-new"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.move(copy, folder / place.name)
    sync_tree(folder)
