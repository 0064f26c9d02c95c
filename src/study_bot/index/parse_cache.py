"""What loaders made of files, kept by content: a scan is recognised once, not at every build. Disposable."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import time
import uuid
from pathlib import Path

from study_bot.index.codec import DECODE_ERRORS, codec
from study_bot.settings import Settings
from study_bot.types import LoadedFile

LOADERS_VERSION = "1"
"""Raise when a loader would read the same file differently; what was stored under another value is not used."""

KEEP_DAYS = 30
"""Entries not used for this long are removed."""

_DAY_S = 86_400


def loading_conditions(settings: Settings) -> str:
    """What, besides its bytes, decides how a file is read: the loaders, and whether scans are recognised."""
    recognises = settings.ocr and importlib.util.find_spec("rapidocr") is not None
    return f"{LOADERS_VERSION}{'+ocr' if recognises else ''}"


class ParseCache:
    """A folder with one JSON file per loaded file, named by what the result depends on."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._conditions = loading_conditions(settings)

    def get(self, path: Path, content_hash: str) -> LoadedFile | None:
        """What was stored for a file of this content and suffix, or None (also for an unreadable entry)."""
        entry = self._entry(path, content_hash)
        try:
            loaded = codec(LoadedFile).decode(json.loads(entry.read_bytes()))
            os.utime(entry)
        except (OSError, *DECODE_ERRORS):
            return None
        return loaded

    def put(self, path: Path, content_hash: str, loaded: LoadedFile) -> None:
        """Store a result; a reader sees all of it or nothing.

        :raises OSError: the folder cannot be written.
        """
        entry = self._entry(path, content_hash)
        self._folder.mkdir(parents=True, exist_ok=True)
        part = entry.with_suffix(f".{uuid.uuid4().hex}.part")  # the server and a builder may store the same file
        part.write_text(json.dumps(codec(LoadedFile).encode(loaded), ensure_ascii=False), encoding="utf-8")
        part.replace(entry)

    def prune(self) -> None:
        """Remove entries that were not used lately and what a killed build left half written."""
        if not self._folder.is_dir():
            return
        oldest = time.time() - KEEP_DAYS * _DAY_S
        for entry in self._folder.iterdir():
            if entry.suffix == ".part" or entry.stat().st_mtime < oldest:
                entry.unlink(missing_ok=True)

    def _entry(self, path: Path, content_hash: str) -> Path:
        key = f"{content_hash}:{path.suffix.lower()}:{self._conditions}"
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"
