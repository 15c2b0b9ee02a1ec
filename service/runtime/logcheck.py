"""Checking the log of a database as a whole: computed anew from its places, held against every checkpoint."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, select

from service.core import checkpoints
from service.core.checkpoints import Checkpoint, PublicKey
from service.core.errors import Rejection
from service.core.evidence import Finding, amiss, well
from service.core.merkle import Frontier, leaf_hash
from service.runtime import witnesses
from service.settings import Settings
from service.store import seals
from service.store.seals import Kept, Place
from service.store.tables import process_instance

LATE = timedelta(minutes=10)
"""Sealing runs each minute: a step this much older than the newest checkpoint should have its place."""
SHOWN = 5


@dataclass(slots=True)
class _Walked:
    """The log as it was found: its size, and its root at each size that a checkpoint speaks of."""

    wanted: frozenset[int]
    frontier: Frontier = field(default_factory=Frontier)
    roots: dict[int, bytes] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def add(self, place: Place) -> None:
        self.frontier = self.frontier.add(leaf_hash(_entry(place.hash)))
        if self.frontier.size in self.wanted:
            self.roots[self.frontier.size] = self.frontier.root
        self.last[place.instance_id] = max(place.seq, self.last.get(place.instance_id, 0))


def examine(db: Connection, settings: Settings, key: PublicKey | None, witnessed: Sequence[str]) -> Iterator[Finding]:
    """What is found of the log, well or not. ``witnessed`` are checkpoints that somebody kept outside."""
    kept = seals.checkpoints(db)
    held = [checkpoints.read(note) for note in witnessed]
    walked = _Walked(frozenset({k.size for k in kept} | {h.size for h in held}), roots={0: Frontier().root})
    codes = {row.id: row.code for row in db.execute(select(process_instance.c.id, process_instance.c.code))}
    wrong = [
        *_limited(_places(db, walked, codes)),
        *_limited(_checkpoints(kept, walked, key)),
        *_limited(_end(kept, walked)),
    ]
    wrong += _limited(_outside(db, kept, walked, codes, settings))
    yield from wrong
    if not kept and not wrong:
        yield Finding(holds=not held, text="Nothing has been sealed yet: the log is empty.")
    elif not wrong:
        signer = key.id.hex() if key else ""
        text = (
            f"The log of {len(codes)} cases holds {walked.frontier.size} steps; each is the step that was sealed, and "
        )
        yield well(f"{text}the root is that of the newest checkpoint, signed with the key {signer}.")
    yield from _waiting(db, wrong)
    yield from (_witness(n, h, walked, key, settings) for n, h in zip(witnessed, held, strict=True))


def _limited(found: Iterator[Finding]) -> list[Finding]:
    """The first few of many findings of a kind, and how many more there are."""
    every = list(found)
    more = len(every) - SHOWN
    return every[:SHOWN] + ([amiss(f"… and {more} more of this kind.")] if more > 0 else [])


def _entry(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()


def _places(db: Connection, walked: _Walked, codes: Mapping[str, str]) -> Iterator[Finding]:
    """Every place of the log against the step it names."""
    for place in seals.places(db):
        step = f"step {place.seq} of {codes.get(place.instance_id, 'a case that is gone')}"
        if place.index != walked.frontier.size:
            text = (
                f"The log is broken at number {walked.frontier.size}: the next place is number {place.index} ({step})."
            )
            yield amiss(text)
            return
        if place.step_hash is None:
            yield amiss(f"Number {place.index} of the log, {step}, was sealed and is gone.")
        elif place.step_hash != place.hash:
            yield amiss(f"Number {place.index} of the log, {step}, is not the step that was sealed.")
        if place.seq <= walked.last.get(place.instance_id, 0):
            yield amiss(f"Number {place.index} of the log, {step}, stands after a later step of its case.")
        walked.add(place)


def _checkpoints(kept: Sequence[Kept], walked: _Walked, key: PublicKey | None) -> Iterator[Finding]:
    """Every checkpoint against its signature and against the log."""
    if kept and key is None:
        yield amiss("No public key is known, so no signature can be checked: give one with --public-key FILE.")
    for row in kept:
        name = f"The checkpoint of {row.size} steps"
        try:
            said = checkpoints.trusted(row.note, key) if key else checkpoints.read(row.note)
        except Rejection as refused:
            yield amiss(f"{name} cannot be trusted: {refused}")
            continue
        if (said.size, said.root.hex()) != (row.size, row.root):
            yield amiss(f"{name} is filed as another than the one that was signed.")
        elif walked.roots.get(said.size) != said.root:
            what = "the log is shorter now" if said.size > walked.frontier.size else "the log had another root then"
            yield amiss(f"{name} does not fit: {what}.")


def _end(kept: Sequence[Kept], walked: _Walked) -> Iterator[Finding]:
    size = kept[-1].size if kept else 0
    if walked.frontier.size > size:
        yield amiss(f"The log holds {walked.frontier.size} steps, but its newest checkpoint is of {size}.")


def _outside(
    db: Connection, kept: Sequence[Kept], walked: _Walked, codes: Mapping[str, str], settings: Settings
) -> Iterator[Finding]:
    """Steps that should have a place in the log and have none."""
    for instance_id, seq, at in seals.outside(db):
        overtaken = seq < walked.last.get(instance_id, 0)
        # Practice cases are played with dates long gone.
        overdue = bool(kept) and at < kept[-1].at - LATE and not settings.practice
        if overtaken or overdue:
            name = codes.get(instance_id, "a case that is gone")
            yield amiss(f"Step {seq} of {name} is older than the last seal and has no place in the log.")


def _waiting(db: Connection, wrong: Sequence[Finding]) -> Iterator[Finding]:
    count = len(seals.outside(db))
    if count and not wrong:
        steps = "1 step waits" if count == 1 else f"{count} steps wait"
        yield well(f"{steps} to be sealed: the worker does it each minute.")


def _witness(note: str, held: Checkpoint, walked: _Walked, key: PublicKey | None, settings: Settings) -> Finding:
    """Whether the log goes on from a checkpoint that somebody kept."""
    yours = f"your checkpoint of {held.size} steps"
    try:
        if key is not None:
            checkpoints.trusted(note, key)
    except Rejection as refused:
        return amiss(f"The checkpoint you hold cannot be trusted: {refused}")
    if held.size > walked.frontier.size:
        text = f"The log is shorter than {yours}: {walked.frontier.size}. An older backup, or cut short."
    elif walked.roots.get(held.size) != held.root:
        text = f"The log does not go on from {yours}: steps sealed by then were changed or removed."
    else:
        return well(f"The log only added to {yours}: nothing before it was changed or removed since.")
    return amiss(text + _on_record(held, settings, key))


def _on_record(held: Checkpoint, settings: Settings, key: PublicKey | None) -> str:
    """What a signed statement says of a restore that set this very checkpoint aside."""
    for text, names in witnesses.restores(settings.checkpoints, key):
        if witnesses.file_name(held) in names:
            _, at, size, _, reason = text.splitlines()[:5]
            return f" On record: on {at[:10]} a restored database of {size} steps was taken into use, because: {reason}"
    return ""
