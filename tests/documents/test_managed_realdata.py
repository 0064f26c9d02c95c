"""The way of real documents through the managed library: laws, a batch of updates, broken files, two versions."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.accounts.roles import SYSTEM
from study_bot.documents.content import ContentStore
from study_bot.documents.differences import Difference, DifferenceKind, UnitKind, compare, count_by_kind
from study_bot.documents.files import Files
from study_bot.documents.folder_sync import FolderSync
from study_bot.documents.library_folder import write_library
from study_bot.documents.stored import Correction, FileState, StoredFile
from study_bot.errors import ConflictError
from study_bot.library.catalog import validity
from study_bot.settings import Settings
from study_bot.storage.database import open_database
from study_bot.types import DocumentKind, VersionStatus
from tests.index.builder_fakes import build, live
from tests.support import requires_shared

pytestmark = pytest.mark.realdata

NEW_LAW = dt.date(2026, 1, 1)


@pytest.fixture(scope="module")
def library() -> Path:
    return requires_shared("data", "library")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    folder = tmp_path_factory.mktemp("managed")
    settings = Settings(data_dir=folder / "data", index_dir=folder / "index")
    database = open_database("", settings.data_dir)
    opened = Files(database, ContentStore(settings.data_dir / "content"), settings)
    yield opened
    opened.close()
    database.close()


def give(files: Files, path: Path) -> StoredFile:
    with path.open("rb") as stream:
        return files.give(SYSTEM, path.name, stream, path.parent.name)


@pytest.fixture(scope="module")
def laws(files: Files, library: Path) -> dict[str, StoredFile]:
    """All laws, given and published, by file name; the older of the two 治安管理处罚法 was replaced by the newer."""
    given = {path.name: give(files, path) for path in sorted((library / "good" / "法律").iterdir())}
    old = next(file for name, file in given.items() if name.startswith("治安管理处罚法（2012"))
    new = next(file for name, file in given.items() if name.startswith("中华人民共和国治安管理处罚法（2025"))
    files.publish(SYSTEM, [file.id for file in given.values() if file.id != new.id])
    files.replace(SYSTEM, new.id, old.id)
    return {name: files.get(file.id) for name, file in given.items()}


def test_every_law_is_understood_as_the_manifest_says(library: Path, laws: dict[str, StoredFile]) -> None:
    with (library / "MANIFEST.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(stream) if row["path"].startswith("good/法律")}
    assert rows.keys() == laws.keys()
    for name, file in laws.items():
        row, understood = rows[name], file.understood
        assert understood is not None and file.error is None and file.category == "法律"
        assert (understood.title, understood.kind) == (row["title"], DocumentKind.STATUTE)
        assert understood.promulgated == dt.date.fromisoformat(row["version_date"])
        scanned = "扫描" in name
        expected = int(row["expected_article_count"])
        assert understood.articles >= (0.97 * expected if scanned else expected)
        assert (understood.ocr_confidence is not None) == scanned
        assert understood.first and understood.covered > 0.98 * understood.characters


def test_the_two_versions_of_a_law_are_told_apart(files: Files, laws: dict[str, StoredFile]) -> None:
    new = next(file for file in laws.values() if file.replaces_id is not None)
    old = files.get(new.replaces_id or 0)
    assert [file.id for file in files.related(new.id)] == [old.id]
    differences = compare(files.text_of(old.id), files.text_of(new.id))
    counts = count_by_kind(differences)
    changed = {d.new_label: d for d in differences if d.unit is UnitKind.ARTICLE and d.kind is DifferenceKind.CHANGED}
    assert "根据宪法" in marked(changed["第一条"])
    assert (changed["第八十九条"].old_label, changed["第一百二十二条"].old_label) == ("第七十五条", "第一百零三条")
    added = {d.new_label for d in differences if d.kind is DifferenceKind.ADDED}
    assert {"第十九条", "第二十七条", "第六十条"} <= added  # 正当防卫, 考试舞弊, 学生欺凌
    assert counts[DifferenceKind.REMOVED] <= 6 and counts[DifferenceKind.MOVED] >= 10


def marked(difference: Difference) -> str:
    return "".join(run.text for run in difference.new if run.marked)


def test_the_batch_of_updates(files: Files, library: Path, laws: dict[str, StoredFile]) -> None:
    rules = library / "good" / "党内法规" / "中国共产党党员教育管理工作条例.txt"
    talk = library / "good" / "学习文章" / "二十届中央纪委三次全会公报.txt"
    old, same = give(files, rules), give(files, talk)
    files.publish(SYSTEM, [old.id, same.id])
    updates = library / "updates"
    with pytest.raises(ConflictError, match=same.name):
        give(files, next(updates.glob("学习文章/*")))
    files.publish(SYSTEM, [give(files, next(updates.glob("法律/*"))).id])
    amended = give(files, next(updates.glob("党内法规/*")))
    amended = files.correct(SYSTEM, amended.id, amended.revision, Correction(effective=dt.date(2026, 6, 1)))
    files.replace(SYSTEM, amended.id, old.id)
    told = [
        (d.kind, d.old_label or d.new_label)
        for d in compare(files.text_of(old.id), files.text_of(amended.id))
        if d.unit is UnitKind.ARTICLE
    ]
    assert told == [
        (DifferenceKind.REMOVED, "第十五条"),
        (DifferenceKind.CHANGED, "第十七条"),
        (DifferenceKind.CHANGED, "第二十条"),
        (DifferenceKind.ADDED, "第二十二条之一"),
        (DifferenceKind.CHANGED, "第三十条"),
    ]


def test_broken_files_are_kept_with_their_reason(files: Files, library: Path) -> None:
    for path in (library / "bad").iterdir():
        file = give(files, path)
        assert file.error is not None and file.state is FileState.DRAFT
        files.delete(SYSTEM, file.id)


def test_an_index_of_the_managed_library_answers_as_of_a_day(files: Files, laws: dict[str, StoredFile]) -> None:
    new = next(file for file in laws.values() if file.replaces_id is not None)
    folder = write_library(files, files.settings.data_dir / "library")
    report = build([folder.path], files.settings.index_dir, settings=files.settings, today=dt.date(2026, 6, 30))
    assert [r.error for r in report.files if r.error] == [] and len(report.files) == folder.files
    versions = {v.content_hash: v for v in live(files.settings.index_dir).versions}
    for file in laws.values():
        assert file.understood is not None
        assert versions[file.sha256].version_id == file.understood.version_id
    now, before = versions[new.sha256], versions[files.get(new.replaces_id or 0).sha256]
    assert now.doc_id == before.doc_id and before.repealed == NEW_LAW
    day = NEW_LAW - dt.timedelta(days=1)
    assert [validity(v, day) for v in (before, now)] == [VersionStatus.IN_FORCE, VersionStatus.NOT_YET]
    assert validity(now, NEW_LAW) is VersionStatus.IN_FORCE and validity(before, NEW_LAW) is not VersionStatus.IN_FORCE


def test_a_folder_of_articles_is_taken_in_whole(files: Files, library: Path) -> None:
    sync, folder = FolderSync(files), library / "good" / "学习文章"
    report = sync.apply(SYSTEM, folder, sync.plan(folder).digest)
    assert report.errors == () and len(report.added) + 1 >= len(list(folder.iterdir()))
    assert sync.plan(folder).empty
