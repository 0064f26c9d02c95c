"""The worker of a server that builds what was asked for: the oldest request first, one at a time on the machine.

Every server process has one; whichever holds the lock file does the work. A request whose server was killed is found
by the next one that holds the lock, and begun again once.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from study_bot.documents.build_process import CHILD, BuildProcess, Failure
from study_bot.documents.build_queue import BuildQueue
from study_bot.documents.build_rows import Build, BuildSummary
from study_bot.errors import BuildCancelledError, BuildInProgressError, StorageError, StudyBotError
from study_bot.index.lock import writer_lock
from study_bot.settings import Settings
from study_bot.storage.database import Database
from study_bot.types import BuildReport, Progress

LOCK_FILE = ".runner"
"""In the index folder, which all servers of an index have in common."""

POLL_S = 1.0
"""How often a runner with nothing to do looks for requests."""

BEAT_S = 0.5
"""How often progress is written, and a wish to stop is looked for."""

STOP_S = 20.0
"""A build that was asked to stop and does not is ended after so long."""

BUSY_S = 5.0
"""How long to wait where another program writes to the index folder."""

_log = logging.getLogger(__name__)


class LibraryFolder(Protocol):
    """What is published, as files."""

    @property
    def path(self) -> Path:
        """The folder."""
        ...

    @property
    def revision(self) -> int:
        """State of the library that it holds."""
        ...

    @property
    def is_empty(self) -> bool:
        """Whether an empty index is what is wanted."""
        ...


class BuildRunner:
    """Builds what `Builds.request` asked for, in a thread of the server and a process of each build's own."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        library: Callable[[], LibraryFolder],
        command: Sequence[str] = CHILD,
    ) -> None:
        """Get ready; nothing runs before `start`.

        :param library: writes what is published to a folder and gives that; called at the beginning of each build.
        :param command: how the process that builds is started.
        """
        self._queue = BuildQueue(database, settings.index_dir, socket.gethostname())
        self._settings, self._library, self._command = settings, library, command
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for requests. A second time does nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="build-runner", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look for requests at once: one was made."""
        self._wake.set()

    def stop(self) -> None:
        """End. A build under way is ended, too, and goes on when a runner starts again."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = POLL_S
            try:
                pause = self._turn()
            except (StudyBotError, OSError) as error:  # the database or the disk may come back
                _log.warning("暂时不能处理建立索引的请求：%s", error)
            if self._wake.wait(pause):
                self._wake.clear()

    def _turn(self) -> float:
        """Do what is to be done now, if it is this runner that does it; seconds to wait before the next turn."""
        if not self._queue.anything_to_do():
            return POLL_S
        with _machine_lock(self._settings.index_dir) as held:
            if not held:
                return POLL_S
            self._queue.recover()
            if self._queue.anything_queued() and not self._index_is_free():
                return BUSY_S
            build = self._queue.claim()
            if build is None:
                return POLL_S
            try:
                return self._work(build)
            except (StudyBotError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - a fault of the program: told, and the next request gets its turn
                _log.exception("建立索引 %s 时程序出错", build.id)
                self._queue.fail(build, f"程序出错（{type(error).__name__}），索引未改动。请把服务器日志交给维护人员。")
                return BUSY_S

    def _index_is_free(self) -> bool:
        try:
            with writer_lock(self._settings.index_dir):
                return True
        except BuildInProgressError as error:
            self._queue.note_waiting(str(error))
            return False

    def _work(self, build: Build) -> float:
        """Build; seconds to wait before the next turn."""
        try:
            library = self._library()
            process = BuildProcess([library.path], self._settings, self._command, may_be_empty=library.is_empty)
        except StudyBotError as error:
            self._queue.fail(build, str(error))
            return 0.0
        except OSError as error:
            self._queue.fail(build, f"不能开始建立索引（{error.strerror or error}）。请检查磁盘和内存后再试。")
            return 0.0
        with contextlib.closing(process):
            self._queue.started(build, library.revision, process.pid)
            end = self._watch(build, process)
        match end:
            case BuildReport():
                self._queue.finish(build, library.revision, end.build_id, BuildSummary.of(end))
            case Failure(kind=BuildCancelledError.__name__):
                self._queue.cancelled(build)
            case Failure(kind=BuildInProgressError.__name__):  # another program was quicker
                self._queue.put_back(build)
                return BUSY_S
            case Failure():
                self._queue.fail(build, end.message)
            case None:
                self._queue.put_back(build)
        return 0.0

    def _watch(self, build: Build, process: BuildProcess) -> BuildReport | Failure | None:
        """Write down progress until the build ends; None if this runner is to stop."""
        progress: Progress | None = None
        beat = 0.0
        give_up: float | None = None
        while not self._stopping.is_set():
            event = process.next_event(BEAT_S / 2)
            if isinstance(event, BuildReport | Failure):
                return event
            progress = event or progress
            now = time.monotonic()
            if now - beat < BEAT_S:
                continue
            beat = now
            if self._beat(build, progress) and give_up is None:
                process.ask_to_stop()
                give_up = now + STOP_S
            if give_up is not None and now > give_up:
                return Failure(BuildCancelledError.__name__, "")
        return None

    def _beat(self, build: Build, progress: Progress | None) -> bool:
        """Write down how far it is; whether it is to stop."""
        try:
            return self._queue.beat(build, progress)
        except StorageError as error:
            _log.warning("建立索引的进度没有记下：%s", error)  # the build itself needs no database
            return False


@contextlib.contextmanager
def _machine_lock(index_dir: Path) -> Iterator[bool]:
    """Whether no other runner of this machine is at work; none will be inside. Killed runners leave no lock behind."""
    index_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(index_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held = False
    else:
        held = True
    try:
        yield held
    finally:
        os.close(descriptor)
