"""A new build reaches everybody who serves the index, without a restart and without a question waiting for it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.accounts.roles import SYSTEM
from study_bot.documents.build_requests import Builds
from study_bot.index import store as store_module
from study_bot.index.store import Snapshot, SnapshotStore
from study_bot.services import Services
from study_bot.storage.database import open_database
from tests.documents.build_fakes import build_settings, wait_for
from tests.index.builder_fakes import FakeEncoder, build, prose_text, write_library
from tests.support import PROJECT_ROOT

# A process that serves the index given and says what it serves whenever that changes.
_OTHER = """
import sys, time
from pathlib import Path
from study_bot.index import store as store_module
store_module.CHECK_EVERY_S = 0.02
store = store_module.SnapshotStore(Path(sys.argv[1]))
said = None
with store.following():
    while True:
        if (now := store.current().build_id) != said:
            said = now
            print(said, flush=True)
        time.sleep(0.01)
"""


@pytest.fixture
def others(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that serve `tmp_path/index`, which must exist; started when the test asks for the first."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def add_talk(library: Path, topic: str) -> None:
    (library / f"关于{topic}的讲话.txt").write_text(prose_text(topic), encoding="utf-8")


def test_every_process_notices(tmp_path: Path, others: list[subprocess.Popen[str]]) -> None:
    settings = build_settings(tmp_path)
    library = write_library(tmp_path / "文献")
    first = build(library, settings.index_dir).build_id
    for _ in range(2):
        command = [sys.executable, "-c", _OTHER, str(settings.index_dir)]
        others.append(subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True))

    def said() -> list[str]:
        return [process.stdout.readline().strip() for process in others if process.stdout is not None]

    assert said() == [first, first]
    add_talk(library, "植树")
    second = build(library, settings.index_dir).build_id
    assert said() == [second, second]
    database = open_database("", settings.data_dir)
    builds = Builds(database, settings)
    builds.roll_back(SYSTEM, first)
    assert said() == [first, first]
    builds.roll_back(SYSTEM, second)
    assert said() == [second, second]
    database.close()


def test_no_question_waits_for_a_new_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "CHECK_EVERY_S", 0.02)
    settings = build_settings(tmp_path)
    library = write_library(tmp_path / "文献")
    build(library, settings.index_dir)
    services = Services(settings, SnapshotStore(settings.index_dir), FakeEncoder)
    opened_by: list[str] = []
    genuine = Snapshot.open

    def open_noted(folder: Path) -> Snapshot:
        opened_by.append(threading.current_thread().name)
        return genuine(folder)

    monkeypatch.setattr(Snapshot, "open", open_noted)
    services.warm_up()
    assert opened_by == [threading.current_thread().name]
    for topic in ("植树", "种花", "养鱼"):
        add_talk(library, topic)
        new = build(library, settings.index_dir)
        wait_for(lambda new=new: services.answer("值守人员巡查时应当做什么？").build_id == new.build_id)
    assert opened_by[1:] == ["new-builds"] * 3
    services.close()
    assert "new-builds" not in {thread.name for thread in threading.enumerate()}
