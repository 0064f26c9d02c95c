"""Backup and restore as an admin does them: by the commands, beside the server as it is started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from study_bot.maintenance.site import open_site
from study_bot.settings import Settings
from tests.maintenance.sites import add_file, fill, leftovers, state

pytestmark = pytest.mark.slow

_COMMAND = [sys.executable, "-W", "ignore", "-m", "study_bot.cli.main"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "corpus").mkdir()
    for name in ("data", "index", "cache", "corpus"):
        monkeypatch.setenv(f"STUDY_BOT_{name.upper()}_DIR", str(tmp_path / name))
    return Settings()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """`study-bot serve` until the block ends; gives the address."""
    with subprocess.Popen(
        [*_COMMAND, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        threading.Thread(target=process.stdout.read, daemon=True).start()
        try:
            yield found.group(0)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def _sign_in_wrongly(url: str) -> int:
    """One request that writes to the database; its status."""
    with httpx.Client(base_url=url, timeout=60) as client:
        page = client.get("/sign-in").text
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
        assert token
        return client.post("/sign-in", data={"csrf": token.group(1), "badge": "x", "password": "y"}).status_code


def test_backup_and_restore_beside_the_server(settings: Settings, tmp_path: Path) -> None:
    with open_site(settings) as site:
        fill(site, tmp_path)
    file = tmp_path / "一.backup"
    statuses: list[int] = []
    with serving() as url:
        stop = threading.Event()

        def keep_writing() -> None:
            while not stop.is_set():
                statuses.append(_sign_in_wrongly(url))

        writer = threading.Thread(target=keep_writing)
        writer.start()
        made = command("backup", "create", str(file))
        refused = command("backup", "restore", str(file), "--replace")
        stop.set()
        writer.join()
        assert made.returncode == 0, made.stderr
        assert refused.returncode == 1 and "请先停止" in refused.stderr
    assert statuses and set(statuses) == {401}, "the server answered all the time"
    assert command("backup", "verify", str(file)).returncode == 0
    with open_site(settings) as site:
        before = state(site)
        add_file(site, "后来的文件")
    done = command("backup", "restore", str(file), "--replace")
    assert done.returncode == 0, done.stderr
    with serving() as url:
        assert _sign_in_wrongly(url) == 401
    with open_site(settings) as site:
        after = state(site)
    assert (after["people"], after["files"], after["evals"]) == (before["people"], before["files"], before["evals"])
    assert leftovers(settings) == []
