"""The managed library: files are given, corrected, published, replaced, retired, deleted and brought back.

Every step is one transaction with its line in the audit trail; the bytes are on disk before a row names them, and a row
is gone before its bytes are. So a kill at any moment leaves nothing half done, at most bytes that a later sweep takes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import BinaryIO

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.roles import Actor, Role
from study_bot.documents import queries, rows
from study_bot.documents.names import UNSORTED, clean_name
from study_bot.documents.shelf import FileShelf
from study_bot.documents.stored import Correction, FileState, Origin, StoredFile
from study_bot.documents.versions import checked_successor, successor_correction
from study_bot.errors import ConflictError, InputError
from study_bot.library.loaders.limits import MEGABYTE
from study_bot.storage.columns import utc_now
from study_bot.storage.library_tables import FileRow

_KEPT = (FileState.DRAFT, FileState.PUBLISHED, FileState.RETIRED)


class Files(FileShelf):
    """What can be done with the files of the library, by an admin or the program itself.

    Methods raise SignInError or ForbiddenError for anybody else, NotFoundError for a file that is not there, and
    ConflictError when it was changed meanwhile or is in a state in which this cannot be done.
    """

    def give(
        self,
        actor: Actor,
        name: str,
        stream: BinaryIO,
        category: str | None = None,
        *,
        correction: Correction | None = None,
        origin: Origin = Origin.UPLOAD,
        origin_path: str | None = None,
    ) -> StoredFile:
        """Take in a file as a draft and read it. One that cannot be read is kept too, with `error`: it shows why.

        :param name: as the sender calls it; not trusted.
        :param category: goes before that of `correction`.
        :param origin_path: where it lies in a folder that is kept in step.
        :raises InputError: the name or the category cannot be used.
        :raises FileTooLargeError: it is larger than `max_file_mb`.
        :raises ConflictError: the same content is in the library; the message names it.
        :raises StorageError: the disk or the database cannot be used.
        """
        actor.allow(Role.ADMIN)
        name = clean_name(name)
        correction = (correction or Correction()).checked()
        if category:
            correction = _with_category(correction, category)
        sha256, size = self.content.put(stream, int(self.settings.max_file_mb * MEGABYTE))
        with self.database.read() as session:
            _refuse_twice(session, sha256)
        understood, error = self._reader.understood(sha256, name, correction)
        row = FileRow(sha256=sha256, name=name, size=size, state=FileState.DRAFT.value, created_at=utc_now())
        row.origin, row.origin_path, row.created_by = origin.value, origin_path, actor.person_id
        rows.set_correction(row, correction)
        rows.set_understood(row, understood, error)
        with rows.one_of_each(), self.database.write() as session:
            _refuse_twice(session, sha256)
            row.path = rows.free_path(session, correction.category, name)
            session.add(row)
            session.flush()
            file = self._told(session, actor, "file.give", row, {"name": name, "sha256": sha256, "error": error or ""})
        return file

    def correct(self, actor: Actor, file_id: int, revision: int, correction: Correction) -> StoredFile:
        """Set everything that is corrected of a file, and read it anew with that.

        :param revision: that of the file the correction is based on.
        :raises InputError: a text is too long or the dates cannot be.
        """
        actor.allow(Role.ADMIN)
        correction = correction.checked()
        before = self.get(file_id)
        understood, error = self._reader.understood(before.sha256, before.name, correction)
        with rows.one_of_each(), self.database.write() as session:
            row = rows.locked(session, file_id, revision)
            rows.demand_state(row, *_KEPT)
            if error and row.state == FileState.PUBLISHED:
                raise ConflictError(f"这样更正后文件读不出来：{error}")
            if (correction.category or UNSORTED) != (row.category or UNSORTED):
                row.path = rows.free_path(session, correction.category, row.name, but=row.id)
            rows.set_correction(row, correction)
            rows.set_understood(row, understood, error)
            file = self._changed(session, actor, "file.correct", row, _difference(before.correction, correction))
        return file

    def publish(self, actor: Actor, file_ids: Iterable[int]) -> tuple[StoredFile, ...]:
        """Publish drafts, all of them or none.

        :raises InputError: none is named, or one cannot be read.
        """
        actor.allow(Role.ADMIN)
        with self.database.write() as session:
            published = []
            for row in [rows.locked(session, file_id) for file_id in sorted(set(file_ids))]:
                rows.demand_state(row, FileState.DRAFT)
                _publish(row)
                published.append(self._changed(session, actor, "file.publish", row))
            if not published:
                raise InputError("没有选中文件。请先勾选要发布的文件。")
        return tuple(published)

    def replace(self, actor: Actor, file_id: int, old_id: int, revision: int | None = None) -> StoredFile:
        """Make a file the new version of another one's document, and publish it. The old one stays, as the version
        that held until the new one's date.

        :raises InputError: one cannot be a version of the other, or the new one is dated no later than the old.
        """
        actor.allow(Role.ADMIN)
        new, old = self.get(file_id), self.get(old_id)
        correction = successor_correction(new, old)
        understood, error = self._reader.understood(new.sha256, new.name, correction)
        checked_successor(new, understood, error, old)
        with rows.one_of_each(), self.database.write() as session:
            row = rows.locked(session, file_id, new.revision if revision is None else revision)
            rows.demand_state(row, FileState.DRAFT, FileState.PUBLISHED)
            rows.demand_state(rows.locked(session, old_id, old.revision), FileState.PUBLISHED, FileState.RETIRED)
            queries.refuse_circle(session, file_id, old_id)
            if (correction.category or UNSORTED) != (row.category or UNSORTED):
                row.path = rows.free_path(session, correction.category, row.name, but=row.id)
            rows.set_correction(row, correction)
            rows.set_understood(row, understood, error)
            row.replaces_id = old_id
            if row.state == FileState.DRAFT:
                _publish(row)
            file = self._changed(session, actor, "file.replace", row, {"replaces": old.subject})
        return file

    def retire(self, actor: Actor, file_id: int, revision: int | None = None) -> StoredFile:
        """Take a published file out of the index without giving it up."""
        return self._move(actor, file_id, revision, "file.retire", (FileState.PUBLISHED,), FileState.RETIRED)

    def bring_back(self, actor: Actor, file_id: int, revision: int | None = None) -> StoredFile:
        """Publish a retired file again."""
        return self._move(actor, file_id, revision, "file.bring_back", (FileState.RETIRED,), FileState.PUBLISHED)

    def delete(self, actor: Actor, file_id: int, revision: int | None = None) -> StoredFile:
        """Delete a file; it can be brought back until `undo_until`."""
        return self._move(actor, file_id, revision, "file.delete", _KEPT, FileState.DELETED)

    def undelete(self, actor: Actor, file_id: int, revision: int | None = None) -> StoredFile:
        """Put a deleted file back into the state it was in.

        :raises ConflictError: too late, or the same content was given again meanwhile.
        """
        return self._move(actor, file_id, revision, "file.undelete", (FileState.DELETED,), None)

    def follow(self, actor: Actor, file_id: int, revision: int, origin_path: str, category: str | None) -> StoredFile:
        """Note that a file lies elsewhere in the folder it came from, and give it the category it has there."""
        before = self.get(file_id)
        if category and category != before.correction.category:
            revision = self.correct(actor, file_id, revision, _with_category(before.correction, category)).revision
        actor.allow(Role.ADMIN)
        with self.database.write() as session:
            row = rows.locked(session, file_id, revision)
            rows.demand_state(row, *_KEPT)
            row.origin_path = origin_path
            row.revision += 1
            return self._told(session, actor, "file.follow", row, {"from": before.origin_path, "to": origin_path})

    def purge(self, actor: Actor, now: dt.datetime | None = None) -> int:
        """Remove for good what was deleted longer than `undo_days` ago, and bytes that nothing names.

        :return: the number of files removed.
        """
        actor.allow(Role.ADMIN)
        limit = (now or utc_now()) - dt.timedelta(days=self.settings.undo_days)
        with self.database.write() as session:
            query = select(FileRow).where(FileRow.state == FileState.DELETED, FileRow.deleted_at <= limit)
            gone = session.scalars(query.with_for_update()).all()
            for row in gone:
                session.execute(update(FileRow).where(FileRow.replaces_id == row.id).values(replaces_id=None))
                audit.append(session, actor, "file.purge", self.value(row).subject, {"sha256": row.sha256})
                session.delete(row)
        with self.database.read() as session:
            kept = queries.all_contents(session)
        self.content.sweep(kept)
        return len(gone)

    def _move(
        self,
        actor: Actor,
        file_id: int,
        revision: int | None,
        action: str,
        states: tuple[FileState, ...],
        target: FileState | None,
    ) -> StoredFile:
        """Change the state; `target` None = the one before the deletion."""
        actor.allow(Role.ADMIN)
        now = utc_now()
        with rows.one_of_each(), self.database.write() as session:
            row = rows.locked(session, file_id, revision)
            rows.demand_state(row, *states)
            was_published = row.state == FileState.PUBLISHED
            if target is None:
                target = self._before_deletion(session, row, now)
            elif target is FileState.DELETED:
                row.before_deletion, row.deleted_at = row.state, now
            row.state = target.value
            row.retired_at = now if target is FileState.RETIRED else row.retired_at
            return self._changed(session, actor, action, row, was_published=was_published)

    def _before_deletion(self, session: Session, row: FileRow, now: dt.datetime) -> FileState:
        """Make a deleted file ready to come back; gives the state it comes back to."""
        if row.deleted_at is not None and now > row.deleted_at + dt.timedelta(days=self.settings.undo_days):
            raise ConflictError(f"删除已超过 {self.settings.undo_days} 天，不能再恢复。请重新上传文件。")
        _refuse_twice(session, row.sha256)
        state = FileState(row.before_deletion or FileState.DRAFT)
        row.path = rows.free_path(session, row.category, row.name)
        row.before_deletion = row.deleted_at = None
        return state

    def _changed(
        self,
        session: Session,
        actor: Actor,
        action: str,
        row: FileRow,
        detail: dict[str, object] | None = None,
        *,
        was_published: bool = False,
    ) -> StoredFile:
        """Count the change of a row, and that of the library if it is or was published."""
        row.revision += 1
        if was_published or row.state == FileState.PUBLISHED:
            rows.raise_revision(session)
        return self._told(session, actor, action, row, detail)

    def _told(
        self, session: Session, actor: Actor, action: str, row: FileRow, detail: dict[str, object] | None
    ) -> StoredFile:
        file = self.value(row)
        audit.append(session, actor, action, file.subject, detail)
        return file


def _publish(row: FileRow) -> None:
    if row.understood is None:
        raise InputError(f"《{row.shown_title}》（{row.name}）读不出来，不能发布：{row.error or '尚未识别'}")
    row.state, row.published_at = FileState.PUBLISHED.value, utc_now()


def _refuse_twice(session: Session, sha256: str) -> None:
    if (other := rows.same_content(session, sha256)) is not None:
        raise rows.already_there(other)


def _with_category(correction: Correction, category: str) -> Correction:
    return replace(correction, category=category).checked()


def _difference(before: Correction, after: Correction) -> dict[str, object]:
    """What changed, as `field: [before, after]`."""
    values = {name: (getattr(before, name), getattr(after, name)) for name in Correction.__dataclass_fields__}
    return {name: [str(a), str(b)] for name, (a, b) in values.items() if a != b}
