"""The reading process: kept, killed, restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.errors import (
    BuildCancelledError,
    DamagedFileError,
    EmptyFileError,
    LoadTimeoutError,
    UnsupportedFormatError,
)
from study_bot.library.loaders import LoadLimits, load_file
from study_bot.library.loaders.child import descendants, from_json, to_json
from study_bot.library.loading import LoadWorker

LIMITS = LoadLimits()


@pytest.fixture(scope="module")
def worker() -> Iterator[LoadWorker]:
    with LoadWorker() as worker:
        yield worker


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "守则.md"
    path.write_text(
        "---\ntitle: 守则\n---\n# 守则\n| 时段 | 值班 |\n|--|--|\n| 早 | 老陈 |\n\n第一条 开门。\n", encoding="utf-8"
    )
    return path


def child_of(worker: LoadWorker) -> int:
    process = worker._process
    assert process is not None
    return process.pid


def is_gone(pid: int) -> bool:
    """Whether a process ended, within two seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def converted_by(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """A .doc whose converter is a shell script."""
    program = folder / "soffice"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    path = folder / "旧.doc"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"))
    return path


def hang(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .doc whose converter never ends; it writes its process id beside the file."""
    return converted_by(folder, monkeypatch, f"echo $$ > {folder / 'pid'}\nsleep 60 & wait")


def test_same_result_as_in_process(worker: LoadWorker, text_file: Path) -> None:
    """Every field survives the way between the processes."""
    loaded = load_file(text_file, LIMITS)
    assert worker.load(text_file, LIMITS) == loaded
    assert from_json(json.loads(json.dumps(to_json(loaded)))) == loaded


def test_the_process_is_kept(worker: LoadWorker, text_file: Path) -> None:
    """Started once; a file costs milliseconds after that."""
    worker.load(text_file, LIMITS)
    child = child_of(worker)
    started = time.monotonic()
    for _ in range(20):
        worker.load(text_file, LIMITS)
    assert time.monotonic() - started < 2
    assert child_of(worker) == child


def test_errors_keep_class_and_message(worker: LoadWorker, tmp_path: Path) -> None:
    """And cost no process."""
    empty, old = tmp_path / "空.txt", tmp_path / "旧.wps"
    empty.write_bytes(b"")
    old.write_bytes(b"text")
    with pytest.raises(EmptyFileError, match="0 字节"):
        worker.load(empty, LIMITS)
    child = child_of(worker)
    with pytest.raises(UnsupportedFormatError, match="另存为"):
        worker.load(old, LIMITS)
    assert child_of(worker) == child


def test_a_child_that_died_costs_no_file(text_file: Path) -> None:
    """Before a file or in the middle of one: the file is read by a new child."""
    with LoadWorker() as worker:
        worker.load(text_file, LIMITS)
        first = child_of(worker)
        os.kill(first, signal.SIGSEGV)
        assert worker.load(text_file, LIMITS).blocks
        second = child_of(worker)
        assert second != first
        os.kill(second, signal.SIGSTOP)  # held still, so that the end comes in the middle of the file
        threading.Timer(0.3, os.kill, (second, signal.SIGKILL)).start()
        assert worker.load(text_file, LIMITS).blocks
        assert child_of(worker) != second


def test_a_file_that_crashes_every_child_is_damaged(
    tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next file is read all the same."""
    path = converted_by(tmp_path, monkeypatch, "kill -SEGV $PPID")
    with LoadWorker() as worker:
        worker.load(text_file, LIMITS)
        with pytest.raises(DamagedFileError, match="异常退出"):
            worker.load(path, LIMITS)
        assert worker.load(text_file, LIMITS).blocks


def test_timeout_ends_the_process_and_its_helpers(
    tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A converter that hangs dies with the process that waits for it."""
    path = hang(tmp_path, monkeypatch)
    with LoadWorker() as worker:
        worker.load(text_file, LIMITS)
        child = child_of(worker)
        started = time.monotonic()
        with pytest.raises(LoadTimeoutError, match="load_timeout_s"):
            worker.load(path, replace(LIMITS, timeout_s=0.8))
        assert time.monotonic() - started < 3
        assert is_gone(child)
        assert is_gone(int((tmp_path / "pid").read_text(encoding="ascii")))
        assert worker.load(text_file, LIMITS).blocks


def test_cancelling_from_another_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes a moment, not the time of the file."""
    path = hang(tmp_path, monkeypatch)
    stop = threading.Event()
    threading.Timer(0.6, stop.set).start()
    started = time.monotonic()
    with LoadWorker() as worker, pytest.raises(BuildCancelledError):
        worker.load(path, LIMITS, stop.is_set)
    assert time.monotonic() - started < 5


def test_threads_take_turns(worker: LoadWorker, tmp_path: Path) -> None:
    """Answers are not mixed up."""
    paths = []
    for number in range(8):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"第{number}份文件的内容。", encoding="utf-8")
        paths.append(path)
    results: dict[int, str] = {}

    def read(number: int) -> None:
        results[number] = worker.load(paths[number], LIMITS).blocks[0].text

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: f"第{number}份文件的内容。" for number in range(8)}


def test_the_process_ends_with_its_parent(tmp_path: Path, text_file: Path) -> None:
    """Even when the parent is killed."""
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from study_bot.library.loading import LoadWorker\nfrom study_bot.library.loaders import LoadLimits\n"
        f"worker = LoadWorker()\nworker.load(Path({str(text_file)!r}), LoadLimits())\n"
        "print(worker._process.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert is_gone(child)


def test_the_process_imports_little(worker: LoadWorker, text_file: Path) -> None:
    """A text file needs no model library, and the process takes little memory."""
    worker.load(text_file, LIMITS)
    status = Path(f"/proc/{child_of(worker)}/status").read_text(encoding="ascii")
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 120_000


def test_close_and_use_again(text_file: Path) -> None:
    """Nothing is left running; a closed worker starts anew."""
    worker = LoadWorker()
    worker.load(text_file, LIMITS)
    child = child_of(worker)
    worker.close()
    assert is_gone(child)
    assert child not in descendants(os.getpid())
    assert worker.load(text_file, LIMITS).blocks
    worker.close()
    worker.close()


def test_no_network_in_the_process() -> None:
    """What a document points to is not fetched."""
    script = (
        "import socket\nfrom study_bot.library.loaders import child\nchild._leave_network()\n"
        "try:\n    socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
        "except OSError as error:\n    print('refused', error)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "not available" in result.stdout
