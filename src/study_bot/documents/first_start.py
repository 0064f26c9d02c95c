"""The first start: the starter library beside the program becomes a managed library like any other."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sqlalchemy import select

from study_bot.accounts.roles import Actor, Role
from study_bot.documents.files import Files
from study_bot.documents.stored import Correction, FileState, Origin
from study_bot.errors import ConflictError, InputError, LoadError, SourceNotFoundError
from study_bot.index.sources import SourceFile, scan_sources
from study_bot.library.catalog import Sidecar, read_sidecar
from study_bot.storage.library_tables import FileRow, StateRow

STATE_NAME = "starter_library"
"""Name of the state row: _BEGUN while files are taken in, _DONE afterwards, for ever."""

_BEGUN, _DONE = 0, 1
_LOCK_FILE = ".first-start"
_log = logging.getLogger(__name__)


def adopt(actor: Actor, files: Files, corpus_dir: Path) -> int:
    """Take the files of a folder into a library that never held any, and publish those that can be read.

    What the folder's `catalog.toml` says of a file becomes its corrections. A call that was cut short is completed by
    the next one; one that was completed is never repeated, even if everything is deleted later.

    :return: the number of files published.
    :raises AccessError: the actor is not an admin.
    :raises SettingsError: a `catalog.toml` in the folder is wrong.
    :raises StorageError: the database or the disk cannot be used.
    """
    actor.allow(Role.ADMIN)
    with _one_at_a_time(files.settings.data_dir):
        if not _wanted(files) or not (found := _files(corpus_dir)):
            return 0
        _note(files, _BEGUN)
        sidecar = read_sidecar(corpus_dir.resolve())
        # Of files with the same content the one that the catalog speaks of is taken.
        for source in sorted(found, key=lambda file: file.relative not in sidecar.entries):
            _give(actor, files, source, sidecar)
        drafts = _drafts(files)
        if drafts:
            files.publish(actor, drafts)
        _note(files, _DONE)
        return len(drafts)


def _wanted(files: Files) -> bool:
    """Whether this was begun and not completed, or there never was a file."""
    with files.database.read() as session:
        state = session.scalar(select(StateRow.value).where(StateRow.name == STATE_NAME))
        return state == _BEGUN if state is not None else session.scalar(select(FileRow.id).limit(1)) is None


def _note(files: Files, state: int) -> None:
    with files.database.write() as session:
        session.merge(StateRow(name=STATE_NAME, value=state))


def _files(corpus_dir: Path) -> tuple[SourceFile, ...]:
    try:
        found = scan_sources([corpus_dir]).files
    except SourceNotFoundError:  # a site may do without
        return ()
    return tuple(file for file in found if not file.is_corpus)


def _give(actor: Actor, files: Files, source: SourceFile, sidecar: Sidecar) -> None:
    """Take in one file as a draft, unless it is there already. One that is refused stops none of the others."""
    correction = Correction.from_entry(sidecar.entry(source.relative))
    folders = PurePosixPath(source.relative).parts[:-1]
    if correction.category is None and folders:
        correction = replace(correction, category=folders[0])
    try:
        with source.path.open("rb") as stream:
            files.give(
                actor,
                PurePosixPath(source.relative).name,
                stream,
                correction=correction,
                origin=Origin.FOLDER,
                origin_path=source.name,
            )
    except (ConflictError, InputError, LoadError) as error:
        _log.warning("%s 没有收入文献库：%s", source.name, error)
    except OSError as error:
        _log.warning("%s 没有收入文献库：读不出来（%s）。", source.name, error.strerror or error)


def _drafts(files: Files) -> list[int]:
    """What was taken in from the folder and can be published."""
    with files.database.read() as session:
        query = select(FileRow.id).where(FileRow.state == FileState.DRAFT.value, FileRow.error.is_(None))
        return list(session.scalars(query.where(FileRow.origin == Origin.FOLDER.value)))


@contextlib.contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Servers that start together wait for the one that is first."""
    descriptor = os.open(data_dir / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
