"""How large a file may be, how long reading it may take, and whether scans are recognised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study_bot.settings import Settings

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """Limits of reading one file.

    `max_bytes` is the size on disk, `max_uncompressed_bytes` the sum over an Office file's parts,
    `max_pages` counts PDF pages or slides, `timeout_s` seconds. `threads` are for text recognition, 0 = all cores.
    """

    max_bytes: int = 100 * MEGABYTE
    max_pages: int = 3000
    max_uncompressed_bytes: int = 500 * MEGABYTE
    timeout_s: float = 600.0
    ocr: bool = True
    threads: int = 0

    @classmethod
    def from_settings(cls, settings: Settings) -> LoadLimits:
        """The limits a site configured."""
        return cls(
            max_bytes=int(settings.max_file_mb * MEGABYTE),
            max_pages=settings.max_pages,
            max_uncompressed_bytes=int(settings.max_uncompressed_mb * MEGABYTE),
            timeout_s=settings.load_timeout_s,
            ocr=settings.ocr,
            threads=settings.threads,
        )


def megabytes(size: int) -> str:
    """A size for messages: 0.3 MB, 12 MB."""
    value = size / MEGABYTE
    return f"{value:.1f} MB" if value < 10 else f"{value:.0f} MB"
