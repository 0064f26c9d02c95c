"""A builder killed at any moment leaves either the old index or the new one, whole."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.index.store import SnapshotStore
from tests.index.builder_fakes import answers, build, leftovers, live, prose_text, write_library
from tests.support import PROJECT_ROOT

KILLS = 20

# A process that has imported everything and forks a builder for each line it reads. A builder says each step it takes.
_BUILDERS = """
import os, sys, time
from pathlib import Path
import bm25s, faiss, rjieba  # imported here, so that the steps are those of the build
from tests.index.builder_fakes import FakeEncoder, build

WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "sqlite3.connect", "subprocess.Popen"}

def step(*_):
    os.write(1, b"step\\n")
    time.sleep(0.002)  # a slow disk and a slow model: there is time to be killed in every step

def audit(event, _):
    if event in WATCHED:
        step()

class Encoder(FakeEncoder):
    def _vector(self, text):
        step()
        return super()._vector(text)

fsync = os.fsync
for _ in sys.stdin:
    if (pid := os.fork()) == 0:
        os.write(1, f"{os.getpid()}\\n".encode())
        os.fsync = lambda descriptor: (step(), fsync(descriptor))
        sys.addaudithook(audit)
        build(Path(sys.argv[1]), Path(sys.argv[2]), Encoder())
        os._exit(0)
    os.waitpid(pid, 0)
    os.write(1, b"gone\\n")
"""


class Builders:
    """Builders to be killed, one after the other."""

    def __init__(self, library: Path, index_dir: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BUILDERS, library, index_dir],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, steps: int | None = None, then_wait: float = 0.0) -> int:
        """Start a builder and kill it after so many steps and seconds; None = let it finish. The steps it took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        taken = 0
        while taken != steps:
            if self._process.stdout.readline() == "gone\n":
                return taken
            taken += 1
        time.sleep(then_wait)
        with contextlib.suppress(ProcessLookupError):  # it was done
            os.kill(pid, signal.SIGKILL)
        while self._process.stdout.readline() != "gone\n":
            pass
        return taken

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write_library(tmp_path / "文献")


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def builders(library: Path, index_dir: Path) -> Iterator[Builders]:
    started = Builders(library, index_dir)
    yield started
    started.close()


def test_killed_at_twenty_moments(library: Path, index_dir: Path, builders: Builders) -> None:
    build(library, index_dir)
    talk = library / "关于植树的讲话.txt"

    def change(number: int) -> str:
        """Work for the next build: every passage of one document is new."""
        talk.write_text(prose_text(f"第{number}批植树", 16), encoding="utf-8")
        return f"第{number}批植树的第1点"

    change(0)
    all_steps = builders.run()
    assert all_steps > 3 * KILLS
    assert any("第0批植树" in passage.text for passage in live(index_dir).passages)

    moments = random.Random(20260301)
    outcomes = {"old": 0, "new": 0}
    for number in range(1, KILLS + 1):
        before = answers(live(index_dir))
        words = change(number)
        # A random step in each twentieth of the build, and a random moment in it; the last ones are past the end.
        builders.run(int(all_steps * 1.1 * (number - moments.random()) / KILLS), moments.random() * 0.01)

        snapshot = SnapshotStore(index_dir).current()
        if snapshot.build_id == before[0]:
            assert answers(snapshot) == before
            outcomes["old"] += 1
        else:
            assert any(words in passage.text for passage in snapshot.passages)
            assert len(snapshot.passages) == snapshot.manifest.passages
            assert all(snapshot.text(v.version_id).text for v in snapshot.versions)
            outcomes["new"] += 1
        report = build(library, index_dir)
        assert report.published == (snapshot.build_id == before[0])
        assert any(words in passage.text for passage in live(index_dir).passages)
        assert leftovers(index_dir) == []
    assert outcomes["old"] >= KILLS // 2
    assert outcomes["new"] >= 1


def test_what_a_kill_left_behind_is_removed(library: Path, index_dir: Path, builders: Builders) -> None:
    first = build(library, index_dir)
    (library / "关于植树的讲话.txt").write_text(prose_text("植树", 40), encoding="utf-8")
    steps = 0
    while not leftovers(index_dir):
        steps += 5
        builders.run(steps)
    assert live(index_dir).build_id == first.build_id
    assert build(library, index_dir).published
    assert leftovers(index_dir) == []


def test_a_whole_build_that_was_never_named_does_no_harm(library: Path, index_dir: Path) -> None:
    first = build(library, index_dir)
    unnamed = "99990101T000000000-abcdef"
    shutil.copytree(index_dir / first.build_id, index_dir / unnamed)
    assert live(index_dir).build_id == first.build_id
    assert not build(library, index_dir).published
