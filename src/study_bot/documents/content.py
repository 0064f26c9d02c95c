"""The bytes of managed files, each kept once under its SHA-256. A file in it is whole: it comes into place by a rename.

content/
  ab/ab12…       a file; read-only
  incoming/      what is being received, and names lent to readers; leftovers are swept
  lock           held for an instant by who puts a file in place or takes one away
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Container, Iterator
from pathlib import Path
from typing import BinaryIO

from study_bot.errors import FileTooLargeError, NotFoundError, StorageError
from study_bot.library.loaders.limits import megabytes

CHUNK = 1 << 20

LEFTOVER_S = 24 * 3600.0
"""Age in seconds at which what belongs to nothing is removed: far longer than giving a file can take."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INCOMING = "incoming"


class ContentStore:
    """A folder of files by content. Safe for several threads and processes of one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, stream: BinaryIO, limit: int) -> tuple[str, int]:
        """Keep what a stream holds; on disk before this returns. Known content is not kept twice.

        :param limit: most bytes allowed.
        :return: the SHA-256 in hex, and the size in bytes.
        :raises FileTooLargeError: there is more; nothing is kept.
        :raises StorageError: the disk is full or cannot be written.
        """
        with _disk_errors(), self._part() as part:
            digest, size = hashlib.sha256(), 0
            with part.open("xb") as target:
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise FileTooLargeError(
                            f"文件超过上限 {megabytes(limit)}；请拆分文件，或请维护人员调大 max_file_mb。"
                        )
                    digest.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            part.chmod(0o440)
            sha256 = digest.hexdigest()
            place = self._place(sha256)
            with self._lock():
                if place.exists() and place.stat().st_size == size:
                    os.utime(place)  # a sweep must not take it before the row that is about to name it
                else:
                    place.parent.mkdir(exist_ok=True)
                    part.replace(place)
                    _sync_folder(place.parent)
                    _sync_folder(self.folder)
        return sha256, size

    def path(self, sha256: str) -> Path:
        """Where the bytes lie; not to be written to.

        :raises NotFoundError: they are not kept here.
        """
        if not _DIGEST.fullmatch(sha256) or not (place := self._place(sha256)).is_file():
            raise NotFoundError("这个文件的内容不在数据目录中。请从备份恢复，或重新上传。")
        return place

    @contextlib.contextmanager
    def named(self, sha256: str, suffix: str) -> Iterator[Path]:
        """The bytes under a passing name with a suffix, for readers that go by it.

        :raises NotFoundError: they are not kept here.
        :raises StorageError: the disk cannot be written.
        """
        source = self.path(sha256)
        with _disk_errors(), self._part(suffix) as part:
            link_or_copy(source, part)
            yield part

    def sweep(self, kept: Container[str], *, older_than_s: float = LEFTOVER_S) -> int:
        """Remove content that is not in `kept`, and leftovers of uploads that broke off. The only way bytes ever go.

        :param older_than_s: younger files stay: their row may be about to be written.
        :return: the number of files removed.
        """
        if not self.folder.is_dir():
            return 0
        oldest = time.time() - older_than_s
        removed = 0
        with _disk_errors():
            for entry in self.folder.glob("*/*"):
                if entry.parent.name != _INCOMING and entry.name in kept:
                    continue
                with self._lock():  # the age is looked at under the lock: `put` may just have renewed it
                    removed += _unlink_if_old(entry, oldest)
        return removed

    def _place(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    @contextlib.contextmanager
    def _part(self, suffix: str = ".part") -> Iterator[Path]:
        """A free name in `incoming`; what is still there at the end goes."""
        incoming = self.folder / _INCOMING
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = incoming / f"{uuid.uuid4().hex}{suffix}"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system cannot, copy it.

    :raises OSError: neither works.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _unlink_if_old(entry: Path, oldest: float) -> bool:
    try:
        if entry.stat().st_mtime >= oldest:
            return False
        entry.unlink()
    except FileNotFoundError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Put a rename on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"数据目录不能写入（{error.strerror or error}）。请检查磁盘空间和权限后再试。") from error
