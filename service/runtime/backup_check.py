"""What a backup proves by itself, without any database: that it is whole, that its history holds, how old it is.

Three things are said apart. *Parts*: one is missing or is not what was written. *History*: a chain, the log or a state
does not hold, as it did not when the backup was made. *Behind*: a checkpoint from outside says that more, or other,
steps were sealed; nothing else can tell that.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from service.core import chain, checkpoints, values
from service.core.chain import ChainBroken
from service.core.checkpoints import Checkpoint, PublicKey
from service.core.engine.state_seal import KEY_UNKNOWN, Seal, StateKeys
from service.core.errors import Rejection, StateDamaged
from service.core.evidence import Finding, amiss, well
from service.core.merkle import EMPTY, Frontier, leaf_hash
from service.runtime.sealed_files import CHUNK, NO_BACKUP, NoBackup, Opened
from service.runtime.witnesses import entry
from service.store import dumping, instances
from service.store.dumping import Tally

FORMAT = 1
MANIFEST, TABLES, FILES = "manifest.json", "tables", "files"
NEEDED = ("process_instance", "step", "leaf", "checkpoint")
UNPROVED = (
    "NOTHING PROVES THAT THIS IS THE NEWEST BACKUP. Whatever was done after it would be missing, and nobody could tell."
    " Ask somebody who keeps checkpoints for the newest one and give it with --checkpoint."
)

Shown = Callable[[Sequence[str]], Iterable[str]]
"""Wraps the names of the parts to show how far it is."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was opened: its seal holds as far as it has been read."""

    archive: zipfile.ZipFile
    manifest: Mapping[str, Any]

    @property
    def tables(self) -> dict[str, Mapping[str, Any]]:
        """What the manifest says of each table."""
        return {table["name"]: table for table in self.manifest["tables"]}

    def lines(self, table: str) -> Iterator[bytes]:
        """The lines of a table, without their line breaks."""
        with self.archive.open(f"{TABLES}/{table}") as member:
            for line in member:
                yield line.removesuffix(b"\n")

    def rows(self, table: str) -> Iterator[Any]:
        """The rows of a table as plain objects with a field for each column."""
        said = self.tables[table]["columns"]
        kinds = [kind for _, kind in said]
        for line in self.lines(table):
            yield SimpleNamespace(**dict(zip((n for n, _ in said), dumping.read(line, kinds), strict=True)))


@dataclass(frozen=True, slots=True)
class Witness:
    """A checkpoint somebody kept, trusted already: where it comes from, and what it says."""

    name: str
    checkpoint: Checkpoint


@dataclass(slots=True)
class Proof:
    """What was found, in sentences. ``keys`` are the state keys needed that were not given."""

    witnessed: bool
    well: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that is not well."""
        return [*self.parts, *self.history, *self.behind]


@contextmanager
def opened(path: Path, key: bytes) -> Iterator[Backup]:
    """A backup to read from. Raises ``NoBackup``, also later, wherever its seal does not hold."""
    with ExitStack() as open_:
        try:
            file = open_.enter_context(path.open("rb"))
            archive = open_.enter_context(zipfile.ZipFile(BufferedReader(Opened(file, key), CHUNK)))
            manifest = json.loads(archive.read(MANIFEST))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as wrong:
            raise NoBackup(f"{NO_BACKUP} ({path})") from wrong
        if manifest["format"] != FORMAT:
            raise NoBackup("This backup was made by a newer release. Restore it with that one.")
        yield Backup(archive, manifest)


def prove(backup: Backup, witnesses: Sequence[Witness], keys: StateKeys | None, shown: Shown = iter) -> Proof:
    """Read all of a backup and say what it proves. Raises ``NoBackup`` where its seal does not hold."""
    proof = Proof(witnessed=bool(witnesses))
    _whole(backup, proof, shown)
    if proof.parts:
        return proof
    history = _History()
    proof.history += history.steps(backup)
    proof.history += _cases(backup, history, keys, proof)
    roots, size = history.log(backup, {w.checkpoint.size for w in witnesses}, proof)
    proof.history += _checkpoints(backup, roots, size)
    if not proof.history:
        counted = f"{len(history.heads)} cases, {sum(len(h) for h in history.hashes.values())} steps"
        proof.well.append(f"Every part is there and unchanged; the history holds: {counted}, {size} of them sealed.")
    for witness in witnesses:
        found = _held_against(witness, roots, size)
        (proof.well if found.holds else proof.behind).append(found.text)
    return proof


def _whole(backup: Backup, proof: Proof, shown: Shown) -> None:
    """Every part that the manifest names, against what it says of it; and no other."""
    wanted = {f"{TABLES}/{name}": said for name, said in backup.tables.items()}
    wanted |= {f"{FILES}/{said['name']}": said for said in backup.manifest["files"]}
    there = set(backup.archive.namelist()) - {MANIFEST}
    needed = {f"{TABLES}/{name}" for name in NEEDED}
    proof.parts += [f"A part is missing: {name}." for name in sorted((set(wanted) | needed) - there)]
    proof.parts += [f"A part does not belong to it: {name}." for name in sorted(there - set(wanted))]
    for name in shown(sorted(set(wanted) & there)):
        if _differs(backup, name, wanted[name]):
            proof.parts.append(f"A part is not what was written: {name}.")


def _differs(backup: Backup, name: str, said: Mapping[str, Any]) -> bool:
    digest, tally = hashlib.sha256(), Tally()
    with backup.archive.open(name) as member:
        if "rows" not in said:
            while portion := member.read(CHUNK):
                digest.update(portion)
            return digest.hexdigest() != str(said["sha256"])
        for line in member:
            digest.update(line)
            tally.add(line.removesuffix(b"\n"))
    return [digest.hexdigest(), tally.rows, tally.sum] != [said[name] for name in ("sha256", "rows", "sum")]


@dataclass(slots=True)
class _History:
    """The steps as they were read: the hash of each, and each case's last step."""

    hashes: dict[str, list[bytes]] = field(default_factory=dict)
    heads: dict[str, tuple[int, str, str]] = field(default_factory=dict)

    def steps(self, backup: Backup) -> Iterator[str]:
        """Read every case's chain; what does not hold."""
        for instance_id, rows in groupby(backup.rows("step"), key=lambda row: row.instance_id):
            if instance_id in self.heads:
                yield "The steps of a case do not stand together."
                return
            steps = [instances.step_from(row) for row in rows]
            try:
                chain.verify(steps)
            except ChainBroken as broken:
                yield f"The chain of a case is broken at step {broken.seq}. {broken}"
            self.hashes[instance_id] = [entry(step.hash) for step in steps]
            self.heads[instance_id] = (steps[-1].seq, steps[-1].hash, steps[-1].state_hash)

    def log(self, backup: Backup, sizes: set[int], proof: Proof) -> tuple[dict[int, bytes], int]:
        """Compute the log anew: its root at each of ``sizes`` and of the checkpoints kept in it, and its size."""
        wanted = sizes | {row.size for row in backup.rows("checkpoint")}
        roots, frontier = {0: EMPTY}, Frontier()
        for row in backup.rows("leaf"):
            hashes = self.hashes.get(row.instance_id, [])
            sealed = entry(row.hash)
            if row.index != frontier.size or hashes[row.seq - 1 : row.seq] != [sealed]:
                proof.history.append(f"Number {row.index} of the log is not the step that was sealed.")
                break
            frontier = frontier.add(leaf_hash(sealed))
            if frontier.size in wanted:
                roots[frontier.size] = frontier.root
        return roots, frontier.size


