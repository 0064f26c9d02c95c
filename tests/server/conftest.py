"""An application over the sample library, driven without a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from study_bot.server.app import create_app
from study_bot.settings import Settings
from study_bot.storage.database import open_database
from tests.server.offices import TestOffice, fill, served
from tests.ui.fake_services import FakeServices


@pytest.fixture(scope="module")
def fake() -> FakeServices:
    """The services behind `client`; a test that changes them puts them back."""
    return FakeServices()


@pytest.fixture(scope="module")
def client(fake: FakeServices) -> Iterator[TestClient]:
    with TestClient(create_app(fake)) as opened:
        yield opened


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestOffice]:
    """A site with people for the tests of a module; a test that changes people makes its own."""
    database = open_database("", tmp_path_factory.mktemp("site"))
    yield TestOffice(database, Settings(lockout_failures=3))
    database.close()


@pytest.fixture(scope="module")
def ids(office: TestOffice) -> dict[str, int]:
    """Ids of its people by badge."""
    return fill(office)


@pytest.fixture(scope="module")
def site(office: TestOffice, ids: dict[str, int]) -> Iterator[TestClient]:
    """Its application; nobody is signed in."""
    with served(office) as opened:
        yield opened
