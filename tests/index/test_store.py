from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from study_bot.errors import BuildInProgressError, DamagedIndexError, NoIndexError, SnapshotError
from study_bot.index import lock, retention
from study_bot.index import store as store_module
from study_bot.index.lock import writer_lock
from study_bot.index.snapshot_io import TEXTS_DIR, text_path
from study_bot.index.store import Snapshot, SnapshotStore
from tests.index.builder_fakes import SETTINGS, answers, build, live, prose_text, write_library


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return write_library(tmp_path / "文献")


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores look at the disk at every call; a lock that is held is not waited for."""
    monkeypatch.setattr(store_module, "CHECK_EVERY_S", 0.0)
    monkeypatch.setattr(lock, "PATIENCE_S", 0.0)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def add_talk(library: Path, topic: str) -> None:
    (library / f"关于{topic}的讲话.txt").write_text(prose_text(topic), encoding="utf-8")


class TestOpening:
    def test_no_index_yet(self, index_dir: Path) -> None:
        store = SnapshotStore(index_dir)
        assert store.peek() is None
        assert store.build_ids() == ()
        with pytest.raises(NoIndexError, match="还没有索引"):
            store.current()

    def test_what_was_built_is_what_is_read(self, library: Path, index_dir: Path) -> None:
        report = build(library, index_dir)
        snapshot = live(index_dir)
        assert snapshot.build_id == report.build_id == snapshot.manifest.build_id
        assert snapshot.reports == report.files
        assert len(snapshot.passages) == report.passages == snapshot.manifest.passages
        assert [v.version_id for v in snapshot.versions] == [
            v.version_id for v in snapshot.versions if snapshot.version(v.version_id) is v
        ]
        rows = [row for version in snapshot.versions for row in snapshot.rows_of(version.version_id)]
        assert rows == list(range(len(snapshot.passages)))

    def test_a_snapshot_does_not_change(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        with pytest.raises(FrozenInstanceError):
            live(index_dir).build_id = "x"  # type: ignore[misc]

    def test_unknown_versions(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        snapshot = live(index_dir)
        assert list(snapshot.rows_of("none")) == []
        with pytest.raises(KeyError):
            snapshot.version("none")
        with pytest.raises(KeyError):
            snapshot.text("none")

    def test_texts_are_read_once(self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store_module, "TEXTS_IN_MEMORY", 2)
        build(library, index_dir)
        snapshot = live(index_dir)
        first, second, third = (v.version_id for v in snapshot.versions)
        kept = snapshot.text(first)
        assert snapshot.text(first) is kept
        snapshot.text(second)
        snapshot.text(third)
        assert snapshot.text(first) is not kept
        assert snapshot.text(first) == kept

    @pytest.mark.parametrize(
        "name", ["manifest.json", "versions.jsonl", "passages.jsonl", "reports.json", "dense.faiss"]
    )
    def test_a_changed_file_is_noticed(self, library: Path, index_dir: Path, name: str) -> None:
        path = index_dir / build(library, index_dir).build_id / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x20
        path.write_bytes(data)
        with pytest.raises(DamagedIndexError, match="重新建立索引"):
            live(index_dir)
        path.unlink()
        with pytest.raises(DamagedIndexError, match="重新建立索引"):
            live(index_dir)

    def test_a_changed_text_is_noticed_when_read(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        snapshot = live(index_dir)
        version_id = snapshot.versions[0].version_id
        path = index_dir / snapshot.build_id / text_path(version_id)
        path.write_text(path.read_text(encoding="utf-8").replace("值守", "值班"), encoding="utf-8")
        with pytest.raises(DamagedIndexError, match="已损坏"):
            live(index_dir).text(version_id)

    @pytest.mark.parametrize("words", ["", "../..", "20260101T000000000-abcdef\nx"])
    def test_a_current_file_with_other_words(self, library: Path, index_dir: Path, words: str) -> None:
        build(library, index_dir)
        (index_dir / "CURRENT").write_text(words, encoding="utf-8")
        with pytest.raises(DamagedIndexError, match="CURRENT"):
            live(index_dir)

    def test_ids_that_are_no_file_names(self) -> None:
        assert text_path("ab-12_x.y") == f"{TEXTS_DIR}/ab-12_x.y.json"
        for strange in ("../../etc", "a/b", ".hidden", "名字", "x" * 300, ""):
            path = Path(text_path(strange))
            assert path.parent == Path(TEXTS_DIR)
            assert len(path.name) < 80


@pytest.mark.usefixtures("impatient")
class TestSwapping:
    def test_an_open_store_notices_a_new_build(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        old = store.current()
        assert store.current() is old
        before = answers(old)
        add_talk(library, "植树")
        report = build(library, index_dir)
        assert store.current().build_id == report.build_id == store.peek()
        assert answers(old) == before

    def test_the_disk_is_not_looked_at_all_the_time(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        monkeypatch.setattr(store_module, "CHECK_EVERY_S", 60.0)
        old = store.current()
        add_talk(library, "植树")
        build(library, index_dir)
        assert store.current() is old

    def test_a_deleted_index_is_gone(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        store.current()
        shutil.rmtree(index_dir)
        with pytest.raises(NoIndexError):
            store.current()

    def test_a_damaged_new_build_leaves_the_open_one_in_use(
        self, library: Path, index_dir: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        old = store.current()
        add_talk(library, "植树")
        new = build(library, index_dir)
        (index_dir / new.build_id / "passages.jsonl").unlink()
        assert store.current() is old
        assert store.current() is old
        assert caplog.text.count("继续使用") == 1
        with pytest.raises(DamagedIndexError):
            SnapshotStore(index_dir).current()
        repaired = build(library, index_dir)
        assert store.current().build_id == repaired.build_id

    def test_others_go_on_while_one_thread_opens(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        old = store.current()
        add_talk(library, "植树")
        new = build(library, index_dir)
        opening, go_on = threading.Event(), threading.Event()
        genuine = Snapshot.open

        def slow(folder: Path) -> Snapshot:
            opening.set()
            assert go_on.wait(10)
            return genuine(folder)

        monkeypatch.setattr(Snapshot, "open", slow)
        found: list[Snapshot] = []
        thread = threading.Thread(target=lambda: found.append(store.current()))
        thread.start()
        assert opening.wait(10)
        assert store.current() is old
        go_on.set()
        thread.join(10)
        assert found[0].build_id == store.current().build_id == new.build_id

    def test_a_follower_opens_new_builds_so_that_questions_need_not(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store_module, "CHECK_EVERY_S", 0.01)
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        old = store.current()
        prepared: list[tuple[str, str, str]] = []

        def prepare(snapshot: Snapshot) -> None:
            prepared.append((snapshot.build_id, store.current().build_id, threading.current_thread().name))

        with store.following(prepare):
            add_talk(library, "植树")
            new = build(library, index_dir)
            wait_for(lambda: store.current() is not old)
            assert store.current().build_id == new.build_id
        assert prepared == [(new.build_id, old.build_id, "new-builds")]
        add_talk(library, "种花")
        assert store.current().build_id == new.build_id
        last = build(library, index_dir)
        wait_for(lambda: store.current().build_id == last.build_id)  # nobody follows any more: whoever asks looks

    def test_a_follower_outlives_what_goes_wrong(
        self, library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store_module, "CHECK_EVERY_S", 0.01)
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        store.current()

        def refuse(snapshot: Snapshot) -> None:
            raise SnapshotError("用不了")

        with store.following(refuse):
            add_talk(library, "植树")
            new = build(library, index_dir)
            wait_for(lambda: store.current().build_id == new.build_id)
            (index_dir / "CURRENT").write_text("nonsense", encoding="utf-8")
            time.sleep(0.05)
            assert store.current().build_id == new.build_id
            add_talk(library, "种花")
            newest = build(library, index_dir)
            wait_for(lambda: store.current().build_id == newest.build_id)

    def test_readers_while_builds_are_published(self, library: Path, index_dir: Path) -> None:
        build(library, index_dir)
        store = SnapshotStore(index_dir)
        stop = threading.Event()
        seen: set[str] = set()
        problems: list[str] = []

        def read() -> None:
            while not stop.is_set():
                snapshot = store.current()
                said = answers(snapshot)
                if len(snapshot.passages) != snapshot.manifest.passages or said != answers(snapshot):
                    problems.append(snapshot.build_id)
                seen.add(snapshot.build_id)
                time.sleep(0.01)

        def guarded() -> None:
            try:
                read()
            except BaseException as error:
                problems.append(repr(error))
                raise

        threads = [threading.Thread(target=guarded) for _ in range(3)]
        for thread in threads:
            thread.start()
        published = []
        try:
            for number in range(6):
                add_talk(library, f"第{number}号花园")
                published.append(build(library, index_dir).build_id)
                wait_until = time.monotonic() + 5
                while published[-1] not in seen and time.monotonic() < wait_until:
                    time.sleep(0.01)
        finally:
            stop.set()
            for thread in threads:
                thread.join(10)
        assert problems == []
        assert set(published) <= seen


@pytest.mark.usefixtures("impatient")
class TestRollback:
    def test_an_older_build_becomes_live_again(self, library: Path, index_dir: Path) -> None:
        old = build(library, index_dir)
        before = answers(live(index_dir))
        add_talk(library, "植树")
        new = build(library, index_dir)
        store = SnapshotStore(index_dir)
        assert store.build_ids() == (new.build_id, old.build_id)
        assert store.current().build_id == new.build_id
        assert store.rollback(old.build_id).build_id == old.build_id
        assert answers(store.current()) == before
        again = build(library, index_dir)
        assert again.published
        assert again.embedded == 0

    def test_what_is_done_first_can_still_stop_it(self, library: Path, index_dir: Path) -> None:
        old = build(library, index_dir)
        add_talk(library, "植树")
        new = build(library, index_dir)

        def refuse() -> None:
            with pytest.raises(BuildInProgressError), writer_lock(index_dir):
                pass
            raise SnapshotError("不行")

        with pytest.raises(SnapshotError, match="不行"):
            SnapshotStore(index_dir).rollback(old.build_id, refuse)
        assert live(index_dir).build_id == new.build_id

    def test_only_a_whole_known_build(self, library: Path, index_dir: Path) -> None:
        old = build(library, index_dir)
        add_talk(library, "植树")
        new = build(library, index_dir)
        store = SnapshotStore(index_dir)
        with pytest.raises(NoIndexError, match=new.build_id):
            store.rollback("../index")
        (index_dir / old.build_id / "versions.jsonl").unlink()
        with pytest.raises(DamagedIndexError):
            store.rollback(old.build_id)
        assert store.peek() == new.build_id

    def test_where_current_is_damaged(self, library: Path, index_dir: Path) -> None:
        old = build(library, index_dir)
        add_talk(library, "植树")
        new = build(library, index_dir)
        serving = SnapshotStore(index_dir)
        assert serving.older_ids() == (old.build_id,)
        assert serving.current().build_id == new.build_id
        (index_dir / "CURRENT").write_text("garbage\n", encoding="utf-8")
        fresh = SnapshotStore(index_dir)
        with pytest.raises(DamagedIndexError):
            fresh.current()
        assert serving.older_ids() == (new.build_id, old.build_id)
        assert serving.current().build_id == new.build_id, "what is open stays in use"
        fresh.rollback(old.build_id)
        assert serving.current().build_id == fresh.current().build_id == old.build_id

    def test_not_while_someone_builds(self, library: Path, index_dir: Path) -> None:
        old = build(library, index_dir)
        add_talk(library, "植树")
        build(library, index_dir)
        with writer_lock(index_dir), pytest.raises(BuildInProgressError):
            SnapshotStore(index_dir).rollback(old.build_id)


def test_a_reader_of_a_pruned_build_is_told(library: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "HOURS", 0)  # an hour may end during the test
    monkeypatch.setattr(retention, "DAYS", 0)
    build(library, index_dir)
    snapshot = live(index_dir)
    for number in range(SETTINGS.keep_builds + 1):
        add_talk(library, f"第{number}号花园")
        build(library, index_dir)
    said = snapshot.dense.search(snapshot_query(), 1, None)
    assert said[1][0][0] >= 0
    with pytest.raises(DamagedIndexError):
        snapshot.text(snapshot.versions[0].version_id)


def snapshot_query():  # type: ignore[no-untyped-def]
    from tests.index.builder_fakes import FakeEncoder

    return FakeEncoder().encode_queries(["晨读"])