def _cases(backup: Backup, history: _History, keys: StateKeys | None, proof: Proof) -> Iterator[str]:
    """Every case against its last step, and its state against its seal."""
    missing: set[str] = set()
    for row in backup.rows("process_instance"):
        if history.heads.get(row.id) != (row.version, row.head_hash, values.sha256(row.state.encode())):
            yield f"The case {row.code} is not what its last step left."
        elif keys is not None and row.state_mac is not None:
            try:
                keys.check(instances.stored(cast("Any", row)), Seal(row.state_key, row.state_mac))
            except StateDamaged as damaged:
                if str(damaged) == KEY_UNKNOWN:
                    missing.add(row.state_key)
                else:
                    yield f"The case {row.code}: {damaged}"
    proof.keys += sorted(missing)


def _checkpoints(backup: Backup, roots: Mapping[int, bytes], size: int) -> Iterator[str]:
    """Every checkpoint kept in the backup against its log, the newest against the log's end and its signature."""
    kept = list(backup.rows("checkpoint"))
    for row in kept:
        if roots.get(row.size, b"").hex() != row.root:
            yield f"The checkpoint of {row.size} steps does not fit the log."
    said, last = backup.manifest["log"], max((row.size for row in kept), default=0)
    if (size, last) != (said["size"], said["size"]):
        yield f"The log holds {size} steps, its newest checkpoint is of {last}, and the manifest says {said['size']}."
    if kept and said["public_key"]:
        newest = max(kept, key=lambda row: row.size)
        try:
            checkpoints.trusted(newest.note, checkpoints.read_key(said["public_key"]))
        except Rejection as refused:
            yield f"The newest checkpoint in the backup cannot be trusted: {refused}"


def _held_against(witness: Witness, roots: Mapping[int, bytes], size: int) -> Finding:
    held = witness.checkpoint
    if held.size > size:
        more = held.size - size
        return amiss(
            f"The checkpoint {witness.name} says that {held.size} steps were sealed; the backup holds {size}. It is "
            f"older: at least {more} {'step that was' if more == 1 else 'steps that were'} acknowledged would be lost."
        )
    if roots.get(held.size) != held.root:
        return amiss(
            f"The checkpoint {witness.name} of {held.size} steps does not fit: the backup is of another database, or "
            "steps sealed by then were changed."
        )
    return well(f"It goes on from the checkpoint {witness.name} of {held.size} steps: nothing before it is missing.")


def trusted(notes: Mapping[str, str], key: PublicKey | None) -> list[Witness]:
    """Checkpoints that somebody kept, by name; ``key`` is the log's. Raises ``NoCheckpoint``, ``NotSigned``."""
    return [
        Witness(name, checkpoints.trusted(note, key) if key else checkpoints.read(note)) for name, note in notes.items()
    ]
