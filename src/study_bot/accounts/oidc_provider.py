"""Talking to an OpenID Connect provider, and believing only what it signed for us."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from study_bot.errors import SignInError

TIMEOUT_S = 10.0
LEEWAY_S = 60
"""Clocks of two servers may differ by so much."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by the provider's private key; none that a shared secret or nobody could make."""

UNREACHABLE = "统一身份认证服务暂时连不上，请稍后再试，或用警号和密码登录。"
NOT_BELIEVED = "统一身份认证的答复不可信，没有登录。请重新登录；如果总是这样，请联系管理员。"

logger = logging.getLogger(__name__)


class Provider:
    """One provider, asked anew for its addresses and keys at each sign-in: it may change its keys at any time."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, redirect_uri: str) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser.

        :raises SignInError: the provider cannot be reached, or is not the one of the settings.
        """
        with self._client() as client:
            endpoint = self._metadata(client)["authorization_endpoint"]
            url, _ = client.create_authorization_url(endpoint, state=state, nonce=nonce, code_verifier=verifier)
        return str(url)

    def claims(self, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """What the provider says of the person who came back with this code.

        :raises SignInError: it cannot be reached, does not know the code, or its word cannot be believed.
        """
        from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]

        with self._client() as client:
            metadata = self._metadata(client)
            try:
                answer = client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=verifier, grant_type="authorization_code"
                )
            except AuthlibBaseError as error:
                raise _not_believed(f"the provider refused the code: {error.error}") from None
            except _network_errors() as error:
                raise _unreachable(error) from None
            keys = self._json(client, metadata["jwks_uri"])
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise _not_believed("no id_token in the answer")
        return self._checked(token, keys, nonce, answer.get("access_token"))

    def _client(self) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]

        return OAuth2Client(
            self._client_id,
            self._client_secret or None,
            scope="openid profile",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            follow_redirects=False,
        )

    def _metadata(self, client: Any) -> dict[str, str]:
        """The provider's addresses, from the document it publishes about itself."""
        found = self._json(client, self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise _not_believed(f"the issuer calls itself {found.get('issuer')!r}")
        addresses = {name: found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        secure = urlsplit(self._issuer).scheme == "https"
        for name, address in addresses.items():
            scheme = urlsplit(address).scheme if isinstance(address, str) else ""
            if scheme != "https" and (secure or scheme != "http"):
                raise _not_believed(f"{name} is {address!r}")
        return {name: str(address) for name, address in addresses.items()}

    def _json(self, client: Any, address: str) -> dict[str, Any]:
        try:
            response = client.request("GET", address, withhold_token=True)
            response.raise_for_status()
            found = response.json()
        except _network_errors() as error:
            raise _unreachable(error) from None
        if not isinstance(found, dict):
            raise _not_believed(f"no object at {address}")
        return found

    def _checked(self, token: str, keys: dict[str, Any], nonce: str, access_token: object) -> Mapping[str, Any]:
        from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        options = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
            "exp": {"essential": True},
            "iat": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": self._client_id, "access_token": access_token}
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _not_believed(f"id_token: {type(error).__name__}: {error}") from None
        return decoded.claims


def _network_errors() -> tuple[type[Exception], ...]:
    """What the client raises: authlib takes whichever of the two is installed. ValueError: what came is no JSON."""
    errors: list[type[Exception]] = [ValueError]
    for name in ("httpx", "httpx2"):
        with contextlib.suppress(ModuleNotFoundError):
            module = importlib.import_module(name)
            errors += [module.HTTPError, module.InvalidURL]
    return tuple(errors)


def _unreachable(error: Exception) -> SignInError:
    logger.warning("OpenID Connect provider: %s: %s", type(error).__name__, error)
    return SignInError(UNREACHABLE)


def _not_believed(why: str) -> SignInError:
    logger.warning("OpenID Connect provider not believed: %s", why)
    return SignInError(NOT_BELIEVED)
