from __future__ import annotations

import os
from pathlib import Path

import pytest

from study_bot.errors import SourceNotFoundError
from study_bot.index.sources import scan_sources


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"内容 {name}", encoding="utf-8")
    return folder


def names(*sources: Path, **options: Path) -> list[str]:
    return [file.name for file in scan_sources(sources, **options).files]


def test_files_before_sub_folders_each_by_name(tmp_path: Path) -> None:
    root = write(tmp_path / "库", "b.txt", "a.txt", "子/c.txt", "子/孙/d.txt", "z/e.txt")
    assert names(root) == ["库/a.txt", "库/b.txt", "库/z/e.txt", "库/子/c.txt", "库/子/孙/d.txt"]


def test_a_single_file_is_named_with_its_folder(tmp_path: Path) -> None:
    root = write(tmp_path / "库", "a.txt", "b.txt", "catalog.toml")
    scan = scan_sources([root / "a.txt"])
    assert [(file.name, file.relative, file.is_corpus) for file in scan.files] == [("库/a.txt", "a.txt", False)]
    assert scan.sidecar_roots == (root,)


def test_a_file_reached_twice_counts_once(tmp_path: Path) -> None:
    root = write(tmp_path / "库", "a.txt", "b.txt")
    assert names(root, root / "a.txt", tmp_path / "库" / ".." / "库") == ["库/a.txt", "库/b.txt"]


def test_the_spelling_of_a_source_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path / "库", "a.txt")
    monkeypatch.chdir(root)
    assert scan_sources([Path()]) == scan_sources([root])


def test_what_is_no_document_is_left_out(tmp_path: Path) -> None:
    root = write(
        tmp_path / "库",
        "a.txt",
        ".b.txt",
        "~$a.docx",
        "Thumbs.db",
        "desktop.ini",
        "catalog.toml",
        ".git/c.txt",
        "子/catalog.toml",
    )
    scan = scan_sources([root])
    assert [file.name for file in scan.files] == ["库/a.txt"]
    assert [name for name, _ in scan.sidecars] == ["库/catalog.toml", "库/子/catalog.toml"]


def test_of_a_data_set_only_the_corpus_is_taken(tmp_path: Path) -> None:
    root = write(tmp_path, "集/corpus.jsonl.gz", "集/queries.jsonl", "集/qrels/dev.tsv", "别的/规定.txt")
    scan = scan_sources([root / "集", root / "别的"])
    assert [(file.name, file.is_corpus) for file in scan.files] == [
        ("集/corpus.jsonl.gz", True),
        ("别的/规定.txt", False),
    ]


def test_an_excluded_folder_is_not_entered(tmp_path: Path) -> None:
    root = write(tmp_path / "库", "a.txt", "index/b.txt")
    assert names(root, exclude=root / "index") == ["库/a.txt"]


def test_a_changed_byte_changes_the_hash(tmp_path: Path) -> None:
    root = write(tmp_path / "库", "a.txt", "b.txt")
    before = scan_sources([root]).files
    (root / "a.txt").write_text("改", encoding="utf-8")
    after = scan_sources([root]).files
    assert before[0].content_hash != after[0].content_hash
    assert before[1] == after[1]


def test_a_link_that_leads_nowhere_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    root = write(tmp_path / "库", "a.txt")
    (root / "b.txt").symlink_to(root / "gone")
    files = scan_sources([root]).files
    assert [(file.name, file.content_hash is None) for file in files] == [("库/a.txt", False), ("库/b.txt", True)]


def test_names_that_are_not_utf8_are_read_as_gb18030(tmp_path: Path) -> None:
    root = write(tmp_path / "库", "a.txt")
    (root / "a.txt").rename(os.fsdecode(os.fsencode(root / "x").removesuffix(b"x") + "值守规定.txt".encode("gb18030")))
    file = scan_sources([root]).files[0]
    assert file.name == "库/值守规定.txt"
    assert file.path.read_text(encoding="utf-8") == "内容 a.txt"


def test_linked_folders_are_entered_once(tmp_path: Path) -> None:
    root, elsewhere = write(tmp_path / "库", "a.txt"), write(tmp_path / "别处", "b.txt")
    (root / "loop").symlink_to(root)
    (root / "共享").symlink_to(elsewhere)
    (root / "共享2").symlink_to(elsewhere)
    assert names(root) == ["库/a.txt", "库/共享/b.txt"]


def test_missing_and_empty_sources(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="没有这个"):
        scan_sources([tmp_path / "没有这个"])
    with pytest.raises(SourceNotFoundError, match="没有任何文件"):
        scan_sources([tmp_path])
    with pytest.raises(SourceNotFoundError):
        scan_sources([])
