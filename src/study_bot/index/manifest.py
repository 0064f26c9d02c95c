"""What a build was made from and with: enough to tell whether it may be used, reused or must be made again."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from study_bot.errors import DamagedIndexError
from study_bot.index.codec import DECODE_ERRORS, codec
from study_bot.index.tokens import TOKENIZER_VERSION
from study_bot.settings import Settings

if TYPE_CHECKING:
    from study_bot.index.embedding import Encoder

FORMAT_VERSION = 1
"""Raise when the files of a build change in a way that older programs or newer ones could not read."""

MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a build: path relative to the build's folder (POSIX), size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A source file or sidecar by the name people see, and the SHA-256 of its bytes ("" = unreadable)."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The first thing read of a build.

    `day` is the day the statuses are of. `model` is the encoder's fingerprint. `rules` identifies the loaders and
    the parsing rules, so that a newer program reads the sources again. Counts: `files` that are in the index,
    `versions`, `passages`, `articles`; `characters` of text without spaces and those `covered` by passages and
    headings. `examples` are the questions that sidecars suggest to first-time users.
    """

    build_id: str
    created: dt.datetime
    day: dt.date
    model: str
    dimension: int
    tokenizer: str
    passage_chars: int
    passage_max_chars: int
    rules: str
    sources: tuple[SourceRecord, ...]
    files: int
    versions: int
    passages: int
    articles: int
    characters: int
    covered: int
    artefacts: tuple[Artefact, ...]
    examples: tuple[str, ...] = ()
    format: int = FORMAT_VERSION

    def to_json(self) -> str:
        """The manifest as a readable JSON object."""
        data = {"format": self.format, **codec(Manifest).encode(self)}
        return json.dumps(data, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote.

        :raises DamagedIndexError: it is something else, or of a format this program does not know.
        """
        try:
            data = json.loads(text)
            version = data["format"]
        except DECODE_ERRORS:
            raise DamagedIndexError(f"索引的 {MANIFEST_FILE} 已损坏。请重新建立索引。") from None
        if version != FORMAT_VERSION:
            raise DamagedIndexError(f"{_format_reason(version)}请用当前程序重新建立索引。")
        try:
            return codec(cls).decode(data)
        except DECODE_ERRORS:
            raise DamagedIndexError(f"索引的 {MANIFEST_FILE} 已损坏。请重新建立索引。") from None


def read_manifest(build_dir: Path) -> Manifest:
    """The manifest in a build's folder.

    :raises DamagedIndexError: it is missing, unreadable or of another format.
    """
    try:
        text = (build_dir / MANIFEST_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise DamagedIndexError(f"索引 {build_dir.name} 缺少 {MANIFEST_FILE}，不完整。请重新建立索引。") from None
    return Manifest.from_json(text)


def mismatch(manifest: Manifest, settings: Settings, encoder: Encoder) -> str | None:
    """Why a build does not fit the settings and the encoder (a Chinese phrase), or None if it does."""
    if (reason := search_mismatch(manifest, encoder)) is not None:
        return reason
    old = f"{manifest.passage_chars}/{manifest.passage_max_chars}"
    new = f"{settings.passage_chars}/{settings.passage_max_chars}"
    if old != new:
        return f"段落长度设置已改变（{old} → {new} 字）"
    return None


def search_mismatch(manifest: Manifest, encoder: Encoder) -> str | None:
    """Why questions cannot be searched for in a build with this encoder (a Chinese phrase), or None if they can."""
    if manifest.format != FORMAT_VERSION:
        return _format_reason(manifest.format)
    if manifest.model != encoder.fingerprint:
        return f"向量模型已更换（{manifest.model} → {encoder.fingerprint}）"
    if manifest.dimension != encoder.dimension:
        return f"向量维数已改变（{manifest.dimension} → {encoder.dimension}）"
    if manifest.tokenizer != TOKENIZER_VERSION:
        return f"分词规则已更新（{manifest.tokenizer} → {TOKENIZER_VERSION}）"
    return None


def _format_reason(version: object) -> str:
    return f"索引格式不同（索引为 {version}，程序为 {FORMAT_VERSION}）。"
