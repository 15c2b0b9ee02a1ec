"""Sealing: giving every step its place in the log, and signing what the log then is.

The worker calls it each minute; no request waits for it. One sealer at a time numbers what is committed, a limited
number at once, and signs a checkpoint in the same transaction. A step committed late is numbered later; nothing is ever
numbered again. A log that does not go on from its own last checkpoint, or from one in the folder of checkpoints, is not
signed any more: that would vouch for a history that was changed or restored from an older backup.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.core import checkpoints
from service.core.checkpoints import Checkpoint, PublicKey
from service.core.errors import Defect, Rejection
from service.core.merkle import Frontier, leaf_hash
from service.runtime import signing, witnesses
from service.runtime.service import Service
from service.settings import SettingsRefused
from service.store import seals
from service.store.transaction import Store, reading, sole, transaction

log = logging.getLogger(__name__)

AT_ONCE = 1_000
SEALING = 0x5EA1
"""The number of the lock that admits one sealer."""


class LogDamaged(Defect):
    """The log does not go on from its last checkpoint: nothing is sealed until somebody has looked."""


def turn(service: Service) -> int:
    """Seal what is new, hand the checkpoint out, and return how many steps were sealed. It logs why not."""
    try:
        witnesses.require_continued(service)
        with reading(service.store) as db:
            fresh = seals.newest(db) is None
        key = signing.signing_key(service.settings, fresh=fresh)
        sealed = seal(service.store, service.clock, service.settings.log_name, key)
        witnesses.hand_out(service, checkpoints.public_key(service.settings.log_name, key))
    except (LogDamaged, Rejection, SettingsRefused, OSError) as refused:
        log.error("The history could not be sealed: %s", refused, extra={"action": "seal"})  # noqa: TRY400 - the sentence says all  # nosemgrep: text-in-a-log-line
        return 0
    return sealed


def seal(store: Store, clock: Callable[[], datetime], name: str, key: Ed25519PrivateKey, at_once: int = AT_ONCE) -> int:
    """Number and sign whatever is committed and unnumbered, and return how many steps that were.

    Raises ``LogDamaged``.
    """
    sealed = 0
    while _anything_new(store) and (count := _batch(store, clock, name, key, at_once)):
        sealed += count
    return sealed


def _anything_new(store: Store) -> bool:
    with reading(store) as db:
        return bool(seals.unnumbered(db, 1))


def _batch(store: Store, clock: Callable[[], datetime], name: str, key: Ed25519PrivateKey, at_once: int) -> int:
    with transaction(store) as db:
        if not sole(db, SEALING):
            return 0
        frontier = _continued(seals.newest(db), checkpoints.public_key(name, key))
        fresh = seals.unnumbered(db, at_once)
        for _, _, step_hash in fresh:
            frontier = frontier.add(leaf_hash(_entry(step_hash)))
        if fresh:
            note = checkpoints.sign(Checkpoint(name, frontier.size, frontier.root).text, name, key)
            seals.extend(db, fresh, frontier, note, clock())
        return len(fresh)


def _entry(step_hash: str) -> bytes:
    try:
        return bytes.fromhex(step_hash)
    except ValueError:
        raise LogDamaged("A step that is to be sealed carries no hash.") from None


def _continued(last: seals.Kept | None, key: PublicKey) -> Frontier:
    """The frontier to go on from, once it is found to be the one that was signed."""
    if last is None:
        return Frontier()
    try:
        signed = checkpoints.trusted(last.note, key)
        frontier = last.grown()
        filed = bytes.fromhex(last.root)
    except (Rejection, ValueError) as wrong:
        raise LogDamaged(f"The newest checkpoint, at {last.size} steps, cannot be trusted: {wrong}") from wrong
    roots = {signed.root, frontier.root, filed}
    if signed.size != last.size or len(roots) != 1 or len(frontier.peaks) != last.size.bit_count():
        raise LogDamaged(f"The newest checkpoint, at {last.size} steps, is not the one that was signed.")
    return frontier
