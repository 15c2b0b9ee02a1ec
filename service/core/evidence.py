"""What vouches for an exported case from outside it: proofs that its steps are in the log, and signed checkpoints.

Pure, so the same code answers on any machine. It speaks of the log only; whether the case's own chain holds and replays
equal is another question with another answer (``replay``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.core import checkpoints
from service.core.chain import Step
from service.core.checkpoints import Checkpoint, PublicKey
from service.core.errors import Rejection
from service.core.merkle import consistent, included, leaf_hash


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out about the log: whether it is well, and a sentence."""

    holds: bool
    text: str


def well(text: str) -> Finding:
    """Something that is as it should be."""
    return Finding(holds=True, text=text)


def amiss(text: str) -> Finding:
    """Something that is not."""
    return Finding(holds=False, text=text)


@dataclass(frozen=True, slots=True)
class Placed:
    """Step ``seq`` stands at ``index`` in the log; ``proof`` leads from it to the checkpoint's root."""

    seq: int
    index: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier checkpoint, and the proof that the export's own only added to it."""

    note: str
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an export carries beside the steps: key and newest checkpoint as text, empty if nothing is sealed."""

    public_key: str = ""
    checkpoint: str = ""
    places: tuple[Placed, ...] = ()
    earlier: tuple[Earlier, ...] = ()


def examine(
    steps: Sequence[Step], evidence: Evidence, key: PublicKey | None = None, witnessed: Sequence[str] = ()
) -> list[Finding]:
    """Hold the steps of a case against the log.

    ``key`` is a public key got elsewhere than with the export, ``witnessed`` are checkpoints somebody kept. Who brings
    either asks for proof of every step, so then a step that is not sealed yet does not pass.
    """
    asked = key is not None or bool(witnessed)
    if not evidence.checkpoint:
        return [
            Finding(holds=not asked, text="Nothing in this export is sealed: only chain and replay can be checked.")
        ]
    try:
        signer = key or checkpoints.read_key(evidence.public_key)
        newest = checkpoints.trusted(evidence.checkpoint, signer)
    except Rejection as refused:
        return [amiss(f"The checkpoint in this export cannot be trusted: {refused}")]
    found = [_signed(newest, signer, own=key is None)]
    found += list(_places(steps, evidence.places, newest)) or [well(_all_in(len(steps), newest))]
    found += _unsealed(steps, evidence.places, asked=asked)
    return found + [_witness(note, evidence, newest, signer) for note in witnessed]


def _signed(newest: Checkpoint, signer: PublicKey, *, own: bool) -> Finding:
    whose = "which came with the export: compare it with one you got elsewhere" if own else "which you brought"
    return well(f"The log “{newest.origin}” at {newest.size} steps is signed with the key {signer.id.hex()}, {whose}.")


def _all_in(count: int, newest: Checkpoint) -> str:
    return f"The {count} steps are held against the log of {newest.size} steps: each sealed one is proved to be in it."


def _places(steps: Sequence[Step], places: Sequence[Placed], newest: Checkpoint) -> Iterator[Finding]:
    """What is wrong with the places of the steps in the log."""
    before = -1
    for number, place in enumerate(places, 1):
        if place.seq != number or place.seq > len(steps) or place.index <= before:
            yield amiss(f"The places in the log do not fit the steps from step {number} on.")
            return
        before = place.index
        try:
            leaf = leaf_hash(bytes.fromhex(steps[number - 1].hash))
        except ValueError:
            leaf = b""
        if not included(leaf, place.index, newest.size, place.proof, newest.root):
            yield amiss(f"Step {place.seq} is not the step that was sealed as number {place.index} of the log.")


def _unsealed(steps: Sequence[Step], places: Sequence[Placed], *, asked: bool) -> list[Finding]:
    if len(places) >= len(steps):
        return []
    which = f"steps {len(places) + 1} to {len(steps)}" if len(places) + 1 < len(steps) else f"step {len(steps)}"
    text = f"Nothing in the log vouches for {which} yet. Steps are sealed each minute: export it again."
    return [Finding(holds=not asked, text=text)]


def _witness(note: str, evidence: Evidence, newest: Checkpoint, signer: PublicKey) -> Finding:
    """Whether the export's log goes on from a checkpoint somebody kept."""
    try:
        kept = checkpoints.trusted(note, signer)
    except Rejection as refused:
        return amiss(f"The checkpoint you hold cannot be trusted: {refused}")
    yours = f"your checkpoint of {kept.size} steps"
    if kept.size > newest.size:
        return amiss(f"The log in this export is shorter than {yours}: it is older, or was cut short.")
    proofs = [e.proof for e in evidence.earlier if _says(e.note, kept)]
    if kept.size == newest.size:
        proofs = [()]
    if not proofs:
        text = (
            f"This export does not lead back to {yours}. Ask for one that does: service export CASE --checkpoint FILE."
        )
        return amiss(text)
    if any(consistent(kept.size, newest.size, kept.root, newest.root, proof) for proof in proofs):
        return well(f"The log only added to {yours}: nothing before it was changed or removed since.")
    return amiss(f"The log does not go on from {yours}: steps sealed by then were changed or removed.")


def _says(note: str, kept: Checkpoint) -> bool:
    try:
        return checkpoints.read(note).size == kept.size
    except Rejection:
        return False
