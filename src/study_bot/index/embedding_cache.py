"""Vectors already computed, by (model fingerprint, hash of the embedded text). Losing it costs time only."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from study_bot.errors import SnapshotError
from study_bot.index.vectors import Vectors

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_LAYOUT = 1
"""Raised when the table changes; a file of another layout counts as damaged."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    fingerprint TEXT NOT NULL, text_hash TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (fingerprint, text_hash)
) WITHOUT ROWID
"""

_CHUNK = 500
"""Rows of one statement or transaction; below the 999 variables that older SQLite builds allow."""

_BUSY_SECONDS = 60.0
"""How long a process waits while another one writes."""


def text_hash(text: str) -> str:
    """Key of a text: sha256 of its UTF-8 form, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


class EmbeddingCache:
    """A SQLite file that several threads and processes may use at once.

    A file that is damaged or of another layout is moved aside (`.damaged`) and an empty one made in its place.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it and its folder.

        :raises SnapshotError: it can be neither opened nor replaced.
        """
        self.path = path
        self._recovering(lambda _connection: None)

    def get_many(self, fingerprint: str, hashes: Iterable[str]) -> dict[str, Vectors]:
        """Those of `hashes` that are known, with their vectors (float32, one-dimensional, read-only).

        :raises SnapshotError: the file cannot be read.
        """
        wanted = list(dict.fromkeys(hashes))

        def read(connection: sqlite3.Connection) -> dict[str, Vectors]:
            found: dict[str, Vectors] = {}
            for chunk in _chunks(wanted):
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(
                    f"SELECT text_hash, vector FROM vectors WHERE fingerprint = ? AND text_hash IN ({marks})",  # noqa: S608 - only question marks are put in
                    (fingerprint, *chunk),
                )
                found.update((key, np.frombuffer(blob, np.float32)) for key, blob in rows)
            return found

        return self._recovering(read)

    def put_many(self, fingerprint: str, vectors: Mapping[str, Vectors]) -> None:
        """Store vectors by text hash, replacing those already there. What was stored before a crash stays.

        :raises SnapshotError: the file cannot be written.
        """
        rows = [(fingerprint, key, np.ascontiguousarray(row, np.float32).tobytes()) for key, row in vectors.items()]

        def write(connection: sqlite3.Connection) -> None:
            for chunk in _chunks(rows):
                with connection:
                    connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", chunk)

        self._recovering(write)

    def size(self) -> int:
        """Number of vectors, of all models together.

        :raises SnapshotError: the file cannot be read.
        """
        return self._recovering(
            lambda connection: int(connection.execute("SELECT COUNT(*) FROM vectors").fetchone()[0])
        )

    def prune(self, keep: Mapping[str, Iterable[str]]) -> int:
        """Forget every vector but those of the given text hashes, by fingerprint; the file shrinks.

        :return: number of vectors forgotten.
        :raises SnapshotError: the file cannot be written.
        """
        kept = [(fingerprint, key) for fingerprint, hashes in keep.items() for key in hashes]

        def forget(connection: sqlite3.Connection) -> int:
            connection.execute("CREATE TEMP TABLE kept (fingerprint, text_hash, PRIMARY KEY (fingerprint, text_hash))")
            connection.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?)", kept)
            connection.commit()
            with connection:
                return connection.execute(
                    "DELETE FROM vectors WHERE (fingerprint, text_hash) NOT IN "
                    "(SELECT fingerprint, text_hash FROM kept)"
                ).rowcount

        return self._recovering(forget)

    def _recovering(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do `work` on a connection; if the file turns out to be damaged, once more on an empty one."""
        try:
            try:
                with self._connection() as connection:
                    return work(connection)
            except sqlite3.OperationalError:
                raise  # busy, full or read-only: the data are sound
            except sqlite3.DatabaseError as error:
                log.warning("embedding cache %s is damaged (%s), starting an empty one", self.path, error)
            self._move_aside()
            with self._connection() as connection:
                return work(connection)
        except (OSError, sqlite3.Error) as error:
            raise SnapshotError(
                f"向量缓存 {self.path} 无法读写（{error}）。请检查磁盘空间和权限；"
                "该文件可以删除，删除后只需重新计算向量。"
            ) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # A connection for each call: safe in any thread, and another process may replace a damaged file meanwhile.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS)
        try:
            layout = connection.execute("PRAGMA user_version").fetchone()[0]
            if layout == 0:
                connection.execute("PRAGMA auto_vacuum = FULL")
                connection.execute("PRAGMA journal_mode = WAL")
                with connection:
                    connection.execute(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {_LAYOUT}")
            elif layout != _LAYOUT:
                raise sqlite3.DatabaseError(f"layout {layout}")
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection
        finally:
            connection.close()

    def _move_aside(self) -> None:
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        if self.path.exists():
            self.path.replace(self.path.with_name(self.path.name + ".damaged"))


def _chunks(items: list[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
