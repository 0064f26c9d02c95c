"""Tables of the library as admins manage it: files and what was corrected of them, builds, the state of both."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from study_bot.storage.columns import Base


class FileRow(Base):
    """A file given to the library: one version of a document. Its bytes lie in the content store under `sha256`.

    `state` is draft (given, not published), published, retired (kept, not indexed) or deleted (undo possible until
    it is purged). Columns from `title` to `version_of` are what an admin corrected; None = as the text says.
    `understood` is what was read of the file with these corrections; the columns from `shown_title` to `text_hash`
    are drawn from it so that they can be searched.
    """

    __tablename__ = "files"
    __table_args__ = (
        # The same bytes are in the library once; the same place is taken once.
        Index("uq_files_sha256_kept", "sha256", unique=True, sqlite_where=text("state <> 'deleted'"),
              postgresql_where=text("state <> 'deleted'")),
        Index("uq_files_path_kept", "path", unique=True, sqlite_where=text("state <> 'deleted'"),
              postgresql_where=text("state <> 'deleted'")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(255))
    path: Mapped[str] = mapped_column(String(500))
    size: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), index=True)
    before_deletion: Mapped[str | None] = mapped_column(String(10))
    title: Mapped[str | None] = mapped_column(String(300))
    category: Mapped[str | None] = mapped_column(String(100))
    promulgated: Mapped[dt.date | None]
    effective: Mapped[dt.date | None]
    repealed: Mapped[dt.date | None]
    status: Mapped[str | None] = mapped_column(String(20))
    aliases: Mapped[list[Any]] = mapped_column(default=list)
    version_of: Mapped[str | None] = mapped_column(String(300))
    understood: Mapped[dict[str, Any] | None]
    shown_title: Mapped[str] = mapped_column(String(300), default="", index=True)
    shown_category: Mapped[str | None] = mapped_column(String(100), index=True)
    kind: Mapped[str | None] = mapped_column(String(20))
    doc_id: Mapped[str | None] = mapped_column(String(20), index=True)
    text_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    error: Mapped[str | None] = mapped_column(Text)
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("files.id"))
    origin: Mapped[str] = mapped_column(String(10))
    origin_path: Mapped[str | None] = mapped_column(String(500), index=True)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    published_at: Mapped[dt.datetime | None]
    retired_at: Mapped[dt.datetime | None]
    deleted_at: Mapped[dt.datetime | None] = mapped_column(index=True)


class BuildRow(Base):
    """A request to build the index, or to go back to an earlier build, and what became of it.

    `state` is queued, running, done, failed or cancelled; at most one row runs (kept by the runner under the
    index's own writer lock). `library_revision` is the state of the library that the build holds. `attempts` counts how
    often it was begun: one whose server died is begun again once.
    """

    __tablename__ = "builds"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), index=True)
    requested_at: Mapped[dt.datetime]
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    library_revision: Mapped[int | None]
    started_at: Mapped[dt.datetime | None]
    beat_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    pid: Mapped[int | None]
    host: Mapped[str | None] = mapped_column(String(255))
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[dict[str, Any] | None]
    report: Mapped[dict[str, Any] | None]
    build_id: Mapped[str | None] = mapped_column(String(100))
    error: Mapped[str | None] = mapped_column(Text)


class StateRow(Base):
    """A named number of the whole installation, e.g. `library_revision`, raised by every change to what is indexed."""

    __tablename__ = "state"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[int]
