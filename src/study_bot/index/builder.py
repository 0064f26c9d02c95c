"""Building an index: read, embed, index, write aside, publish. The live index is untouched until the last step."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import study_bot
from study_bot.errors import DamagedIndexError
from study_bot.index import publish, snapshot_io
from study_bot.index.dense import DenseIndex
from study_bot.index.embedding_cache import EmbeddingCache, text_hash
from study_bot.index.lock import writer_lock
from study_bot.index.manifest import MANIFEST_FILE, Artefact, Manifest, SourceRecord, mismatch, read_manifest
from study_bot.index.parse_cache import ParseCache, loading_conditions
from study_bot.index.passage_vectors import embed
from study_bot.index.progress import Monitor
from study_bot.index.reading import Library, read_library
from study_bot.index.sources import Scan, scan_sources
from study_bot.index.sparse import SparseIndex
from study_bot.index.tokens import TOKENIZER_VERSION, Tokenizer
from study_bot.library.catalog import validity
from study_bot.library.passages import embedding_text
from study_bot.settings import Settings
from study_bot.types import BuildReport, DocumentKind, FileReport, Progress, VersionText

if TYPE_CHECKING:
    from study_bot.index.embedding import Encoder

EMBEDDINGS_FILE = "embeddings.sqlite"
LOADED_DIR = "loaded"


def build_index(
    sources: Sequence[Path],
    index_dir: Path,
    settings: Settings,
    encoder: Encoder,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    full: bool = False,
    may_be_empty: bool = False,
    today: dt.date | None = None,
) -> BuildReport:
    """Index `sources` into `index_dir` and make the result live, unless nothing has changed.

    :param sources: folders, files and corpus files; together they are the whole library.
    :param on_progress: called in this thread, at most a few times a second.
    :param cancelled: asked between files and batches whether to stop.
    :param full: read and embed everything again, whatever is cached, and publish in any case.
    :param may_be_empty: without any file the index is empty, and so answers nothing, instead of an error. For a library
        from which everything was withdrawn on purpose.
    :param today: the day the statuses are of; None = today.
    :return: the report; `published` is False when the live index was already what would be built.
    :raises SourceNotFoundError: a source is missing, or no file could be read.
    :raises BuildInProgressError: another program writes to `index_dir`.
    :raises BuildCancelledError: `cancelled` said so; the live index is untouched, as after every error.
    :raises SnapshotError: disk full, no permission, or the disk fails.
    :raises ModelError: the encoder failed.
    """
    started = time.monotonic()
    monitor = Monitor(on_progress, cancelled)
    with publish.writing(index_dir):
        index_dir.mkdir(parents=True, exist_ok=True)
        with writer_lock(index_dir):
            publish.remove_leftovers(index_dir)
            build = _Build(index_dir, settings, encoder, monitor, today or dt.date.today(), full)
            report = build.run(sources, may_be_empty)
    return replace(report, seconds=time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Previous:
    """The live build, as far as a new one looks at it."""

    folder: Path
    manifest: Manifest


class _Build:
    """One run of the builder, under the lock."""

    def __init__(
        self, index_dir: Path, settings: Settings, encoder: Encoder, monitor: Monitor, today: dt.date, full: bool
    ) -> None:
        self._index_dir, self._settings, self._encoder = index_dir, settings, encoder
        self._monitor, self._today, self._full = monitor, today, full
        self._previous, self._reason = _live_build(index_dir, settings, encoder)
        self._rules = _rules(settings)

    def run(self, sources: Sequence[Path], may_be_empty: bool) -> BuildReport:
        scan = scan_sources(sources, self._monitor, exclude=self._index_dir, may_be_empty=may_be_empty)
        reports = self._reports_if_unchanged(scan)
        if self._previous is not None and reports is not None:
            return _unpublished(self._previous.manifest, reports)
        build_id = publish.new_build_id()
        folder = publish.temporary_dir(self._index_dir, build_id)
        try:
            return self._make(scan, build_id, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # gone already if it was published

    def _reusable(self) -> _Previous | None:
        """The live build if it may stay live, should nothing have changed."""
        return None if self._full or self._reason is not None else self._previous

    def _reports_if_unchanged(self, scan: Scan) -> tuple[FileReport, ...] | None:
        """The live build's reports if it was made of the same bytes under the same conditions, else None."""
        previous = self._reusable()
        if previous is None:
            return None
        if previous.manifest.rules != self._rules or previous.manifest.sources != _source_records(scan):
            return None
        if previous.manifest.day != self._today and not _same_statuses(previous, self._today):
            return None
        reports = snapshot_io.read_reports(previous.folder)
        # What kept a file out may be gone: a program installed, a permission given.
        return None if any(report.error for report in reports) else reports

    def _make(self, scan: Scan, build_id: str, folder: Path) -> BuildReport:
        cache_dir = self._index_dir / publish.CACHE_DIR
        cache_dir.mkdir(exist_ok=True)
        library = self._read(scan, folder, cache_dir)
        texts = [embedding_text(passage) for passage in library.passages]
        hashes = [text_hash(text) for text in texts]
        snapshot_io.write_records(folder, library.versions, library.passages, library.reports, hashes)
        if (previous := self._reusable()) is not None and _would_be_same(previous.manifest, library, folder):
            return _unpublished(previous.manifest, library.reports)
        cache = EmbeddingCache(cache_dir / EMBEDDINGS_FILE)
        vectors = embed(texts, hashes, self._encoder, cache, self._previous_vectors, self._monitor, full=self._full)
        self._write_indexes(folder, texts, vectors.matrix)
        stage = self._monitor.stage("写入索引", 1)
        manifest = self._manifest(build_id, scan, library, snapshot_io.list_artefacts(folder))
        (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
        removed = self._removed(hashes)
        stage.advance()  # the last chance to cancel
        publish.publish(folder, self._index_dir, build_id)
        publish.prune(self._index_dir, self._settings.keep_builds)
        return _report(
            manifest, library.reports, embedded=vectors.embedded, removed=removed, rebuild_reason=self._reason
        )

    def _read(self, scan: Scan, folder: Path, cache_dir: Path) -> Library:
        parsed = ParseCache(cache_dir / LOADED_DIR, self._settings)

        def keep_text(version_id: str, text: VersionText) -> None:
            snapshot_io.write_text(folder, version_id, text)

        library = read_library(scan, self._settings, self._today, keep_text, parsed, self._monitor, full=self._full)
        parsed.prune()
        return library

    def _write_indexes(self, folder: Path, texts: Sequence[str], matrix: NDArray[np.float32]) -> None:
        stage = self._monitor.stage("建立检索", len(texts), "段")
        tokenizer = _tokenizer()

        def tokens() -> Iterator[list[str]]:
            for text in texts:
                yield tokenizer.tokens(text)
                stage.advance()

        SparseIndex.from_tokens(tokens()).save(folder / snapshot_io.SPARSE_DIR)
        DenseIndex.from_vectors(matrix).save(folder / snapshot_io.DENSE_FILE)

    def _previous_vectors(self) -> Mapping[str, NDArray[np.float32]]:
        """Vectors of the live build by text hash, if the same model made them."""
        previous = self._previous
        if previous is None or previous.manifest.model != self._encoder.fingerprint:
            return {}
        matrix = DenseIndex.load(previous.folder / snapshot_io.DENSE_FILE).vectors()
        return dict(zip(snapshot_io.read_hashes(previous.folder), matrix, strict=True))

    def _removed(self, hashes: Sequence[str]) -> int:
        """How many passages of the live build have no like in the new one."""
        if self._previous is None:
            return 0
        return (Counter(snapshot_io.read_hashes(self._previous.folder)) - Counter(hashes)).total()

    def _manifest(self, build_id: str, scan: Scan, library: Library, artefacts: tuple[Artefact, ...]) -> Manifest:
        return Manifest(
            build_id=build_id,
            created=dt.datetime.now().astimezone(),
            day=self._today,
            model=self._encoder.fingerprint,
            dimension=self._encoder.dimension,
            tokenizer=TOKENIZER_VERSION,
            passage_chars=self._settings.passage_chars,
            passage_max_chars=self._settings.passage_max_chars,
            rules=self._rules,
            sources=_source_records(scan),
            files=library.files,
            versions=len(library.versions),
            passages=len(library.passages),
            articles=sum(report.articles for report in library.reports),
            characters=sum(report.characters for report in library.reports),
            covered=sum(report.covered for report in library.reports),
            artefacts=artefacts,
            examples=library.examples,
        )


@functools.cache
def _tokenizer() -> Tokenizer:
    return Tokenizer()  # reads a dictionary; never changes


def rules_fingerprint() -> str:
    """Changes with the code that turns loaded files into passages, so that a newer program reads the sources again."""
    package = Path(study_bot.__file__).parent
    digest = hashlib.sha256(study_bot.__version__.encode())
    for path in sorted([*package.glob("library/*.py"), package / "text.py", package / "index" / "corpus.py"]):
        if path.is_file():  # not where only compiled files were installed
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def made_otherwise(manifest: Manifest, settings: Settings) -> bool:
    """Whether this program, or these settings, would cut the same files otherwise than a build was cut."""
    cut = (manifest.rules, manifest.tokenizer, manifest.passage_chars, manifest.passage_max_chars)
    return cut != (_rules(settings), TOKENIZER_VERSION, settings.passage_chars, settings.passage_max_chars)


def _rules(settings: Settings) -> str:
    return f"{rules_fingerprint()}:{loading_conditions(settings)}"


def _live_build(index_dir: Path, settings: Settings, encoder: Encoder) -> tuple[_Previous | None, str | None]:
    """The live build if there is a whole one, and why everything must be built anew."""
    try:
        build_id = publish.live_build_id(index_dir)
        if build_id is None:
            return None, None
        manifest = read_manifest(index_dir / build_id)
        snapshot_io.verify(index_dir / build_id, manifest)
    except DamagedIndexError as error:
        return None, f"原有索引不能使用：{error}"
    return _Previous(index_dir / build_id, manifest), mismatch(manifest, settings, encoder)


def _same_statuses(previous: _Previous, today: dt.date) -> bool:
    versions = (v for v in snapshot_io.read_versions(previous.folder) if v.kind is not DocumentKind.BEIR)
    return all(validity(version, today) is version.status for version in versions)


def _would_be_same(manifest: Manifest, library: Library, folder: Path) -> bool:
    return library.examples == manifest.examples and snapshot_io.same_content(folder, manifest)


def _source_records(scan: Scan) -> tuple[SourceRecord, ...]:
    files = ((file.name, file.content_hash or "") for file in scan.files)
    return tuple(SourceRecord(name, content) for name, content in (*files, *scan.sidecars))


def _unpublished(manifest: Manifest, reports: Sequence[FileReport]) -> BuildReport:
    return replace(_report(manifest, reports, embedded=0, removed=0, rebuild_reason=None), published=False)


def _report(
    manifest: Manifest, reports: Sequence[FileReport], *, embedded: int, removed: int, rebuild_reason: str | None
) -> BuildReport:
    return BuildReport(
        build_id=manifest.build_id,
        files=tuple(reports),
        passages=manifest.passages,
        articles=manifest.articles,
        embedded=embedded,
        reused=manifest.passages - embedded,
        removed=removed,
        seconds=0.0,
        characters=manifest.characters,
        covered=manifest.covered,
        rebuild_reason=rebuild_reason,
        model=manifest.model,
    )
