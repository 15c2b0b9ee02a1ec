"""The history of an instance as a chain of steps, each naming the hash of the one before.

Promises: a step's hash covers everything in it by canonical bytes (RFC 8785); ``verify`` needs nothing but the steps
and says at which of them the chain is broken. What a person wrote is not in the chain, only a salted hash of it, so
it can be erased and the chain still holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.core import values

START = "0" * 64
ENTRY = b"case/step/v1\0"
RECORD = b"case/record/v1\0"

LOGIC = 1
"""Raised when a change of ours would make an old history replay differently; old numbers keep their behaviour."""


@dataclass(frozen=True, slots=True)
class Step:
    """One accepted command: when, by whom, what was asked, what happened, and what the state then was.

    ``command`` and ``events`` are JSON values; ``actor`` is an account id or ``"clock"``; hashes are SHA-256, hex.
    """

    instance_id: str
    seq: int
    at: datetime
    actor: str
    definition: str
    command: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    state_hash: str
    logic: int
    prev_hash: str
    hash: str = ""


class ChainBroken(Exception):
    """The chain does not hold at step ``seq``; the message says what is wrong with it."""

    def __init__(self, seq: int, message: str) -> None:
        super().__init__(message)
        self.seq = seq


def seal(step: Step) -> str:
    """Return the hash of a step, its own ``hash`` field left aside."""
    entry = {
        "v": 1, "instance": step.instance_id, "seq": step.seq, "prev": step.prev_hash,
        "at": values.instant_text(step.at), "actor": step.actor, "definition": step.definition,
        "command": dict(step.command), "events": [dict(e) for e in step.events],
        "state": step.state_hash, "logic": step.logic,
    }  # fmt: skip
    return values.sha256(ENTRY + values.canonical(entry))


def verify(steps: Iterable[Step]) -> int:
    """Check the chain from its first step and return how many steps hold. Raises ``ChainBroken``."""
    before, count = START, 0
    for step in steps:
        count += 1
        if step.seq != count:
            raise ChainBroken(count, f"Step {count} is missing: the next one kept is number {step.seq}.")
        if step.prev_hash != before:
            raise ChainBroken(step.seq, f"Step {step.seq} does not follow from the step before it.")
        if not _fits(step):
            raise ChainBroken(step.seq, f"Step {step.seq} is not what was written: its hash does not fit.")
        before = step.hash
    return count


def _fits(step: Step) -> bool:
    try:
        return seal(step) == step.hash
    except (ValueError, TypeError, RecursionError):  # what has no canonical bytes was never hashed
        return False


def record_hash(salt: str, answers: Mapping[str, Any]) -> str:
    """Return the salted hash that commits the history to a record's answers. ``salt`` is 64 hexadecimal digits."""
    return record_hash_as_kept(salt, values.encode(answers))


def record_hash_as_kept(salt: str, kept: Mapping[str, Any]) -> str:
    """The same over answers as they are kept, encoded. Raises ``ValueError`` when either was never hashed."""
    return values.sha256(RECORD + bytes.fromhex(salt) + values.canonical(kept))
