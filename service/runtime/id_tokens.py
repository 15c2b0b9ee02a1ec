"""ID tokens of OpenID Connect: what one says, once everything about it is as it must be.

Promises: a token counts only if one of the issuer's keys signed it, by RS256 or ES256, and if it is from this issuer,
for this service, for this very sign-in, and of now. Nothing of a token is in what is raised.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "ES256")
OF_KEYS = {"RSA", "EC"}
LEEWAY_SECONDS = 10
"""How far the two clocks may be apart."""
BAD = (JoseError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading a token or a key that is none ends in."""


class NotBelieved(Exception):
    """Something about a token or a key is not as it must be; ``why`` says which, in words of ours."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownKey(NotBelieved):
    """The token names a key that is not among those known: the issuer may have a new one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. ``at`` is in seconds since 1970; ``access_token`` came beside it, or is empty."""

    issuer: str
    client_id: str
    nonce: str
    at: int
    access_token: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is to an issuer. ``email`` is empty unless the issuer says that it was verified."""

    issuer: str
    subject: str
    email: str


def keys_in(document: Mapping[str, Any]) -> KeySet:
    """The keys of a key set that may sign a token. Raises ``NotBelieved`` if there is none.

    A set may hold others: for encryption, or of kinds we do not take. A shared secret is never a key of an issuer.
    """
    try:
        found = [one for one in document["keys"] if one.get("kty") in OF_KEYS and one.get("use", "sig") == "sig"]
        return KeySet.import_key_set({"keys": found})
    except BAD as failure:
        raise NotBelieved("keys") from failure


def identity(token: object, keys: KeySet, expected: Expected) -> Identity:
    """Who the token is about. Raises ``NotBelieved``, or ``UnknownKey``, if it is not to be believed."""
    try:
        read = jwt.decode(str(token), keys, algorithms=ALGORITHMS)
        claims = _claims(read, expected)
    except InvalidKeyIdError as failure:
        raise UnknownKey("key unknown") from failure
    except ClaimError as failure:
        raise NotBelieved("claims") from failure
    except BAD as failure:
        raise NotBelieved("signature") from failure
    return Identity(expected.issuer, claims["sub"], _verified_email(claims))


def _claims(read: jwt.Token, expected: Expected) -> dict[str, Any]:
    options = {
        "iss": {"essential": True, "value": expected.issuer}, "sub": {"essential": True},
        "aud": {"essential": True, "values": [expected.client_id]},
        "exp": {"essential": True}, "iat": {"essential": True},
    }  # fmt: skip
    params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    claims: dict[str, Any] = CodeIDToken(read.claims, read.header, options, params)
    claims.validate(expected.at, LEEWAY_SECONDS)  # type: ignore[attr-defined]
    if not _plain(claims["sub"], 255):
        raise ValueError("OpenID Connect Core, 2: at most 255 characters of ASCII")
    return claims


def _verified_email(claims: Mapping[str, Any]) -> str:
    """The address, if it is verified; Entra ID says so in a claim of its own.

    Only plain ASCII: two letters that look alike, or become one in lower case, are not one address.
    """
    email = claims.get("email")
    verified = claims.get("email_verified") is True or claims.get("xms_edov") is True
    return email if verified and isinstance(email, str) and _plain(email, 320) else ""


def _plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isascii() and text.isprintable()
