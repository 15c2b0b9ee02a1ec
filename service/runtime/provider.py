"""The provider of the organisation's accounts: one issuer of OpenID Connect, asked over HTTP.

Promises: the authorisation code flow with state, nonce and PKCE (S256); every address of the issuer is https, unless
it is this very machine; no answer is waited for long, followed elsewhere, or read without end; what the issuer says of
itself and its keys is kept for an hour. Nothing of an answer is in what is raised or logged.
"""

import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.jwk import KeySet
from requests import RequestException, Response

from service.core.errors import Rejection
from service.runtime import id_tokens
from service.runtime.id_tokens import Expected, Identity, NotBelieved, UnknownKey
from service.settings import Settings, safe_address

log = logging.getLogger(__name__)

KEPT = timedelta(hours=1)
KEYS_AGAIN_AFTER = timedelta(minutes=1)
WAIT_SECONDS = 5
LARGEST = 1_000_000
SCOPE = "openid email"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
NO_ANSWER = "Your organisation’s sign-in service did not answer as it should. Try again in a few minutes."
UNTRUSTED = "What your organisation’s sign-in service answered cannot be trusted. Try again from the beginning."


class NoSignIn(Rejection):
    """Nobody was signed in; ``counts`` if it may have been somebody who tries things."""

    def __init__(self, message: str, *, counts: bool = False) -> None:
        super().__init__(message)
        self.counts = counts


@dataclass(frozen=True, slots=True)
class Begun:
    """What a browser that was sent to the provider must bring back or has to stand for; nobody else knows it."""

    state: str
    nonce: str
    verifier: str
    at: int


@dataclass(slots=True)
class Provider:
    """An issuer, and this service as it knows it. ``back`` is the address it sends people back to."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    back: str
    clock: Callable[[], datetime]
    _found: dict[str, Any] = field(default_factory=dict, repr=False)
    _found_at: datetime | None = None
    _keys: KeySet | None = field(default=None, repr=False)
    _keys_at: datetime | None = None

    def begin(self) -> tuple[str, Begun]:
        """The address to send a browser to, and what to remember of it. Raises ``NoSignIn``."""
        at = int(self.clock().timestamp())
        begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), at)
        endpoint = self._described()["authorization_endpoint"]
        with self._client() as client:
            address, _ = client.create_authorization_url(
                endpoint, state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
            )
        return str(address), begun

    def identity(self, code: str, begun: Begun) -> Identity:
        """Who came back with this code. Raises ``NoSignIn``."""
        given = self._exchanged(code, begun)
        at = int(self.clock().timestamp())
        beside = str(given.get("access_token", ""))
        expected = Expected(self.issuer, self.client_id, begun.nonce, at, beside)
        try:
            return self._believed(given.get("id_token", ""), expected)
        except NotBelieved as failure:
            log.warning("An ID token was not believed.", extra={"action": failure.why})
            raise NoSignIn(UNTRUSTED, counts=True) from None

    def _believed(self, token: object, expected: Expected) -> Identity:
        try:
            return id_tokens.identity(token, self._signing_keys(), expected)
        except UnknownKey:
            return id_tokens.identity(token, self._signing_keys(KEYS_AGAIN_AFTER), expected)

    def _exchanged(self, code: str, begun: Begun) -> dict[str, Any]:
        endpoint = self._described()["token_endpoint"]
        with self._client() as client:
            try:
                return dict(client.fetch_token(
                    endpoint, grant_type="authorization_code", code=code, code_verifier=begun.verifier,
                    allow_redirects=False,
                ))  # fmt: skip
            except AuthlibBaseError:
                log.warning("The provider did not take a code.", extra={"action": "code refused"})
                raise NoSignIn(UNTRUSTED, counts=True) from None
            except (RequestException, ValueError):
                raise self._silent() from None

    def _described(self) -> dict[str, Any]:
        """What the issuer says of itself, of this hour."""
        at = self.clock()
        if self._found_at is None or at - self._found_at > KEPT:
            found = self._fetched(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer or not all(self._may_be(found.get(name)) for name in ENDPOINTS):
                raise self._silent("issuer’s description")
            self._found, self._found_at = found, at
        return self._found

    def _may_be(self, address: object) -> bool:
        """Whether this can be an address of the issuer: none is less safe than its own."""
        try:
            safe = isinstance(address, str) and safe_address(address)
            return safe and urlsplit(str(address)).scheme in {"https", urlsplit(self.issuer).scheme}
        except ValueError:
            return False

    def _signing_keys(self, of_last: timedelta = KEPT) -> KeySet:
        at = self.clock()
        if self._keys is None or self._keys_at is None or at - self._keys_at > of_last:
            self._keys = id_tokens.keys_in(self._fetched(self._described()["jwks_uri"]))
            self._keys_at = at
        return self._keys

    def _fetched(self, address: str) -> dict[str, Any]:
        """A JSON object. Raises ``NoSignIn`` if there is none."""
        with self._client() as client:
            try:
                answer = client.get(address, withhold_token=True, allow_redirects=False, stream=True)
                found = json.loads(_body(answer))
            except (RequestException, ValueError, RecursionError):
                raise self._silent() from None
        if answer.status_code != 200 or not isinstance(found, dict):
            raise self._silent()
        return found

    def _silent(self, what: str = "no answer") -> NoSignIn:
        log.warning("The provider of the organisation's accounts did not answer as it should.", extra={"action": what})
        return NoSignIn(NO_ANSWER)

    def _client(self) -> OAuth2Session:
        ways = self._found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        way = "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        return OAuth2Session(
            self.client_id, self.client_secret, token_endpoint_auth_method=way, scope=SCOPE, redirect_uri=self.back,
            code_challenge_method="S256", default_timeout=WAIT_SECONDS,
        )  # fmt: skip


def _body(answer: Response) -> bytes:
    body = b""
    for piece in answer.iter_content(65536):
        body += piece
        if len(body) > LARGEST:
            raise ValueError("longer than any description or key set")
    return body


def provider_of(settings: Settings, clock: Callable[[], datetime]) -> Provider | None:
    """The provider the settings name, if they do."""
    if not settings.oidc_issuer:
        return None
    back = settings.public_url.rstrip("/") + "/sign-in/provider/back"
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, back, clock)
