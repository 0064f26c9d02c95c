"""The single-writer lock of an index folder: held by the operating system, so a killed builder leaves none behind."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from study_bot.errors import BuildInProgressError

LOCK_FILE = ".lock"

PATIENCE_S = 2.0
"""How long to try. A builder killed while it starts another process leaves the lock to that one for a moment."""

_RETRY_S = 0.05


@contextmanager
def writer_lock(index_dir: Path) -> Iterator[None]:
    """Hold the lock of `index_dir` (which must exist) while it is written.

    :raises BuildInProgressError: another process or thread holds it; the message says who and since when.
    """
    descriptor = os.open(index_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _acquire(descriptor):
            raise BuildInProgressError(
                f"索引目录 {index_dir} 正被另一个程序写入（{_holder(descriptor)}）。请等它结束后再试。"
            )
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def is_held(index_dir: Path) -> bool:
    """Whether somebody writes to `index_dir` at this moment."""
    try:
        descriptor = os.open(index_dir / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # nobody ever did
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _acquire(descriptor: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_RETRY_S)
        else:
            return True


def _sign(descriptor: int) -> None:
    since = dt.datetime.now().astimezone().isoformat(timespec="seconds")
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}, ensure_ascii=False)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        who = json.loads(os.pread(descriptor, 4096, 0))
        since = dt.datetime.fromisoformat(who["since"])
        return f"主机 {who['host']}，进程 {who['pid']}，{since:%Y-%m-%d %H:%M:%S} 开始"
    except (ValueError, KeyError, TypeError):
        return "持有者未写明"  # between taking the lock and signing it
