"""Databases for tests: SQLite always, PostgreSQL where its programs are installed (in CI they must be)."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.support import missing


def postgres_programs() -> Path:
    """Folder of initdb and postgres; skips the test (fails it in CI) if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(p) for p in filter(None, [shutil.which("initdb")])
    ]
    return found[-1].parent if found else missing("PostgreSQL is not installed")


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A server of our own on a free port of the loopback; gives the address of its maintenance database."""
    programs = postgres_programs()
    root = os.geteuid() == 0
    # The server refuses to run as root, and nobody else may look into a folder of tests.
    owner = pwd.getpwnam("postgres" if root else pwd.getpwuid(os.geteuid()).pw_name)
    home = Path("/tmp") / f"study-bot-pg-{uuid.uuid4().hex[:12]}" if root else folder / "pg"
    home.mkdir(mode=0o700)
    account: dict[str, int] = {"user": owner.pw_uid, "group": owner.pw_gid} if root else {}
    try:
        if root:
            os.chown(home, owner.pw_uid, owner.pw_gid)
        data = home / "data"
        command = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "study",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=home, **account)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(home), "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
            **account,
        )
        try:
            address = f"postgresql+psycopg://study@127.0.0.1:{port}/postgres"
            _wait_for(address, server)
            yield address
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """A database on the server, like `template` (which nobody may be using); gives its address."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(_plain(server), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[call-overload]
    yield server.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(_plain(server), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


def _plain(address: str) -> str:
    return address.replace("postgresql+psycopg:", "postgresql:")


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            psycopg.connect(_plain(address), connect_timeout=5).close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                raise
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(0.1)
        else:
            return
