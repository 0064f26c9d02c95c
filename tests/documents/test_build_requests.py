"""What may be asked of the index, by whom, and what is kept of it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from study_bot.accounts.audit import entries, verify
from study_bot.accounts.roles import SYSTEM, Actor, Role
from study_bot.documents.build_queue import BuildQueue
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_rows import BuildKind, BuildState, BuildSummary
from study_bot.errors import (
    AccessError,
    BuildInProgressError,
    ConflictError,
    DamagedIndexError,
    NotFoundError,
)
from study_bot.index import lock
from study_bot.index.lock import writer_lock
from study_bot.index.store import SnapshotStore
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.types import BuildReport
from tests.documents.build_fakes import build_settings, set_library_revision, someone
from tests.index.builder_fakes import FakeEncoder, build


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return build_settings(tmp_path)


@pytest.fixture
def queue(database: Database, settings: Settings) -> BuildQueue:
    return BuildQueue(database, settings.index_dir, "here")


def actions(database: Database) -> list[tuple[str, str]]:
    assert verify(database).broken_at is None
    with database.read() as session:
        return [(entry.action, entry.subject) for entry in entries(session)]


def summary() -> BuildSummary:
    return BuildSummary.of(BuildReport("b", (), 1, 1, 1, 0, 0, 1.0))


class TestWhoMayAsk:
    @pytest.mark.parametrize("role", [None, Role.OFFICER, Role.UNIT_ADMIN])
    def test_only_admins(
        self, role: Role | None, builds: Builds, database: Database, two_builds: tuple[str, str], boss: Actor
    ) -> None:
        actor = Actor(None) if role is None else someone(database, role)
        waiting = builds.request(boss)
        before = actions(database)
        for ask in (
            lambda: builds.request(actor),
            lambda: builds.cancel(actor, waiting.id),
            lambda: builds.roll_back(actor, two_builds[0]),
        ):
            with pytest.raises(AccessError):
                ask()
        assert builds.recent() == (waiting,)
        assert actions(database) == before

    def test_the_program_itself(self, builds: Builds) -> None:
        assert builds.request(SYSTEM).requested_by == ""


class TestRequests:
    def test_a_request_waits_and_is_told_of(self, builds: Builds, boss: Actor, database: Database) -> None:
        assert builds.current() is None
        build = builds.request(boss)
        assert (build.kind, build.state, build.joined) == (BuildKind.BUILD, BuildState.QUEUED, False)
        assert build.requested_by == "张三（b-admin）"
        assert builds.current() == builds.waiting() == builds.get(build.id) == build
        assert actions(database) == [("index.request", "建立索引 1")]

    def test_a_second_request_joins_the_one_that_waits(self, builds: Builds, boss: Actor, database: Database) -> None:
        first, second = builds.request(boss), builds.request(boss)
        assert second.joined and second.id == first.id
        assert len(builds.recent()) == 1
        assert len(actions(database)) == 1

    def test_requests_at_the_same_moment_are_one(self, builds: Builds, boss: Actor) -> None:
        with ThreadPoolExecutor(6) as pool:
            asked = list(pool.map(lambda _: builds.request(boss), range(12)))
        assert len({build.id for build in asked}) == 1
        assert sum(not build.joined for build in asked) == 1

    def test_a_request_while_one_runs_waits_for_it(self, builds: Builds, boss: Actor, queue: BuildQueue) -> None:
        first = builds.request(boss)
        assert queue.claim() is not None
        second = builds.request(boss)
        assert not second.joined and second.id != first.id
        current, waiting = builds.current(), builds.waiting()
        assert current is not None and (current.id, current.state) == (first.id, BuildState.RUNNING)
        assert waiting is not None and waiting.id == second.id
        assert [build.id for build in builds.recent()] == [second.id, first.id]


class TestCancelling:
    def test_one_that_waits_is_over_at_once(self, builds: Builds, boss: Actor, queue: BuildQueue) -> None:
        build = builds.cancel(boss, builds.request(boss).id)
        assert build.state is BuildState.CANCELLED and build.ended_at is not None
        assert builds.current() is None
        assert queue.claim() is None
        with pytest.raises(ConflictError, match="已取消"):
            builds.cancel(boss, build.id)

    def test_one_that_runs_is_asked_to_stop(
        self, builds: Builds, boss: Actor, queue: BuildQueue, database: Database
    ) -> None:
        request = builds.request(boss)
        running = queue.claim()
        assert running is not None
        assert not queue.beat(running, None)
        build = builds.cancel(boss, request.id)
        assert build.state is BuildState.RUNNING and build.cancel_requested
        assert queue.beat(running, None)
        queue.cancelled(running)
        assert builds.get(request.id).state is BuildState.CANCELLED
        assert [action for action, _ in actions(database)] == ["index.request", "index.cancel", "index.cancelled"]

    def test_one_that_is_not_known(self, builds: Builds, boss: Actor) -> None:
        with pytest.raises(NotFoundError, match="没有这次"):
            builds.cancel(boss, 99)
        with pytest.raises(NotFoundError):
            builds.get(99)


class TestGoingBack:
    def test_an_earlier_build_is_live_again(
        self, builds: Builds, boss: Actor, settings: Settings, two_builds: tuple[str, str], database: Database
    ) -> None:
        old, new = two_builds
        assert [earlier.build_id for earlier in builds.earlier()] == [old]
        done = builds.roll_back(boss, old)
        assert (done.kind, done.state, done.build_id) == (BuildKind.ROLL_BACK, BuildState.DONE, old)
        assert SnapshotStore(settings.index_dir).peek() == old
        assert [earlier.build_id for earlier in builds.earlier()] == [new]
        assert actions(database) == [("index.roll_back", old)]
        builds.roll_back(boss, new)
        assert SnapshotStore(settings.index_dir).peek() == new

    def test_what_cannot_be_gone_back_to(
        self, builds: Builds, boss: Actor, settings: Settings, two_builds: tuple[str, str], database: Database
    ) -> None:
        old, new = two_builds
        with pytest.raises(ConflictError, match="正在使用"):
            builds.roll_back(boss, new)
        for name in ("../index", "20260101T000000000-abcdef", ""):
            with pytest.raises(ConflictError):
                builds.roll_back(boss, name)
        (settings.index_dir / old / "passages.jsonl").unlink()
        with pytest.raises(DamagedIndexError):
            builds.roll_back(boss, old)
        assert SnapshotStore(settings.index_dir).peek() == new
        assert builds.recent() == ()
        assert actions(database) == []

    def test_not_to_another_model(
        self, builds: Builds, boss: Actor, settings: Settings, two_builds: tuple[str, str], tmp_path: Path
    ) -> None:
        build(tmp_path / "文献", settings.index_dir, FakeEncoder("fake-model-2"))
        assert all(earlier.obstacle for earlier in builds.earlier())
        with pytest.raises(ConflictError, match="另一个向量模型"):
            builds.roll_back(boss, two_builds[0])

    def test_not_while_a_build_is_written(
        self,
        builds: Builds,
        boss: Actor,
        settings: Settings,
        two_builds: tuple[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(lock, "PATIENCE_S", 0.0)
        with writer_lock(settings.index_dir), pytest.raises(BuildInProgressError):
            builds.roll_back(boss, two_builds[0])
        assert builds.recent() == ()

    def test_where_the_live_build_is_damaged(
        self, builds: Builds, boss: Actor, settings: Settings, two_builds: tuple[str, str]
    ) -> None:
        old, new = two_builds
        shutil.rmtree(settings.index_dir / new)
        assert builds.roll_back(boss, old).state is BuildState.DONE
        assert SnapshotStore(settings.index_dir).current().build_id == old


class TestUpToDate:
    def test_the_library_moves_on(
        self,
        builds: Builds,
        boss: Actor,
        queue: BuildQueue,
        two_builds: tuple[str, str],
        database: Database,
    ) -> None:
        old, new = two_builds

        def built(build_id: str, revision: int) -> None:
            builds.request(boss)
            running = queue.claim()
            assert running is not None
            queue.finish(running, revision, build_id, summary())

        assert not builds.stale() and not builds.due()  # nothing is managed here yet
        set_library_revision(database, 3)
        assert builds.due()
        builds.cancel(boss, builds.request(boss).id)
        assert builds.due()
        builds.request(boss)
        assert not builds.due()
        assert builds.stale() and builds.live_revision() is None
        built(new, 3)
        assert not builds.stale() and builds.live_revision() == 3
        cut_otherwise = builds.settings.model_copy(update={"passage_chars": builds.settings.passage_chars + 1})
        assert not builds.due() and Builds(database, cut_otherwise).due()
        set_library_revision(database, 4)
        assert builds.stale()
        built(new, 4)  # found to hold the same texts
        assert not builds.stale()
        built(old, 1)
        builds.roll_back(boss, old)
        assert builds.stale() and builds.live_revision() == 1
        assert not builds.due()  # it is meant to be so
        assert [earlier.library_revision for earlier in builds.earlier()] == [4]

    def test_no_index(self, builds: Builds, database: Database) -> None:
        assert builds.live_revision() is None
        assert not builds.stale()
        set_library_revision(database, 1)
        assert builds.stale()
        assert builds.earlier() == ()
