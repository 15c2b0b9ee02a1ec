"""A file nobody can read, change or shorten unseen without its key: AES-256-GCM in chunks, any of which can be read.

Promises: every byte given out was written with the key, in this place of this file; a file that was cut short, even
between two chunks, is refused when it is opened. A file's own key is worked out from the key and from chance, so no
two files share one. The header says which key it was, told without telling the key.
"""

import hashlib
import hmac
import io
import os
import secrets
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.core.errors import Rejection

MARK = b"casework backup 1\n"
CHUNK, TAG, ID, SALT = 1 << 16, 16, 8, 16
HEADER = len(MARK) + ID + SALT
KEY_LABEL, ID_LABEL, FILE_LABEL = b"case/backup-key/v1", b"case/backup-key-id/v1", b"case/backup-file/v1"
NO_BACKUP = "This file is not a backup of this service."
CHANGED = "The backup was cut short or changed since it was written: its seal does not hold. Take another one."


class NoBackup(Rejection):
    """The file is not a backup, not whole, or sealed with another key: nothing of it is used."""


class Changed(NoBackup):
    """It was a backup, and is not as it was written."""


def key_of(text: str) -> bytes:
    """The key worked out from a setting's text, which may so serve no other purpose unseen."""
    return hmac.digest(text.encode(), KEY_LABEL, hashlib.sha256)


def key_id(key: bytes) -> str:
    """Which key this is, told without telling the key."""
    return hmac.digest(key, ID_LABEL, hashlib.sha256)[:ID].hex()


class Sealing(io.RawIOBase):
    """What is written here is sealed into ``out``; only closing it makes the file whole."""

    def __init__(self, out: BinaryIO, key: bytes) -> None:
        super().__init__()
        salt = secrets.token_bytes(SALT)
        self._out, self._header = out, MARK + bytes.fromhex(key_id(key)) + salt
        self._cipher, self._number, self._kept = _cipher(key, salt), 0, bytearray()
        out.write(self._header)

    def writable(self) -> bool:
        """It can only be written to, from front to back."""
        return True

    def write(self, data: Any, /) -> int:
        """Take bytes and return how many: always all."""
        given = bytes(data)
        self._kept += given
        while len(self._kept) > CHUNK:  # one chunk stays back: the last one is sealed as the last
            self._seal(bytes(self._kept[:CHUNK]), last=False)
            del self._kept[:CHUNK]
        return len(given)

    def finish(self) -> None:
        """Seal the last chunk and make sure that the disk has it all."""
        self._seal(bytes(self._kept), last=True)
        self._out.flush()
        os.fsync(self._out.fileno())

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last=last), chunk, self._header))
        self._number += 1


class Opened(io.RawIOBase):
    """A sealed file as it was before: read anywhere. Raises ``NoBackup`` at once for one that is not whole."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        super().__init__()
        self._file, self._header = file, file.read(HEADER)
        size = file.seek(0, os.SEEK_END) - HEADER
        if not self._header.startswith(MARK) or len(self._header) < HEADER:
            raise NoBackup(NO_BACKUP)
        _require_key(self._header[len(MARK) : len(MARK) + ID].hex(), key)
        self._cipher = _cipher(key, self._header[-SALT:])
        self._count = max(1, -(-size // (CHUNK + TAG)))
        self._size = size - self._count * TAG
        self._at, self._number, self._chunk = 0, -1, b""
        self._open(self._count - 1)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """From anywhere."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go on reading from elsewhere."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fill ``buffer`` as far as one chunk goes, and return how far. Raises ``NoBackup``."""
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, CHUNK)
        self._open(number)
        view = memoryview(buffer)
        part = self._chunk[start : start + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _open(self, number: int) -> None:
        if number == self._number:
            return
        self._file.seek(HEADER + number * (CHUNK + TAG))
        sealed = self._file.read(CHUNK + TAG)
        try:
            nonce = _nonce(number, last=number == self._count - 1)
            self._chunk = self._cipher.decrypt(nonce, sealed, self._header)
        except (InvalidTag, ValueError) as wrong:
            raise Changed(CHANGED) from wrong
        self._number = number


def _require_key(used: str, key: bytes) -> None:
    if used != key_id(key):
        raise NoBackup(
            f"The backup was sealed with the key {used}, and CASEWORK_BACKUP_KEY is the key {key_id(key)}. "
            "Set it to the one that was in force when the backup was made."
        )


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, FILE_LABEL + salt, hashlib.sha256))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])
