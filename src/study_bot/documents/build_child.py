"""The process in which the index is built for the browser: one request as a JSON line on stdin, events on stdout.

    request   {"sources": [path, …], "settings": {…}, "may_be_empty": …}
    later     cancel
    events    {"progress": Progress} …, and last {"done": BuildReport} or {"error": class, "message": …}

A process of its own, so that the answering of questions has its interpreter to itself, and so that a build can be
ended at any moment. It gives way to everything else on the machine, and ends with the one that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from study_bot.errors import StudyBotError
from study_bot.index.codec import codec
from study_bot.library.loaders.child import descendants, kill
from study_bot.settings import Settings
from study_bot.types import BuildReport, Progress

if TYPE_CHECKING:
    from study_bot.index.embedding import Encoder

NICENESS = 10
"""Added to the priority number: questions get the processor first."""

_KILL_FIRST = 500  # of 1000: where memory runs out, the build goes and the server stays


def settings_for_child(settings: Settings) -> dict[str, Any]:
    """Settings as the child needs them, for JSON: half of the processor, the key of the embedding service in clear.

    What has nothing to do with building is left out.
    """
    values = settings.model_dump(mode="json", exclude={"database_url", "oidc_client_secret", "reranker_api_key"})
    values["embedding_api_key"] = settings.embedding_api_key.get_secret_value()
    values["threads"] = threads_for_child(settings)
    return values


def threads_for_child(settings: Settings) -> int:
    """As many as the settings say; if they do not, half of the cores, at least one."""
    return settings.threads or max(1, (os.cpu_count() or 1) // 2)


def main(open_encoder: Callable[[Settings], Encoder] | None = None) -> NoReturn:
    """Serve one request and end.

    :param open_encoder: opens the embedding model; None = the one of the settings.
    """
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not get between the events
    give_way()
    lines = _lines()
    request = json.loads(next(lines))
    cancelled = threading.Event()
    threading.Thread(target=_listen, args=(lines, cancelled), daemon=True).start()

    def send(event: dict[str, Any]) -> None:
        try:
            channel.write(json.dumps(event, ensure_ascii=False) + "\n")
            channel.flush()
        except BrokenPipeError:  # the parent is gone
            os._exit(1)

    send(_build(request, open_encoder, send, cancelled.is_set))
    channel.close()
    os._exit(0)  # a thread is reading still


def give_way() -> None:
    """Let other processes go first, and be the first to go where memory runs out."""
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # not on every system
        Path("/proc/self/oom_score_adj").write_text(str(_KILL_FIRST), encoding="ascii")


def _build(
    request: dict[str, Any],
    open_encoder: Callable[[Settings], Encoder] | None,
    send: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """The last event."""
    settings = Settings(**request["settings"])

    def show(progress: Progress) -> None:
        send({"progress": codec(Progress).encode(progress)})

    show(Progress("准备模型", 0, 0))
    from study_bot.index.builder import build_index
    from study_bot.index.embedding import open_encoder as open_real_encoder

    try:
        report = build_index(
            [Path(source) for source in request["sources"]],
            settings.index_dir,
            settings,
            (open_encoder or open_real_encoder)(settings),
            on_progress=show,
            cancelled=cancelled,
            may_be_empty=request["may_be_empty"],
        )
    except StudyBotError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"done": codec(BuildReport).encode(report)}


def _lines() -> Iterator[str]:
    """Lines of stdin, read past the interpreter's own stream, whose lock a daemon thread would hold at the end."""
    rest = b""
    while data := os.read(0, 1 << 16):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode()


def _listen(lines: Iterator[str], cancelled: threading.Event) -> NoReturn:
    """Note a wish to stop. When the parent is gone, end at once with all that was started: the live index is whole."""
    for line in lines:
        if line == "cancel":
            cancelled.set()
    for pid in descendants(os.getpid()):
        kill(pid)
    os._exit(1)


if __name__ == "__main__":
    main()
