"""Questions to the files table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from study_bot.documents.stored import FileState, Origin
from study_bot.errors import InputError
from study_bot.storage.library_tables import FileRow

MAX_PER_PAGE = 200
MAX_SEARCH_CHARS = 100


def search(
    session: Session, state: FileState | None, text: str, category: str | None, page: int, per_page: int
) -> tuple[Sequence[FileRow], int]:
    """Rows of one page, newest first, and the number of all."""
    query = select(FileRow)
    query = query.where(FileRow.state == state if state is not None else FileRow.state != FileState.DELETED)
    if category is not None:
        query = query.where(FileRow.shown_category == category)
    for word in text[:MAX_SEARCH_CHARS].split():
        query = query.where(
            or_(
                FileRow.shown_title.icontains(word, autoescape=True),
                FileRow.name.icontains(word, autoescape=True),
                FileRow.version_of.icontains(word, autoescape=True),
            )
        )
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    per_page = min(max(1, per_page), MAX_PER_PAGE)
    start = (min(max(1, page), total + 1) - 1) * per_page
    return session.scalars(query.order_by(FileRow.id.desc()).offset(start).limit(per_page)).all(), total


def counts(session: Session) -> dict[FileState, int]:
    """Number of rows in each state, 0 included."""
    found = session.execute(select(FileRow.state, func.count()).group_by(FileRow.state)).all()
    return dict.fromkeys(FileState, 0) | {FileState(state): number for state, number in found}


def categories(session: Session) -> tuple[tuple[str, int], ...]:
    """Shown categories of kept files, with numbers."""
    query = select(FileRow.shown_category, func.count()).where(
        FileRow.state != FileState.DELETED, FileRow.shown_category.is_not(None)
    )
    found = session.execute(query.group_by(FileRow.shown_category).order_by(FileRow.shown_category)).all()
    return tuple((category, number) for category, number in found if category is not None)


def related(session: Session, row: FileRow) -> Sequence[FileRow]:
    """Other kept rows of the same document, or linked to this one by a replacement."""
    links = [FileRow.replaces_id == row.id]
    if row.replaces_id is not None:
        links.append(FileRow.id == row.replaces_id)
    if row.doc_id is not None:
        links.append(FileRow.doc_id == row.doc_id)
    query = select(FileRow).where(or_(*links), FileRow.id != row.id, FileRow.state != FileState.DELETED)
    return session.scalars(query).all()


def published_of(session: Session, doc_ids: Iterable[str]) -> Sequence[FileRow]:
    """Published rows of these documents, by number."""
    query = select(FileRow).where(FileRow.doc_id.in_(sorted(doc_ids)), FileRow.state == FileState.PUBLISHED)
    return session.scalars(query.order_by(FileRow.id)).all()


def same_words(session: Session, row: FileRow) -> Sequence[FileRow]:
    """Other kept rows with the same text."""
    if row.text_hash is None:
        return []
    query = select(FileRow).where(
        FileRow.text_hash == row.text_hash, FileRow.id != row.id, FileRow.state != FileState.DELETED
    )
    return session.scalars(query.order_by(FileRow.id)).all()


def of_folder(session: Session, label: str) -> Sequence[FileRow]:
    """Kept rows that came from a folder of that name."""
    query = select(FileRow).where(
        FileRow.origin == Origin.FOLDER.value,
        FileRow.origin_path.startswith(f"{label}/", autoescape=True),
        FileRow.state != FileState.DELETED,
    )
    return session.scalars(query.order_by(FileRow.id)).all()


def all_contents(session: Session) -> frozenset[str]:
    """Digests that some row names, deleted ones that can still be brought back included."""
    return frozenset(session.scalars(select(FileRow.sha256)))


def refuse_circle(session: Session, file_id: int, old_id: int) -> None:
    """Return if no file would come to replace itself.

    :raises InputError: the old one is a successor of the new one.
    """
    at: int | None = old_id
    while at is not None:
        if at == file_id:
            raise InputError("版本关系成了环：被替换的文件本身是这个文件的后续版本。请核对要替换的是哪一个。")
        at = session.scalar(select(FileRow.replaces_id).where(FileRow.id == at))
