"""A backup in one file: database, data folder and live build, taken while the site is in use."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from study_bot import __version__
from study_bot.accounts import audit
from study_bot.accounts.roles import Actor, Role
from study_bot.errors import ConflictError, DamagedIndexError, InputError, StorageError
from study_bot.index.manifest import MANIFEST_FILE
from study_bot.index.publish import live_build_id
from study_bot.maintenance import database_copy
from study_bot.maintenance.archive import DATA, DATABASE, DATABASE_FILES, INDEX, Archive, ArchiveWriter, Manifest
from study_bot.maintenance.database_copy import Copied
from study_bot.maintenance.folders import SiteFolders, site_folders
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database

PARTIAL = ".backup.partial"
"""Ending of a backup that is being written, or of what a killed one left."""

_ATTEMPTS = 3
"""What goes missing during one attempt may be there in the next; what is missing in the last one is lost anyhow."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds; `size` is that of the file in bytes, `created` UTC. See Manifest for the rest.

    `missing` not empty: the site lacks the bytes of so many files of its library; the backup is good otherwise.
    """

    file: Path
    size: int
    created: dt.datetime
    program: str
    database: str
    revision: str | None
    documents: int
    missing: tuple[str, ...]
    build_id: str | None
    trail_lines: int
    trail_head: str


class _MovedError(Exception):
    """A file that the copy of the database speaks of, or a part of the build, went while it was to be copied."""


def create(target: Path, database: Database, settings: Settings, *, actor: Actor | None = None) -> BackupReport:
    """Write a backup of the site as it is at one moment. Killed at any point, there is no file of that name.

    :param target: the file to be, or a folder in which it gets a name from the time.
    :param actor: who wants it, for the trail; None = nobody is named and nothing noted (a copy before a restore).
    :raises ForbiddenError: the actor is a person and no admin.
    :raises ConflictError: there is such a file already.
    :raises InputError: the place lies in the data folder, or is no folder.
    :raises StorageError: the database cannot be read, or the backup not written.
    """
    if actor is not None:
        actor.allow(Role.ADMIN)
    folders = site_folders(settings, database)
    target = _checked_target(target, folders)
    remove_leftovers(target.parent)
    try:
        report = _persistently(target, database, folders)
    except OSError as error:
        raise StorageError(
            f"备份没有写成（{error.strerror or error}：{error.filename or target}）。请检查磁盘空间和权限后再试。"
        ) from error
    if actor is not None:
        with database.write() as session:
            audit.append(session, actor, "backup.create", target.name, {"documents": report.documents})
    return report


def verify(file: Path) -> BackupReport:
    """Read a whole backup and see that it is complete and fits together.

    :raises InputError: it is missing, damaged, or no backup.
    """
    with opened(file) as archive, tempfile.TemporaryDirectory(prefix="study-bot-") as folder:
        archive.check()
        archive.unpack(DATABASE, Path(folder))
        check_database(archive.manifest, Path(folder))
        return report_of(file, archive.manifest)


def check_database(manifest: Manifest, folder: Path) -> None:
    """See that the database unpacked in `folder` is whole, and that every file it speaks of is in the backup.

    :raises InputError: it is not.
    """
    path = folder / DATABASE_FILES[manifest.database]
    if manifest.database != "sqlite":
        database_copy.check_dump(path)
        return
    facts = database_copy.facts_of(path)
    if (facts.revision, facts.trail_lines, facts.trail_head) != (
        manifest.revision,
        manifest.trail_lines,
        manifest.trail_head,
    ):
        raise InputError("备份中的数据库与清单不符。请换一份备份。")
    if facts.contents - {member.name.rsplit("/", 1)[-1] for member in manifest.members} - set(manifest.missing):
        raise InputError("备份中缺少文献的原件。请换一份备份。")


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """A backup, open for reading.

    :raises InputError: it is missing or is none.
    """
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InputError(f"打不开备份 {file}（{error.strerror}）。请检查路径和权限。") from None
    with stream:
        yield Archive(stream)


def report_of(file: Path, manifest: Manifest) -> BackupReport:
    """What a person wants to know of a backup."""
    return BackupReport(
        file=file,
        size=file.stat().st_size,
        created=manifest.created,
        program=manifest.program,
        database=manifest.database,
        revision=manifest.revision,
        documents=manifest.documents,
        missing=manifest.missing,
        build_id=manifest.build_id,
        trail_lines=manifest.trail_lines,
        trail_head=manifest.trail_head,
    )


def default_name(moment: dt.datetime) -> str:
    """Name of a backup taken at a moment; names sort by time."""
    return f"study-bot-{moment:%Y%m%d-%H%M%S}.backup"


def remove_leftovers(folder: Path) -> None:
    """Remove what killed backups left in a folder; those still being written are locked."""
    for path in folder.glob(f".*{PARTIAL}"):
        with contextlib.suppress(OSError), path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(_workshop(path), ignore_errors=True)
            path.unlink()


def _persistently(target: Path, database: Database, folders: SiteFolders) -> BackupReport:
    for attempt in range(_ATTEMPTS):
        with contextlib.suppress(_MovedError):
            return _create(target, database, folders, last=attempt == _ATTEMPTS - 1)
    raise StorageError("备份期间索引一直在变动，没有备份成。请稍后再试。")


def _create(target: Path, database: Database, folders: SiteFolders, *, last: bool) -> BackupReport:
    partial = target.with_name(f".{target.name}{PARTIAL}")
    workshop = _workshop(partial)
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"另一个程序正在写备份 {target.name}，请等它结束。") from None
        writer = ArchiveWriter(stream)
        try:
            stream.truncate()
            shutil.rmtree(workshop, ignore_errors=True)
            workshop.mkdir(mode=0o700)
            manifest = _write(writer, workshop, database, folders, last=last)
            stream.flush()
            os.fsync(stream.fileno())
            _give_name(partial, target)
        except FileExistsError:
            raise ConflictError(f"{target} 已经存在。请换一个文件名；已有的备份不会被覆盖。") from None
        finally:
            writer.abandon()
            shutil.rmtree(workshop, ignore_errors=True)
            partial.unlink(missing_ok=True)
    sync(target.parent)
    return report_of(target, manifest)


def _give_name(partial: Path, target: Path) -> None:
    """As a rename, but never over another file; a file system without links (a USB stick) has only the rename."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:
        if target.exists():
            raise FileExistsError from None
        partial.rename(target)


