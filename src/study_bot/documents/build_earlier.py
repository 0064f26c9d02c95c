"""Builds on disk as far as going back to them is concerned."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from study_bot.errors import DamagedIndexError
from study_bot.index import publish
from study_bot.index.manifest import Manifest, read_manifest


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """A build on disk other than the live one. `library_revision` is None if it was not asked for in the browser.

    `obstacle` says why it cannot be gone back to (a Chinese sentence), None if it can.
    """

    build_id: str
    created: dt.datetime
    files: int
    passages: int
    articles: int
    library_revision: int | None = None
    obstacle: str | None = None


def manifests(index_dir: Path) -> list[Manifest]:
    """Of the builds on disk, newest first; without those that cannot be read."""
    found = []
    for build_id in publish.build_ids(index_dir):
        try:
            found.append(read_manifest(index_dir / build_id))
        except DamagedIndexError:
            continue  # deleted meanwhile, or of another program
    return found


def live_manifest(index_dir: Path) -> Manifest | None:
    """Of the live build; None if there is none or it is damaged, when going back may be the cure."""
    try:
        live = publish.live_build_id(index_dir)
        return None if live is None else read_manifest(index_dir / live)
    except DamagedIndexError:
        return None


def obstacle(manifest: Manifest, live: Manifest | None) -> str | None:
    """Why a build cannot be gone back to from the live one (a Chinese sentence), None if it can."""
    if live is not None and manifest.model != live.model:
        return "这个索引是用另一个向量模型建立的，不能用现在的设置检索。请改回原来的模型，或重新建立索引。"
    return None
