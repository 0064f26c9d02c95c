from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from study_bot.documents.content import ContentStore
from study_bot.errors import FileTooLargeError, NotFoundError, StorageError

SENDER = """
import sys
from pathlib import Path
from study_bot.documents.content import ContentStore
store = ContentStore(Path(sys.argv[1]))
for number in range(10**6):
    sha256, _ = store.put(__import__("io").BytesIO(b"%d " % number * 50_000), 10**8)
    print(sha256, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "content")


def kept(store: ContentStore) -> Iterator[Path]:
    return (path for path in store.folder.glob("??/*") if path.is_file())


def test_bytes_are_kept_once_under_their_digest(store: ContentStore) -> None:
    sha256, size = store.put(io.BytesIO(b"abc"), 10)
    assert (sha256, size) == (hashlib.sha256(b"abc").hexdigest(), 3)
    assert store.put(io.BytesIO(b"abc"), 3) == (sha256, 3)
    assert store.path(sha256).read_bytes() == b"abc" and len(list(kept(store))) == 1


def test_too_much_is_refused_and_leaves_nothing(store: ContentStore) -> None:
    with pytest.raises(FileTooLargeError, match="max_file_mb"):
        store.put(io.BytesIO(b"x" * 5_000_000), 4_000_000)
    assert not list(kept(store)) and not list((store.folder / "incoming").iterdir())


def test_a_stream_that_breaks_off_leaves_nothing(store: ContentStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(104, "connection reset")

    with pytest.raises(StorageError, match="connection reset"):
        store.put(Broken(), 10)
    assert not list(kept(store)) and not list((store.folder / "incoming").iterdir())


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64, "\0" * 64])
def test_nothing_but_digests_of_what_is_there_has_a_path(store: ContentStore, name: str) -> None:
    store.put(io.BytesIO(b"abc"), 10)
    with pytest.raises(NotFoundError):
        store.path(name)


def test_a_reader_gets_the_suffix_it_goes_by(store: ContentStore) -> None:
    sha256, _ = store.put(io.BytesIO(b"abc"), 10)
    with store.named(sha256, ".docx") as path:
        assert (path.suffix, path.read_bytes()) == (".docx", b"abc")
    assert not path.exists() and store.path(sha256).exists()


def test_a_sweep_takes_what_nothing_names_when_it_is_old(store: ContentStore) -> None:
    digests = [store.put(io.BytesIO(data), 10)[0] for data in (b"named", b"old", b"young", b"again")]
    (store.folder / "incoming" / "left.part").write_bytes(b"x")
    for digest in digests[:2] + digests[3:]:
        os.utime(store.path(digest), (0, 0))
    os.utime(store.folder / "incoming" / "left.part", (0, 0))
    store.put(io.BytesIO(b"again"), 10)  # somebody is about to name it
    assert store.sweep({digests[0]}) == 2
    assert {path.name for path in kept(store)} == {digests[0], digests[2], digests[3]}


def test_many_at_once(store: ContentStore) -> None:
    threads = [
        threading.Thread(target=lambda n=n: [store.put(io.BytesIO(b"%d" % (i % 7)), 10) for i in range(n, n + 20)])
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in kept(store))
    assert len(list(kept(store))) == 7


def test_a_kill_leaves_whole_files_only(store: ContentStore) -> None:
    sender = subprocess.Popen([sys.executable, "-c", SENDER, str(store.folder)], stdout=subprocess.PIPE, text=True)
    assert sender.stdout is not None
    acknowledged = [sender.stdout.readline().strip() for _ in range(5)]
    sender.send_signal(signal.SIGKILL)
    acknowledged += sender.stdout.read().split()
    sender.wait()
    sender.stdout.close()
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in kept(store))
    for digest in acknowledged[:5]:
        assert store.path(digest)
