"""How the live index is told to be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.documents.build_requests import Builds
from study_bot.documents.health import IndexHealth, index_health
from study_bot.documents.stored import FileState, Origin
from study_bot.index.store import Snapshot, SnapshotStore
from study_bot.settings import Settings
from study_bot.storage.columns import utc_now
from study_bot.storage.database import Database, open_database
from study_bot.storage.library_tables import FileRow
from tests.documents.build_fakes import build_settings, set_library_revision
from tests.index.builder_fakes import build, write_library


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return build_settings(tmp_path)


@pytest.fixture
def site(settings: Settings) -> Iterator[Database]:
    opened = open_database("", settings.data_dir)
    yield opened
    opened.close()


@pytest.fixture
def snapshot(tmp_path: Path, settings: Settings) -> Snapshot:
    library = write_library(tmp_path / "文献")
    (library / "空.txt").write_bytes(b"")
    build(library, settings.index_dir)
    return SnapshotStore(settings.index_dir).current()


def health(snapshot: Snapshot, settings: Settings, site: Database) -> IndexHealth:
    return index_health(snapshot, settings, Builds(site, settings))


def publish(site: Database, name: str, content: bytes, state: FileState = FileState.PUBLISHED) -> None:
    with site.write() as session:
        session.add(
            FileRow(
                sha256=hashlib.sha256(content).hexdigest(),
                name=name,
                path=name,
                size=len(content),
                state=state.value,
                origin=Origin.UPLOAD.value,
                created_at=utc_now(),
            )
        )


def test_a_sound_index(snapshot: Snapshot, settings: Settings, site: Database) -> None:
    found = health(snapshot, settings, site)
    assert found.sound and found.orphans == ()
    assert (found.build_id, found.model, found.dimension) == (snapshot.build_id, "fake-model-1", 32)
    assert (found.files, found.versions, found.passages) == (3, 3, len(snapshot.passages))
    assert [(kind.label, kind.versions) for kind in found.kinds] == [("法规", 1), ("文章", 2)]
    assert sum(kind.passages for kind in found.kinds) == found.passages
    assert 0.9 < found.coverage <= 1
    assert 0 < found.size_bytes < found.folder_bytes
    assert found.earlier_builds == 0
    assert len(found.failed) == 1 and "空.txt" in found.failed[0]
    assert (found.missing, found.surplus, found.stale) == ((), (), False)


def test_against_the_library(snapshot: Snapshot, settings: Settings, site: Database, tmp_path: Path) -> None:
    kept = next((tmp_path / "文献").rglob("*晨读*")).read_bytes()
    publish(site, "晨读.txt", kept)
    publish(site, "新来的.txt", b"new")
    publish(site, "草稿.txt", b"draft", FileState.DRAFT)
    set_library_revision(site, 5)
    found = health(snapshot, settings, site)
    assert found.missing == ("新来的.txt",)
    assert len(found.surplus) == 3 and not any("晨读" in name for name in found.surplus)
    assert found.stale and not found.sound


def test_parts_that_do_not_fit(snapshot: Snapshot, settings: Settings, site: Database) -> None:
    stray = replace(snapshot.passages[0], version_id="none")
    first, *others = snapshot.versions
    broken = replace(
        snapshot, passages=(*snapshot.passages, stray), versions=(*others, replace(first, content_hash="x")), _rows={}
    )
    found = health(broken, settings, site)
    words = "".join(found.orphans)
    for expected in ("向量索引有", "关键词索引有", "有 1 个段落不属于", "没有任何段落", "登记过的文件"):
        assert expected in words
    assert not found.sound
