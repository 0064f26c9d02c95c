"""Servers and building processes killed at any moment: the live index is whole, the request is not forgotten."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.accounts.audit import verify
from study_bot.accounts.roles import SYSTEM
from study_bot.documents.build_requests import Builds
from study_bot.documents.build_rows import Build, BuildState
from study_bot.index.store import SnapshotStore
from study_bot.storage.database import open_database
from study_bot.storage.library_tables import BuildRow
from tests.documents.build_fakes import build_settings, wait_for
from tests.index.builder_fakes import answers, build, leftovers, live, prose_text, write_library
from tests.support import PROJECT_ROOT

# A server without pages: it opens the database and builds what is asked for, until it is killed.
_SERVER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from study_bot.documents import build_runner
from study_bot.storage.database import open_database
from tests.documents.build_fakes import Library, build_settings, child
folder = Path(sys.argv[2])
build_runner.POLL_S = build_runner.BEAT_S = 0.05
settings = build_settings(folder)
database = open_database("", settings.data_dir)
build_runner.BuildRunner(database, settings, Library(folder / "文献"), child(0.02)).start()
print("ready", flush=True)
time.sleep(3600)
"""


class Killing:
    """A library that changes for each build, and a server that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = build_settings(folder)
        self.library = write_library(folder / "文献")
        build(self.library, self.settings.index_dir)
        self.database = open_database("", self.settings.data_dir)
        self.builds = Builds(self.database, self.settings)
        self.server: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the server if there is none."""
        if self.server is not None:
            return
        self.server = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(PROJECT_ROOT), str(self.folder)], stdout=subprocess.PIPE, text=True
        )
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == "ready\n"

    def kill_server(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.communicate()
        self.server = None

    def change(self, number: int) -> str:
        """Work for the next build; words that only it holds."""
        (self.library / "关于植树的讲话.txt").write_text(prose_text(f"第{number}批植树", 24), encoding="utf-8")
        return f"第{number}批植树的第1点"

    def pid(self, number: int) -> int:
        with self.database.read() as session:
            return session.get_one(BuildRow, number).pid or 0

    def begun(self, number: int) -> int:
        """The process that builds, once it is known; 0 if the build has ended."""
        wait_for(lambda: self.pid(number) or self.builds.get(number).state.is_final)
        return self.pid(number)

    def ended(self, number: int) -> Build:
        wait_for(lambda: self.builds.get(number).state.is_final)
        return self.builds.get(number)

    def close(self) -> None:
        if self.server is not None:
            self.kill_server()
        self.database.close()


@pytest.fixture
def killing(tmp_path: Path) -> Iterator[Killing]:
    made = Killing(tmp_path)
    yield made
    made.close()


def kill_again_and_again(killing: Killing, kills: int, seed: int) -> dict[str, int]:
    """Kill the server and the building process by turns; how often the old or the new index was live afterwards."""
    moments = random.Random(seed)
    words = killing.change(0)
    killing.start()
    request = killing.builds.request(SYSTEM).id
    assert killing.begun(request)
    started = time.monotonic()
    assert killing.ended(request).state is BuildState.DONE
    whole = time.monotonic() - started
    outcomes = {"old": 0, "new": 0}
    for number in range(1, kills + 1):
        before = answers(live(killing.settings.index_dir))
        words = killing.change(number)
        killing.start()
        request = killing.builds.request(SYSTEM).id
        pid = killing.begun(request)
        # One moment in each part of a build, in no order of who is killed; the last ones are past the end.
        time.sleep(whole * 1.1 * (number - moments.random()) / kills)
        server_dies = number % 2 == 0
        if server_dies:
            killing.kill_server()
            wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists() or not pid, 20)
        elif pid and Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)
            killing.ended(request)

        snapshot = SnapshotStore(killing.settings.index_dir).current()
        if snapshot.build_id == before[0]:
            assert answers(snapshot) == before
            outcomes["old"] += 1
        else:
            assert any(words in passage.text for passage in snapshot.passages)
            assert all(snapshot.text(version.version_id).text for version in snapshot.versions)
            outcomes["new"] += 1

        killing.start()
        ended = killing.ended(request)
        if server_dies:
            assert ended.state is BuildState.DONE
        elif ended.state is BuildState.FAILED:
            assert ended.error is not None and "原有索引未受影响" in ended.error
            assert killing.ended(killing.builds.request(SYSTEM).id).state is BuildState.DONE
        assert any(words in passage.text for passage in live(killing.settings.index_dir).passages)
        assert leftovers(killing.settings.index_dir) == []
        assert killing.builds.current() is None
    assert verify(killing.database).broken_at is None
    return outcomes


@pytest.mark.slow
def test_killed_at_some_moments(killing: Killing) -> None:
    assert sum(kill_again_and_again(killing, 2, 20260301).values()) == 2


@pytest.mark.bench
def test_killed_at_many_moments(killing: Killing) -> None:
    outcomes = kill_again_and_again(killing, 30, 20260302)
    sys.stdout.write(f"\n30 kills: old index live after {outcomes['old']}, new one after {outcomes['new']}\n")
    assert outcomes["old"] and outcomes["new"]