def _write(writer: ArchiveWriter, workshop: Path, database: Database, folders: SiteFolders, *, last: bool) -> Manifest:
    """The database first: whatever it speaks of was put into the data folder before."""
    kind = "sqlite" if database.is_sqlite else "postgresql"
    created = utc_now()
    copied = database_copy.copy(database, workshop / DATABASE_FILES[kind])
    writer.add(f"{DATABASE}/{DATABASE_FILES[kind]}", workshop / DATABASE_FILES[kind])
    missing = _write_data(writer, folders, copied)
    if missing and not last:
        raise _MovedError
    build_id = _write_build(writer, folders, last=last)
    manifest = Manifest(
        created=created,
        program=__version__,
        database=kind,
        revision=copied.revision,
        trail_lines=copied.trail_lines,
        trail_head=copied.trail_head,
        documents=len(copied.contents),
        missing=missing,
        build_id=build_id,
        members=tuple(writer.members),
    )
    writer.finish(manifest)
    return manifest


def _write_data(writer: ArchiveWriter, folders: SiteFolders, copied: Copied) -> tuple[str, ...]:
    """Add the data folder; checksums of files of the library that are not in it."""
    missing = set(copied.contents)
    for name, path in folders.files():
        with contextlib.suppress(FileNotFoundError):  # purged meanwhile; whether it was needed shows below
            writer.add(f"{DATA}/{name}", path)
            missing.discard(path.name)
    return tuple(sorted(missing))


def _write_build(writer: ArchiveWriter, folders: SiteFolders, *, last: bool) -> str | None:
    """Add the live build; its id, None if there is none or, the last time, none that could be copied."""
    try:
        build_id = live_build_id(folders.index)
    except DamagedIndexError:  # it can be made anew from the documents, which are in the backup
        return None
    if build_id is None:
        return None
    if not (folders.index / build_id / MANIFEST_FILE).is_file():
        if last:
            return None
        raise _MovedError
    try:
        for name, path in folders.build_files(build_id):
            writer.add(f"{INDEX}/{name}", path)
    except FileNotFoundError:
        raise _MovedError from None
    return build_id


def _checked_target(target: Path, folders: SiteFolders) -> Path:
    if target.is_dir():
        target = target / default_name(dt.datetime.now())
    if not target.parent.is_dir():
        raise InputError(f"没有文件夹 {target.parent}。请先建立它，或换一个位置。")
    if target.resolve().is_relative_to(folders.data.resolve()):
        raise InputError(f"备份不能放在数据目录 {folders.data} 里面，最好放在另一块磁盘上。请换一个位置。")
    if target.exists():
        raise ConflictError(f"{target} 已经存在。请换一个文件名；已有的备份不会被覆盖。")
    return target


def _workshop(partial: Path) -> Path:
    """Where the copy of the database waits to be added."""
    return partial.with_name(partial.name + ".d")


def sync(path: Path) -> None:
    """Force a file or the names in a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
