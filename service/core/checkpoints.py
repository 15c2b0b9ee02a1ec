"""Checkpoints: the size and the root of the log at one moment, signed, in a form that people and other tools can read.

A checkpoint is a *signed note* (C2SP signed-note) whose text is that of C2SP tlog-checkpoint: the log's name, its size,
its root in Base64, each on a line; then an empty line; then ``— name base64(key id || signature)``, Ed25519. Promises:
reading is strict, so one checkpoint has one spelling; lines that others signed too (witnesses) are left alone.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from service.core.errors import Rejection

ED25519 = b"\x01"
NAME = re.compile(r"[A-Za-z0-9._/-]+")
NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
MARK = "— "


class NoCheckpoint(Rejection):
    """The text is not a checkpoint, a signed note or a public key at all."""


class NotSigned(Rejection):
    """The note carries no valid signature of the key that was asked for, or speaks of another log."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log ``origin`` holds ``size`` steps and has the root ``root`` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Who signs a log: the log's name and 32 bytes of an Ed25519 public key."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    @property
    def text(self) -> str:
        """The key as one line, a C2SP verifier key: ``name+id+base64``."""
        return f"{self.name}+{self.id.hex()}+{_base64(ED25519 + self.raw)}"


def public_key(name: str, key: Ed25519PrivateKey) -> PublicKey:
    """The public half of a signing key, under the name of the log it signs."""
    return PublicKey(name, key.public_key().public_bytes_raw())


def read_key(text: str) -> PublicKey:
    """Read what ``PublicKey.text`` wrote. Raises ``NoCheckpoint``."""
    name, _, rest = text.strip().partition("+")
    _, _, encoded = rest.partition("+")
    raw = _bytes(encoded)
    if raw is None or len(raw) != 33 or raw[:1] != ED25519 or not NAME.fullmatch(name):
        raise NoCheckpoint("This is not a public key of a log.")
    key = PublicKey(name, raw[1:])
    if key.text != text.strip():
        raise NoCheckpoint("This public key does not fit its own id.")
    return key


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """Return the signed note over ``text``, which ends with a line break and holds no empty line."""
    stamp = _base64(public_key(name, key).id + key.sign(text.encode()))
    return f"{text}\n{MARK}{name} {stamp}\n"


def opened(note: str, key: PublicKey) -> str:
    """The text of a signed note, once the key's signature is found to hold. Raises ``NoCheckpoint``, ``NotSigned``."""
    text, lines = _parts(note)
    public = Ed25519PublicKey.from_public_bytes(key.raw)
    for name, stamp in lines:
        if name != key.name or stamp[:4] != key.id:
            continue
        try:
            public.verify(stamp[4:], text.encode())
        except InvalidSignature:
            raise NotSigned("its signature does not hold: it has been changed since it was signed.") from None
        return text
    raise NotSigned("it is not signed with the key of this log.")


def read(note: str) -> Checkpoint:
    """What a checkpoint says, whoever signed it. Raises ``NoCheckpoint``."""
    text, _ = _parts(note)
    origin, size, encoded = [*text.splitlines(), "", "", ""][:3]
    root = _bytes(encoded)
    if not NAME.fullmatch(origin) or not NUMBER.fullmatch(size) or root is None or len(root) != 32:
        raise NoCheckpoint("This is not a checkpoint: it does not begin with a name, a size and a root.")
    found = Checkpoint(origin, int(size), root)
    if found.text != text:
        raise NoCheckpoint("This is not a checkpoint of this service: it says more than a name, a size and a root.")
    return found


def trusted(note: str, key: PublicKey) -> Checkpoint:
    """What a checkpoint of the log ``key`` signs says. Raises ``NoCheckpoint``, ``NotSigned``."""
    found = read(note)
    if found.origin != key.name:
        raise NotSigned(f"it is of another log, “{found.origin}”, not of “{key.name}”.")
    opened(note, key)
    return found


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text and the signature lines of a note."""
    text, gap, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    if not gap or not signatures.endswith("\n") or "\n\n" in text or "\r" in note:
        raise NoCheckpoint("This is not a signed checkpoint.")
    return f"{text}\n", list(_signatures(lines))


def _signatures(lines: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for line in lines:
        name, _, encoded = line.removeprefix(MARK).partition(" ")
        stamp = _bytes(encoded)
        if not line.startswith(MARK) or stamp is None or len(stamp) < 5:
            raise NoCheckpoint("This is not a signed checkpoint: a line of signatures cannot be read.")
        yield name, stamp


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes | None:
    """Base64 in its one spelling, or ``None``: unused bits would let a changed letter pass."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _base64(data) == text else None
