"""Opening Office packages (zip + XML) that may be hostile."""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from lxml import etree

from study_bot.errors import DamagedFileError, EncryptedFileError, FileTooLargeError
from study_bot.library.loaders.limits import MEGABYTE, LoadLimits, megabytes

MAX_RATIO = 200
"""Compression ratio of a large part beyond which it counts as a bomb. Word's own XML stays below 50."""

MAX_PARTS = 20_000
"""Entries in the archive."""

_PROLOG = 64 * 1024
_BEFORE_ROOT = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)

_DAMAGED = "文件已损坏，无法打开；请从原处重新取得该文件，或用办公软件打开后另存一份。"


def open_package(data: bytes, limits: LoadLimits) -> zipfile.ZipFile:
    """The archive, after its sizes and the beginning of every XML part were checked.

    :raises DamagedFileError: no readable archive, or XML with a document type (entities).
    :raises EncryptedFileError: parts are encrypted.
    :raises FileTooLargeError: it would unpack to more than the limit.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
        _check_sizes(entries, limits)
        for entry in entries:
            if entry.filename.lower().endswith((".xml", ".rels", ".vml")):
                _refuse_document_type(archive, entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
        raise DamagedFileError(_DAMAGED) from None
    return archive


def _check_sizes(entries: list[zipfile.ZipInfo], limits: LoadLimits) -> None:
    if any(entry.flag_bits & 1 for entry in entries):
        raise EncryptedFileError("文件有密码，请先解除密码（另存为不加密的文件）再导入。")
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_uncompressed_bytes:
        raise FileTooLargeError(
            f"文件解压后有 {megabytes(total)}，超过上限 {megabytes(limits.max_uncompressed_bytes)}；"
            "请确认文件来源可靠，必要时拆分文件或调大 max_uncompressed_mb。"
        )
    for entry in entries:
        if entry.file_size > 10 * MEGABYTE and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise FileTooLargeError("文件的压缩比异常（疑似压缩炸弹），已拒绝读取；请确认文件来源，另存一份后再导入。")
    if len(entries) > MAX_PARTS:
        raise FileTooLargeError(f"文件内部的部件超过 {MAX_PARTS} 个，已拒绝读取；请确认文件来源，另存一份后再导入。")


def _refuse_document_type(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Office XML never has a document type; entity bombs and external entities need one."""
    with archive.open(entry) as part:
        prolog = part.read(_PROLOG).replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe")
    matched = _BEFORE_ROOT.match(prolog)
    root = prolog[matched.end() if matched else 0 :]
    if root.startswith(b"<!") or (len(prolog) >= _PROLOG // 2 and not root):
        raise DamagedFileError("文件的内部结构含有不允许的实体定义，已拒绝读取；请确认文件来源，另存一份后再导入。")


def read_xml(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """Root element of a part, None if the part is absent.

    :raises DamagedFileError: the part cannot be unpacked or parsed.
    """
    try:
        data = archive.read(name)
    except KeyError:
        return None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
        raise DamagedFileError(_DAMAGED) from None
    return parse_xml(data)


def parse_xml(data: bytes) -> etree._Element:
    """Parse without entities, network or unlimited depth.

    :raises DamagedFileError: not well-formed.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise DamagedFileError(_DAMAGED) from None


def related_parts(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    """Relationship id and type of `part` -> name of the target in the archive; external targets are left out.

    Keys are both the ids (`rId3`) and the last words of the types (`styles`, `numbering`, `officeDocument`).
    """
    folder, _, name = part.rpartition("/")
    rels = read_xml(archive, f"{folder}/_rels/{name}.rels".lstrip("/"))
    found: dict[str, str] = {}
    for relation in rels if rels is not None else ():
        target = relation.get("Target", "")
        if relation.get("TargetMode") == "External" or not target:
            continue
        path = _resolve(folder, target)
        found.setdefault(relation.get("Id", ""), path)
        found.setdefault(relation.get("Type", "").rpartition("/")[2], path)
    return found


def _resolve(folder: str, target: str) -> str:
    if target.startswith("/"):
        return target.lstrip("/")
    parts = folder.split("/") if folder else []
    for step in target.split("/"):
        if step == "..":
            parts = parts[:-1]
        elif step != ".":
            parts.append(step)
    return "/".join(parts)
