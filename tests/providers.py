"""Two providers of OpenID Connect on loopback: a real one in a process of its own, and one whose answers can be bent.

Both are asked over HTTP by the service, and sign in whoever a test names.
"""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from socket import socket
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CLIENT, SECRET = "casework", "canarysecret of the client"


@dataclass
class RealProvider:
    """A provider library's server, in a process of its own, on the machine's own clock."""

    issuer: str

    def knows(self, subject: str, **claims: object) -> None:
        """Let there be somebody."""
        assert _sent("PUT", f"{self.issuer}/users/{subject}", json.dumps(claims), "application/json").status == 204

    def signs_in(self, address: str, subject: str) -> str:
        """The address the browser is sent back to."""
        return _sent("POST", address, urlencode({"sub": subject})).headers["Location"]

    def denies(self, address: str) -> str:
        """The same for somebody who says no."""
        return _sent("POST", address, urlencode({"action": "deny"})).headers["Location"]


def _sent(method: str, address: str, body: str, kind: str = "application/x-www-form-urlencoded") -> HTTPResponse:
    """What a browser sends; nothing of it is logged, so that all that is logged is the service's."""
    parts = urlsplit(address)
    with closing(HTTPConnection(parts.netloc, timeout=5)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", body, {"Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        return answer


@contextmanager
def a_real_provider() -> Iterator[RealProvider]:
    port = _free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "false"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield RealProvider(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _free_port() -> int:
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(400):
        with socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the provider does not start")


@dataclass
class Token:
    """An ID token before it is signed; ``key`` signs it, and may be other than the header says."""

    header: dict[str, Any]
    claims: dict[str, Any]
    key: Any

    def signed(self) -> str:
        parts = b".".join(_text(json.dumps(part).encode()) for part in (self.header, self.claims))
        return (parts + b"." + _text(self._signature(parts))).decode()

    def _signature(self, parts: bytes) -> bytes:
        if self.key is None:
            return b""
        if isinstance(self.key, bytes):
            return hmac.new(self.key, parts, hashlib.sha256).digest()
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(parts, padding.PKCS1v15(), hashes.SHA256())
        pair = decode_dss_signature(self.key.sign(parts, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(32, "big") for number in pair)


def _text(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """What a token must not be signed with as if it were a secret."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


@dataclass
class BentProvider:
    """A small provider: the flow with PKCE and codes that count once, but each token goes through ``bend`` first.

    ``bend`` changes a ``Token``; ``describe`` changes what the issuer says of itself.
    """

    clock: Callable[[], datetime]
    issuer: str = ""
    key: Any = field(default_factory=rsa_key)
    kid: str = "first"
    bend: Callable[[Token], object] = lambda token: None
    describe: Callable[[dict[str, Any]], object] = lambda description: None
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def knows(self, subject: str, **claims: object) -> None:
        self.people[subject] = claims

    def signs_in(self, address: str, subject: str) -> str:
        given = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"canarycode-{next(self.numbers)}"
        self.codes[code] = {**given, "sub": subject}
        return given["redirect_uri"] + "?" + urlencode({"code": code, "state": given["state"]})

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            description = {"issuer": self.issuer, **{n: f"{self.issuer}/{end}" for n, end in names.items()}}
            self.describe(description)
            return 200, description
        if path == "/keys":
            return 200, {"keys": [self._public(), {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, {"kty": "new"}]}
        if path == "/token":
            return self._token(form)
        return 404, {}

    def _public(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        if isinstance(self.key, rsa.RSAPrivateKey):
            parts = {"kty": "RSA", "n": _number(numbers.n, 256), "e": _number(numbers.e, 3)}
        else:
            parts = {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}
        return {**parts, "kid": self.kid, "use": "sig"}

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        begun = self.codes.pop(form["code"], None)
        challenge = _text(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "canarybird@x.invalid may not"}
        now = int(self.clock().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": begun["sub"], "iat": now, "exp": now + 300}
        alg = "RS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256"
        token = Token({"alg": alg, "kid": self.kid}, {**claims, "nonce": begun["nonce"]}, self.key)
        token.claims.update(self.people[begun["sub"]])
        self.bend(token)
        return 200, {"access_token": "canaryaccess", "token_type": "Bearer", "id_token": token.signed()}


def _number(number: int, length: int) -> str:
    return _text(number.to_bytes(length, "big")).decode()


@contextmanager
def a_bent_provider(clock: Callable[[], datetime]) -> Iterator[BentProvider]:
    provider = BentProvider(clock)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*provider.answer(self.path, {}))

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._send(*provider.answer(self.path, {name: values[0] for name, values in parse_qs(text).items()}))

        def _send(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_given: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()
