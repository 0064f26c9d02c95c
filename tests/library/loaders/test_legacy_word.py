"""Old Word documents through LibreOffice."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.errors import DamagedFileError, EncryptedFileError, LoadTimeoutError, UnsupportedFormatError
from study_bot.library.loaders.legacy_word import load_legacy_word
from tests.library.loaders.makers import ARTICLES, LIMITS, texts, word, write
from tests.support import requires_program


@pytest.fixture(scope="module")
def old_document(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A .doc made from a .docx."""
    program = requires_program("soffice", "libreoffice")
    folder = tmp_path_factory.mktemp("doc")
    source = write(folder, "source.docx", word(*ARTICLES))
    subprocess.run(
        [
            program,
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "doc:MS Word 97",
            "--outdir",
            str(folder),
            str(source),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return (folder / "source.doc").read_bytes()


def test_old_document(old_document: bytes) -> None:
    """Its paragraphs, under its own format name."""
    loaded = load_legacy_word(old_document, LIMITS)
    assert texts(loaded) == list(ARTICLES)
    assert loaded.format == "doc"


def test_password(old_document: bytes) -> None:
    """The flag in the header of the text stream."""
    start = next(i for i in range(512, len(old_document), 512) if old_document[i : i + 2] == b"\xec\xa5")
    data = bytearray(old_document)
    data[start + 0x0B] |= 0x01
    with pytest.raises(EncryptedFileError, match="密码"):
        load_legacy_word(bytes(data), LIMITS)


def test_without_libreoffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the package."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnsupportedFormatError, match="libreoffice-writer"):
        load_legacy_word(b"\xd0\xcf\x11\xe0" * 100, LIMITS)


def fake_program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "soffice"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_conversion_that_gives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LibreOffice ends without an error and without a file."""
    fake_program(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(DamagedFileError, match="docx"):
        load_legacy_word(b"\xd0\xcf\x11\xe0", LIMITS)


def test_conversion_that_hangs_is_ended_with_its_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher starts the real program; both must go."""
    pid = tmp_path / "pid"
    fake_program(tmp_path, monkeypatch, f"sleep 60 & echo $! > {pid}; wait")
    with pytest.raises(LoadTimeoutError, match="超过"):
        load_legacy_word(b"\xd0\xcf\x11\xe0", replace(LIMITS, timeout_s=0.6))
    helper = int(pid.read_text(encoding="ascii"))
    for _ in range(50):
        if not _runs(helper):
            return
        time.sleep(0.05)
    pytest.fail("the helper is still running")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
