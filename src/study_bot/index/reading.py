"""First half of a build: source files become versions, texts and passages, each file with a report of its own."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from study_bot.errors import DamagedFileError, EmptyFileError, LoadError, SourceNotFoundError
from study_bot.index.corpus import CORPUS_FORMAT, read_corpus
from study_bot.index.parse_cache import ParseCache
from study_bot.index.progress import Monitor
from study_bot.index.sources import Scan, SourceFile, file_hash
from study_bot.library.catalog import Sidecar, describe, link_versions, read_sidecar
from study_bot.library.history import read_history
from study_bot.library.loaders import LoadLimits
from study_bot.library.loading import LoadWorker
from study_bot.library.passages import covered_characters, cut_passages
from study_bot.library.tree import articles_of
from study_bot.settings import Settings
from study_bot.text import article_label
from study_bot.types import ArticleNumber, DocumentKind, FileReport, LoadedFile, Passage, Version, VersionText

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Library:
    """What the sources hold: `passages` are in the order of `versions`; `reports` one a file, in scan order;
    `examples` the questions that sidecars suggest."""

    versions: list[Version] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    reports: list[FileReport] = field(default_factory=list)
    examples: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        """Number of files that are in the index."""
        return sum(1 for r in self.reports if r.error is None and r.duplicate_of is None)


def read_library(
    scan: Scan,
    settings: Settings,
    today: dt.date,
    keep_text: Callable[[str, VersionText], None],
    cache: ParseCache,
    monitor: Monitor,
    *,
    full: bool = False,
) -> Library:
    """Read every file of a scan. A file that cannot be read gets its error into its report and stops nothing.

    :param today: the day the statuses are of.
    :param keep_text: called with the id and the text of each version (not for rows of a corpus).
    :param full: read files again even if `cache` knows their content.
    :raises SourceNotFoundError: there are files, and not one could be read.
    :raises SettingsError: a sidecar is wrong.
    """
    with contextlib.closing(_Reader(settings, keep_text, cache, monitor, full)) as reader:
        sidecars = {root: read_sidecar(root) for root in scan.sidecar_roots}
        stage = monitor.stage("读取文献", len(scan.files), "个文件", work=sum(file.size for file in scan.files))
        for file in scan.files:
            stage.show(file.name)
            reader.read(file, sidecars.get(file.root, Sidecar()))
            stage.advance(detail=file.name, work=file.size)
        library = reader.finish(today)
    library.examples = tuple(dict.fromkeys(question for sidecar in sidecars.values() for question in sidecar.examples))
    return library


class _Reader:
    """State of one pass over the files."""

    def __init__(
        self,
        settings: Settings,
        keep_text: Callable[[str, VersionText], None],
        cache: ParseCache,
        monitor: Monitor,
        full: bool,
    ) -> None:
        self._settings, self._keep_text, self._cache = settings, keep_text, cache
        self._monitor, self._full = monitor, full
        self._limits = LoadLimits.from_settings(settings)
        self._worker = LoadWorker()  # its process starts with the first file that is not in the cache
        self._library = Library()
        self._by_content: dict[str, str] = {}
        self._by_text: dict[str, str] = {}
        self._taken: set[str] = set()
        self._repeals: dict[str, tuple[str, ...]] = {}
        self._version_of: dict[int, str] = {}

    def close(self) -> None:
        self._worker.close()

    def read(self, file: SourceFile, sidecar: Sidecar) -> None:
        """Read one file and file its report."""
        content = file.content_hash
        if content is None:
            self._fail(file, "没有读取权限，或文件已被移走。请检查后再建索引。")
        elif content in self._by_content:
            self._report(FileReport(file.name, duplicate_of=self._by_content[content]))
        else:
            try:
                if file.is_corpus:
                    self._read_corpus(file, content)
                else:
                    self._read_document(file, content, sidecar)
            except LoadError as error:
                self._fail(file, str(error))
            except (ValueError, LookupError, RecursionError) as error:
                # A text that the grammar trips over must not keep the others out of the index.
                _log.exception("解析 %s 时出错", file.name)
                self._fail(
                    file, f"解析时出错（{type(error).__name__}：{error}），该文件未进入索引。请把它交给维护人员查看。"
                )
            else:
                self._by_content[content] = file.name

    def finish(self, today: dt.date) -> Library:
        """Compare the versions with one another and complete the reports."""
        library = self._library
        if not library.passages and library.reports:
            errors = "；".join(f"{r.path}：{r.error}" for r in library.reports[:3] if r.error)
            raise SourceNotFoundError(f"没有一个文件能读出文字，索引未改动。{errors}")
        documents = [v for v in library.versions if v.kind is not DocumentKind.BEIR]
        linked = {v.version_id: v for v in link_versions(documents, self._repeals, today)}
        library.versions = [linked.get(v.version_id, v) for v in library.versions]
        for position, version_id in self._version_of.items():
            library.reports[position] = _with_version(library.reports[position], linked[version_id])
        originals = {report.path: report for report in library.reports}
        library.reports = [_like_original(report, originals) for report in library.reports]
        return library

    def _read_corpus(self, file: SourceFile, content: str) -> None:
        corpus = read_corpus(
            file.path,
            file.name,
            content,
            limit=self._settings.passage_max_chars,
            max_bytes=self._settings.max_uncompressed_mb * 2**20,
            taken=self._taken,
            tick=self._monitor.check,
        )
        self._library.versions += corpus.versions
        self._library.passages += corpus.passages
        self._report(
            FileReport(
                file.name,
                title=PurePosixPath(file.name).name,
                kind=CORPUS_FORMAT,
                articles=corpus.articles,
                passages=len(corpus.passages),
                characters=corpus.characters,
                covered=corpus.characters,
                warnings=corpus.warnings,
            )
        )

    def _read_document(self, file: SourceFile, content: str, sidecar: Sidecar) -> None:
        loaded = self._load(file, content)
        version, text = describe(file.relative, loaded, content, sidecar.entry(file.relative))
        version = replace(version, path=file.name)
        if not text.text.strip():
            raise EmptyFileError("文件中没有文字。")
        words = hashlib.sha256(text.text.encode("utf-8", "surrogatepass")).hexdigest()
        if (first := self._by_text.get(words)) is not None:
            # The same words in another format or encoding would only answer twice.
            self._report(FileReport(file.name, duplicate_of=first))
            return
        if version.version_id in self._taken:
            raise DamagedFileError(f"与另一文献的编号相同（{version.version_id}）。请改写标题或内容后再建索引。")
        passages = cut_passages(
            text, version, target=self._settings.passage_chars, limit=self._settings.passage_max_chars
        )
        if not passages:
            raise EmptyFileError("文件中只有标题，没有正文。")
        self._keep_text(version.version_id, text)
        self._taken.add(version.version_id)
        self._by_text[words] = file.name
        self._repeals[version.version_id] = read_history(text, PurePosixPath(file.relative).stem).repeals
        self._library.versions.append(version)
        self._library.passages += passages
        covered, characters = covered_characters(text, passages)
        self._version_of[len(self._library.reports)] = version.version_id
        self._report(
            FileReport(
                file.name,
                articles=version.articles,
                passages=len(passages),
                characters=characters,
                covered=covered,
                gaps=numbering_gaps(text),
            )
        )

    def _load(self, file: SourceFile, content: str) -> LoadedFile:
        if not self._full and (loaded := self._cache.get(file.path, content)) is not None:
            return loaded
        try:
            loaded = self._worker.load(file.path, self._limits, self._monitor.cancelled)
        except OSError as error:
            raise LoadError(f"文件读不出来（{error.strerror or error}）。请检查权限和磁盘。") from None
        if file_hash(file.path) != content:
            raise LoadError("读取时文件正被改动，未进入索引。请等它保存好后再建索引。")
        self._cache.put(file.path, content, loaded)
        return loaded

    def _fail(self, file: SourceFile, error: str) -> None:
        self._report(FileReport(file.name, error=error))

    def _report(self, report: FileReport) -> None:
        self._library.reports.append(report)


def _with_version(report: FileReport, version: Version) -> FileReport:
    return replace(
        report,
        title=version.title,
        kind=version.kind.value,
        status=version.status.label,
        version_date=version.promulgated.isoformat() if version.promulgated else None,
        effective_date=version.effective.isoformat() if version.effective else None,
        warnings=version.warnings,
    )


def _like_original(report: FileReport, originals: Mapping[str, FileReport]) -> FileReport:
    """A duplicate is called what its original is called."""
    if report.duplicate_of is None:
        return report
    original = originals[report.duplicate_of]
    return replace(report, title=original.title, kind=original.kind)


def numbering_gaps(text: VersionText) -> tuple[str, ...]:
    """Article numbers missing between 1 and the highest of a statute: 缺第十五条, 缺第三条至第七条."""
    if text.kind is not DocumentKind.STATUTE:
        return ()
    numbers = sorted({a.article.number for a in articles_of(text.root) if a.article and a.article.insert == 0})
    gaps = []
    for before, after in zip([0, *numbers], numbers, strict=False):
        first, last = ArticleNumber(before + 1), ArticleNumber(after - 1)
        if first == last:
            gaps.append(f"缺{article_label(first)}")
        elif first < last:
            gaps.append(f"缺{article_label(first)}至{article_label(last)}")
    return tuple(gaps)
