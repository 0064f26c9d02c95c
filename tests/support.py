"""What tests of several rooms need: programs that may be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

CI = os.environ.get("STUDY_BOT_CI") == "1"
"""Set by `.ci/run`: there, nothing that a test needs may be missing."""

PROJECT_ROOT = Path(__file__).resolve().parent.parent

SHARED = PROJECT_ROOT.parent / "shared"
"""Real documents, evaluation sets and tools, beside the project where they are at hand."""


def missing(what: str) -> NoReturn:
    """Skip the test because `what` is not there; in CI that is a failure."""
    if CI:
        pytest.fail(f"CI must have what the tests need: {what}")
    pytest.skip(what)


def requires_program(*names: str) -> str:
    """Path of the first program of `names` that is installed; skips the test (fails it in CI) if none is."""
    return next(filter(None, map(shutil.which, names)), None) or missing(f"{' / '.join(names)} is not installed")


def requires_browser() -> str:
    """Path of Chromium, with a Chinese font to draw with; skips the test (fails it in CI) if either is missing."""
    browser = requires_program("chromium", "chromium-browser", "google-chrome")
    fonts = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False).stdout
    return browser if fonts.strip() else missing("no Chinese font is installed (fonts-noto-cjk)")


def requires_shared(*parts: str) -> Path:
    """A path below the shared folder; skips the test where it is absent, in CI too: it is not part of the project."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"not beside the project: {path}")
    return path
