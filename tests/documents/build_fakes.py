"""People, a folder that stands for what is published, and a process that builds without a real model."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from study_bot.accounts.roles import Actor, Person, Role
from study_bot.documents.rows import LIBRARY_REVISION
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database
from study_bot.storage.library_tables import StateRow
from study_bot.storage.people_tables import PersonRow
from tests.support import PROJECT_ROOT

_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from study_bot.documents import build_child
from tests.index.builder_fakes import FakeEncoder
build_child.main(lambda settings: FakeEncoder(seconds_a_text=float(sys.argv[2])))
"""


def child(seconds_a_text: float = 0.0) -> tuple[str, ...]:
    """A command that builds with the encoder of the tests, which takes its time."""
    return (sys.executable, "-c", _CHILD, str(PROJECT_ROOT), str(seconds_a_text))


def build_settings(folder: Path) -> Settings:
    """Those of `tests.index.builder_fakes`, below `folder`."""
    return Settings(
        data_dir=folder / "data",
        index_dir=folder / "index",
        passage_chars=120,
        passage_max_chars=200,
        keep_builds=3,
        ocr=False,
        threads=1,
    )


@dataclass
class Library:
    """What is published, and its state."""

    path: Path
    revision: int = 1
    is_empty: bool = False

    def __call__(self) -> Library:
        return self


def someone(database: Database, role: Role) -> Actor:
    """Somebody with an account of that role."""
    with database.write() as session:
        row = PersonRow(badge=f"b-{role.value}", name="张三", role=role.value, must_change=False, created_at=utc_now())
        session.add(row)
        session.flush()
        return Actor(Person(row.id, row.badge, row.name, role), "127.0.0.1")


def set_library_revision(database: Database, revision: int) -> None:
    with database.write() as session:
        session.merge(StateRow(name=LIBRARY_REVISION, value=revision))


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
