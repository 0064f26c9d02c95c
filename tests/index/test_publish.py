from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from study_bot.errors import BuildInProgressError, DamagedIndexError, SnapshotError
from study_bot.index import lock, publish, retention
from study_bot.index.lock import LOCK_FILE, is_held, writer_lock
from study_bot.index.manifest import MANIFEST_FILE
from tests.index.builder_fakes import SETTINGS, build, leftovers, live, prose_text, write_library
from tests.support import PROJECT_ROOT


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


def finished_build(index_dir: Path, words: str = "words") -> tuple[str, Path]:
    """A folder that looks like a build about to be published."""
    build_id = publish.new_build_id()
    folder = publish.temporary_dir(index_dir, build_id)
    (folder / "sparse").mkdir()
    (folder / "sparse" / "data").write_text(words, encoding="utf-8")
    (folder / MANIFEST_FILE).write_text("{}", encoding="utf-8")
    return build_id, folder


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [publish.new_build_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert [i[:18] for i in ids] == sorted(i[:18] for i in ids)


class TestPublishing:
    def test_a_build_appears_whole(self, index_dir: Path) -> None:
        build_id, folder = finished_build(index_dir)
        assert publish.build_ids(index_dir) == ()
        publish.publish(folder, index_dir, build_id)
        assert publish.live_build_id(index_dir) == build_id
        assert publish.build_ids(index_dir) == (build_id,)
        assert (index_dir / build_id / "sparse" / "data").read_text(encoding="utf-8") == "words"
        assert (index_dir / "CURRENT").read_text(encoding="utf-8") == f"{build_id}\n"
        assert leftovers(index_dir) == []

    def test_everything_is_on_disk_before_current_names_it(
        self, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The order that survives a power cut: files, their folders, the rename, then CURRENT."""
        build_id, folder = finished_build(index_dir)
        happened: list[str] = []
        fsync, rename, replace = os.fsync, Path.rename, Path.replace

        def spy_fsync(descriptor: int) -> None:
            happened.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
            fsync(descriptor)

        def spy_rename(self: Path, target: Path) -> Path:
            happened.append(f"rename {target.name}")
            return rename(self, target)

        def spy_replace(self: Path, target: Path) -> Path:
            happened.append(f"replace {target.name}")
            return replace(self, target)

        monkeypatch.setattr(os, "fsync", spy_fsync)
        monkeypatch.setattr(Path, "rename", spy_rename)
        monkeypatch.setattr(Path, "replace", spy_replace)
        publish.publish(folder, index_dir, build_id)
        assert set(happened[:2]) == {"sync data", "sync sparse"}
        assert happened[2:] == [
            f"sync {MANIFEST_FILE}",
            f"sync {folder.name}",
            f"rename {build_id}",
            "sync index",
            "sync .tmp-CURRENT",
            "replace CURRENT",
            "sync index",
        ]

    @pytest.mark.parametrize("damaged", [False, True])
    def test_old_builds_are_pruned_but_not_the_live_one(self, damaged: bool, index_dir: Path) -> None:
        ids = [f"20260305T14{minute:02d}00000-abcdef" for minute in range(6)]
        ids[1] = "20260305T090000000-abcdef"
        for build_id in ids:
            folder = publish.temporary_dir(index_dir, build_id)
            (folder / MANIFEST_FILE).write_text("{}", encoding="utf-8")
            publish.publish(folder, index_dir, build_id)
        publish.make_live(index_dir, ids[0])
        if damaged:
            (index_dir / "CURRENT").write_text("garbage\n", encoding="utf-8")
        publish.prune(index_dir, 2)
        kept = [*ids[-1:-3:-1], *([] if damaged else [ids[0]]), ids[1]]
        assert publish.build_ids(index_dir) == tuple(kept)
        assert leftovers(index_dir) == []

    def test_a_current_that_is_damaged(self, index_dir: Path) -> None:
        assert publish.readable_live_id(index_dir) is None
        for garbage in (b"garbage\n", b"\xff\xfe", b"", b"../../etc"):
            (index_dir / "CURRENT").write_bytes(garbage)
            assert publish.readable_live_id(index_dir) is None
            with pytest.raises(DamagedIndexError, match="study-bot library update"):
                publish.live_build_id(index_dir)

    def test_leftovers_go_and_nothing_else(self, index_dir: Path) -> None:
        build_id, folder = finished_build(index_dir)
        publish.publish(folder, index_dir, build_id)
        finished_build(index_dir)
        (index_dir / ".tmp-CURRENT").write_text("half", encoding="utf-8")
        (index_dir / "cache").mkdir()
        (index_dir / "说明.txt").write_text("by the admin", encoding="utf-8")
        publish.remove_leftovers(index_dir)
        assert sorted(p.name for p in index_dir.iterdir()) == sorted([build_id, "CURRENT", "cache", "说明.txt"])

    def test_builds_keep_their_number(self, tmp_path: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retention, "HOURS", 0)  # an hour may end during the test
        monkeypatch.setattr(retention, "DAYS", 0)
        library = write_library(tmp_path / "文献")
        for number in range(SETTINGS.keep_builds + 3):
            (library / f"讲话{number}.txt").write_text(prose_text(f"第{number}号花园"), encoding="utf-8")
            build(library, index_dir)
        assert len(publish.build_ids(index_dir)) == SETTINGS.keep_builds + 1
        assert publish.build_ids(index_dir)[0] == publish.live_build_id(index_dir)


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (OSError(errno.ENOSPC, "No space left on device"), "磁盘空间不足"),
            (OSError(errno.EDQUOT, "Disk quota exceeded"), "磁盘空间不足"),
            (PermissionError(errno.EACCES, "Permission denied"), "没有权限"),
            (OSError(errno.EROFS, "Read-only file system"), "没有权限"),
            (OSError(errno.EIO, "Input/output error"), "Input/output error"),
            (sqlite3.OperationalError("database or disk is full"), "磁盘空间不足"),
            (sqlite3.OperationalError("attempt to write a readonly database"), "没有权限"),
        ],
    )
    def test_what_the_system_refuses_is_said_in_chinese(self, index_dir: Path, error: Exception, words: str) -> None:
        with pytest.raises(SnapshotError, match=words) as caught, publish.writing(index_dir):
            raise error
        assert "原有索引未受影响" in str(caught.value)
        assert str(index_dir) in str(caught.value)

    def test_a_build_that_cannot_be_published_leaves_the_old_one(
        self, tmp_path: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library = write_library(tmp_path / "文献")
        first = build(library, index_dir)
        (library / "讲话.txt").write_text(prose_text("植树"), encoding="utf-8")

        def refuse(_: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(publish, "sync_tree", refuse)
        with pytest.raises(SnapshotError, match="磁盘空间不足"):
            build(library, index_dir)
        assert live(index_dir).build_id == first.build_id
        assert leftovers(index_dir) == []


class TestLock:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lock, "PATIENCE_S", 0.2)

    def test_one_writer_at_a_time_and_the_second_learns_who(self, tmp_path: Path, index_dir: Path) -> None:
        library = write_library(tmp_path / "文献")
        code = (
            "import sys; from pathlib import Path; from study_bot.index.lock import writer_lock\n"
            "with writer_lock(Path(sys.argv[1])):\n"
            "    print('held', flush=True); sys.stdin.read()\n"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", code, index_dir], cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        assert holder.stdin is not None
        try:
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(BuildInProgressError, match=rf"进程 {holder.pid}，20\d\d-\d\d-\d\d \d\d:\d\d:\d\d 开始"):
                build(library, index_dir)
        finally:
            holder.kill()
            holder.wait()
            holder.stdin.close()
            holder.stdout.close()
        assert build(library, index_dir).published  # released by the system

    def test_threads_of_one_process_exclude_each_other(self, index_dir: Path) -> None:
        refused: list[BuildInProgressError] = []

        def second() -> None:
            try:
                with writer_lock(index_dir):
                    pass
            except BuildInProgressError as error:
                refused.append(error)

        with writer_lock(index_dir):
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(10)
        assert len(refused) == 1
        with writer_lock(index_dir):
            pass

    def test_a_lock_held_for_a_moment_is_waited_for(self, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lock, "PATIENCE_S", 10.0)
        held, done = threading.Event(), threading.Event()

        def first() -> None:
            with writer_lock(index_dir):
                held.set()
                done.wait(0.2)

        thread = threading.Thread(target=first)
        thread.start()
        assert held.wait(10)
        with writer_lock(index_dir):
            thread.join(10)

    def test_whether_it_is_held(self, index_dir: Path) -> None:
        assert not is_held(index_dir) and not (index_dir / LOCK_FILE).exists()
        with writer_lock(index_dir):
            assert is_held(index_dir)
        assert not is_held(index_dir)

    def test_a_lock_that_was_never_signed(self, index_dir: Path) -> None:
        with writer_lock(index_dir):
            (index_dir / LOCK_FILE).write_text("", encoding="utf-8")
            with pytest.raises(BuildInProgressError, match="未写明"), writer_lock(index_dir):
                pass
