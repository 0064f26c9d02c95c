"""How the live index is: what it holds, whether its parts fit together, and whether it is what the library holds."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from study_bot.documents.build_requests import Builds
from study_bot.index import publish
from study_bot.index.store import Snapshot
from study_bot.library.catalog import SIDECAR_NAME
from study_bot.settings import Settings
from study_bot.types import DocumentKind

_KINDS = {
    DocumentKind.STATUTE: "法规",
    DocumentKind.PROSE: "文章",
    DocumentKind.TABLE: "表格",
    DocumentKind.SLIDES: "课件",
    DocumentKind.BEIR: "检索语料",
}


@dataclass(frozen=True, slots=True)
class KindCount:
    """Versions and passages of one kind of document; `label` is Chinese."""

    label: str
    versions: int
    passages: int


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """The live index. Sizes are in bytes: of the live build, and of the whole folder with earlier builds and caches.

    `model` identifies the embedding model, `dimension` is the width of its vectors. `coverage` is the share (0..1) of
    the characters of all files that passages and headings cover. `orphans` are Chinese sentences on parts that do not
    fit together; none is as it should be. Of a managed library, `missing` names published files that the index was not
    made from, and `surplus` files that it was made from and that are no longer published; `stale` tells of any change.
    `failed` names files that could not be read, `warned` counts those with warnings.
    """

    build_id: str
    created: dt.datetime
    model: str
    dimension: int
    files: int
    versions: int
    passages: int
    articles: int
    kinds: tuple[KindCount, ...]
    coverage: float
    size_bytes: int
    folder_bytes: int
    earlier_builds: int
    orphans: tuple[str, ...]
    failed: tuple[str, ...]
    warned: int
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    stale: bool

    @property
    def sound(self) -> bool:
        """Whether all parts fit together and nothing is to be done."""
        return not self.orphans and not self.stale


def index_health(snapshot: Snapshot, settings: Settings, builds: Builds) -> IndexHealth:
    """Look at a snapshot, its folder and the library.

    :raises StorageError: the database cannot be read.
    """
    manifest = snapshot.manifest
    published = builds.published()
    missing, surplus = _against_library(snapshot, published) if published else ((), ())
    return IndexHealth(
        build_id=snapshot.build_id,
        created=manifest.created,
        model=manifest.model,
        dimension=manifest.dimension,
        files=manifest.files,
        versions=manifest.versions,
        passages=manifest.passages,
        articles=manifest.articles,
        kinds=_kinds(snapshot),
        coverage=manifest.covered / manifest.characters if manifest.characters else 1.0,
        size_bytes=sum(artefact.size for artefact in manifest.artefacts),
        folder_bytes=sum(_sizes(settings.index_dir)),
        earlier_builds=sum(1 for build_id in publish.build_ids(settings.index_dir) if build_id != snapshot.build_id),
        orphans=tuple(_orphans(snapshot)),
        failed=tuple(f"{report.path}：{report.error}" for report in snapshot.reports if report.error is not None),
        warned=sum(1 for report in snapshot.reports if report.warnings),
        missing=missing,
        surplus=surplus,
        stale=builds.stale(),
    )


def _kinds(snapshot: Snapshot) -> tuple[KindCount, ...]:
    versions = Counter(version.kind for version in snapshot.versions)
    passages: Counter[DocumentKind] = Counter()
    for version in snapshot.versions:
        passages[version.kind] += len(snapshot.rows_of(version.version_id))
    return tuple(KindCount(label, versions[kind], passages[kind]) for kind, label in _KINDS.items() if versions[kind])


def _orphans(snapshot: Snapshot) -> Iterator[str]:
    rows = len(snapshot.passages)
    for name, size in (("向量", len(snapshot.dense)), ("关键词", len(snapshot.sparse))):
        if size != rows:
            yield f"{name}索引有 {size} 行，而段落有 {rows} 个。请重新建立索引。"
    known = {version.version_id for version in snapshot.versions}
    if strays := sum(1 for passage in snapshot.passages if passage.version_id not in known):
        yield f"有 {strays} 个段落不属于任何文献。请重新建立索引。"
    sources = {record.sha256 for record in snapshot.manifest.sources}
    for version in snapshot.versions:
        if not snapshot.rows_of(version.version_id):
            yield f"《{version.title}》没有任何段落，检索不到。"
        if version.kind is not DocumentKind.BEIR and version.content_hash not in sources:
            yield f"《{version.title}》不是由登记过的文件建立的。"


def _against_library(snapshot: Snapshot, published: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of published files that the index was not made from, and of sources that are not published."""
    sources = {
        record.sha256: record.name
        for record in snapshot.manifest.sources
        if PurePosixPath(record.name).name != SIDECAR_NAME
    }
    missing = tuple(name for sha256, name in published.items() if sha256 not in sources)
    return missing, tuple(name for sha256, name in sources.items() if sha256 not in published)


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of each file below `folder`; those that go away meanwhile do not count."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            else:
                yield entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
