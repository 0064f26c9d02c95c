"""What becomes of builds whose server died."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import update

from study_bot.accounts.audit import entries
from study_bot.accounts.roles import SYSTEM, Actor
from study_bot.documents.build_queue import ATTEMPTS, DEAD_AFTER, BuildQueue
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_rows import Build, BuildKind, BuildState, BuildSummary
from study_bot.index import publish
from study_bot.index.lock import writer_lock
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.library_tables import BuildRow
from study_bot.types import BuildReport, FileReport, Progress
from tests.documents.build_fakes import build_settings

SUMMARY = BuildSummary.of(
    BuildReport("b", (FileReport("a.txt", error="坏了"), FileReport("b.txt", warnings=("怪",))), 5, 4, 3, 2, 1, 0.5)
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = build_settings(tmp_path)
    made.index_dir.mkdir()
    return made


@pytest.fixture
def here(database: Database, settings: Settings) -> BuildQueue:
    return BuildQueue(database, settings.index_dir, "here")


def claimed(queue: BuildQueue) -> Build:
    build = queue.claim()
    assert build is not None
    return build


def test_taken_in_the_order_of_asking(builds: Builds, boss: Actor, here: BuildQueue) -> None:
    first = builds.request(boss)
    assert here.anything_to_do() and here.anything_queued()
    assert claimed(here).id == first.id
    second = builds.request(boss)
    assert claimed(here).id == second.id
    assert here.claim() is None
    assert here.anything_to_do() and not here.anything_queued()


def test_progress_is_written_and_read(builds: Builds, boss: Actor, here: BuildQueue) -> None:
    number = builds.request(boss).id
    build = claimed(here)
    here.started(build, 7, 4242)
    progress = Progress("读取文献", 3, 9, "个文件", "甲.txt", 1.5, 4.0)
    here.beat(build, progress)
    here.beat(build, None)
    now = builds.get(number)
    assert (now.progress, now.library_revision, now.attempts) == (progress, 7, 1)
    here.finish(build, 7, "20260101T000000000-abcdef", SUMMARY)
    done = builds.get(number)
    assert (done.state, done.summary, done.progress) == (BuildState.DONE, SUMMARY, None)
    assert (SUMMARY.files, SUMMARY.failures, SUMMARY.warnings, SUMMARY.failed[0].error) == (1, 1, 1, "坏了")


def test_an_end_is_final(builds: Builds, boss: Actor, here: BuildQueue, database: Database) -> None:
    number = builds.request(boss).id
    build = claimed(here)
    here.fail(build, "磁盘满了")
    here.finish(build, 1, "b", SUMMARY)
    here.cancelled(build)
    here.put_back(build)
    ended = builds.get(number)
    assert (ended.state, ended.error) == (BuildState.FAILED, "磁盘满了")
    with database.read() as session:
        assert [entry.action for entry in entries(session)] == ["index.request", "index.fail"]


def test_a_dead_one_is_begun_again_once(builds: Builds, boss: Actor, here: BuildQueue, database: Database) -> None:
    number = builds.request(boss).id
    for attempt in range(1, ATTEMPTS + 1):
        assert claimed(here).attempts == attempt
        here.recover()
    failed = builds.get(number)
    assert failed.state is BuildState.FAILED
    assert failed.error is not None and "中断" in failed.error and "原有索引未受影响" in failed.error
    with database.read() as session:
        assert [entry.action for entry in entries(session)] == ["index.request", "index.again", "index.fail"]


def test_one_put_back_in_good_order_does_not_count(builds: Builds, boss: Actor, here: BuildQueue) -> None:
    number = builds.request(boss).id
    for _ in range(ATTEMPTS + 2):
        here.put_back(claimed(here))
    waiting = builds.get(number)
    assert (waiting.state, waiting.started_at, waiting.attempts) == (BuildState.QUEUED, None, 0)


@pytest.mark.parametrize("way", ["recover", "put_back"])
def test_one_that_was_to_stop_is_not_begun_again(way: str, builds: Builds, boss: Actor, here: BuildQueue) -> None:
    number = builds.request(boss).id
    build = claimed(here)
    builds.cancel(boss, number)
    here.recover() if way == "recover" else here.put_back(build)
    assert builds.get(number).state is BuildState.CANCELLED


def test_another_machine_is_believed_for_a_while(
    builds: Builds, boss: Actor, here: BuildQueue, settings: Settings, database: Database
) -> None:
    there = BuildQueue(database, settings.index_dir, "there")
    number = builds.request(boss).id
    claimed(there)
    here.recover()
    assert builds.get(number).state is BuildState.RUNNING
    with database.write() as session:
        session.execute(update(BuildRow).values(beat_at=utc_now() - DEAD_AFTER - dt.timedelta(seconds=1)))
    here.recover()
    assert builds.get(number).state is BuildState.QUEUED


@pytest.mark.parametrize("happened", [True, False])
def test_going_back_that_was_cut_short(
    happened: bool, builds: Builds, here: BuildQueue, settings: Settings, database: Database
) -> None:
    wanted, other = "20260101T000000000-abcdef", "20260102T000000000-abcdef"
    publish.make_live(settings.index_dir, wanted if happened else other)
    with database.write() as session:
        session.add(
            BuildRow(
                kind=BuildKind.ROLL_BACK.value,
                state=BuildState.RUNNING.value,
                requested_at=utc_now(),
                build_id=wanted,
            )
        )
    with writer_lock(settings.index_dir):  # somebody is at work on it
        here.recover()
        assert builds.recent()[0].state is BuildState.RUNNING
    here.recover()
    assert builds.recent()[0].state is (BuildState.DONE if happened else BuildState.FAILED)
    assert (builds.recent()[0].error is None) == happened


def test_those_who_wait_are_told_why(builds: Builds, here: BuildQueue) -> None:
    number = builds.request(SYSTEM).id
    here.note_waiting("另一个程序正在写入")
    progress = builds.get(number).progress
    assert progress is not None and progress.detail == "另一个程序正在写入"
    assert claimed(here).progress is None
