"""Builds asked for in the browser, made by a process of their own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from study_bot.accounts.audit import entries
from study_bot.accounts.roles import SYSTEM
from study_bot.documents import build_runner
from study_bot.documents.build_child import NICENESS, settings_for_child
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_rows import Build, BuildState
from study_bot.documents.build_runner import BuildRunner
from study_bot.errors import InputError
from study_bot.index.lock import writer_lock
from study_bot.settings import Settings
from study_bot.storage.database import open_database
from study_bot.storage.library_tables import BuildRow
from tests.documents.build_fakes import Library, build_settings, child, wait_for
from tests.index.builder_fakes import build, leftovers, live, prose_text, write_library

SLOW = 0.2


class Site:
    """A library, its index, and runners that are stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self.settings = build_settings(folder)
        self.library = Library(write_library(folder / "文献"))
        self.database = open_database("", self.settings.data_dir)
        self.builds = Builds(self.database, self.settings)
        self._runners: list[BuildRunner] = []

    def run(self, command: Sequence[str] = child(), library: Callable[[], Library] | None = None) -> BuildRunner:
        runner = BuildRunner(self.database, self.settings, library or self.library, command)
        self._runners.append(runner)
        runner.start()
        return runner

    def ended(self, number: int) -> Build:
        wait_for(lambda: self.builds.get(number).state.is_final)
        return self.builds.get(number)

    def at_work(self, number: int, stage: str = "生成向量") -> Build:
        """The build once it is that far."""

        def there() -> bool:
            progress = self.builds.get(number).progress
            return progress is not None and progress.stage == stage

        wait_for(there)
        return self.builds.get(number)

    def pid(self, number: int) -> int:
        with self.database.read() as session:
            return session.get_one(BuildRow, number).pid or 0

    def close(self) -> None:
        for runner in self._runners:
            runner.stop()
        self.database.close()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(build_runner, "POLL_S", 0.05)
    monkeypatch.setattr(build_runner, "BUSY_S", 0.05)
    monkeypatch.setattr(build_runner, "BEAT_S", 0.05)
    opened = Site(tmp_path)
    yield opened
    opened.close()


def test_what_is_asked_for_is_built_and_live(site: Site) -> None:
    (site.library.path / "空.txt").write_bytes(b"")
    number = site.builds.request(SYSTEM).id
    site.run()
    done = site.ended(number)
    assert (done.state, done.error) == (BuildState.DONE, None)
    assert done.summary is not None and done.summary.published
    assert (done.summary.files, done.summary.failures) == (3, 1)
    assert done.summary.failed[0].path.endswith("空.txt")
    assert live(site.settings.index_dir).build_id == done.build_id
    assert (done.library_revision, site.builds.live_revision()) == (1, 1)
    with site.database.read() as session:
        assert [(entry.action, entry.actor) for entry in entries(session)] == [
            ("index.request", "系统"),
            ("index.publish", "系统"),
        ]
    site.library.revision = 2
    again = site.ended(site.builds.request(SYSTEM).id)
    assert again.summary is not None and not again.summary.published
    assert again.build_id == done.build_id
    assert site.builds.live_revision() == 2


def test_a_fault_of_the_program_is_told_and_the_next_request_has_its_turn(site: Site) -> None:
    faults = iter([True])

    def library() -> Library:
        if next(faults, False):
            raise RuntimeError("a fault")
        return site.library

    number = site.builds.request(SYSTEM).id
    site.run(library=library)
    failed = site.ended(number)
    assert failed.state is BuildState.FAILED and failed.error is not None and "RuntimeError" in failed.error
    assert site.ended(site.builds.request(SYSTEM).id).state is BuildState.DONE


def test_a_library_of_which_all_was_withdrawn_answers_nothing(site: Site) -> None:
    first = site.builds.request(SYSTEM).id
    site.run()
    assert site.ended(first).state is BuildState.DONE
    for path in site.library.path.rglob("*.*"):
        path.unlink()
    lost = site.ended(site.builds.request(SYSTEM).id)
    assert lost.state is BuildState.FAILED and live(site.settings.index_dir).passages
    site.library.is_empty = True
    assert site.ended(site.builds.request(SYSTEM).id).state is BuildState.DONE
    assert not live(site.settings.index_dir).passages
    (site.library.path / "关于植树的讲话.txt").write_text(prose_text("植树"), encoding="utf-8")
    site.library.is_empty = False
    assert site.ended(site.builds.request(SYSTEM).id).state is BuildState.DONE
    assert live(site.settings.index_dir).passages


def test_a_running_build_gives_way_and_can_be_stopped(site: Site) -> None:
    before = build(site.library.path, site.settings.index_dir)
    (site.library.path / "关于植树的讲话.txt").write_text(prose_text("植树", 60), encoding="utf-8")
    number = site.builds.request(SYSTEM).id
    runner = site.run(child(SLOW))
    running = site.at_work(number)
    assert running.state is BuildState.RUNNING and running.beat_at is not None
    pid = site.pid(number)
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    assert b"OMP_NUM_THREADS=1\0" in Path(f"/proc/{pid}/environ").read_bytes()
    waiting = site.builds.request(SYSTEM)
    assert not waiting.joined and waiting.state is BuildState.QUEUED
    site.builds.cancel(SYSTEM, waiting.id)
    site.builds.cancel(SYSTEM, number)
    runner.wake()
    assert site.ended(number).state is BuildState.CANCELLED
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    assert live(site.settings.index_dir).build_id == before.build_id
    assert leftovers(site.settings.index_dir) == []


