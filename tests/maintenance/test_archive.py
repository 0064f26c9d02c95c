"""Backups that were changed on the way: refused in one sentence, nothing written outside, nothing more than listed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.accounts.roles import SYSTEM
from study_bot.errors import InputError
from study_bot.maintenance.archive import MANIFEST, Archive
from study_bot.maintenance.backup import create, verify
from study_bot.maintenance.restore import restore
from study_bot.maintenance.site import open_site
from study_bot.settings import Settings
from tests.maintenance.sites import add_file, add_person, fill, settings_in

Change = Callable[[dict[str, bytes], dict[str, Any]], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    with open_site(settings_in(folder)) as site:
        fill(site, folder)
        create(folder / "whole.backup", site.database, site.settings, actor=SYSTEM)
    return (folder / "whole.backup").read_bytes()


def changed(whole: bytes, change: Change) -> bytes:
    """The same backup after a change of its members (by name) and its list."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    manifest = json.loads(members.pop(MANIFEST))
    change(members, manifest)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(MANIFEST, json.dumps(manifest))
    return out.getvalue()


def planted(name: str, data: bytes = b"x") -> Change:
    def change(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        members[name] = data
        manifest["members"].append({"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})

    return change


def _set(**values: object) -> Change:
    return lambda _, manifest: manifest.update(values)


def _without(start: str) -> Change:
    def change(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        doomed = next(name for name in members if name.startswith(start) and members[name])
        del members[doomed]
        manifest["members"] = [member for member in manifest["members"] if member["name"] != doomed]

    return change


def _bomb(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    members["data/bomb"] = b"\0" * 50_000_000
    manifest["members"].append({"name": "data/bomb", "size": 10, "sha256": hashlib.sha256(b"\0" * 10).hexdigest()})


def _other_bytes(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name = next(name for name in members if name.startswith("data/content/") and members[name])
    members[name] = bytes(len(members[name]))


def _database_of_lies(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name = "database/study_bot.sqlite3"
    members[name] = b"SQLite format 3\0" + b"\xff" * 8192
    for member in manifest["members"]:
        if member["name"] == name:
            member.update(size=len(members[name]), sha256=hashlib.sha256(members[name]).hexdigest())


HOSTILE: dict[str, Change] = {
    **{
        f"name {name!r}": planted(name)
        for name in (
            "data/../../escaped",
            "data/../escaped",
            "/etc/escaped",
            "data//escaped",
            "data/./escaped",
            "data",
            "../escaped",
            "data\\..\\escaped",
            "data/..\\escaped",
            "C:/escaped",
            "index/../escaped/x",
            "index/other-build/x",
            "index/CURRENT",
            "database/other",
            "other/escaped",
            "data/.lock",
            "data/.restore/journal.json",
            "data/study_bot.sqlite3",
            "data/study_bot.sqlite3-wal",
        )
    },
    "a bomb": _bomb,
    "other bytes": _other_bytes,
    "a database of lies": _database_of_lies,
    "no database": _without("database/"),
    "a file of the library left out": _without("data/content/"),
    "another end of the trail": _set(trail_lines=1),
    "another revision": _set(revision="0000"),
    "a newer format": _set(format=2),
    "no format": _set(format=None),
    "an id that leads elsewhere": _set(build_id="../x"),
    "members that are none": _set(members=[1, None]),
    "a size that is none": lambda _, manifest: manifest["members"][0].update(size=-1),
    "a list that is none": _set(members="x"),
    "no time": _set(created="yesterday"),
    "another kind": _set(database="oracle"),
}


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site that none of these backups may change."""
    settings = settings_in(tmp_path_factory.mktemp("victim"))
    settings.index_dir.mkdir()
    with open_site(settings) as site:
        add_person(site.database, "before")
        add_file(site, "before")
    return settings


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_changed_backup_is_refused(change: Change, whole: bytes, victim: Settings) -> None:
    folder = victim.data_dir.parent
    file = folder / "changed.backup"
    file.write_bytes(changed(whole, change))

    def everything() -> dict[Path, bytes | None]:
        return {p: p.read_bytes() if p.is_file() else None for p in folder.rglob("*") if p.name != ".lock"}

    before = everything()
    with pytest.raises(InputError) as refusal:
        restore(file, victim, actor=SYSTEM, replace=True)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith("。")
    assert everything() == before


def test_the_same_backup_packed_anew_is_good(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "again.backup").write_bytes(changed(whole, lambda members, manifest: None))
    verify(tmp_path / "again.backup")
    restore(tmp_path / "again.backup", settings_in(tmp_path / "elsewhere"), actor=SYSTEM)


def test_cut_off_anywhere_it_is_refused(whole: bytes, tmp_path: Path) -> None:
    for end in range(0, len(whole), len(whole) // 40):
        (tmp_path / "cut.backup").write_bytes(whole[:end])
        with pytest.raises(InputError):
            verify(tmp_path / "cut.backup")


@pytest.mark.parametrize("at", [0.01, 0.2, 0.5, 0.8, 0.97])
def test_a_flipped_byte_is_noticed_or_harmless(at: float, whole: bytes, tmp_path: Path) -> None:
    broken = bytearray(whole)
    broken[int(len(whole) * at)] ^= 0xFF
    (tmp_path / "flipped.backup").write_bytes(broken)
    try:
        report = verify(tmp_path / "flipped.backup")
    except InputError:
        return
    (tmp_path / "whole.backup").write_bytes(whole)
    assert report.trail_head == verify(tmp_path / "whole.backup").trail_head


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        Archive(io.BytesIO(data))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = ("format", "created", "program", "database", "revision", "trail_lines", "trail_head", "documents", "missing")


@given(st.dictionaries(st.sampled_from((*_FIELDS, "build_id", "members")), _JSON) | _JSON)
def test_arbitrary_lists_are_refused(manifest: object) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
    with pytest.raises(InputError):
        Archive(out)
