"""What an admin may ask of the index: build it, stop building, go back to an earlier build; and what was asked so far.

Asking only writes a row. The runner of one of the server processes does the work: see build_runner.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from study_bot.accounts import audit
from study_bot.accounts.roles import Actor, Role
from study_bot.documents.build_earlier import EarlierBuild, live_manifest, manifests, obstacle
from study_bot.documents.build_rows import Build, BuildKind, BuildState, build_of, one_build, select_builds
from study_bot.documents.rows import library_revision
from study_bot.documents.stored import FileState
from study_bot.errors import ConflictError, DamagedIndexError, NotFoundError, StudyBotError
from study_bot.index import publish
from study_bot.index.builder import made_otherwise
from study_bot.index.manifest import read_manifest
from study_bot.index.snapshot_io import verify
from study_bot.index.store import SnapshotStore
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.library_tables import BuildRow, FileRow

_REQUEST_LOCK = 7_303_463
_WAITING_OR_RUNNING = (BuildState.QUEUED.value, BuildState.RUNNING.value)


class Builds:
    """Requests to build the index, in the database; the builds themselves, on disk. Safe for many threads."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self.settings, self._index_dir = settings, settings.index_dir
        self._store = SnapshotStore(settings.index_dir)

    def request(self, actor: Actor) -> Build:
        """Ask for a build of what is published when it begins.

        One that is waiting already will do: it is given back, `joined`. One that runs will not, as it may have begun
        before the last change: the new one waits for it to end.

        :raises AccessError: the actor is not an admin.
        """
        actor.allow(Role.ADMIN)
        with self._database.write() as session:
            _one_at_a_time(session)
            waiting = session.scalar(
                select(BuildRow.id).where(
                    BuildRow.kind == BuildKind.BUILD.value, BuildRow.state == BuildState.QUEUED.value
                )
            )
            if waiting is not None:
                return replace(_known(session, waiting), joined=True)
            row = BuildRow(kind=BuildKind.BUILD.value, state=BuildState.QUEUED.value, requested_at=utc_now())
            row.requested_by = actor.person_id
            session.add(row)
            session.flush()
            build = _known(session, row.id)
            audit.append(session, actor, "index.request", build.subject)
            return build

    def cancel(self, actor: Actor, build_id: int) -> Build:
        """Stop a build: at once if it waits, soon if it runs. The live index stays as it is.

        :param build_id: number of the request, `Build.id`.
        :raises AccessError: the actor is not an admin.
        :raises NotFoundError: there is no such request.
        :raises ConflictError: it has ended, or is going back to an earlier build, which takes a moment only.
        """
        actor.allow(Role.ADMIN)
        with self._database.write() as session:
            build = _known(session, build_id, lock=True)
            if build.state.is_final:
                raise ConflictError(f"这次任务已经结束（{build.state.label}），不能再取消。请刷新页面查看结果。")
            if build.kind is BuildKind.ROLL_BACK:
                raise ConflictError("回退只需片刻，不能取消。完成后可以再回退到别的索引。")
            values: dict[str, object] = {"cancel_requested": True}
            if build.state is BuildState.QUEUED:
                values |= {"state": BuildState.CANCELLED.value, "ended_at": utc_now(), "progress": None}
            session.execute(update(BuildRow).where(BuildRow.id == build_id).values(**values))
            audit.append(session, actor, "index.cancel", build.subject)
            return _known(session, build_id)

    def current(self) -> Build | None:
        """The build that runs, else the one that waits, else None."""
        builds = self._select_active()
        return builds[0] if builds else None

    def waiting(self) -> Build | None:
        """The build that waits, None if none does."""
        return next((build for build in self._select_active() if build.state is BuildState.QUEUED), None)

    def get(self, build_id: int) -> Build:
        """The request of that number.

        :raises NotFoundError: there is none.
        """
        with self._database.read() as session:
            return _known(session, build_id)

    def recent(self, count: int = 20) -> tuple[Build, ...]:
        """The last requests, newest first, whatever became of them."""
        with self._database.read() as session:
            rows = session.execute(select_builds().order_by(BuildRow.id.desc()).limit(count))
            return tuple(build_of(*row) for row in rows)

    def earlier(self) -> tuple[EarlierBuild, ...]:
        """The builds that are kept for going back to, newest first; damaged ones are left out."""
        live = live_manifest(self._index_dir)
        found = [known for known in manifests(self._index_dir) if live is None or known.build_id != live.build_id]
        revisions = self._revisions([manifest.build_id for manifest in found])
        return tuple(
            EarlierBuild(
                build_id=manifest.build_id,
                created=manifest.created,
                files=manifest.files,
                passages=manifest.passages,
                articles=manifest.articles,
                library_revision=revisions.get(manifest.build_id),
                obstacle=obstacle(manifest, live),
            )
            for manifest in found
        )

    def roll_back(self, actor: Actor, build_id: str) -> Build:
        """Make an earlier build live again, in every process that serves this index. Files stay as they are.

        The trail tells of it before it happens, so that nothing happens untold.

        :param build_id: name of the build on disk, `EarlierBuild.build_id`.
        :raises AccessError: the actor is not an admin.
        :raises ConflictError: there is no such build (any more), it is live already, or it was made with another
            embedding model.
        :raises DamagedIndexError: it is damaged.
        :raises BuildInProgressError: a build is running.
        """
        actor.allow(Role.ADMIN)
        live = live_manifest(self._index_dir)
        if live is not None and live.build_id == build_id:
            raise ConflictError("这个索引正在使用，不需要回退。")
        if build_id not in publish.build_ids(self._index_dir):
            raise ConflictError("没有这个索引，可能已被清理。请刷新页面后再选。")
        known = next((manifest for manifest in manifests(self._index_dir) if manifest.build_id == build_id), None)
        if known is not None and (hindrance := obstacle(known, live)) is not None:
            raise ConflictError(hindrance)
        number = 0

        def note() -> None:
            nonlocal number
            number = self._begin_roll_back(actor, build_id, live.build_id if live else None)

        try:
            self._store.rollback(build_id, note)
        except StudyBotError as error:
            if number:
                self._end_roll_back(number, BuildState.FAILED, str(error))
            raise
        return self._end_roll_back(number, BuildState.DONE)

    def library_revision(self) -> int:
        """State of the library: raised by each change to what is published, 0 before the first."""
        with self._database.read() as session:
            return library_revision(session)

    def trouble(self) -> str | None:
        """What is wrong with the live build on disk (a Chinese sentence), None if nothing is or there is none.

        A server that has opened it before goes on answering from it.
        """
        try:
            live = publish.live_build_id(self._index_dir)
            if live is not None:
                verify(self._index_dir / live, read_manifest(self._index_dir / live))
        except DamagedIndexError as error:
            return str(error)
        return None

    def live_revision(self) -> int | None:
        """State of the library that the live build holds.

        None if there is none, CURRENT cannot be read, or it was not made from the library.
        """
        live = publish.readable_live_id(self._index_dir)
        return None if live is None else self._revisions([live]).get(live)

    def foreign(self) -> bool:
        """Whether the live index was not made from the library: a build would put that in its place.

        Where CURRENT cannot be read, whether none of the builds on disk was.
        """
        at_hand: tuple[str, ...]
        try:
            live = publish.live_build_id(self._index_dir)
            at_hand = () if live is None else (live,)
        except DamagedIndexError:
            at_hand = publish.build_ids(self._index_dir)
        return bool(at_hand) and not self._revisions(at_hand)

    def stale(self) -> bool:
        """Whether the library has changed since the live build was made, or that was not made from the library."""
        revision = self.library_revision()
        held = self.live_revision()
        return revision > 0 and (held is None or held < revision)

    def due(self) -> bool:
        """Whether a build is to be asked for at a start: the live one is behind, damaged, or of an older program.

        Not while it is the one that was gone back to on purpose. Another embedding model is not looked for: that would
        mean to load it.
        """
        if self.current() is not None or self.library_revision() == 0:
            return False
        return self.trouble() is not None or ((self.stale() or self._made_otherwise()) and not self.gone_back())

    def _made_otherwise(self) -> bool:
        live = live_manifest(self._index_dir)
        return live is not None and self.live_revision() is not None and made_otherwise(live, self.settings)

    def gone_back(self) -> bool:
        """Whether the live build is one that was gone back to, and nothing was built since."""
        with self._database.read() as session:
            done = select(BuildRow.kind, BuildRow.build_id).where(BuildRow.state == BuildState.DONE.value)
            last = session.execute(done.order_by(BuildRow.id.desc()).limit(1)).first()
        live = publish.readable_live_id(self._index_dir)
        return last is not None and live is not None and tuple(last) == (BuildKind.ROLL_BACK.value, live)

    def published(self) -> dict[str, str]:
        """What an index made now would hold: SHA-256 of each published file, and how people know it."""
        with self._database.read() as session:
            query = select(FileRow.sha256, FileRow.shown_title, FileRow.name).order_by(FileRow.path)
            rows = session.execute(query.where(FileRow.state == FileState.PUBLISHED.value))
            return {sha256: f"《{title}》（{name}）" if title else name for sha256, title, name in rows}

    def _select_active(self) -> tuple[Build, ...]:
        """Those that run, then those that wait, each in the order of asking."""
        with self._database.read() as session:
            rows = session.execute(
                select_builds()
                .where(BuildRow.kind == BuildKind.BUILD.value, BuildRow.state.in_(_WAITING_OR_RUNNING))
                .order_by(BuildRow.state.desc(), BuildRow.id)
            )
            return tuple(build_of(*row) for row in rows)

    def _revisions(self, build_ids: Sequence[str]) -> dict[str, int]:
        """State of the library by build; one that a later request found up to date holds that later state, too."""
        with self._database.read() as session:
            rows = session.execute(
                select(BuildRow.build_id, func.max(BuildRow.library_revision))
                .where(BuildRow.kind == BuildKind.BUILD.value, BuildRow.state == BuildState.DONE.value)
                .where(BuildRow.build_id.in_(build_ids), BuildRow.library_revision.is_not(None))
                .group_by(BuildRow.build_id)
            )
            return {str(build_id): revision for build_id, revision in rows if revision is not None}

    def _begin_roll_back(self, actor: Actor, build_id: str, live: str | None) -> int:
        with self._database.write() as session:
            row = BuildRow(kind=BuildKind.ROLL_BACK.value, state=BuildState.RUNNING.value, build_id=build_id)
            row.requested_at = row.started_at = row.beat_at = utc_now()
            row.requested_by = actor.person_id
            session.add(row)
            session.flush()
            audit.append(session, actor, "index.roll_back", build_id, {"from": live, "task": row.id})
            return row.id

    def _end_roll_back(self, number: int, state: BuildState, error: str | None = None) -> Build:
        with self._database.write() as session:
            values = {"state": state.value, "ended_at": utc_now(), "error": error}
            session.execute(update(BuildRow).where(BuildRow.id == number).values(**values))
            return _known(session, number)


def _one_at_a_time(session: Session) -> None:
    """Two requests at once must not both find that nothing waits. SQLite has one writer at a time anyhow."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _REQUEST_LOCK})


def _known(session: Session, build_id: int, *, lock: bool = False) -> Build:
    if lock:  # a runner may be taking it
        session.execute(select(BuildRow.id).where(BuildRow.id == build_id).with_for_update())
    build = one_build(session, build_id)
    if build is None:
        raise NotFoundError("没有这次建立索引的记录。请刷新页面。")
    return build
