"""The starter library becomes a managed one, once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from study_bot.accounts.roles import SYSTEM, Actor
from study_bot.documents.files import Files
from study_bot.documents.first_start import adopt
from study_bot.documents.library_folder import published_files
from study_bot.documents.stored import FileState, Origin, StoredFile
from study_bot.errors import SignInError, StorageError
from tests.index.builder_fakes import RULE_TITLE, rule_text, write_library


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = write_library(tmp_path / "corpus")
    (root / "空.txt").write_bytes(b"")
    (root / "再来一份.txt").write_text(rule_text(), encoding="utf-8")  # the same bytes under another name
    (root / "catalog.toml").write_text(
        f"""examples = ["巡查时应当做什么？"]

[[documents]]
path = "{RULE_TITLE}.txt"
aliases = ["值守规定"]
effective = 2024-07-01
category = "规章"
""",
        encoding="utf-8",
    )
    return root


def published(files: Files) -> dict[str, StoredFile]:
    return {file.name: file for file in published_files(files)[1]}


def test_an_empty_library_takes_the_folder_in(quick_files: Files, corpus: Path) -> None:
    assert adopt(SYSTEM, quick_files, corpus) == 3
    found = published(quick_files)
    assert len(found) == 3
    talk = found["关于晨读的讲话.txt"]
    assert (talk.category, talk.origin, talk.origin_path) == ("讲话", Origin.FOLDER, "corpus/讲话/关于晨读的讲话.txt")
    rule = found[f"{RULE_TITLE}.txt"]
    assert quick_files.counts()[FileState.DRAFT] == 1  # the empty one shows why it is not published
    assert rule.correction.aliases == ("值守规定",)
    assert (rule.correction.effective, rule.category) == (dt.date(2024, 7, 1), "规章")


def test_once_and_never_again(quick_files: Files, corpus: Path) -> None:
    adopt(SYSTEM, quick_files, corpus)
    for file in published(quick_files).values():
        quick_files.delete(SYSTEM, file.id)
    assert adopt(SYSTEM, quick_files, corpus) == 0
    assert published(quick_files) == {}


def test_not_into_a_library_that_holds_something(quick_files: Files, corpus: Path) -> None:
    with (corpus / "讲话" / "关于晨读的讲话.txt").open("rb") as stream:
        quick_files.give(SYSTEM, "晨读.txt", stream)
    assert adopt(SYSTEM, quick_files, corpus) == 0


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_site_without_a_starter_library(name: str, quick_files: Files, tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert adopt(SYSTEM, quick_files, tmp_path / name) == 0
    assert adopt(SYSTEM, quick_files, corpus) == 3  # it is still the first one


def test_what_was_cut_short_is_completed(quick_files: Files, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine, given = quick_files.give, []

    def give(actor: Actor, name: str, stream: BinaryIO, *arguments: Any, **options: Any) -> StoredFile:
        if len(given) == 2:
            raise StorageError("磁盘满了")
        given.append(name)
        return genuine(actor, name, stream, *arguments, **options)

    monkeypatch.setattr(quick_files, "give", give)
    with pytest.raises(StorageError):
        adopt(SYSTEM, quick_files, corpus)
    assert published(quick_files) == {}
    monkeypatch.undo()
    assert adopt(SYSTEM, quick_files, corpus) == 3
    assert len(published(quick_files)) == 3


def test_servers_that_start_together(quick_files: Files, corpus: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        taken = list(pool.map(lambda _: adopt(SYSTEM, quick_files, corpus), range(3)))
    assert sorted(taken) == [0, 0, 3]


def test_nobody_else_may(quick_files: Files, corpus: Path) -> None:
    with pytest.raises(SignInError):
        adopt(Actor(None), quick_files, corpus)
