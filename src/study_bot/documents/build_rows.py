"""Builds as values: what was asked for, how far it is, what became of it."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from study_bot.index.codec import codec
from study_bot.storage.library_tables import BuildRow
from study_bot.storage.people_tables import PersonRow
from study_bot.types import BuildReport, Progress

MAX_FAILURES = 300
"""Files that could not be read are kept with a build by name up to this many."""


class BuildKind(enum.StrEnum):
    """What was asked for."""

    BUILD = "build"
    ROLL_BACK = "rollback"

    @property
    def label(self) -> str:
        """Chinese name."""
        return {BuildKind.BUILD: "建立索引", BuildKind.ROLL_BACK: "回退索引"}[self]


class BuildState(enum.StrEnum):
    """How far it is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def label(self) -> str:
        """Chinese name."""
        return _STATES[self]

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self in (BuildState.DONE, BuildState.FAILED, BuildState.CANCELLED)


_STATES = {
    BuildState.QUEUED: "排队中",
    BuildState.RUNNING: "进行中",
    BuildState.DONE: "已完成",
    BuildState.FAILED: "失败",
    BuildState.CANCELLED: "已取消",
}


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that was left out, and why (a Chinese sentence)."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """A `BuildReport` without the files that are well. `failed` holds the first MAX_FAILURES of `failures` files.

    `published` False = the live index was already what would have been built. `warnings` counts files that have some.
    """

    published: bool
    files: int
    failures: int
    failed: tuple[FailedFile, ...]
    duplicates: int
    warnings: int
    passages: int
    articles: int
    embedded: int
    reused: int
    removed: int
    seconds: float
    rebuild_reason: str | None = None

    @classmethod
    def of(cls, report: BuildReport) -> BuildSummary:
        """The summary of a report."""
        failed = [FailedFile(file.path, file.error) for file in report.files if file.error is not None]
        duplicates = sum(1 for file in report.files if file.duplicate_of is not None)
        return cls(
            published=report.published,
            files=len(report.files) - len(failed) - duplicates,
            failures=len(failed),
            failed=tuple(failed[:MAX_FAILURES]),
            duplicates=duplicates,
            warnings=sum(1 for file in report.files if file.warnings),
            passages=report.passages,
            articles=report.articles,
            embedded=report.embedded,
            reused=report.reused,
            removed=report.removed,
            seconds=report.seconds,
            rebuild_reason=report.rebuild_reason,
        )


@dataclass(frozen=True, slots=True)
class Build:
    """A request to build the index or to go back to an earlier build, and what became of it.

    `requested_by` is "" where the system itself asked. `library_revision` is the state of the library that the build
    holds, known once it runs. `beat_at` is when the runner last wrote. `build_id` names the build that was made or
    gone back to. `error` is a Chinese sentence. `joined` tells a person whose request found this one waiting already.
    """

    id: int
    kind: BuildKind
    state: BuildState
    requested_at: dt.datetime
    requested_by: str = ""
    library_revision: int | None = None
    started_at: dt.datetime | None = None
    beat_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    attempts: int = 0
    cancel_requested: bool = False
    progress: Progress | None = None
    summary: BuildSummary | None = None
    build_id: str | None = None
    error: str | None = None
    joined: bool = False

    @property
    def subject(self) -> str:
        """How the audit trail calls it."""
        return f"{self.kind.label} {self.id}"


def select_builds() -> Select[BuildRow, str, str]:
    """Rows with name and badge of who asked, for `build_of`."""
    return select(BuildRow, PersonRow.name, PersonRow.badge).outerjoin(PersonRow, BuildRow.requested_by == PersonRow.id)


def build_of(row: BuildRow, name: str | None, badge: str | None) -> Build:
    """A row of `select_builds` as a value."""
    return Build(
        id=row.id,
        kind=BuildKind(row.kind),
        state=BuildState(row.state),
        requested_at=row.requested_at,
        requested_by="" if name is None else f"{name}（{badge}）",
        library_revision=row.library_revision,
        started_at=row.started_at,
        beat_at=row.beat_at,
        ended_at=row.ended_at,
        attempts=row.attempts,
        cancel_requested=row.cancel_requested,
        progress=None if row.progress is None else codec(Progress).decode(row.progress),
        summary=None if row.report is None else codec(BuildSummary).decode(row.report),
        build_id=row.build_id,
        error=row.error,
    )


def one_build(session: Session, build_id: int) -> Build | None:
    """The build of that number as it is in this transaction, None if there is none."""
    session.flush()
    found = session.execute(select_builds().where(BuildRow.id == build_id)).first()
    return None if found is None else build_of(*found)
