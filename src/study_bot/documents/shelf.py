"""The managed library as it is read: one file, lists of them, their texts and bytes. Nothing here changes anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from study_bot.documents import queries, rows
from study_bot.documents.content import ContentStore
from study_bot.documents.reader import FileReader
from study_bot.documents.stored import FilePage, FileState, StoredFile
from study_bot.errors import LoadError
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.storage.library_tables import FileRow
from study_bot.types import VersionText


class FileShelf:
    """Files of the library, to look at. Who may look is the caller's to check.

    Methods that name a file raise NotFoundError if it is not there, all of them StorageError if the database is not.
    """

    def __init__(self, database: Database, content: ContentStore, settings: Settings) -> None:
        self.database, self.content, self.settings = database, content, settings
        self._reader = FileReader(content, settings)

    def close(self) -> None:
        """End the process that reads files; it starts again when it is needed."""
        self._reader.close()

    def get(self, file_id: int) -> StoredFile:
        """One file, deleted ones too."""
        with self.database.read() as session:
            return self.value(rows.found(session, file_id))

    def search(
        self,
        state: FileState | None = None,
        text: str = "",
        category: str | None = None,
        page: int = 1,
        per_page: int = 50,
    ) -> FilePage:
        """Files in a state (None = all but deleted ones) whose title or name holds `text`, newest first.

        :param category: as shown; None = any.
        :param page: 1-based; beyond the last = empty.
        """
        with self.database.read() as session:
            found, total = queries.search(session, state, text, category, page, per_page)
            return FilePage(tuple(map(self.value, found)), total, max(1, page), per_page)

    def counts(self) -> dict[FileState, int]:
        """Number of files in each state."""
        with self.database.read() as session:
            return queries.counts(session)

    def categories(self) -> tuple[tuple[str, int], ...]:
        """Categories of kept files with their numbers of files, by name."""
        with self.database.read() as session:
            return queries.categories(session)

    def related(self, file_id: int) -> tuple[StoredFile, ...]:
        """Other kept files of the same document, and what this one replaces or is replaced by; newest version first."""
        with self.database.read() as session:
            found = [self.value(row) for row in queries.related(session, rows.found(session, file_id))]
        return tuple(sorted(found, key=_start, reverse=True))

    def indistinct(self, files: Iterable[StoredFile]) -> dict[int, StoredFile]:
        """For drafts and published files another published one of the same document, by number, of which the dates do
        not say which holds when: were both published, both would be in force."""
        open_files = [f for f in files if f.understood and f.state in (FileState.DRAFT, FileState.PUBLISHED)]
        with self.database.read() as session:
            doc_ids = {file.understood.doc_id for file in open_files if file.understood}
            published = [self.value(row) for row in queries.published_of(session, doc_ids)]
        return {
            file.id: other for file in open_files for other in reversed(published) if _cannot_be_told_apart(file, other)
        }

    def same_words(self, file_id: int) -> tuple[StoredFile, ...]:
        """Other kept files with the same text, in another format or encoding: an index takes only one of them."""
        with self.database.read() as session:
            return tuple(map(self.value, queries.same_words(session, rows.found(session, file_id))))

    def by_content(self, sha256: str) -> StoredFile | None:
        """The kept file with these bytes, None if there is none."""
        with self.database.read() as session:
            row = rows.same_content(session, sha256)
            return self.value(row) if row else None

    def text_of(self, file_id: int) -> VersionText:
        """The text of a file with its tree.

        :raises LoadError: it cannot be read.
        """
        file = self.get(file_id)
        if file.error is not None:
            raise LoadError(file.error)
        return self._reader.text(file.sha256, file.name, file.correction)

    def path_of(self, file_id: int) -> Path:
        """Where the bytes of a file lie, to be sent under its `name`; not to be written to."""
        return self.content.path(self.get(file_id).sha256)

    def bytes_of(self, file_id: int) -> bytes:
        """The bytes of a file."""
        return self.path_of(file_id).read_bytes()

    def revision(self) -> int:
        """Number of changes so far to what is published: an index of an older one is out of date."""
        with self.database.read() as session:
            return rows.library_revision(session)

    def value(self, row: FileRow) -> StoredFile:
        """A row as a value."""
        return rows.file_of(row, self.settings.undo_days)


def _cannot_be_told_apart(file: StoredFile, other: StoredFile) -> bool:
    if file.id == other.id or file.understood is None or other.understood is None:
        return False
    if (
        file.understood.doc_id != other.understood.doc_id
        or file.replaces_id == other.id
        or other.replaces_id == file.id
    ):
        return False
    one, two = file.understood, other.understood
    if one.repealed or two.repealed or one.text_hash == two.text_hash:  # the index takes one of two equal texts
        return False
    return one.start is None or two.start is None or one.start == two.start


def _start(file: StoredFile) -> tuple[dt.date, int]:
    start = file.understood.start if file.understood else None
    return start or dt.date.min, file.id
