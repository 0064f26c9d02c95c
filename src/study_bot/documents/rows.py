"""Rows of the files table: to values and back, found, locked; the number that every change of the library raises."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from study_bot.documents.names import library_path
from study_bot.documents.stored import Correction, FileState, Origin, StoredFile
from study_bot.documents.understanding import Understood
from study_bot.errors import ConflictError, NotFoundError
from study_bot.index.codec import DECODE_ERRORS, codec
from study_bot.storage.library_tables import FileRow, StateRow
from study_bot.types import VersionStatus

LIBRARY_REVISION = "library_revision"
"""Name of the state row that counts changes to what is published."""

_MAX_SHOWN_TITLE = 300


def file_of(row: FileRow, undo_days: int) -> StoredFile:
    """A row as a value."""
    return StoredFile(
        id=row.id,
        sha256=row.sha256,
        name=row.name,
        path=row.path,
        size=row.size,
        state=FileState(row.state),
        title=row.shown_title,
        category=row.shown_category,
        correction=correction_of(row),
        understood=_understood_of(row),
        error=row.error,
        replaces_id=row.replaces_id,
        origin=Origin(row.origin),
        origin_path=row.origin_path,
        revision=row.revision,
        created_at=row.created_at,
        created_by=row.created_by,
        published_at=row.published_at,
        retired_at=row.retired_at,
        deleted_at=row.deleted_at,
        undo_until=row.deleted_at + dt.timedelta(days=undo_days) if row.deleted_at else None,
    )


def correction_of(row: FileRow) -> Correction:
    """What was corrected of a file."""
    return Correction(
        title=row.title,
        category=row.category,
        promulgated=row.promulgated,
        effective=row.effective,
        repealed=row.repealed,
        status=VersionStatus(row.status) if row.status else None,
        aliases=tuple(row.aliases or ()),
        version_of=row.version_of,
    )


def set_correction(row: FileRow, correction: Correction) -> None:
    """Put a checked correction into a row."""
    row.title, row.category, row.version_of = correction.title, correction.category, correction.version_of
    row.promulgated, row.effective, row.repealed = correction.promulgated, correction.effective, correction.repealed
    row.status = correction.status.value if correction.status else None
    row.aliases = list(correction.aliases)


def set_understood(row: FileRow, understood: Understood | None, error: str | None) -> None:
    """Put what was read of a file into a row, with what is searched."""
    row.understood = codec(Understood).encode(understood) if understood else None
    row.error = error
    row.shown_title = ((understood.title if understood else row.title) or row.name)[:_MAX_SHOWN_TITLE]
    row.shown_category = understood.category if understood else row.category
    row.kind = understood.kind.value if understood else None
    row.doc_id = understood.doc_id if understood else None
    row.text_hash = understood.text_hash if understood else None


def _understood_of(row: FileRow) -> Understood | None:
    if row.understood is None:
        return None
    try:
        return codec(Understood).decode(row.understood)
    except DECODE_ERRORS:  # written by another version of the program: as if it had not been read yet
        return None


def locked(session: Session, file_id: int, revision: int | None = None) -> FileRow:
    """A row that nobody else changes until the transaction ends.

    :param revision: the one the change is based on; None = any.
    :raises NotFoundError: there is no such file.
    :raises ConflictError: it has another revision by now.
    """
    row = session.get(FileRow, file_id, with_for_update=True)
    if row is None:
        raise NotFoundError("没有这个文件，可能已被彻底清除。请刷新页面。")
    if revision is not None and row.revision != revision:
        raise ConflictError(f"《{row.shown_title}》已被他人修改，请刷新后再试。")
    return row


def found(session: Session, file_id: int) -> FileRow:
    """A row to read.

    :raises NotFoundError: there is no such file.
    """
    row = session.get(FileRow, file_id)
    if row is None:
        raise NotFoundError("没有这个文件，可能已被彻底清除。请刷新页面。")
    return row


def demand_state(row: FileRow, *states: FileState) -> None:
    """Return if the file is in one of the states.

    :raises ConflictError: it is in another.
    """
    if FileState(row.state) not in states:
        wanted = "、".join(state.label for state in states)
        raise ConflictError(
            f"《{row.shown_title}》现在是“{FileState(row.state).label}”，不是“{wanted}”。请刷新页面后再试。"
        )


def same_content(session: Session, sha256: str, *, but: int | None = None) -> FileRow | None:
    """The file that is kept with these bytes, None if there is none."""
    query = select(FileRow).where(FileRow.sha256 == sha256, FileRow.state != FileState.DELETED)
    return session.scalars(query.where(FileRow.id != (but or 0)).limit(1)).first()


def free_path(session: Session, category: str | None, name: str, *, but: int | None = None) -> str:
    """A place in the library that no other kept file has."""

    def taken(path: str) -> bool:
        query = select(FileRow.id).where(FileRow.path == path, FileRow.state != FileState.DELETED)
        return session.scalar(query.where(FileRow.id != (but or 0)).limit(1)) is not None

    return library_path(category, name, taken)


def already_there(row: FileRow) -> ConflictError:
    """The error for content that is in the library already."""
    state = FileState(row.state)
    hint = "可以在已停用的文献中恢复它。" if state is FileState.RETIRED else "不必重复上传。"
    return ConflictError(f"内容与已有的《{row.shown_title}》（{row.name}，{state.label}）完全相同，{hint}")


@contextlib.contextmanager
def one_of_each() -> Iterator[None]:
    """Where two transactions take the same place or give the same content, the second gets a conflict.

    :raises ConflictError: the database refused a duplicate.
    """
    try:
        yield
    except IntegrityError:
        raise ConflictError("同样的文件刚刚由他人加入。请刷新页面后再试。") from None


def raise_revision(session: Session) -> int:
    """Count a change to what is published; gives the new number."""
    query = update(StateRow).where(StateRow.name == LIBRARY_REVISION).values(value=StateRow.value + 1)
    if session.execute(query).rowcount == 0:  # type: ignore[attr-defined]
        try:
            with session.begin_nested():
                session.add(StateRow(name=LIBRARY_REVISION, value=1))
        except IntegrityError:  # another transaction was the first
            session.execute(query)
    return library_revision(session)


def library_revision(session: Session) -> int:
    """The number of changes so far to what is published, 0 at first."""
    return session.scalar(select(StateRow.value).where(StateRow.name == LIBRARY_REVISION)) or 0
