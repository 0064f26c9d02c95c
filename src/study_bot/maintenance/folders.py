"""Which parts of a data folder a backup holds, and which are made anew or belong to a running process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from study_bot.maintenance.database_copy import SQLITE_FAMILY
from study_bot.maintenance.locks import LOCK_FILE
from study_bot.settings import Settings
from study_bot.storage.database import Database

STAGE = ".restore"
"""Folder beside what is exchanged: the new parts, the old ones, and the journal."""

DERIVED = ("library",)
"""Folders of the data folder that the program writes anew from the database and the contents."""

_UNFINISHED = (".partial", ".part", ".tmp")
_PASSING = ("incoming",)
_MIGRATION_LOCK = ".migrate"


@dataclass(frozen=True, slots=True)
class SiteFolders:
    """Where the parts of a site lie. `database` is None unless it is an SQLite file; `inside` are names in `data`
    of other folders of the program (index, cache), which are no part of it."""

    data: Path
    index: Path
    database: Path | None
    inside: frozenset[str]

    def entries(self) -> tuple[str, ...]:
        """Names in the data folder that are part of the site, the database left out, sorted."""
        try:
            names = [path.name for path in self.data.iterdir()]
        except FileNotFoundError:
            return ()
        return tuple(sorted(name for name in names if not self.is_foreign(name)))

    def database_files(self) -> tuple[str, ...]:
        """Names of the files that are the SQLite database now, in its folder; the main file first."""
        if self.database is None:
            return ()
        family = (self.database.name + ending for ending in SQLITE_FAMILY)
        return tuple(name for name in family if self.database.with_name(name).exists())

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every finished file of the data folder that a backup holds, with its path below the folder."""
        for name in self.entries():
            if name not in DERIVED:
                yield from _files(self.data / name, name)

    def build_files(self, build_id: str) -> Iterator[tuple[str, Path]]:
        """Every file of a build, with its path below the index folder."""
        yield from _files(self.index / build_id, build_id)

    def is_foreign(self, name: str) -> bool:
        """Whether a name in the data folder stays where it is, whatever is restored."""
        if name in (LOCK_FILE, STAGE) or name.endswith(_MIGRATION_LOCK) or name in self.inside:
            return True
        return (
            self.database is not None
            and self.database.parent.resolve() == self.data.resolve()
            and name in {self.database.name + ending for ending in SQLITE_FAMILY}
        )


def site_folders(settings: Settings, database: Database) -> SiteFolders:
    """The folders that the settings name."""
    data = settings.data_dir.resolve()
    inside = set()
    for other in (settings.index_dir, settings.cache_dir, settings.corpus_dir):
        if (resolved := other.resolve()) != data and resolved.is_relative_to(data):
            inside.add(resolved.relative_to(data).parts[0])
    return SiteFolders(settings.data_dir, settings.index_dir, database.path, frozenset(inside))


def _files(path: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The regular files at and below a path, sorted; a link is followed only where it stands first."""
    if path.is_file():
        if not _is_unfinished(path.name):
            yield name, path
        return
    for where, folders, names in os.walk(path):
        folders[:] = sorted(f for f in folders if not _is_unfinished(f))
        for leaf in sorted(names):
            file = Path(where) / leaf
            if not _is_unfinished(leaf) and file.is_file() and not file.is_symlink():
                yield f"{name}/{file.relative_to(path).as_posix()}", file


def _is_unfinished(name: str) -> bool:
    return name in _PASSING or name.endswith(_UNFINISHED) or name.startswith(".tmp-")