def test_one_that_does_not_stop_is_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_runner, "STOP_S", 0.2)
    number = site.builds.request(SYSTEM).id
    site.run((sys.executable, "-c", "import time; time.sleep(600)"))
    wait_for(lambda: site.pid(number))
    site.builds.cancel(SYSTEM, number)
    assert site.ended(number).state is BuildState.CANCELLED


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise SystemExit(3)", "代码 3"),
        ("import os; os.kill(os.getpid(), 9)", "内存不足"),
        ("print('{')", "意外结束"),
        ('import os; os.write(1, \'{"progress": "读\'.encode()[:-1])', "意外结束"),
    ],
)
def test_a_process_that_ends_by_itself(script: str, words: str, site: Site) -> None:
    number = site.builds.request(SYSTEM).id
    site.run((sys.executable, "-c", script))
    failed = site.ended(number)
    assert failed.state is BuildState.FAILED
    assert failed.error is not None and words in failed.error and "原有索引未受影响" in failed.error


def test_what_goes_wrong_is_told_and_the_next_one_works(site: Site) -> None:
    empty = site.library.path.with_name("空")
    empty.mkdir()
    libraries = [InputError("文献库里什么都没有。"), OSError(28, "No space left on device"), Library(empty)]

    def library() -> Library:
        if not libraries:
            return site.library
        if isinstance(given := libraries.pop(0), Exception):
            raise given
        return given

    site.run(library=library)
    for words in ("什么都没有", "No space", "没有任何文件"):
        failed = site.ended(site.builds.request(SYSTEM).id)
        assert failed.state is BuildState.FAILED
        assert failed.error is not None and words in failed.error
    assert site.ended(site.builds.request(SYSTEM).id).state is BuildState.DONE


def test_another_program_that_writes_is_waited_for(site: Site) -> None:
    site.settings.index_dir.mkdir()
    with writer_lock(site.settings.index_dir):
        number = site.builds.request(SYSTEM).id
        site.run()
        progress = site.at_work(number, "等待").progress
        assert progress is not None and "另一个程序" in progress.detail
        assert site.builds.get(number).state is BuildState.QUEUED
    done = site.ended(number)
    assert (done.state, done.attempts) == (BuildState.DONE, 1)


def test_a_server_that_stops_leaves_its_build_to_the_next(site: Site) -> None:
    (site.library.path / "关于植树的讲话.txt").write_text(prose_text("植树", 60), encoding="utf-8")
    number = site.builds.request(SYSTEM).id
    runner = site.run(child(SLOW))
    site.at_work(number)
    pid = site.pid(number)
    runner.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert site.builds.get(number).state is BuildState.QUEUED
    site.run()
    done = site.ended(number)
    assert (done.state, done.attempts) == (BuildState.DONE, 1)


def test_of_many_servers_one_builds(site: Site) -> None:
    number = site.builds.request(SYSTEM).id
    for _ in range(3):
        site.run(child(0.02))
    first = site.ended(number)
    second = site.ended(site.builds.request(SYSTEM).id)
    assert (first.attempts, second.attempts) == (1, 1)
    assert [build.state for build in site.builds.recent()] == [BuildState.DONE, BuildState.DONE]
    with site.database.read() as session:
        published = [entry.action for entry in entries(session) if entry.action != "index.request"]
    assert published == ["index.publish", "index.same"]


def test_a_killed_process_fails_its_build_only(site: Site) -> None:
    (site.library.path / "关于植树的讲话.txt").write_text(prose_text("植树", 60), encoding="utf-8")
    number = site.builds.request(SYSTEM).id
    site.run(child(SLOW))
    site.at_work(number)
    os.kill(site.pid(number), signal.SIGKILL)
    assert site.ended(number).state is BuildState.FAILED


def test_a_database_that_is_gone_for_a_while(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.run()
    with site.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE builds RENAME TO elsewhere")
    wait_for(lambda: "暂时不能处理" in caplog.text)
    with site.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE elsewhere RENAME TO builds")
    assert site.ended(site.builds.request(SYSTEM).id).state is BuildState.DONE


def test_settings_reach_the_process_whole(tmp_path: Path) -> None:
    settings = build_settings(tmp_path).model_copy(
        update={"embedding_api_key": Settings(embedding_api_key="geheim").embedding_api_key, "threads": 0}
    )
    values = settings_for_child(settings)
    assert "database_url" not in values
    child_settings = Settings(**values)
    assert child_settings.embedding_api_key.get_secret_value() == "geheim"
    assert child_settings.threads == max(1, (os.cpu_count() or 1) // 2)
    assert child_settings.index_dir == settings.index_dir
    assert child_settings.passage_chars == settings.passage_chars
