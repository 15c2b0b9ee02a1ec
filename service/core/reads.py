"""The log of reads as a chain: each entry names the hash of the one before, so none can be changed or taken out unseen.

Pure. An entry says who was shown what, when, in which roles and why they might; never what they were shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from service.core import values
from service.core.chain import START, ChainBroken

ENTRY = b"case/read/v1\0"
MEMBERSHIP = "membership"
"""Why somebody may read: a role reaches it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One read. ``kind`` is that of what was shown, ``object_id`` which one; ``roles`` are ids, with spaces between."""

    number: int
    at: datetime
    account_id: str
    roles: str
    kind: str
    instance_id: str | None
    object_id: str
    why: str
    prev_hash: str = START
    hash: str = ""


def after(last: Entry | None, entry: Entry) -> Entry:
    """The entry with its number, its place in the chain, and its hash."""
    number, before = (1, START) if last is None else (last.number + 1, last.hash)
    placed = replace(entry, number=number, prev_hash=before)
    return replace(placed, hash=_hash(placed))


def verify(entries: Iterable[Entry]) -> int:
    """Check the chain from its first entry and return how many hold. Raises ``ChainBroken``."""
    before, count = START, 0
    for entry in entries:
        count += 1
        if entry.number != count:
            raise ChainBroken(count, f"Entry {count} of the log of reads is missing.")
        if entry.prev_hash != before:
            raise ChainBroken(count, f"Entry {count} of the log of reads does not follow from the one before.")
        if _hash(entry) != entry.hash:
            raise ChainBroken(count, f"Entry {count} of the log of reads is not what was written.")
        before = entry.hash
    return count


def _hash(entry: Entry) -> str:
    covered = {
        "v": 1, "number": entry.number, "at": values.instant_text(entry.at), "account": entry.account_id,
        "roles": entry.roles, "kind": entry.kind, "instance": entry.instance_id, "object": entry.object_id,
        "why": entry.why, "prev": entry.prev_hash,
    }  # fmt: skip
    return values.sha256(ENTRY + values.canonical(covered))
