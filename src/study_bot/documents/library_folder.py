"""What is published, laid out as a folder that an index is built from: the files by category, and a `catalog.toml`."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from sqlalchemy import select

from study_bot.documents import rows
from study_bot.documents.content import link_or_copy
from study_bot.documents.files import Files
from study_bot.documents.stored import Correction, FileState, StoredFile
from study_bot.documents.versions import end_of_replaced
from study_bot.errors import InputError, NotFoundError, StorageError
from study_bot.library.catalog import SIDECAR_NAME, SidecarEntry
from study_bot.storage.library_tables import FileRow
from study_bot.types import VersionStatus

ROOT_NAME = "文献库"
"""Name of the folder itself: it stands before every path that a build reports."""

_PARTIAL = ".partial-"


@dataclass(frozen=True, slots=True)
class LibraryFolder:
    """The folder to build from, and the state of the library it holds.

    `files` is how many lie in it, `missing` names those whose bytes are gone.
    """

    path: Path
    revision: int
    files: int
    missing: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is published any more, by intent: not because something was lost."""
        return not self.files and not self.missing


def write_library(files: Files, folder: Path, examples: Sequence[str] = ()) -> LibraryFolder:
    """Lay out the published files below `folder`, and remove what was laid out before.

    To be called by the one who builds, before each build and not during one. The files are second names of those in
    the content store where the file system allows, so that it costs no space.

    :param examples: questions to suggest to people who are here for the first time.
    :raises InputError: nothing was ever published.
    :raises StorageError: the disk is full or cannot be written.
    """
    revision, published = published_files(files)
    if not published and revision == 0:
        raise InputError("文献库里还没有已发布的文件。请先上传并发布文献，再建立索引。")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.iterdir():
            shutil.rmtree(old)
        name = f"{revision}-{uuid.uuid4().hex[:8]}"
        partial = folder / f"{_PARTIAL}{name}"
        missing = _lay_out(files, published, partial / ROOT_NAME, examples)
        partial.rename(folder / name)
    except OSError as error:
        raise StorageError(f"数据目录不能写入（{error.strerror or error}）。请检查磁盘空间和权限后再试。") from error
    return LibraryFolder(folder / name / ROOT_NAME, revision, len(published) - len(missing), missing)


def published_files(files: Files) -> tuple[int, tuple[StoredFile, ...]]:
    """The number of the library's state, and what is published in it, by path.

    The number is read first: should somebody publish in between, the build only seems older than it is.
    """
    with files.database.read() as session:
        revision = rows.library_revision(session)
        found = session.scalars(
            select(FileRow).where(FileRow.state == FileState.PUBLISHED.value).order_by(FileRow.path)
        ).all()
        return revision, tuple(files.value(row) for row in found)


def catalog_entries(published: Sequence[StoredFile]) -> dict[str, SidecarEntry]:
    """What the catalog says of each file, by path: its corrections, and the end of what a published file replaces."""
    entries = {file.path: file.correction for file in published}
    by_id = {file.id: file for file in published}
    for new in published:
        if new.replaces_id is not None and (old := by_id.get(new.replaces_id)) is not None:
            entries[old.path] = end_of_replaced(old, new)
    return {path: entry.entry() for path, entry in entries.items() if entry != Correction()}


def catalog_toml(entries: Mapping[str, SidecarEntry], examples: Sequence[str] = ()) -> str:
    """The text of a `catalog.toml` that reads back as `entries`."""
    lines = ["# 由程序按管理页上的登记写成；在这里改动没有作用。"]
    if examples:
        lines.append(f"examples = {_value(tuple(examples))}")
    for path, entry in entries.items():
        lines += ["", "[[documents]]", f"path = {_value(path)}"]
        for field in fields(entry):
            value = getattr(entry, field.name)
            if value is not None and value != ():
                lines.append(f"{field.name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _lay_out(files: Files, published: Sequence[StoredFile], root: Path, examples: Sequence[str]) -> tuple[str, ...]:
    root.mkdir(mode=0o700, parents=True)
    missing = []
    for file in published:
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            link_or_copy(files.content.path(file.sha256), target)
        except NotFoundError:
            missing.append(f"《{file.title}》（{file.name}）")
    (root / SIDECAR_NAME).write_text(catalog_toml(catalog_entries(published), examples), encoding="utf-8")
    return tuple(missing)


def _value(value: object) -> str:
    if isinstance(value, VersionStatus):
        return _value(value.label or "有效性未核实")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's escapes are among those of TOML; it lacks only that of DEL.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
