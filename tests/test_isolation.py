"""The tests themselves: off the network, away from the developer's files, with every dependency pinned."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from study_bot.settings import load_settings
from tests.network_guard.sitecustomize import NetworkBlockedError
from tests.support import CI, PROJECT_ROOT, requires_program

OUTSIDE = "192.0.2.1"  # an address reserved for documentation


def test_other_machines_cannot_be_reached() -> None:
    with pytest.raises(NetworkBlockedError, match=OUTSIDE):
        socket.create_connection((OUTSIDE, 80), timeout=1)
    with pytest.raises(NetworkBlockedError), socket.socket(socket.AF_INET6) as outside:
        outside.connect_ex(("2001:db8::1", 80))
    with pytest.raises(NetworkBlockedError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"?", (OUTSIDE, 53))
    with pytest.raises(NetworkBlockedError, match="example"):
        socket.getaddrinfo("example.org", 443)
    with pytest.raises(NetworkBlockedError):
        urllib.request.urlopen("http://example.org", timeout=1)


def test_this_machine_can() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1]), timeout=5).close()


def test_processes_started_by_tests_are_guarded_too() -> None:
    code = f"import socket; socket.create_connection(({OUTSIDE!r}, 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "NetworkBlockedError" in done.stderr


def test_settings_and_home_are_nobodys() -> None:
    settings = load_settings()
    assert settings.index_dir == Path("index")
    assert settings.cache_dir == Path(os.environ["HOME"]) / ".cache" / "study-bot"
    assert not [name for name in os.environ if name.startswith("STUDY_BOT_") and name != "STUDY_BOT_CI"]


def test_missing_program_skips_or_fails_in_ci() -> None:
    outcome = pytest.fail.Exception if CI else pytest.skip.Exception
    with pytest.raises(outcome, match="no-such-program is not installed"):
        requires_program("no-such-program")
    assert Path(requires_program("no-such-program", "sh")).is_file()


def test_every_dependency_is_pinned_as_it_is_required() -> None:
    pins = {}
    for line in (PROJECT_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9A-Za-z.]+)", line)
            assert match is not None, f"not a plain pin: {line}"
            pins[canonicalize_name(match[1])] = match[2]
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for line in [*project["dependencies"], *extras]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), line
