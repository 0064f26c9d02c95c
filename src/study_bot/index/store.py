"""Reading builds: an immutable `Snapshot`, and a `SnapshotStore` that swaps to a new build when one is published."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from study_bot.errors import DamagedIndexError, NoIndexError, SnapshotError, StudyBotError
from study_bot.index import publish, snapshot_io
from study_bot.index.articles import ArticleTable
from study_bot.index.corpus import corpus_text
from study_bot.index.dense import DenseIndex
from study_bot.index.lock import writer_lock
from study_bot.index.manifest import Manifest, read_manifest
from study_bot.index.sparse import SparseIndex
from study_bot.types import DocumentKind, FileReport, Passage, Version, VersionText

CHECK_EVERY_S = 0.5
"""`SnapshotStore.current` looks at the disk at most this often."""

TEXTS_IN_MEMORY = 32
"""Texts of versions kept after they were read."""

_WHAT_TO_RUN = (
    "请先更新索引（网页“管理 → 索引”，或 study-bot library update）；没有文献库、只给文件夹建索引的，"
    "运行 study-bot index build --source 文件夹。"
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One build, opened. Nothing in it changes, whatever is published later.

    Row numbers of `dense` and `sparse` are positions in `passages`; the passages of a version are consecutive.
    """

    build_id: str
    manifest: Manifest
    versions: tuple[Version, ...]
    passages: tuple[Passage, ...]
    dense: DenseIndex
    sparse: SparseIndex
    articles: ArticleTable
    reports: tuple[FileReport, ...]
    _by_id: Mapping[str, Version]
    _rows: Mapping[str, range]
    _texts: _TextShelf

    @classmethod
    def open(cls, folder: Path) -> Snapshot:
        """Open the build in `folder`.

        :raises DamagedIndexError: it is incomplete, was changed, or is of another format.
        """
        manifest = read_manifest(folder)
        snapshot_io.verify(folder, manifest)
        versions = snapshot_io.read_versions(folder)
        passages = snapshot_io.read_passages(folder)
        if (len(versions), len(passages)) != (manifest.versions, manifest.passages):
            raise DamagedIndexError(f"索引 {folder.name} 的文献数与清单不符。请重新建立索引。")
        return cls(
            build_id=manifest.build_id,
            manifest=manifest,
            versions=versions,
            passages=passages,
            dense=DenseIndex.load(folder / snapshot_io.DENSE_FILE),
            sparse=SparseIndex.load(folder / snapshot_io.SPARSE_DIR),
            articles=ArticleTable.from_snapshot(versions, passages),
            reports=snapshot_io.read_reports(folder),
            _by_id={version.version_id: version for version in versions},
            _rows=_rows_by_version(passages),
            _texts=_TextShelf(folder, manifest),
        )

    def version(self, version_id: str) -> Version:
        """The version of that id.

        :raises KeyError: there is none in this build.
        """
        return self._by_id[version_id]

    def rows_of(self, version_id: str) -> range:
        """Rows of the passages of a version, in text order; empty if it has none."""
        return self._rows.get(version_id, range(0))

    def text(self, version_id: str) -> VersionText:
        """The text of a version, read when first asked for.

        :raises KeyError: there is no such version in this build.
        :raises DamagedIndexError: the text cannot be read, or the build was deleted meanwhile.
        """
        version = self.version(version_id)
        if version.kind is DocumentKind.BEIR:
            return corpus_text(version, [self.passages[row] for row in self.rows_of(version_id)])
        return self._texts.get(version_id)


