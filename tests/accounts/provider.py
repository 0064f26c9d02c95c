"""A small identity provider on the loopback, which can also be made to lie."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "study", "the-client-secret"

Claims = dict[str, Any]


@functools.cache
def _key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "a"})


@dataclass
class FakeProvider:
    """Codes that were given out, and what to change of the honest answers."""

    address: str = ""
    key: RSAKey = field(default_factory=_key)
    person: Claims = field(default_factory=lambda: {"sub": "s1", "preferred_username": "010203"})
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    redeemed: list[dict[str, str]] = field(default_factory=list)
    lie: Callable[[Claims], None] = lambda claims: None
    sign: Callable[[Claims], str] | None = None
    metadata: Claims = field(default_factory=dict)
    broken: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def enter(self, address: str, code: str = "code-1") -> dict[str, str]:
        """What the browser does there: sign in, and come back with a code and the state."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT and "openid" in asked["scope"]
        assert asked["code_challenge_method"] == "S256"
        self.codes[code] = asked
        return {"state": asked["state"], "code": code}

    def answer(self, path: str, body: dict[str, str], authorization: str) -> tuple[int, bytes]:
        if path in self.broken:
            return self.broken[path]
        if path == "/.well-known/openid-configuration":
            found: Claims = {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/enter",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                **self.metadata,
            }
            return 200, json.dumps(found).encode()
        if path == "/keys":
            return 200, json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()
        if path == "/token":
            return self._token(body, authorization)
        return 404, b"{}"

    def _token(self, body: dict[str, str], authorization: str) -> tuple[int, bytes]:
        asked = self.codes.pop(body.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(body.get("code_verifier", "").encode()).digest()).rstrip(
            b"="
        )
        known = authorization == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or asked["code_challenge"].encode() != challenge or not known:
            return 400, b'{"error": "invalid_grant"}'
        if asked["redirect_uri"] != body.get("redirect_uri"):
            return 400, b'{"error": "invalid_grant"}'
        self.redeemed.append(body)
        now = int(time.time())
        claims: Claims = {
            "iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person,
        }  # fmt: skip
        self.lie(claims)
        token = self.sign(claims) if self.sign else jwt.encode({"alg": "RS256", "kid": "a"}, claims, self.key)
        return 200, json.dumps({"access_token": "x", "token_type": "Bearer", "id_token": token}).encode()


@contextlib.contextmanager
def running_provider() -> Iterator[FakeProvider]:
    """The provider, listening on a free port."""
    provider = FakeProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer({name: values[0] for name, values in parse_qs(raw).items()})

        def _answer(self, body: dict[str, str]) -> None:
            status, content = provider.answer(urlsplit(self.path).path, body, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
