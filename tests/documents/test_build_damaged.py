"""An index whose CURRENT is damaged, and one that was not made from the library."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from study_bot.accounts.roles import SYSTEM, Actor
from study_bot.documents import build_runner
from study_bot.documents.build_queue import BuildQueue
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_rows import BuildState, BuildSummary
from study_bot.documents.build_runner import BuildRunner
from study_bot.index.store import SnapshotStore
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.types import BuildReport
from tests.documents.build_fakes import Library, build_settings, child, set_library_revision, wait_for
from tests.index.builder_fakes import live


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return build_settings(tmp_path)


def made_from_library(database: Database, settings: Settings, build_id: str, revision: int) -> None:
    """Note that a build on disk was asked for in the browser."""
    queue = BuildQueue(database, settings.index_dir, "here")
    Builds(database, settings).request(SYSTEM)
    claimed = queue.claim()
    assert claimed is not None
    queue.finish(claimed, revision, build_id, BuildSummary.of(BuildReport("b", (), 1, 1, 1, 0, 0, 1.0)))


def damage(settings: Settings) -> None:
    (settings.index_dir / "CURRENT").write_text("garbage\n", encoding="utf-8")


def test_one_can_see_what_is_wrong_and_go_back(
    builds: Builds, boss: Actor, settings: Settings, database: Database, two_builds: tuple[str, str]
) -> None:
    old, new = two_builds
    set_library_revision(database, 2)
    made_from_library(database, settings, old, 1)
    made_from_library(database, settings, new, 2)
    assert builds.trouble() is None and not builds.due()
    damage(settings)
    trouble = builds.trouble()
    assert trouble is not None and "CURRENT" in trouble and "library update" in trouble
    assert builds.live_revision() is None
    assert builds.stale() and builds.due() and not builds.foreign()
    assert [(earlier.build_id, earlier.library_revision) for earlier in builds.earlier()] == [(new, 2), (old, 1)]
    assert builds.roll_back(boss, old).state is BuildState.DONE
    assert builds.trouble() is None
    assert SnapshotStore(settings.index_dir).current().build_id == old
    assert builds.gone_back() and builds.stale() and not builds.due()
    damage(settings)
    assert builds.due(), "what was gone back to is lost"


def test_a_live_build_that_lost_a_file(
    builds: Builds, settings: Settings, database: Database, two_builds: tuple[str, str]
) -> None:
    set_library_revision(database, 2)
    made_from_library(database, settings, two_builds[1], 2)
    assert not builds.due()
    (settings.index_dir / two_builds[1] / "passages.jsonl").unlink()
    assert "passages.jsonl" in (builds.trouble() or "")
    assert not builds.stale() and builds.due()


def test_an_index_from_elsewhere(
    builds: Builds, boss: Actor, settings: Settings, database: Database, two_builds: tuple[str, str]
) -> None:
    old, new = two_builds
    assert builds.foreign()
    damage(settings)
    assert builds.foreign() and not builds.due(), "nothing is managed here"
    made_from_library(database, settings, old, 1)
    assert not builds.foreign()
    builds.roll_back(boss, new)
    assert builds.foreign()


def test_without_any_build(builds: Builds, settings: Settings) -> None:
    assert not builds.foreign() and builds.trouble() is None
    settings.index_dir.mkdir()
    damage(settings)
    assert not builds.foreign() and builds.trouble() is not None


def test_a_killed_server_leaves_a_queue_and_a_damaged_current(
    tmp_path: Path,
    builds: Builds,
    settings: Settings,
    database: Database,
    two_builds: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build_runner, "POLL_S", 0.05)
    first = builds.request(SYSTEM).id
    assert BuildQueue(database, settings.index_dir, socket.gethostname()).claim() is not None  # and then it was killed
    second = builds.request(SYSTEM).id
    damage(settings)
    runner = BuildRunner(database, settings, Library(tmp_path / "文献"), child())
    runner.start()
    try:
        wait_for(lambda: builds.get(second).state.is_final)
    finally:
        runner.stop()
    done, after = builds.get(first), builds.get(second)
    assert (done.state, done.attempts, after.state) == (BuildState.DONE, 2, BuildState.DONE)
    assert done.summary is not None and done.summary.published
    assert "CURRENT" in (done.summary.rebuild_reason or "")
    assert live(settings.index_dir).build_id == done.build_id == after.build_id
    assert builds.trouble() is None
    assert set(two_builds) <= {earlier.build_id for earlier in builds.earlier()}