class _TextShelf:
    """Reads texts from a build's folder and keeps the last ones."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._checksums = {a.path: a.sha256 for a in manifest.artefacts}
        self._kept: OrderedDict[str, VersionText] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, version_id: str) -> VersionText:
        with self._lock:
            if (text := self._kept.get(version_id)) is not None:
                self._kept.move_to_end(version_id)
                return text
        checksum = self._checksums.get(snapshot_io.text_path(version_id), "")
        text = snapshot_io.read_text(self._folder, version_id, checksum)
        with self._lock:
            self._kept[version_id] = text
            while len(self._kept) > TEXTS_IN_MEMORY:
                self._kept.popitem(last=False)
        return text


class SnapshotStore:
    """The live build of an index folder, always the newest published. Safe to use from many threads."""

    def __init__(self, index_dir: Path) -> None:
        self._index_dir = index_dir
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._next_check = 0.0
        self._followed = False

    def current(self) -> Snapshot:
        """The live build; costs next to nothing unless another one was published.

        A new build is opened by the thread that notices it, or where there is one by that of `following`, while others
        go on with the old one. If it is damaged, the one already open stays in use.

        :raises NoIndexError: nothing was ever built.
        :raises DamagedIndexError: the live build cannot be opened, and none was open before.
        """
        snapshot = self._snapshot
        if snapshot is not None:
            fresh = self._followed or time.monotonic() < self._next_check
            if fresh or not self._lock.acquire(blocking=False):
                return snapshot
        else:
            self._lock.acquire()
        try:
            return self._refresh()
        finally:
            self._next_check = time.monotonic() + CHECK_EVERY_S
            self._lock.release()

    @contextmanager
    def following(self, prepare: Callable[[Snapshot], None] | None = None) -> Iterator[None]:
        """Have a thread look for new builds, so that no question waits for one to be opened.

        :param prepare: called in that thread with a new build before `current` gives it out; a StudyBotError it raises
            is logged, and the build given out all the same.
        """
        stop = threading.Event()

        thread = threading.Thread(target=self._follow, args=(stop, prepare), name="new-builds", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def peek(self) -> str | None:
        """The id of the live build without opening it; None if nothing was ever built.

        :raises DamagedIndexError: CURRENT cannot be read.
        """
        return publish.live_build_id(self._index_dir)

    def build_ids(self) -> tuple[str, ...]:
        """Ids of the builds on disk, newest first; each can be rolled back to."""
        return publish.build_ids(self._index_dir)

    def older_ids(self) -> tuple[str, ...]:
        """Ids of the builds older than the live one, newest first; of all builds if it is not known or gone."""
        live, known = publish.readable_live_id(self._index_dir), self.build_ids()
        return known if live not in known else known[known.index(live) + 1 :]

    def rollback(self, build_id: str, before: Callable[[], None] | None = None) -> Snapshot:
        """Make an earlier build live again, after opening it to see that it is whole.

        :param before: called under the writer lock once nothing stands in the way any more; what it raises stops it.
        :raises NoIndexError: there is no such build.
        :raises DamagedIndexError: it is damaged.
        :raises BuildInProgressError: someone is building.
        """
        if build_id not in self.build_ids():
            known = "、".join(self.build_ids()) or "没有"
            raise NoIndexError(f"没有编号为 {build_id} 的索引。现有的索引：{known}。")
        with publish.writing(self._index_dir), writer_lock(self._index_dir):
            snapshot = Snapshot.open(self._index_dir / build_id)
            if before is not None:
                before()
            publish.make_live(self._index_dir, build_id)
        return snapshot

    def _follow(self, stop: threading.Event, prepare: Callable[[Snapshot], None] | None) -> None:
        self._followed = True
        try:
            while not stop.wait(CHECK_EVERY_S):
                if self._snapshot is not None:  # before the first question there is nobody to be spared
                    with self._lock:
                        self._try_refresh(prepare)
        finally:
            self._followed = False

    def _try_refresh(self, prepare: Callable[[Snapshot], None] | None) -> None:
        try:
            self._refresh(prepare)
        except SnapshotError as error:
            _log.warning("%s", error)  # the index is gone; whoever asks next is told, too

    def _refresh(self, prepare: Callable[[Snapshot], None] | None = None) -> Snapshot:
        stamp = self._current_stamp()
        if stamp is None:
            self._snapshot = None
            raise NoIndexError(f"{self._index_dir} 中还没有索引。{_WHAT_TO_RUN}")
        if self._snapshot is not None and stamp == self._stamp:
            return self._snapshot
        try:
            with _no_collections():
                opened = self._open_live()
                if prepare is not None and opened is not self._snapshot:
                    _prepared(opened, prepare)
            self._snapshot = opened
        except SnapshotError as error:
            if self._snapshot is None:
                raise
            _log.warning("新的索引打不开，继续使用 %s：%s", self._snapshot.build_id, error)
        self._stamp = stamp
        return self._snapshot

    def _open_live(self) -> Snapshot:
        """Open what CURRENT names; if it was replaced and deleted meanwhile, what it names then."""
        build_id = self.peek()
        while True:
            if build_id is None:
                raise NoIndexError(f"{self._index_dir} 中没有索引了。{_WHAT_TO_RUN}")
            if self._snapshot is not None and self._snapshot.build_id == build_id:
                return self._snapshot
            try:
                return Snapshot.open(self._index_dir / build_id)
            except DamagedIndexError:
                if (named_now := self.peek()) == build_id:
                    raise
                build_id = named_now

    def _current_stamp(self) -> tuple[int, int, int] | None:
        """What changes whenever CURRENT is replaced."""
        try:
            stat = (self._index_dir / publish.CURRENT_FILE).stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


@contextmanager
def _no_collections() -> Iterator[None]:
    """Nothing of what is made while a build is opened is garbage; looking for some would only stop the questions."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _prepared(snapshot: Snapshot, prepare: Callable[[Snapshot], None]) -> None:
    try:
        prepare(snapshot)
    except StudyBotError as error:
        _log.warning("新的索引 %s 还不能用来回答：%s", snapshot.build_id, error)


def _rows_by_version(passages: Sequence[Passage]) -> dict[str, range]:
    rows: dict[str, range] = {}
    start = 0
    for row, passage in enumerate(passages):
        if passage.version_id != passages[start].version_id:
            start = row
        rows[passage.version_id] = range(start, row + 1)
    return rows
