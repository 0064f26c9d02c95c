"""Kills workers at random moments, and looks at what is left of the site."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from study_bot.accounts import audit
from study_bot.documents.content import ContentStore
from study_bot.maintenance.site import Site, open_site
from study_bot.storage.database import Database
from study_bot.storage.library_tables import FileRow
from tests.chaos.work import database_url
from tests.maintenance.sites import leftovers, settings_in
from tests.support import PROJECT_ROOT

_PAST_THE_END = 1.1
"""Moments are spread over the steps of a whole run and a little more: some workers are done before they are killed."""


@dataclass
class Run:
    """What became of one worker: the steps it took, what it said was done, whether it was killed before its end."""

    steps: int = 0
    said: list[Any] = field(default_factory=list)
    killed: bool = False


class Workers:
    """Workers to be killed, one after the other, forked by a process that has imported everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.chaos.work"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, work: str, number: int, steps: int | None = None, then_wait: float = 0.0) -> Run:
        """Start a worker and kill it after so many steps and seconds; None = let it finish."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"work": work, "folder": str(self.folder), "number": number}) + "\n")
        self._process.stdin.flush()
        pid = int(self._line())
        run = Run()
        while (line := self._line()) and not line.startswith("gone"):
            if line != "step":
                run.said.append(json.loads(line))
                continue
            run.steps += 1
            if run.steps == steps:
                time.sleep(then_wait)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        code = int(line.split()[1])
        run.killed = code == -signal.SIGKILL
        assert run.killed or code == 0, f"the worker failed by itself ({code})"
        return run

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def workers(folder: Path) -> Iterator[Workers]:
    """Workers on the site in `folder`, ended afterwards."""
    made = Workers(folder)
    try:
        yield made
    finally:
        made.close()


def moments(whole: int, kills: int, seed: int) -> Iterator[tuple[int, float]]:
    """A random step in each equal part of a whole run, and a random moment in it, in random order."""
    chance = random.Random(seed)
    found = [
        (max(1, int(whole * _PAST_THE_END * (number - chance.random()) / kills)), chance.random() * 0.01)
        for number in range(1, kills + 1)
    ]
    chance.shuffle(found)
    yield from found


@contextlib.contextmanager
def started_again(folder: Path) -> Iterator[Site]:
    """The site after its next start, whole: the trail, the bytes of every file, nothing half done left over."""
    settings = settings_in(folder, database_url(folder))
    with open_site(settings) as site:
        check_trail(site.database)
        check_files(site)
        left = [name for name in leftovers(settings) if "/incoming/" not in name]
        assert left == [], left
        yield site


def check_trail(database: Database) -> None:
    """No line of the trail is missing or changed."""
    assert audit.verify(database).broken_at is None


def check_files(site: Site) -> None:
    """Every row of a file has its bytes; what is published was understood, and is in the trail."""
    content = ContentStore(site.settings.data_dir / "content")
    with site.database.read() as session:
        rows = session.scalars(select(FileRow)).all()
        given = sum(entry.action == "file.give" for entry in audit.entries(session))
    for row in rows:
        data = content.path(row.sha256).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (row.sha256, row.size)
        if row.state == "published":
            assert row.understood is not None and row.error is None and row.published_at is not None
    assert given in (0, len(rows)), "a row and its line in the trail come together; none were given in made-up sites"
