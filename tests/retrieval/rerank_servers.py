"""A server on this machine that re-ranks rightly, wrongly, slowly or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FakeServer:
    """Scores a text by how often 值班 stands in it, in the shape set, or does what `trouble` says."""

    url: str = ""
    shape: str = "documents"  # or "texts"
    trouble: Any = None  # a status, a body, or "slow"
    requests: list[tuple[str, dict]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, request: dict) -> tuple[int, bytes]:
        self.requests.append((path, request))
        if self.trouble == "slow":
            self.let_go.wait(10)
        if isinstance(self.trouble, int):
            return self.trouble, b"{}"
        if isinstance(self.trouble, bytes):
            return 200, self.trouble
        if path.endswith("/chat/completions"):
            passages = json.loads(request["messages"][1]["content"])["passages"]
            return 200, chat([passage["text"].count("值班") for passage in passages])
        if not path.endswith("/rerank") or self.shape not in request:
            return 422 if path.endswith("/rerank") else 404, b"{}"
        scores = [text.count("值班") for text in request[self.shape]]
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        if self.shape == "texts":
            return 200, json.dumps([{"index": place, "score": scores[place]} for place in order]).encode()
        results = [{"index": place, "relevance_score": scores[place]} for place in order][: request["top_n"]]
        return 200, json.dumps({"model": "m", "results": results}).encode()


def chat(content: object) -> bytes:
    words = content if isinstance(content, str) else json.dumps(content)
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": words}}]}).encode()


@contextmanager
def serving() -> Iterator[FakeServer]:
    """Serve until left."""
    fake = FakeServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.keys.append(self.headers["Authorization"])
            status, body = fake.answer(self.path, request)
            with suppress(OSError):  # nobody waits any more
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", f"{fake.url}/elsewhere/rerank")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield fake
    finally:
        fake.let_go.set()
        http.shutdown()
        http.server_close()
        thread.join()
