"""What a runner writes of requests: taken, how far, ended; and what it makes of those whose runner died."""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path

from sqlalchemy import Select, Update, or_, select, update
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.roles import SYSTEM
from study_bot.documents.build_rows import Build, BuildKind, BuildState, BuildSummary, one_build
from study_bot.errors import BuildInProgressError
from study_bot.index import publish
from study_bot.index.codec import codec
from study_bot.index.lock import writer_lock
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.library_tables import BuildRow
from study_bot.types import Progress

ATTEMPTS = 2
"""A build whose server dies is begun again until it was begun so often."""

DEAD_AFTER = dt.timedelta(minutes=2)
"""A runner on another machine (or on this one under another name) that has not written for so long is dead."""

_ACTIVE = (BuildState.QUEUED.value, BuildState.RUNNING.value)


class BuildQueue:
    """The rows of one index. Whoever calls `recover` or `claim` holds the lock of the runners of this machine."""

    def __init__(self, database: Database, index_dir: Path, host: str) -> None:
        self._database, self._index_dir, self._host = database, index_dir, host

    def anything_to_do(self) -> bool:
        """Whether a request waits or is said to run; a cheap question, asked all the time."""
        with self._database.read() as session:
            return session.scalar(select(BuildRow.id).where(BuildRow.state.in_(_ACTIVE)).limit(1)) is not None

    def anything_queued(self) -> bool:
        """Whether a request waits."""
        with self._database.read() as session:
            return session.scalar(_queued()) is not None

    def recover(self) -> None:
        """Settle what is said to run here: the caller has the lock and runs nothing, so whoever ran it is dead."""
        with self._database.read() as session:
            dead = session.scalars(
                select(BuildRow.id).where(
                    BuildRow.state == BuildState.RUNNING.value,
                    BuildRow.kind == BuildKind.BUILD.value,
                    or_(BuildRow.host == self._host, BuildRow.beat_at < utc_now() - DEAD_AFTER),
                )
            ).all()
            halfway = session.scalars(
                select(BuildRow.id).where(
                    BuildRow.state == BuildState.RUNNING.value, BuildRow.kind == BuildKind.ROLL_BACK.value
                )
            ).all()
        for number in dead:
            self._recover_build(number)
        if halfway:
            self._recover_roll_backs()

    def claim(self) -> Build | None:
        """Take the oldest request that waits; None if there is none."""
        with self._database.write() as session:
            number = session.scalar(_queued().with_for_update())
            if number is None:
                return None
            row = session.get_one(BuildRow, number)
            row.state = BuildState.RUNNING.value
            row.host = self._host
            row.started_at = row.beat_at = utc_now()
            row.attempts += 1
            row.progress, row.error = None, None
            return one_build(session, number)

    def started(self, build: Build, library_revision: int, pid: int) -> None:
        """Note the process that builds, and the state of the library that it builds from."""
        self._set(build, library_revision=library_revision, pid=pid)

    def beat(self, build: Build, progress: Progress | None) -> bool:
        """Note that it runs, and how far it is; whether somebody wants it to stop."""
        values: dict[str, object] = {"beat_at": utc_now()}
        if progress is not None:
            values["progress"] = codec(Progress).encode(progress)
        self._set(build, **values)
        with self._database.read() as session:
            return bool(session.scalar(select(BuildRow.cancel_requested).where(BuildRow.id == build.id)))

    def note_waiting(self, reason: str) -> None:
        """Tell those who wait why nothing happens."""
        with self._database.write() as session:
            waiting = BuildRow.state == BuildState.QUEUED.value
            progress = codec(Progress).encode(Progress("等待", 0, 0, detail=reason))
            session.execute(update(BuildRow).where(waiting).values(progress=progress))

    def finish(self, build: Build, library_revision: int, build_id: str, summary: BuildSummary) -> None:
        """It is done and live."""
        with self._database.write() as session:
            report = codec(BuildSummary).encode(summary)
            if _end(
                session, build, BuildState.DONE, library_revision=library_revision, build_id=build_id, report=report
            ):
                detail = {"task": build.id, "files": summary.files, "failures": summary.failures}
                audit.append(session, SYSTEM, "index.publish" if summary.published else "index.same", build_id, detail)

    def fail(self, build: Build, error: str) -> None:
        """It cannot be done; the live index is as it was."""
        with self._database.write() as session:
            if _end(session, build, BuildState.FAILED, error=error):
                audit.append(session, SYSTEM, "index.fail", build.subject, {"error": error})

    def cancelled(self, build: Build) -> None:
        """It stopped because somebody wanted it to."""
        with self._database.write() as session:
            if _end(session, build, BuildState.CANCELLED):
                audit.append(session, SYSTEM, "index.cancelled", build.subject)

    def put_back(self, build: Build) -> None:
        """It was interrupted in good order, and waits again."""
        with self._database.write() as session:
            row = _running(session, build.id)
            if row is not None and row.cancel_requested:
                _end(session, build, BuildState.CANCELLED)
                audit.append(session, SYSTEM, "index.cancelled", build.subject)
            elif row is not None:
                _requeue(row, attempts=row.attempts - 1)

    def _recover_build(self, number: int) -> None:
        with self._database.write() as session:
            row = _running(session, number)
            build = one_build(session, number)
            if row is None or build is None:
                return
            if build.cancel_requested:
                _end(session, build, BuildState.CANCELLED)
                audit.append(session, SYSTEM, "index.cancelled", build.subject)
            elif build.attempts < ATTEMPTS:
                _requeue(row, attempts=row.attempts)
                audit.append(session, SYSTEM, "index.again", build.subject)
            else:
                error = (
                    f"建立索引时服务连续 {build.attempts} 次中断，已停止重试，原有索引未受影响。"
                    "请检查内存和磁盘后再试。"
                )
                _end(session, build, BuildState.FAILED, error=error)
                audit.append(session, SYSTEM, "index.fail", build.subject, {"error": error})

    def _recover_roll_backs(self) -> None:
        """Those that nobody is at work on: whoever goes back to a build holds the writer lock from before to after."""
        with contextlib.suppress(BuildInProgressError), writer_lock(self._index_dir), self._database.write() as session:
            rows = session.scalars(
                select(BuildRow).where(
                    BuildRow.state == BuildState.RUNNING.value, BuildRow.kind == BuildKind.ROLL_BACK.value
                )
            )
            for row in rows:
                happened = row.build_id is not None and row.build_id == publish.readable_live_id(self._index_dir)
                row.state = (BuildState.DONE if happened else BuildState.FAILED).value
                row.error = None if happened else "回退时服务中断，没有完成，索引未受影响。请再试一次。"
                row.ended_at = utc_now()

    def _set(self, build: Build, **values: object) -> None:
        with self._database.write() as session:
            session.execute(_update_running(build.id).values(**values))


def _queued() -> Select[int]:
    return (
        select(BuildRow.id)
        .where(BuildRow.state == BuildState.QUEUED.value, BuildRow.kind == BuildKind.BUILD.value)
        .order_by(BuildRow.id)
        .limit(1)
    )


def _update_running(number: int) -> Update:
    return update(BuildRow).where(BuildRow.id == number, BuildRow.state == BuildState.RUNNING.value)


def _running(session: Session, number: int) -> BuildRow | None:
    """The row, if it is still said to run, so that it can be changed."""
    row = session.get(BuildRow, number, with_for_update=True)
    return row if row is not None and row.state == BuildState.RUNNING.value else None


def _requeue(row: BuildRow, *, attempts: int) -> None:
    row.state = BuildState.QUEUED.value
    row.attempts = attempts
    row.started_at = row.beat_at = row.pid = row.host = row.progress = None


def _end(session: Session, build: Build, state: BuildState, **values: object) -> bool:
    """Give a running row its end; False if it has one already."""
    values |= {"state": state.value, "ended_at": utc_now(), "progress": None, "pid": None}
    return session.scalar(_update_running(build.id).values(**values).returning(BuildRow.id)) is not None
