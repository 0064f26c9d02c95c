"""Managed files as values: what is kept of one, what an admin may correct, pages of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from study_bot.documents.names import clean_category, clean_title
from study_bot.documents.understanding import Understood
from study_bot.errors import InputError
from study_bot.library.catalog import SidecarEntry
from study_bot.types import VersionStatus

MAX_ALIASES = 20
MAX_ALIAS_CHARS = 60
EARLIEST = dt.date(1900, 1, 1)
LATEST = dt.date(2200, 1, 1)


class FileState(StrEnum):
    """How far a file has come."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"
    DELETED = "deleted"

    @property
    def label(self) -> str:
        """Chinese name."""
        return _LABELS[self]


_LABELS = {
    FileState.DRAFT: "待发布",
    FileState.PUBLISHED: "已发布",
    FileState.RETIRED: "已停用",
    FileState.DELETED: "已删除",
}


class Origin(StrEnum):
    """How a file came in."""

    UPLOAD = "upload"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Correction:
    """What an admin says of a file against or beyond its text; None = as the text says. All of it is set at once.

    `version_of` is the title of the document that the file is a version of.
    """

    title: str | None = None
    category: str | None = None
    promulgated: dt.date | None = None
    effective: dt.date | None = None
    repealed: dt.date | None = None
    status: VersionStatus | None = None
    aliases: tuple[str, ...] = ()
    version_of: str | None = None

    def checked(self) -> Correction:
        """The same with clean texts.

        :raises InputError: a text is too long, or the dates cannot be.
        """
        for name, day in (("公布日期", self.promulgated), ("施行日期", self.effective), ("失效日期", self.repealed)):
            if day is not None and not EARLIEST <= day <= LATEST:
                raise InputError(f"{name} {day} 不在 {EARLIEST.year} 年至 {LATEST.year} 年之间，请核对。")
        begin = self.effective or self.promulgated
        if begin is not None and self.repealed is not None and self.repealed < begin:
            raise InputError(f"失效日期 {self.repealed} 早于 {begin}（公布或施行），请核对。")
        aliases = tuple(dict.fromkeys(a for a in (clean_title(alias, "别名") for alias in self.aliases) if a))
        if len(aliases) > MAX_ALIASES or any(len(alias) > MAX_ALIAS_CHARS for alias in aliases):
            raise InputError(f"别名最多 {MAX_ALIASES} 个，每个不超过 {MAX_ALIAS_CHARS} 个字。")
        return Correction(
            title=clean_title(self.title),
            category=clean_category(self.category),
            promulgated=self.promulgated,
            effective=self.effective,
            repealed=self.repealed,
            status=self.status,
            aliases=aliases,
            version_of=clean_title(self.version_of, "所属文献的标题"),
        )

    def entry(self) -> SidecarEntry:
        """The same for the catalog."""
        return SidecarEntry(
            title=self.title,
            category=self.category,
            promulgated=self.promulgated,
            effective=self.effective,
            repealed=self.repealed,
            status=self.status,
            aliases=self.aliases,
            version_of=self.version_of,
        )

    @classmethod
    def from_entry(cls, entry: SidecarEntry) -> Correction:
        """What a `catalog.toml` says of a file."""
        return cls(
            title=entry.title,
            category=entry.category,
            promulgated=entry.promulgated,
            effective=entry.effective,
            repealed=entry.repealed,
            status=entry.status,
            aliases=entry.aliases,
            version_of=entry.version_of,
        )


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the managed library: one version of a document.

    `name` is what it was called when it was given, `path` its place in the library. `title` and `category` are those
    shown, whether corrected or read. `understood` is None and `error` says why when it could not be read; such a file
    is never published. `replaces_id` is the file this one is the successor of. `revision` grows with every change.
    `undo_until` is the time until which a deleted file can be brought back.
    """

    id: int
    sha256: str
    name: str
    path: str
    size: int
    state: FileState
    title: str
    category: str | None
    correction: Correction
    understood: Understood | None
    error: str | None
    replaces_id: int | None
    origin: Origin
    origin_path: str | None
    revision: int
    created_at: dt.datetime
    created_by: int | None
    published_at: dt.datetime | None
    retired_at: dt.datetime | None
    deleted_at: dt.datetime | None
    undo_until: dt.datetime | None

    @property
    def subject(self) -> str:
        """How the trail calls it."""
        return f"文件 {self.id} 《{self.title}》"


@dataclass(frozen=True, slots=True)
class FilePage:
    """Some of the files that were asked for, newest first; `total` counts all of them, `page` is 1-based."""

    files: tuple[StoredFile, ...]
    total: int
    page: int
    per_page: int

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // self.per_page))
