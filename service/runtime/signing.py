"""The key that signs checkpoints, and its public half.

The private key belongs to the worker: it is the file a setting names or, where none is named, one in the data folder,
made once (mode 0600) before anything has been signed. It is never made a second time: a log whose key is gone says so.
"""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from service.core.checkpoints import NoCheckpoint, PublicKey, public_key, read_key
from service.settings import Settings, SettingsRefused

KEY_FILE = "signing.key"
PUBLIC_FILE = "public-key.txt"


def signing_key(settings: Settings, *, fresh: bool) -> Ed25519PrivateKey:
    """The private key; made if none is there and the log is ``fresh``. Raises ``SettingsRefused``."""
    kept = settings.data_folder / KEY_FILE
    if settings.signing_key:
        return _read(settings.signing_key, "CASEWORK_SIGNING_KEY")
    if not kept.exists():
        if not fresh:
            raise SettingsRefused(
                f"The log of this database has been signed before, but its key is not in {kept} and "
                "CASEWORK_SIGNING_KEY is not set. Put the key back: no other fits the checkpoints people keep."
            )
        _make(kept)
    return _read(kept.read_text(encoding="ascii", errors="replace"), str(kept))


def public_half(settings: Settings, given: Path | None = None) -> PublicKey | None:
    """The public key to check with: from the file ``given``, the signing key, or the folder of checkpoints.

    ``None`` when none is known yet. Raises ``NoCheckpoint`` when ``given`` is not a public key.
    """
    if given is not None:
        return key_in(given)
    if settings.signing_key or (settings.data_folder / KEY_FILE).exists():
        return public_key(settings.log_name, signing_key(settings, fresh=False))
    kept = settings.checkpoints / PUBLIC_FILE
    return key_in(kept) if kept.exists() else None


def key_in(path: Path) -> PublicKey:
    """The public key a file holds. Raises ``NoCheckpoint``."""
    try:
        return read_key(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as unreadable:
        raise NoCheckpoint(f"{path} is not a public key of a log.") from unreadable


def _read(pem: str, where: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsRefused(f"{where} is not an Ed25519 private key in PEM.")
    return key


def _make(kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = kept.with_suffix(f".{os.getpid()}")
    beside.unlink(missing_ok=True)
    made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    beside.touch(0o600)
    beside.write_bytes(made)
    try:
        os.link(beside, kept)  # whole or not at all, and never over the key of another that was quicker
    except FileExistsError:
        pass
    finally:
        beside.unlink()
