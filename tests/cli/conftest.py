from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from study_bot.cli.common import State
from study_bot.cli.main import main
from study_bot.settings import Settings
from tests.cli.fake_services import FakeServices


@dataclass
class Result:
    """What a run of the program left: exit code and the two streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Program:
    """Runs the command line in this process, over `FakeServices` unless `build_services` makes others."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    adjust: Callable[[FakeServices], None] = lambda services: None
    build_services: Callable[[Settings], Any] | None = None
    opened: list[FakeServices] = field(default_factory=list)

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Result:
        if stdin is not None:
            self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = main(arguments, State(build_services=self.build_services or self._build))  # type: ignore[arg-type]
        captured = self.capsys.readouterr()
        return Result(code, captured.out, captured.err)

    def _build(self, settings: Settings) -> FakeServices:
        services = FakeServices(settings)
        self.adjust(services)
        self.opened.append(services)
        return services


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(capsys, monkeypatch)
