"""`study-bot library` on a real site; one build with the real model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Program

RULES = """江临市{}管理规定

（2024年3月1日公布，自2024年4月1日起施行）

第一条　实行双人制。
第二条　每班八小时。
第三条　换班应当交接。
第四条　本规定由办公室解释。
"""


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a fresh site begins with; all folders of the site are the test's own."""
    for name in ("data", "index", "corpus"):
        monkeypatch.setenv(f"STUDY_BOT_{name.upper()}_DIR", str(tmp_path / name))
    folder = tmp_path / "corpus" / "规章"
    folder.mkdir(parents=True)
    (folder / "值班.txt").write_text(RULES.format("值班"), "utf-8")
    return tmp_path / "corpus"


def test_files_are_taken_in_and_listed(program: Program, corpus: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "档案.txt", tmp_path / "空.txt"
    good.write_text(RULES.format("档案"), "utf-8")
    bad.write_bytes(b"")
    added = program("library", "add", str(good), str(bad), "--category", "规章")
    assert added.code == 1, "one could not be read"
    assert "江临市档案管理规定" in added.out and "待发布" in added.out
    assert program("library", "add", str(good)).code == 1, "the same content once"
    drafts = program("library", "list", "--state", "draft")
    assert "档案.txt" in drafts.out
    assert program("library", "list", "--state", "published").out.strip() == "共 0 份。"
    assert program("library", "list", "--state", "x").code == 2


def test_a_folder_is_looked_at_before_it_is_taken(program: Program, corpus: Path) -> None:
    looked = program("library", "sync", str(corpus))
    assert looked.code == 0 and "新增：corpus/规章/值班.txt" in looked.out and "新增 1" in looked.out
    assert program("library", "list").out.strip() == "共 0 份。"
    assert program("library", "sync", str(corpus / "nowhere"), "--apply").code == 2


def test_the_first_start_and_later_ones(program: Program, corpus: Path, tmp_path: Path) -> None:
    first = program("library", "update")
    assert first.code == 0, first.err
    assert "已收入初始文献 1 份" in first.out and "收录 1 个文件" in first.out
    assert "索引已是最新" in program("library", "update").out
    (corpus / "规章" / "档案.txt").write_text(RULES.format("档案"), "utf-8")
    assert "索引已是最新" in program("library", "update").out, "a folder is taken in by itself once only"
    synced = program("library", "sync", str(corpus), "--apply")
    assert synced.code == 0 and "收录 2 个文件" in synced.out
    (tmp_path / "index" / "CURRENT").write_text("garbage\n", "utf-8")
    again = program("library", "update")
    assert again.code == 0 and "收录 2 个文件" in again.out and "索引任务" in again.err
    assert "索引已是最新" in program("library", "update").out
    assert "收录 2 个文件" in program("library", "update", "--force").out
