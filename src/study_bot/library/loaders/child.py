"""The process that reads files for `LoadWorker`: requests as JSON lines on stdin, answers as JSON lines on stdout."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import queue
import socket
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

from study_bot import errors
from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.registry import load_file
from study_bot.types import Block, BlockKind, LoadedFile, Place

MEMORY_LIMIT = 8 * 1024**3
"""Bytes of address space; models and libraries reserve far more than they use."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def to_json(loaded: LoadedFile) -> dict[str, Any]:
    """A loaded file as plain values; blocks as lists, of which there may be a hundred thousand."""
    values = {field.name: getattr(loaded, field.name) for field in dataclasses.fields(loaded)}
    values["blocks"] = [
        [b.text, b.kind, b.level, [b.place.page, b.place.slide, b.place.sheet, b.place.row], b.ocr, b.cells]
        for b in loaded.blocks
    ]
    return values


def from_json(values: dict[str, Any]) -> LoadedFile:
    """The inverse of `to_json`, after a way through JSON."""
    blocks = tuple(
        Block(text, BlockKind(kind), level, Place(*place), ocr, tuple(cells))
        for text, kind, level, place, ocr, cells in values["blocks"]
    )
    return LoadedFile(
        format=values["format"],
        blocks=blocks,
        title=values["title"],
        metadata=dict(values["metadata"]),
        warnings=tuple(values["warnings"]),
        pages=values["pages"],
        ocr_pages=tuple(values["ocr_pages"]),
        ocr_confidence=values["ocr_confidence"],
    )


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Read the file of one request; errors become their class name and message."""
    try:
        loaded = load_file(Path(request["path"]), LoadLimits(**request["limits"]))
    except errors.LoadError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"loaded": to_json(loaded)}


def main() -> None:
    """Serve requests until stdin closes, which also happens when the parent dies."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not get between the answers
    _limit_memory()
    _leave_network()
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    channel.write("ready\n")
    channel.flush()
    while True:
        request = json.loads(requests.get())
        channel.write(json.dumps(answer(request)) + "\n")
        channel.flush()


def _listen(requests: queue.SimpleQueue[str]) -> NoReturn:
    """Hand on requests; when the parent is gone, end at once even in the middle of a file, helpers included."""
    for line in sys.stdin:
        requests.put(line)
    for pid in descendants(os.getpid()):
        kill(pid)
    os._exit(0)


def descendants(pid: int) -> list[int]:
    """Processes started by `pid` and by those, children before grandchildren; [] where /proc is missing."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.extend(children)
        waiting.extend(children)
    return found


def kill(pid: int) -> None:
    """End a process that may be gone already."""
    try:
        os.kill(pid, 9)
    except (ProcessLookupError, PermissionError):
        return


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    for kind, wanted in ((resource.RLIMIT_AS, MEMORY_LIMIT), (resource.RLIMIT_CORE, 0)):
        _soft, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, hard))


def _leave_network() -> None:
    """Documents are strangers: their reader needs no network. A name space of its own where the system grants one."""

    def refuse(_socket: socket.socket, address: Any, *_arguments: Any) -> NoReturn:
        raise OSError(f"network is not available here: {address}")

    socket.socket.connect = refuse  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = refuse  # type: ignore[method-assign,assignment]
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


if __name__ == "__main__":
    main()
