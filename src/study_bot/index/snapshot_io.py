"""The files of one build: records and texts written and read back, every file listed with its checksum.

manifest.json           see manifest.py
versions.jsonl          a Version a line
passages.jsonl          a Passage a line, in row order
texts/<version_id>.json the normalised text and its tree (not for rows of a corpus: the passages are the text)
text_hashes.txt         hash of the embedded text of each passage, in row order
reports.json            the FileReports
dense.faiss, sparse/    the two indexes, by row
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from study_bot.errors import DamagedIndexError
from study_bot.index.codec import DECODE_ERRORS, Codec, codec
from study_bot.index.manifest import MANIFEST_FILE, Artefact, Manifest
from study_bot.index.sources import file_hash
from study_bot.types import FileReport, Passage, Version, VersionText

VERSIONS_FILE = "versions.jsonl"
PASSAGES_FILE = "passages.jsonl"
REPORTS_FILE = "reports.json"
HASHES_FILE = "text_hashes.txt"
DENSE_FILE = "dense.faiss"
SPARSE_DIR = "sparse"
TEXTS_DIR = "texts"

SMALL_BYTES = 16 * 2**20
"""Files up to this size are checked by SHA-256 when a build is opened, larger ones by their size."""

T = TypeVar("T")
_SAFE_NAME = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,99}")
# Strings and locators that many records have in common.
_SHARED = {
    Version: ("title", "path", "format", "content_hash", "aliases", "category"),
    Passage: ("version_id", "doc_id", "title", "locator", "article", "lead"),
}


def write_text(folder: Path, version_id: str, text: VersionText) -> None:
    """Store the text of a version."""
    path = folder / text_path(version_id)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(codec(VersionText).encode(text), ensure_ascii=False), encoding="utf-8")


def write_records(
    folder: Path,
    versions: Sequence[Version],
    passages: Sequence[Passage],
    reports: Sequence[FileReport],
    hashes: Sequence[str],
) -> None:
    """Store everything but texts and indexes; `hashes` are those of the embedded texts, one a passage."""
    _write_lines(folder / VERSIONS_FILE, map(codec(Version).encode, versions))
    _write_lines(folder / PASSAGES_FILE, map(codec(Passage).encode, passages))
    data = [codec(FileReport).encode(report) for report in reports]
    (folder / REPORTS_FILE).write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / HASHES_FILE).write_text("".join(f"{key}\n" for key in hashes), encoding="ascii")


def list_artefacts(folder: Path) -> tuple[Artefact, ...]:
    """Every file below `folder` but the manifest, with size and checksum, sorted by path."""
    artefacts = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST_FILE:
            artefacts.append(Artefact(name, path.stat().st_size, file_hash(path) or ""))
    return tuple(artefacts)


def same_content(folder: Path, manifest: Manifest) -> bool:
    """Whether the records and texts just written to `folder` are, byte for byte, those of an existing build."""
    old = {a for a in manifest.artefacts if a.path != DENSE_FILE and not a.path.startswith(f"{SPARSE_DIR}/")}
    return set(list_artefacts(folder)) == old


def verify(folder: Path, manifest: Manifest) -> None:
    """Check that a build is complete. Texts are checked by size here and by checksum when they are read.

    :raises DamagedIndexError: a file is missing or was changed.
    """
    for artefact in manifest.artefacts:
        path = folder / artefact.path
        try:
            size = path.stat().st_size
        except OSError:
            raise _damaged(folder, artefact.path, "不见了") from None
        if size != artefact.size:
            raise _damaged(folder, artefact.path, "大小不对")
        is_text = artefact.path.startswith(f"{TEXTS_DIR}/")
        if not is_text and size <= SMALL_BYTES and file_hash(path) != artefact.sha256:
            raise _damaged(folder, artefact.path, "内容被改动过")


def read_versions(folder: Path) -> tuple[Version, ...]:
    """The versions of a build.

    :raises DamagedIndexError: the file is not what `write_records` wrote; so for the functions below.
    """
    return _read_lines(folder, VERSIONS_FILE, Codec(Version, _SHARED[Version]))


def read_passages(folder: Path) -> tuple[Passage, ...]:
    """The passages of a build in row order."""
    return _read_lines(folder, PASSAGES_FILE, Codec(Passage, _SHARED[Passage]))


def read_reports(folder: Path) -> tuple[FileReport, ...]:
    """The file reports of a build."""
    with _reading(folder, REPORTS_FILE):
        return tuple(map(codec(FileReport).decode, json.loads((folder / REPORTS_FILE).read_bytes())))


def read_hashes(folder: Path) -> tuple[str, ...]:
    """Hashes of the embedded texts in row order."""
    with _reading(folder, HASHES_FILE):
        return tuple((folder / HASHES_FILE).read_text(encoding="ascii").split())


def read_text(folder: Path, version_id: str, sha256: str) -> VersionText:
    """The text of a version, compared with its checksum."""
    name = text_path(version_id)
    with _reading(folder, name):
        data = (folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(name)
        return codec(VersionText).decode(json.loads(data))


def text_path(version_id: str) -> str:
    """Where in a build's folder the text of a version is."""
    safe = _SAFE_NAME.fullmatch(version_id) is not None
    name = version_id if safe else f"-{hashlib.sha256(version_id.encode()).hexdigest()}"
    return f"{TEXTS_DIR}/{name}.json"


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for record in records:
            stream.write(json.dumps(record, ensure_ascii=False))
            stream.write("\n")


def _read_lines(folder: Path, name: str, records: Codec[T]) -> tuple[T, ...]:
    decode, parse = records.decode, json.JSONDecoder().decode
    with _reading(folder, name), (folder / name).open(encoding="utf-8", newline="\n") as lines:
        return tuple(decode(parse(line)) for line in lines)


@contextmanager
def _reading(folder: Path, name: str) -> Iterator[None]:
    """Whatever goes wrong in reading a file of a build means that the build is damaged."""
    try:
        yield
    except (OSError, RecursionError, *DECODE_ERRORS):
        raise _damaged(folder, name, "读不出来") from None


def _damaged(folder: Path, name: str, problem: str) -> DamagedIndexError:
    return DamagedIndexError(f"索引 {folder.name} 已损坏：{name} {problem}。请重新建立索引，或回退到以前的索引。")
