"""A whole site over a small library: the real office with people, files, questions and feedback, served for tests."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastapi.routing
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from study_bot.accounts.gate import SESSION_COOKIE
from study_bot.accounts.person_changes import NewPerson
from study_bot.accounts.roles import SYSTEM, Actor
from study_bot.accounts.sessions import BY_PASSWORD
from study_bot.errors import NoIndexError
from study_bot.office import Office, build_office
from study_bot.server.app import Server, create_app
from study_bot.settings import Settings
from study_bot.usage.remarks import Reason, Verdict
from tests.documents.samples import new_rule, old_rule, speech
from tests.server.offices import ADMIN, NEIGHBOUR, OFFICER, UNIT_ADMIN, fill
from tests.ui.fake_services import FakeServices

NEWCOMER, CLOSED = "1003", "1004"
"""Badges of somebody with a one-time password, and of a closed account."""

CONVERSATION = "conversation-of-the-officer"
QUESTION = "学习管理规定第九条讲什么？"
"""What the officer asked in it."""


class SampleServices(FakeServices):
    """The sample library; there is no index on disk."""

    def snapshot(self) -> Any:
        raise NoIndexError("还没有索引。")


@dataclass
class RealSite:
    """The application, its office, and what it holds: ids of people by badge, files, a question with feedback."""

    app: FastAPI
    office: Office
    services: SampleServices
    people: dict[str, int]
    published: int
    draft: int
    question: int

    def token(self, badge: str) -> str:
        """The cookie of a new session of a person."""
        return self.office.sign_in.sign_in_trusted(badge, BY_PASSWORD, "127.0.0.1", "test").token

    def actor(self, badge: str) -> Actor:
        """The person, as the gate knows them."""
        return self.office.gate.actor({SESSION_COOKIE: self.token(badge)}, {}, "127.0.0.1")

    @contextmanager
    def client(self, badge: str | None = None, **options: Any) -> Iterator[TestClient]:
        """A browser of that person; it sends the token of its forms with every request."""
        client = TestClient(self.app, follow_redirects=False, raise_server_exceptions=False, **options)
        if badge is not None:
            token = self.token(badge)
            client.cookies.set(SESSION_COOKIE, token)
            client.headers["x-csrf-token"] = self.office.sign_in.csrf_token(token)
        yield client


@contextmanager
def real_site(folder: Path, **options: Any) -> Iterator[RealSite]:
    """A filled site below a folder."""
    settings = Settings(
        data_dir=folder / "data",
        index_dir=folder / "index",
        cache_dir=folder / "cache",
        max_file_mb=1,
        ocr=False,
        **options,
    )
    services = SampleServices(settings)
    with build_office(settings, services) as office:  # type: ignore[arg-type]
        people = fill(office)  # type: ignore[arg-type]
        for badge in (NEWCOMER, CLOSED):
            people[badge] = office.people.create(SYSTEM, NewPerson(badge, "孙八"))[0].id
        draft = office.files.give(SYSTEM, "在读书会上的讲话.txt", io.BytesIO(speech())).id
        given = [
            office.files.give(SYSTEM, f"办法{n}.txt", io.BytesIO(data)).id
            for n, data in enumerate((old_rule(), new_rule()))
        ]
        office.files.publish(SYSTEM, given)
        site = RealSite(create_app(services, office), office, services, people, given[0], draft, 0)
        officer = site.actor(OFFICER)
        answer = services.answer(QUESTION)
        kept = office.questions.record(officer, QUESTION, answer, conversation=CONVERSATION, build_id="b", took_ms=5.0)
        assert kept is not None
        office.feedback.give(officer, kept, Verdict.DOWN, Reason.OTHER, "officer's own words", "")
        site.question = kept
        yield site


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path (with its parameters in braces) of every route, those of mounted applications included."""
    return sorted(set(_routes(app.routes, "")))


def _routes(found: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for route in found:
        if isinstance(route, fastapi.routing._IncludedRouter):
            yield from _routes(route.effective_candidates(), prefix)
        elif getattr(route, "methods", None):
            for method in route.methods:
                yield method, prefix + route.path
        elif hasattr(route, "app") and hasattr(route.app, "routes"):
            yield from _routes(route.app.routes, prefix + route.path)
        else:
            raise AssertionError(f"a route of an unknown kind: {route!r}")


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve an application on the loopback until the block ends; gives the address."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    if not hasattr(app.state, "stopping"):
        import asyncio

        app.state.stopping = asyncio.Event()
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, proxy_headers=False)
    server = Server(config, app, address)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()


__all__ = [
    "ADMIN",
    "CLOSED",
    "NEIGHBOUR",
    "NEWCOMER",
    "OFFICER",
    "UNIT_ADMIN",
    "RealSite",
    "listening",
    "real_site",
    "routes",
]
