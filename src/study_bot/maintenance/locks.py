"""The lock of a site's data folder: shared by whatever serves it, exclusive for what exchanges it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from study_bot.errors import StorageError

LOCK_FILE = ".lock"

PATIENCE_S = 2.0
"""How long to try. A process that was killed may leave the lock to a child for a moment."""

_RETRY_S = 0.05


class SiteHold(contextlib.AbstractContextManager["SiteHold"]):
    """The lock, held until it is closed; the operating system frees the one of a killed process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Let go; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __exit__(self, *_: object) -> None:
        self.close()


def use_site(data_dir: Path) -> SiteHold:
    """Hold the folder as one of many who use it; it is made if it is missing.

    :raises StorageError: it is being restored, or cannot be made.
    """
    return _hold(data_dir, fcntl.LOCK_SH, "数据正在恢复，请等恢复结束后再启动。")


def own_site(data_dir: Path) -> SiteHold:
    """Hold the folder alone; it is made if it is missing.

    :raises StorageError: a server or a command uses it, or it cannot be made.
    """
    return _hold(
        data_dir,
        fcntl.LOCK_EX,
        f"数据目录 {data_dir} 正被使用。请先停止学习问答的服务（和正在运行的 study-bot 命令），再恢复。",
    )


def make_folder(data_dir: Path) -> None:
    """Make the data folder, closed to other users of the machine.

    :raises StorageError: it cannot be made.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"数据目录 {data_dir} 不能写入（{error.strerror}）。请检查权限和磁盘。") from None


def _hold(data_dir: Path, kind: int, refusal: str) -> SiteHold:
    make_folder(data_dir)
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"数据目录 {data_dir} 不能写入（{error.strerror}）。请检查权限和磁盘。") from None
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise StorageError(refusal) from None
            time.sleep(_RETRY_S)
        else:
            return SiteHold(descriptor)
