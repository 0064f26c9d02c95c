"""What a build reads: the files below the given paths, in an order that does not change, with their content hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from study_bot.errors import SourceNotFoundError
from study_bot.index.progress import Monitor
from study_bot.library.catalog import SIDECAR_NAME

CORPUS_SUFFIXES = (".jsonl", ".jsonl.gz")
"""A path that ends so is a retrieval corpus: each row of it is a document."""

_IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini"})
_HASH_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to index.

    `relative` is its path below the source folder, `name` the same with the folder's own name in front (what people
    see); both have POSIX separators. `size` is in bytes; `content_hash` is the SHA-256, None if it cannot be read.
    """

    path: Path
    root: Path
    relative: str
    name: str
    size: int = 0
    content_hash: str | None = None

    @property
    def is_corpus(self) -> bool:
        """Whether each row is a document of its own."""
        return self.path.name.lower().endswith(CORPUS_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Scan:
    """The files of all sources, in order; the source folders that have sidecars; name and hash of each sidecar."""

    files: tuple[SourceFile, ...]
    sidecar_roots: tuple[Path, ...]
    sidecars: tuple[tuple[str, str], ...]


def scan_sources(
    sources: Sequence[Path],
    monitor: Monitor | None = None,
    *,
    exclude: Path | None = None,
    may_be_empty: bool = False,
) -> Scan:
    """List and hash the files of `sources`, each a folder, a file or a corpus file.

    Hidden files, lock files of office programs (`~$…`) and sidecars are left out. Of a folder that holds a
    `corpus….jsonl[.gz]` only that is taken: the rest of such a data set is not text to study. A file reached twice
    counts once.

    :param exclude: a folder not to look into, should it lie below a source (the index itself).
    :param may_be_empty: no file at all is no error.
    :raises SourceNotFoundError: a path does not exist, or there is no file at all.
    """
    monitor = monitor or Monitor()
    found: dict[Path, SourceFile] = {}
    labels: dict[Path, str] = {}
    for source in sources:
        resolved = source.expanduser().resolve()
        if resolved.is_dir():
            root, paths = resolved, list(_walk(resolved, exclude.resolve() if exclude else None))
        elif resolved.is_file():
            root, paths = resolved.parent, [p for p in (resolved, resolved.parent / SIDECAR_NAME) if p.is_file()]
        else:
            raise SourceNotFoundError(f"找不到文献来源 {source}。请检查路径是否写对、是否有读取权限。")
        label = _label(root, labels)
        for path in paths:
            relative = _readable(path.relative_to(root).as_posix())
            found.setdefault(path, SourceFile(path, root, relative, f"{label}/{relative}"))
    files = [file for file in found.values() if file.path.name != SIDECAR_NAME]
    sidecars = [file for file in found.values() if file.path.name == SIDECAR_NAME]
    if not files and not may_be_empty:
        places = "、".join(str(source) for source in sources)
        raise SourceNotFoundError(f"{places or '给出的来源'} 中没有任何文件。请把文献放进去，或检查路径是否写对。")
    stage = monitor.stage("扫描文献", len(files), "个文件")
    for position, file in enumerate(files):
        files[position] = _with_content(file)
        stage.advance(detail=file.name)
    return Scan(
        tuple(files),
        tuple(dict.fromkeys(file.root for file in sidecars)),
        tuple((file.name, file_hash(file.path) or "") for file in sidecars),
    )


def _walk(folder: Path, exclude: Path | None) -> Iterator[Path]:
    """The files below `folder` that count, sub-folders after files, each sorted by name.

    Linked folders are entered too, but none twice.
    """
    seen = {folder, exclude}
    for where, folders, names in os.walk(folder, followlinks=True):
        here = Path(where)
        wanted = sorted(name for name in names if not _is_ignored(name))
        corpora = [n for n in wanted if n.lower().startswith("corpus") and n.lower().endswith(CORPUS_SUFFIXES)]
        for name in corpora or wanted:
            yield here / name
        inner = [] if corpora else sorted(name for name in folders if not name.startswith("."))
        folders.clear()
        for name in inner:
            if (target := (here / name).resolve()) not in seen:
                seen.add(target)
                folders.append(name)


def _is_ignored(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _IGNORED_NAMES


def _label(root: Path, labels: dict[Path, str]) -> str:
    """The name of a source folder, numbered when another folder bears it too; kept in `labels`."""
    if root not in labels:
        name = _readable(root.name) or "根目录"
        others = sum(1 for other in labels if other.name == root.name)
        labels[root] = f"{name}({others + 1})" if others else name
    return labels[root]


def _readable(name: str) -> str:
    """A path as text: names that are not UTF-8 usually are GB18030, from an archive made on Windows."""
    raw = os.fsencode(name)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _with_content(file: SourceFile) -> SourceFile:
    try:
        size = file.path.stat().st_size
    except OSError:
        return file
    return replace(file, content_hash=file_hash(file.path), size=size)


def file_hash(path: Path) -> str | None:
    """SHA-256 of a file's bytes in hex, None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_HASH_CHUNK):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
