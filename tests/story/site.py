"""A site of the tests' own: the program started as an admin starts it, in a folder that was empty before."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import PROJECT_ROOT

START_S = 120
"""Longest time to the first answer; a machine under load loads the model slowly."""


@dataclass(slots=True)
class Site:
    """A server that runs. `password` is that of the first admin, "" if there was one already."""

    folder: Path
    address: str
    password: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Site]:
    """Start `study-bot serve` on the site in `folder`, stop it at the end; gives it once it listens."""
    environment = os.environ | {
        "STUDY_BOT_DATA_DIR": str(folder / "data"),
        "STUDY_BOT_INDEX_DIR": str(folder / "index"),
        "STUDY_BOT_CORPUS_DIR": str(folder / "corpus"),
        **{f"STUDY_BOT_{name.upper()}": value for name, value in settings.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "study_bot.cli.main", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=(folder / "server.log").open("a"),
        text=True,
        cwd=folder,
        env=environment | {"PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT / "src"), environment["PYTHONPATH"]])},
    )
    lines: list[str] = []
    started = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            if "已启动" in line:
                started.set()
        started.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        assert started.wait(START_S) and process.poll() is None, (folder / "server.log").read_text()
        said = "\n".join(lines)
        address = re.search(r"http://[\d.]+:\d+", said)
        password = re.search(r"一次性密码：(\S+)", said)
        assert address is not None, said
        yield Site(folder, address[0], password[1] if password else "", process, lines)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
