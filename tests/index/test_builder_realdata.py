"""The whole way from real documents to an index, with an encoder that needs no model."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from study_bot.index.store import Snapshot
from study_bot.settings import Settings
from study_bot.types import BuildReport, FileReport
from tests.index.builder_fakes import FakeEncoder, build, live
from tests.support import requires_shared

pytestmark = pytest.mark.realdata

SETTINGS = Settings()
SCANNED_SHARE = 0.97
"""Share of a scan's articles that text recognition has to find."""


@pytest.fixture(scope="module")
def library() -> Path:
    return requires_shared("data", "library")


@pytest.fixture(scope="module")
def index_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real") / "index"


@pytest.fixture(scope="module")
def report(library: Path, index_dir: Path) -> BuildReport:
    return build([library / "good", library / "bad"], index_dir, settings=SETTINGS)


@pytest.fixture(scope="module")
def snapshot(report: BuildReport, index_dir: Path) -> Snapshot:
    assert report.published
    return live(index_dir)


def test_articles_are_those_of_the_manifest(library: Path, report: BuildReport) -> None:
    with (library / "MANIFEST.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream) if row["path"].startswith("good/")}
    files = {file.path: file for file in report.files}
    assert rows.keys() <= files.keys()
    assert {p: r["kind"] for p, r in rows.items()} == {p: files[p].kind for p in rows}
    wrong = {}
    for path, row in rows.items():
        expected, found = int(row["expected_article_count"] or 0), files[path].articles
        least = expected * SCANNED_SHARE if "扫描" in path else expected
        if row["kind"] == "statute" and not least <= found <= expected:
            wrong[path] = (expected, found)
    assert wrong == {}


def test_every_bad_file_has_its_own_line(report: BuildReport) -> None:
    errors = [file.error for file in report.files if file.path.startswith("bad/")]
    assert len(errors) == len(set(errors)) == 3
    assert all(errors)
    assert [file.path for file in report.files if file.error and not file.path.startswith("bad/")] == []


def test_nearly_all_text_is_in_passages_which_are_spans_of_it(report: BuildReport, snapshot: Snapshot) -> None:
    assert report.covered >= 0.995 * report.characters
    for version in snapshot.versions:
        text = snapshot.text(version.version_id).text
        for row in snapshot.rows_of(version.version_id):
            passage = snapshot.passages[row]
            assert text[passage.start : passage.end] == passage.text


def test_an_unchanged_library_takes_seconds(library: Path, index_dir: Path, snapshot: Snapshot) -> None:
    encoder = FakeEncoder()
    again = build([library / "good", library / "bad"], index_dir, encoder, settings=SETTINGS)
    assert not again.published
    assert again.build_id == snapshot.build_id
    assert again.seconds < 15
    assert encoder.encoded == []


def test_only_what_an_update_changes_is_embedded(library: Path, index_dir: Path, snapshot: Snapshot) -> None:
    updated = build([library / "good", library / "updates"], index_dir, settings=SETTINGS)
    files = {file.path: file for file in updated.files}
    new_law = next(f for p, f in files.items() if p.startswith("updates/法律/"))
    amended = next(f for p, f in files.items() if p.startswith("updates/党内法规/"))
    copy: FileReport = next(f for p, f in files.items() if p.startswith("updates/学习文章/"))
    assert new_law.articles == 103
    assert (amended.articles, amended.gaps) == (46, ("缺第十五条",))
    assert copy.duplicate_of == "good/学习文章/二十届中央纪委三次全会公报.txt"
    assert new_law.passages < updated.embedded < new_law.passages + 10
    assert updated.removed == 0
    assert updated.passages == snapshot.manifest.passages + new_law.passages + amended.passages
