"""Reading managed files: loaded in a process of its own, remembered by content, parsed with the admin's corrections."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from pathlib import Path

from study_bot.documents.content import ContentStore
from study_bot.documents.names import UNSORTED, suffix_of
from study_bot.documents.stored import Correction
from study_bot.documents.understanding import Understood, understand
from study_bot.errors import LoadError
from study_bot.index.builder import LOADED_DIR
from study_bot.index.parse_cache import ParseCache
from study_bot.index.publish import CACHE_DIR
from study_bot.library.catalog import describe
from study_bot.library.loaders import LoadLimits
from study_bot.library.loading import LoadWorker
from study_bot.settings import Settings
from study_bot.types import LoadedFile, VersionText

_log = logging.getLogger(__name__)


class FileReader:
    """Reads files of a content store. Safe for several threads.

    What a loader made of a file is put where builds look for it: a scan that an admin looked at is not recognised
    again when the index is built.
    """

    def __init__(self, content: ContentStore, settings: Settings) -> None:
        self._content, self._settings = content, settings
        self._cache = ParseCache(settings.index_dir / CACHE_DIR / LOADED_DIR, settings)
        self._worker = LoadWorker()
        self._free = threading.Lock()

    def close(self) -> None:
        """End the process that reads; it starts again when it is needed."""
        self._worker.close()

    def understood(self, sha256: str, name: str, correction: Correction) -> tuple[Understood | None, str | None]:
        """What the file holds, or None and a sentence that says why it cannot be used.

        :raises NotFoundError: its bytes are gone.
        :raises StorageError: the disk cannot be used.
        """
        path = _path(name, correction)
        try:
            loaded = self._load(sha256, name)
            return understand(path, loaded, sha256, correction.entry(), self._settings, dt.date.today()), None
        except LoadError as error:
            return None, str(error)
        except (ValueError, LookupError, RecursionError) as error:  # a text that the grammar trips over, as in a build
            _log.exception("parsing %s failed", sha256)
            return None, f"解析时出错（{type(error).__name__}）。请把它交给维护人员查看。"

    def text(self, sha256: str, name: str, correction: Correction) -> VersionText:
        """The normalised text and its tree.

        :raises LoadError: the file cannot be read.
        :raises NotFoundError: its bytes are gone.
        """
        return describe(_path(name, correction), self._load(sha256, name), sha256, correction.entry())[1]

    def _load(self, sha256: str, name: str) -> LoadedFile:
        suffix = suffix_of(name)
        if (known := self._cache.get(Path(f"x{suffix}"), sha256)) is not None:
            return known
        with self._content.named(sha256, suffix) as path:
            loaded = self._read(path)
        try:
            self._cache.put(Path(f"x{suffix}"), sha256, loaded)
        except OSError as error:  # it would only have saved time
            _log.warning("a loaded file could not be remembered: %s", error)
        return loaded

    def _read(self, path: Path) -> LoadedFile:
        """By the kept process; by one of its own if that is busy, so that nobody waits for another's scan."""
        limits = LoadLimits.from_settings(self._settings)
        if self._free.acquire(blocking=False):
            try:
                return self._worker.load(path, limits)
            finally:
                self._free.release()
        with LoadWorker() as another:
            return another.load(path, limits)


def _path(name: str, correction: Correction) -> str:
    """The path in the library as far as it says anything of the file: a number between the two does not."""
    return f"{correction.category or UNSORTED}/{name}"
