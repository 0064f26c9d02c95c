"""Old Word documents (.doc, also .rtf text under that name), converted by LibreOffice if it is installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from study_bot.errors import DamagedFileError, EncryptedFileError, LoadTimeoutError, UnsupportedFormatError
from study_bot.library.loaders.limits import LoadLimits
from study_bot.library.loaders.word import load_word
from study_bot.types import LoadedFile

PROGRAMS = ("soffice", "libreoffice")

_SECTOR = 512
_WORD_STREAM = b"\xec\xa5"


def load_legacy_word(data: bytes, limits: LoadLimits) -> LoadedFile:
    """Read a .doc.

    :raises UnsupportedFormatError: LibreOffice is not installed.
    :raises EncryptedFileError: behind a password.
    :raises LoadTimeoutError: the conversion took longer than `limits.timeout_s`.
    :raises DamagedFileError: it cannot be converted.
    """
    if _is_encrypted(data):
        raise EncryptedFileError("文件有密码，请先在 Word 或 WPS 中去掉密码，另存为 .docx 再导入。")
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise UnsupportedFormatError(
            "读取 .doc 需要 LibreOffice；请安装系统软件包 libreoffice-writer，或用 Word、WPS 另存为 .docx 再导入。"
        )
    with tempfile.TemporaryDirectory(prefix="study-bot-doc-") as folder:
        converted = _convert(program, data, Path(folder), limits.timeout_s)
    return replace(load_word(converted, limits), format="doc")


def _is_encrypted(data: bytes) -> bool:
    """The flag in the header of the Word stream, which begins on a sector."""
    for start in range(_SECTOR, min(len(data), 64 * _SECTOR), _SECTOR):
        if data[start : start + 2] == _WORD_STREAM:
            return bool(data[start + 0x0B] & 0x01) if len(data) > start + 0x0B else False
    return False


def _convert(program: str, data: bytes, folder: Path, timeout: float) -> bytes:
    """Convert in a folder and with a profile of its own, so that nothing of the user's session is touched."""
    source, target = folder / "in.doc", folder / "out"
    source.write_bytes(data)
    command = [
        program,
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        "--headless",
        "--norestore",
        "--nologo",
        "--nodefault",
        "--nolockcheck",
        "--convert-to",
        "docx:MS Word 2007 XML",
        "--outdir",
        str(target),
        str(source),
    ]
    process = subprocess.Popen(  # noqa: S603  the program is LibreOffice, the arguments are our own paths
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(folder), "SAL_USE_VCLPLUGIN": "svp"},
        start_new_session=True,
    )
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise LoadTimeoutError(
            f"转换 .doc 超过 {timeout:g} 秒，已停止；请用 Word 或 WPS 把文件另存为 .docx 再导入。"
        ) from None
    finally:
        _end(process)
    converted = target / "in.docx"
    if not converted.is_file():
        raise DamagedFileError("无法转换这个 .doc 文件，可能已损坏；请用 Word 或 WPS 打开后另存为 .docx 再导入。")
    return converted.read_bytes()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End LibreOffice with its helpers: killing the launcher alone leaves the program running."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
