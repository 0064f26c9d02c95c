"""The runner's side of a build's process: start it, hear from it, stop it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study_bot.documents.build_child import settings_for_child, threads_for_child
from study_bot.index.codec import DECODE_ERRORS, codec
from study_bot.library.loaders.child import descendants, kill
from study_bot.settings import Settings
from study_bot.types import BuildReport, Progress

CHILD = (sys.executable, "-P", "-W", "ignore", "-m", "study_bot.documents.build_child")
"""How the process is started."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no build: name of the error's class ("" = the process ended by itself), and a Chinese sentence."""

    kind: str
    message: str


Event = Progress | BuildReport | Failure
"""What the process says; a report or a failure is its last word."""


class BuildProcess:
    """One build in a process of its own. The process ends when this one does, whatever ends it."""

    def __init__(
        self,
        sources: Sequence[Path],
        settings: Settings,
        command: Sequence[str] = CHILD,
        *,
        may_be_empty: bool = False,
    ) -> None:
        """Start it.

        :param may_be_empty: as of `build_index`.
        :raises OSError: it cannot be started.
        """
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        threads = dict.fromkeys(_THREAD_VARIABLES, str(threads_for_child(settings)))
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",  # a killed process may leave half a character
            env=os.environ | threads | {"PYTHONUTF8": "1"},
            start_new_session=True,  # a Ctrl-C at the server's terminal is the server's to handle
        )
        self._pump = threading.Thread(target=self._listen, name="build-events", daemon=True)
        self._pump.start()
        request = {
            "sources": [str(path.absolute()) for path in sources],
            "settings": settings_for_child(settings),
            "may_be_empty": may_be_empty,
        }
        self._say(json.dumps(request))

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def next_event(self, timeout: float) -> Event | None:
        """What the process says next, None if nothing within so many seconds."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None

    def ask_to_stop(self) -> None:
        """Ask for an end at the next file or batch; a Failure will tell of it."""
        self._say("cancel")

    def close(self) -> None:
        """End the process with all it started, if it has not ended, and wait for that."""
        if self._process.poll() is None:
            helpers = descendants(self._process.pid)
            self._process.kill()
            for pid in helpers:
                kill(pid)
        self._process.wait()
        self._pump.join()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it was gone before its input was closed
                self._process.stdin.close()

    def _say(self, line: str) -> None:
        if self._process.stdin is None:
            return
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            _log.info("the build's process is gone")  # its last event will tell

    def _listen(self) -> None:
        last: Event | None = None
        if self._process.stdout is not None:
            with self._process.stdout:
                for line in self._process.stdout:
                    if (event := _event(line)) is not None:
                        last = event
                        self._events.put(event)
        code = self._process.wait()
        if last is None or isinstance(last, Progress):
            self._events.put(Failure("", _sudden_end(code)))


def _event(line: str) -> Event | None:
    try:
        data: dict[str, Any] = json.loads(line)
        if "progress" in data:
            return codec(Progress).decode(data["progress"])
        if "done" in data:
            return codec(BuildReport).decode(data["done"])
        return Failure(data["error"], data["message"])
    except DECODE_ERRORS:
        return None  # cut off in the middle: the process was killed


def _sudden_end(code: int) -> str:
    kept = "原有索引未受影响。"
    if code == -signal.SIGKILL:
        return f"建立索引的进程被系统终止，可能是内存不足。{kept}请检查内存后再试。"
    return f"建立索引的进程意外结束（代码 {code}）。{kept}请再试一次；若仍如此，请把服务的日志交给维护人员查看。"
