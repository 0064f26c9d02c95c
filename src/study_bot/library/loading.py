"""Reading files in a process of its own, which can be killed: parsers hang and crash on broken files."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from study_bot import errors
from study_bot.errors import BuildCancelledError, DamagedFileError, LoadError, LoadTimeoutError
from study_bot.library.loaders.child import descendants, from_json, kill
from study_bot.library.loaders.limits import LoadLimits
from study_bot.types import LoadedFile

_log = logging.getLogger(__name__)

POLL_S = 0.1
"""Seconds between looks at the clock and at `cancelled`."""

START_S = 60.0
"""Seconds the process may take to start."""


class LoadWorker:
    """Reads files one after the other in a child process that is started once and kept.

    A child that exceeds the time limit or crashes is killed with all it started, and the next file gets a new one.
    It has no network and a limited address space. Safe to use from several threads; they take turns.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def __enter__(self) -> LoadWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def load(self, path: Path, limits: LoadLimits, cancelled: Callable[[], bool] | None = None) -> LoadedFile:
        """Read one file.

        :param cancelled: asked several times a second; True ends the child and the call.
        :raises LoadError: as `load_file`; LoadTimeoutError after `limits.timeout_s`, DamagedFileError when the
            child crashed.
        :raises BuildCancelledError: `cancelled` said so.
        """
        request = {"path": str(path.absolute()), "limits": dataclasses.asdict(limits)}
        with self._lock:
            reused = self._process is not None and self._process.poll() is None
            try:
                try:
                    answer = self._ask(request, limits.timeout_s, cancelled)
                except _ChildGoneError:
                    if not reused:
                        raise
                    # It may have died of the files it read before: this one has a right to a process of its own.
                    answer = self._ask(request, limits.timeout_s, cancelled)
            except _ChildGoneError:
                raise DamagedFileError(
                    "读取这个文件时解析程序异常退出，文件可能已损坏；请用办公软件打开后另存一份再导入。"
                ) from None
            except _TimeIsUpError:
                raise LoadTimeoutError(
                    f"读取超过 {limits.timeout_s:g} 秒，已停止；请拆分文件，或调大 load_timeout_s 后重试。"
                ) from None
        if "error" in answer:
            raise _error(answer)
        return from_json(answer["loaded"])

    def close(self) -> None:
        """End the child. The worker may be used again: it starts another one."""
        with self._lock:
            self._stop()

    def _ask(self, request: dict[str, Any], seconds: float, cancelled: Callable[[], bool] | None) -> dict[str, Any]:
        """Send one request, to a new child if there is none, and wait. Whatever goes wrong ends the child."""
        if self._process is None or self._process.poll() is not None:
            self._start(cancelled)
        try:
            self._send(request)
            answer: dict[str, Any] = json.loads(self._receive(seconds, cancelled))
        except BaseException:
            self._stop()
            raise
        return answer

    def _start(self, cancelled: Callable[[], bool] | None) -> None:
        self._stop()
        self._answers = queue.SimpleQueue()
        # A fresh interpreter, not a fork and not multiprocessing's spawn: the one is unsafe under threads,
        # the other would import the parent's main module, which may be the whole server.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "study_bot.library.loaders.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if _log.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
            encoding="utf-8",
            env=os.environ | {"PYTHONUTF8": "1"},
            start_new_session=True,
        )
        threading.Thread(target=_pump, args=(self._process, self._answers), daemon=True).start()
        try:
            self._receive(START_S, cancelled)
        except (_ChildGoneError, _TimeIsUpError):
            self._stop()
            raise LoadError("文件读取进程启动失败；请检查系统内存和安装是否完整后重试。") from None
        except BaseException:
            self._stop()
            raise

    def _send(self, request: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise _ChildGoneError
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except OSError:
            raise _ChildGoneError from None

    def _receive(self, seconds: float, cancelled: Callable[[], bool] | None) -> str:
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            try:
                line = self._answers.get(timeout=max(min(POLL_S, left), 0.0))
            except queue.Empty:
                if cancelled is not None and cancelled():
                    raise BuildCancelledError("已按要求停止；现有索引没有改动。") from None
                if left <= 0:
                    raise _TimeIsUpError from None
                continue
            if not line:
                raise _ChildGoneError
            return line

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            helpers = descendants(process.pid)
            process.kill()
            for pid in helpers:
                kill(pid)
        code = process.wait()
        if process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                _log.debug("the child was gone before its input was closed")
        if code not in (0, -9):
            _log.info("file reader ended with code %s", code)


class _ChildGoneError(Exception):
    """The child ended without an answer."""


class _TimeIsUpError(Exception):
    """No answer within the time."""


def _pump(process: subprocess.Popen[str], answers: queue.SimpleQueue[str]) -> None:
    """Move answers into the queue; the empty string says that no more will come."""
    if process.stdout is not None:
        with process.stdout:
            for line in process.stdout:
                answers.put(line)
    answers.put("")


def _error(answer: dict[str, Any]) -> LoadError:
    kind = getattr(errors, answer["error"], LoadError)
    if isinstance(kind, type) and issubclass(kind, LoadError):
        return kind(answer["message"])
    return LoadError(answer["message"])
