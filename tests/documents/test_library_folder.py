from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.accounts.roles import Actor
from study_bot.documents.files import Files
from study_bot.documents.library_folder import catalog_toml, write_library
from study_bot.documents.stored import Correction, FileState
from study_bot.errors import InputError
from study_bot.index.builder import LOADED_DIR
from study_bot.index.publish import CACHE_DIR
from study_bot.index.store import Snapshot
from study_bot.library.catalog import SidecarEntry, read_sidecar, validity
from study_bot.settings import Settings
from study_bot.types import VersionStatus
from tests.documents.samples import new_rule, old_rule, speech, stream
from tests.index.builder_fakes import build, live

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30)
DAY = st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))
ENTRY = st.builds(
    SidecarEntry,
    title=st.none() | TEXT,
    category=st.none() | TEXT,
    promulgated=DAY,
    effective=DAY,
    repealed=DAY,
    status=st.none() | st.sampled_from(VersionStatus),
    aliases=st.lists(TEXT, max_size=3).map(tuple),
    version_of=st.none() | TEXT,
)


@given(entry=ENTRY, examples=st.lists(TEXT, max_size=3, unique=True), name=st.text("甲乙a '\"\\#=[]", min_size=1))
def test_a_catalog_reads_back(
    entry: SidecarEntry, examples: list[str], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("catalog")
    path = f"课堂/{name}"
    (root / "catalog.toml").write_text(catalog_toml({path: entry}, examples), encoding="utf-8")
    sidecar = read_sidecar(root)
    assert (sidecar.entry(path), sidecar.examples) == (entry, tuple(examples))


def published(files: Files, admin: Actor) -> dict[str, int]:
    """Two versions of a rule, of which one replaces the other; two versions of a speech; a draft; a retired file."""
    ids = {
        name: files.give(admin, f"{name}.txt", stream(data), "课堂").id
        for name, data in (
            ("旧", old_rule()),
            ("新", new_rule()),
            ("讲话", speech()),
            ("讲话新稿", speech("再说一句。")),
            ("草稿", speech("草稿。")),
            ("停用", speech("停用。")),
        )
    }
    files.publish(admin, [ids["旧"], ids["讲话"], ids["停用"]])
    files.replace(admin, ids["新"], ids["旧"])
    files.replace(admin, ids["讲话新稿"], ids["讲话"])
    files.retire(admin, ids["停用"])
    return ids


def test_an_index_is_built_from_what_is_published(
    quick_files: Files, admin: Actor, settings: Settings, tmp_path: Path
) -> None:
    files = quick_files
    ids = published(files, admin)
    file = files.get(ids["讲话"])
    files.correct(admin, file.id, file.revision, Correction(title="谈读书", category="专家课堂", aliases=("读书讲话",)))
    library = write_library(files, settings.data_dir / "library", ["读书要怎样？"])
    assert (library.files, library.revision) == (4, files.revision())
    snapshot = index(library.path, settings)
    by_hash = {version.content_hash: version for version in snapshot.versions}
    assert len(snapshot.versions) == 4
    for name in ("旧", "新", "讲话", "讲话新稿"):
        stored = files.get(ids[name])
        version = by_hash[stored.sha256]
        assert stored.understood is not None
        assert (version.version_id, version.title) == (stored.understood.version_id, stored.title)
        assert (version.category, version.path) == (stored.category, f"文献库/{stored.path}")
    assert by_hash[file.sha256].aliases[0] == "读书讲话"


def test_a_build_does_not_read_again_what_an_admin_looked_at(
    quick_files: Files, admin: Actor, settings: Settings
) -> None:
    published(quick_files, admin)
    kept = settings.index_dir / CACHE_DIR / LOADED_DIR
    before = {entry.name: entry.stat().st_ino for entry in kept.iterdir()}
    index(write_library(quick_files, settings.data_dir / "library").path, settings)
    assert {entry.name: entry.stat().st_ino for entry in kept.iterdir()} == before != {}


def test_what_was_replaced_ends_where_the_new_version_begins(
    quick_files: Files, admin: Actor, settings: Settings
) -> None:
    files = quick_files
    ids = published(files, admin)
    snapshot = index(write_library(files, settings.data_dir / "library").path, settings)
    by_hash = {version.content_hash: version for version in snapshot.versions}
    old, new = by_hash[files.get(ids["旧"]).sha256], by_hash[files.get(ids["新"]).sha256]
    assert (old.status, old.repealed, new.status) == (
        VersionStatus.AMENDED, dt.date(2024, 4, 1), VersionStatus.IN_FORCE,
    )  # fmt: skip
    assert validity(old, dt.date(2023, 1, 1)) is VersionStatus.IN_FORCE
    speech_then = by_hash[files.get(ids["讲话"]).sha256]
    assert validity(speech_then, dt.date.today()) is VersionStatus.AMENDED
    assert validity(speech_then, dt.date.today() - dt.timedelta(days=1)) is VersionStatus.IN_FORCE
    files.retire(admin, ids["讲话新稿"])
    snapshot = index(write_library(files, settings.data_dir / "library").path, settings)
    (again,) = [v for v in snapshot.versions if v.content_hash == speech_then.content_hash]
    assert (again.status, again.repealed) == (VersionStatus.UNKNOWN, None)


def test_the_layout_before_and_what_was_broken_off_go(quick_files: Files, admin: Actor, settings: Settings) -> None:
    folder = settings.data_dir / "library"
    published(quick_files, admin)
    (folder / ".partial-1-x" / "文献库").mkdir(parents=True)
    first = write_library(quick_files, folder)
    second = write_library(quick_files, folder)
    assert not first.path.exists() and [entry.name for entry in folder.iterdir()] == [second.path.parent.name]


def test_lost_bytes_are_told_and_hinder_nothing(quick_files: Files, admin: Actor, settings: Settings) -> None:
    ids = published(quick_files, admin)
    quick_files.path_of(ids["新"]).unlink()
    library = write_library(quick_files, settings.data_dir / "library")
    assert library.files == 3 and library.missing == ("《江临市公共自习室管理办法》（新.txt）",)


def test_an_empty_library_is_told(quick_files: Files, settings: Settings) -> None:
    with pytest.raises(InputError, match="还没有已发布"):
        write_library(quick_files, settings.data_dir / "library")


def test_a_library_that_was_emptied_is_laid_out_empty(quick_files: Files, admin: Actor, settings: Settings) -> None:
    ids = published(quick_files, admin)
    quick_files.path_of(ids["新"]).unlink()
    assert not write_library(quick_files, settings.data_dir / "library").is_empty
    for file in quick_files.search(FileState.PUBLISHED).files:
        quick_files.retire(admin, file.id)
    library = write_library(quick_files, settings.data_dir / "library")
    assert library.is_empty and library.revision > 0


def index(source: Path, settings: Settings) -> Snapshot:
    build([source], settings.index_dir, settings=settings, today=dt.date.today())
    return live(settings.index_dir)
