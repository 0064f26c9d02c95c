"""A server of the application in a thread of the tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from study_bot.server.app import Server, create_app
from tests.ui.fake_services import FakeServices


@contextmanager
def running(services: FakeServices) -> Iterator[str]:
    """Serve until the block ends; gives the address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = create_app(services)
    server = Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1), app, address)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive(), "the server ended while starting"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def queue_question(url: str, session: str, question: str = "学习管理规定第九条讲什么？") -> httpx.Response:
    """Queue a question as a client of Gradio does, without waiting for the answer."""
    index = next(d["id"] for d in httpx.get(f"{url}/config").json()["dependencies"] if d["api_name"] == "chat")
    body = {"data": [question, None, None, None, False], "fn_index": index, "session_hash": session}
    return httpx.post(f"{url}/gradio_api/queue/join", json=body)
