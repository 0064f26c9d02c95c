"""An application over the sample library, driven without a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from study_bot.server.app import create_app
from tests.ui.fake_services import FakeServices


@pytest.fixture(scope="module")
def fake() -> FakeServices:
    """The services behind `client`; a test that changes them puts them back."""
    return FakeServices()


@pytest.fixture(scope="module")
def client(fake: FakeServices) -> Iterator[TestClient]:
    with TestClient(create_app(fake)) as opened:
        yield opened
