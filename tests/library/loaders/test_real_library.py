"""The real documents beside the project: good files load with every article, bad ones say why they do not."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from study_bot.errors import DamagedFileError, EmptyFileError, EncryptedFileError, LoadError
from study_bot.library.loaders import load_file, ocr
from study_bot.text import parse_number
from study_bot.types import BlockKind
from tests.library.loaders.makers import LIMITS
from tests.support import SHARED, missing, requires_program, requires_shared

pytestmark = pytest.mark.realdata

LIBRARY = SHARED / "data" / "library"
_ARTICLE = re.compile(r"^第([零〇一二三四五六七八九十百千]+)条(?:之([一二三四五六七八九十]+))?(?=\s|$)")
# What only pages and web sites say: none of it belongs to a text.
_NOISE = re.compile(r"第\s*\d+\s*页|学习资料汇编|设为首页|当前位置|浏览次数|分享到|上一篇|下一篇|ICP备|网站标识码")


def manifest() -> list[dict[str, str]]:
    path = LIBRARY / "MANIFEST.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def rows(folder: str) -> list[object]:
    found = [row for row in manifest() if row["path"].startswith(folder)]
    return [pytest.param(row, id=Path(row["path"]).name[:24]) for row in found] or [
        pytest.param({}, marks=pytest.mark.skip(reason=f"not beside the project: {LIBRARY}"))
    ]


@pytest.mark.parametrize("row", rows("good/"))
def test_good_files(row: dict[str, str]) -> None:
    """Blocks without layout noise; for a statute as many articles open a block as the source has."""
    path = requires_shared("data", "library", row["path"])
    if row["format"] == "doc":
        requires_program("soffice", "libreoffice")
    if row["format"] == "pdf-scan" and not ocr.is_available():
        missing("rapidocr is not installed (extra `ocr`)")
    loaded = load_file(path, LIMITS)
    assert loaded.blocks
    noise = [block.text for block in loaded.blocks if _NOISE.search(block.text) and len(block.text) < 60]
    assert not noise
    found = {
        (parse_number(match[1]), parse_number(match[2] or "0"))
        for block in loaded.blocks
        if block.kind is not BlockKind.TABLE_ROW and (match := _ARTICLE.match(block.text))
    }
    if row["expected_article_count"]:
        expected = int(row["expected_article_count"])
        assert len(found) >= (0.97 * expected if row["format"] == "pdf-scan" else expected)
        assert len(found) <= expected
    assert bool(loaded.ocr_pages) == (row["format"] == "pdf-scan")


@pytest.mark.parametrize("row", rows("bad/"))
def test_bad_files(row: dict[str, str]) -> None:
    """Each its own clear error."""
    path = requires_shared("data", "library", row["path"])
    errors: dict[str, type[LoadError]] = {".txt": EmptyFileError, ".docx": DamagedFileError, ".pdf": EncryptedFileError}
    with pytest.raises(errors[path.suffix]):
        load_file(path, LIMITS)


def test_scan_without_recognition_says_so() -> None:
    """With recognition switched off, a scan is refused with the setting's name."""
    row = next((row for row in manifest() if row["format"] == "pdf-scan"), None)
    path = requires_shared("data", "library", row["path"] if row else "MANIFEST.csv")
    with pytest.raises(LoadError, match="STUDY_BOT_OCR"):
        load_file(path, replace(LIMITS, ocr=False))
