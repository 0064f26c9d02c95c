"""The file of a backup: a ZIP whose last member lists every other one with size and checksum.

    database/study_bot.sqlite3   or database/postgres.dump
    data/…                       the data folder, without the database and what can be made anew
    index/<build_id>/…           the live build, if there is one
    manifest.json

What is read here may have been changed on the way: nothing outside the three folders is written, and never more
bytes than the list says.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from study_bot.errors import InputError

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE, DATA, INDEX = "database", "data", "index"
DATABASE_FILES = {"sqlite": "study_bot.sqlite3", "postgresql": "postgres.dump"}
"""Name of the member below `database/`, by kind of database."""

_MANIFEST_BYTES = 256 * 1024 * 1024
_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BUILD_ID = re.compile(r"[0-9A-Za-z-]{1,100}")

# What zipfile raises over bytes that are no ZIP, or no longer one.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError, OSError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a backup; `size` in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `database` is a key of DATABASE_FILES, `revision` its newest migration.

    `trail_lines` and `trail_head` are number and digest of the last line of the audit trail. `documents` counts files
    of the library, `missing` are checksums of those whose bytes were not there, `build_id` is None without an index.
    """

    created: dt.datetime
    program: str
    database: str
    revision: str | None
    trail_lines: int
    trail_head: str
    documents: int
    missing: tuple[str, ...]
    build_id: str | None
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """Bytes of all members, unpacked."""
        return sum(member.size for member in self.members)


class ArchiveWriter:
    """Adds files and remembers their checksums."""

    def __init__(self, stream: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False)
        self.members: list[Member] = []

    def add(self, name: str, path: Path) -> None:
        """Add the file at `path` as it is now.

        :raises FileNotFoundError: it is gone.
        """
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source, self._zip.open(_info(name), "w", force_zip64=True) as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
        self.members.append(Member(name, size, digest.hexdigest()))

    def abandon(self) -> None:
        """Let go of the stream; what was written is not a backup. After `finish` nothing happens."""
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()

    def finish(self, manifest: Manifest) -> None:
        """Write the list and the directory of the ZIP."""
        record = {**asdict(manifest), "format": FORMAT, "created": manifest.created.isoformat()}
        self._zip.writestr(_info(MANIFEST), json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        self._zip.close()


class Archive:
    """A backup opened for reading.

    :raises InputError: it is no backup, is damaged, or comes from a newer program; also from every method.
    """

    def __init__(self, stream: BinaryIO) -> None:
        with _as_damage():
            self._zip = zipfile.ZipFile(stream)
            self.manifest = _manifest(self._zip)

    def check(self) -> None:
        """Read every member and compare it with the list."""
        for member in self.manifest.members:
            for _ in self._chunks(member):
                pass

    def unpack(self, folder: str, target: Path) -> None:
        """Write the members below `folder` (one of DATABASE, DATA, INDEX) below `target`, checked, forced to disk."""
        for member in self.manifest.members:
            if not member.name.startswith(f"{folder}/"):
                continue
            path = target.joinpath(*PurePosixPath(member.name).parts[1:])
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for chunk in self._chunks(member):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())

    def _chunks(self, member: Member) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        stream = self._opened(member)
        with contextlib.closing(stream):
            while chunk := _read(stream):
                size += len(chunk)
                if size > member.size:
                    break
                digest.update(chunk)
                yield chunk
        if size != member.size or digest.hexdigest() != member.sha256:
            raise InputError(f"备份文件已损坏：其中的 {member.name} 与清单不符。请换一份备份。")

    def _opened(self, member: Member) -> BinaryIO:
        with _as_damage():
            return self._zip.open(member.name)  # type: ignore[return-value]


def _read(stream: BinaryIO) -> bytes:
    with _as_damage():
        return stream.read(_CHUNK)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    """The list, if it and the directory of the ZIP fit together and every name is harmless."""
    with archive.open(MANIFEST) as stream:
        raw = stream.read(_MANIFEST_BYTES + 1)
    if len(raw) > _MANIFEST_BYTES:
        raise ValueError("the list is too long")
    try:
        record = json.loads(raw.decode("utf-8", "surrogatepass"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("no list")
    if isinstance(record.get("format"), int) and record["format"] > FORMAT:
        raise InputError("备份是由更新版本的程序做的，请安装同样新的版本再恢复。")
    manifest = _parsed(record)
    names = [info.filename for info in archive.infolist() if info.filename != MANIFEST]
    if sorted(names) != sorted(member.name for member in manifest.members) or len(set(names)) != len(names):
        raise ValueError("the list is not that of this file")
    return manifest


def _parsed(record: dict[str, object]) -> Manifest:
    members = _members(record["members"])
    build_id, database = record["build_id"], record["database"]
    if not isinstance(database, str) or database not in DATABASE_FILES or record["format"] != FORMAT:
        raise ValueError("unknown kind of backup")
    if build_id is not None and not (isinstance(build_id, str) and _BUILD_ID.fullmatch(build_id)):
        raise ValueError("no id of a build")
    _check_names([member.name for member in members], f"{DATABASE}/{DATABASE_FILES[database]}", build_id)
    revision = record["revision"]
    return Manifest(
        created=dt.datetime.fromisoformat(str(record["created"])),
        program=str(record["program"]),
        database=database,
        revision=None if revision is None else str(revision),
        trail_lines=int(str(record["trail_lines"])),
        trail_head=str(record["trail_head"]),
        documents=int(str(record["documents"])),
        missing=_digests(record["missing"]),
        build_id=build_id,
        members=members,
    )


def _members(listed: object) -> tuple[Member, ...]:
    if not isinstance(listed, list):
        raise ValueError("no list of members")
    members = []
    for item in listed:
        if not (isinstance(item, dict) and set(item) == {"name", "size", "sha256"}):
            raise ValueError("no member")
        name, size, digest = item["name"], item["size"], item["sha256"]
        if not (isinstance(name, str) and isinstance(size, int) and isinstance(digest, str)):
            raise ValueError("no member")
        if size < 0 or not _SHA256.fullmatch(digest):
            raise ValueError("no member")
        members.append(Member(name, size, digest))
    return tuple(members)


def _digests(listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(item, str) and _SHA256.fullmatch(item) for item in listed):
        raise ValueError("no checksums")
    return tuple(listed)


def _check_names(names: Iterable[str], database: str, build_id: str | None) -> None:
    """Every name lies in one of the folders and means the same place on every system."""
    found = False
    for name in names:
        parts = name.split("/")
        if len(parts) < 2 or any(part in ("", ".", "..") for part in parts) or "\\" in name or "\0" in name:
            raise ValueError("a name that leads elsewhere")
        found = found or name == database
        below_index = parts[0] == INDEX and build_id is not None and parts[1] == build_id and len(parts) > 2
        if not (name == database or parts[0] == DATA or below_index):
            raise ValueError("a name in no known folder")
    if not found:
        raise ValueError("no database")


@contextlib.contextmanager
def _as_damage() -> Iterator[None]:
    try:
        yield
    except _BROKEN:
        raise InputError("这不是本程序的备份文件，或者文件已损坏。请换一份备份。") from None
