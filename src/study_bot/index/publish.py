"""How builds appear and disappear on disk: written aside, made durable, renamed, named in CURRENT, pruned.

    index/<build_id>/      a complete build; it is never changed afterwards
    index/CURRENT          one line: the id of the live build
    index/.tmp-*           a build being written, or what a killed one left
    index/.lock            the single-writer lock
    index/cache/           what only saves time

Whoever calls the functions that write holds the writer lock.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from study_bot.errors import DamagedIndexError, SnapshotError
from study_bot.index.manifest import MANIFEST_FILE
from study_bot.index.retention import worth_keeping

CURRENT_FILE = "CURRENT"
CACHE_DIR = "cache"
TEMPORARY_PREFIX = ".tmp-"

_log = logging.getLogger(__name__)
_BUILD_ID = re.compile(r"[0-9]{8}T[0-9]{9}-[0-9a-f]{6}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def new_build_id() -> str:
    """An id that no other build has; ids sort by time of creation (UTC, milliseconds)."""
    now = time.time_ns() // 1_000_000
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now // 1000))
    return f"{stamp}{now % 1000:03d}-{secrets.token_hex(3)}"


def build_ids(index_dir: Path) -> tuple[str, ...]:
    """Ids of the complete builds on disk, newest first."""
    try:
        names = [entry.name for entry in os.scandir(index_dir) if _BUILD_ID.fullmatch(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return tuple(sorted((n for n in names if (index_dir / n / MANIFEST_FILE).is_file()), reverse=True))


def live_build_id(index_dir: Path) -> str | None:
    """The id in CURRENT, None if nothing was ever published.

    :raises DamagedIndexError: CURRENT holds something else.
    """
    try:
        build_id = (index_dir / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError):
        build_id = ""
    if not _BUILD_ID.fullmatch(build_id):
        raise DamagedIndexError(
            f"{index_dir / CURRENT_FILE} 读不出来或内容不对。请更新索引（网页“管理 → 索引”，或运行 "
            "study-bot library update；没有文献库的用 study-bot index build），或者用 study-bot index rollback 回退。"
        )
    return build_id


def readable_live_id(index_dir: Path) -> str | None:
    """As `live_build_id`, and None where CURRENT is damaged, too: for what is to help then."""
    try:
        return live_build_id(index_dir)
    except DamagedIndexError:
        return None


def temporary_dir(index_dir: Path, build_id: str) -> Path:
    """Create the folder in which a build is written."""
    folder = index_dir / f"{TEMPORARY_PREFIX}{build_id}"
    folder.mkdir()
    return folder


def publish(temporary: Path, index_dir: Path, build_id: str) -> None:
    """Make a finished build durable and live. Killed at any point, either the old or the new build is live."""
    sync_tree(temporary)
    temporary.rename(index_dir / build_id)
    _sync(index_dir)
    make_live(index_dir, build_id)


def make_live(index_dir: Path, build_id: str) -> None:
    """Name a complete build in CURRENT, atomically."""
    part = index_dir / f"{TEMPORARY_PREFIX}{CURRENT_FILE}"
    part.write_text(f"{build_id}\n", encoding="utf-8")
    _sync(part)
    part.replace(index_dir / CURRENT_FILE)
    _sync(index_dir)


def remove_leftovers(index_dir: Path) -> None:
    """Delete what killed builds left half written."""
    for entry in list(os.scandir(index_dir)):
        if not entry.name.startswith(TEMPORARY_PREFIX):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()


def prune(index_dir: Path, keep: int) -> None:
    """Delete all complete builds but the live one and those of the others that are `worth_keeping`.

    Readers that still have an old build open keep its mapped files until they let go.
    """
    live = readable_live_id(index_dir)
    others = [build_id for build_id in build_ids(index_dir) if build_id != live]
    for build_id in sorted(set(others) - worth_keeping(others, keep)):
        doomed = index_dir / f"{TEMPORARY_PREFIX}{build_id}"
        try:
            # Renamed first: a half deleted build must not look like a complete one.
            (index_dir / build_id).rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:  # the new build is live; the next one tries again
            _log.warning("旧索引 %s 没有删掉：%s", build_id, error)


def sync_tree(folder: Path) -> None:
    """Force the files below `folder`, and the folders, to disk."""
    for where, _, names in os.walk(folder, topdown=False):
        for name in names:
            _sync(Path(where) / name)
        _sync(Path(where))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(index_dir: Path) -> Iterator[None]:
    """Turn what the file system or SQLite refuses into errors that say what to do.

    :raises SnapshotError: the disk is full, writing is not allowed, or the disk fails.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _write_error(index_dir, str(error), "full" in str(error), "readonly" in str(error)) from error
    except OSError as error:
        raise _write_error(
            index_dir, error.strerror or str(error), _is(error, _FULL), _is(error, _FORBIDDEN)
        ) from error


def _is(error: OSError, numbers: tuple[int, ...]) -> bool:
    """Whether an error is one of these; a library may have left only the words of it."""
    return error.errno in numbers or (error.errno is None and any(os.strerror(n) in str(error) for n in numbers))


def _write_error(index_dir: Path, words: str, full: bool, forbidden: bool) -> SnapshotError:
    kept = "原有索引未受影响。"
    if full:
        return SnapshotError(f"磁盘空间不足，索引没有写成，{kept}请清理 {index_dir} 所在的磁盘后再试。")
    if forbidden:
        return SnapshotError(f"没有权限写入 {index_dir}，{kept}请检查目录权限，或换一个索引目录。")
    return SnapshotError(f"读写索引目录 {index_dir} 时出错（{words}），{kept}请检查该目录和磁盘后再试。")
