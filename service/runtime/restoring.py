"""Putting a backup back into an empty database, and refusing to pretend that it is what it is not.

Promises: the backup is proved before the database is touched; what then lies in the database is read back and is row
for row what the backup says, or nothing is kept of it. A backup older than a checkpoint from outside is put back only
with a reason, which is kept beside the checkpoints, and the checkpoint is put there too: so the service can only be
read, until somebody accepts the restore. Everybody has to sign in again: a session ended since would be open once more.
"""

import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, update

from service.core import checkpoints
from service.core.checkpoints import PublicKey, read_key
from service.core.errors import Rejection
from service.runtime import backing_up, backup_check, signing, state_keys, witnesses
from service.runtime.backing_up import files_folder
from service.runtime.backup_check import FILES, Backup, Proof, Shown, Witness
from service.runtime.service import Service
from service.settings import Settings, SettingsRefused
from service.store import dumping, schema
from service.store.dumping import Tally
from service.store.tables import session

log = logging.getLogger(__name__)


class NotWhole(Rejection):
    """The backup is not what was written: it is not put back."""


class NeedsReason(Rejection):
    """The backup is behind a checkpoint from outside, or its history does not hold: not put back without a reason."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: how many rows and files, what was proved of it, and whether it can only be read for now."""

    rows: int
    files: int
    proof: Proof
    reading_only: bool


def witnesses_of(settings: Settings, backup: Backup, given: Mapping[str, str], public: Path | None) -> list[Witness]:
    """The checkpoints to hold a backup against: those ``given`` by name, and the newest one in the folder.

    They are checked with the public key that is known outside the backup, else with the one in it. Raises
    ``NoCheckpoint``, ``NotSigned``.
    """
    key = signing.public_half(settings, public) or _own_key(backup)
    newest = next(witnesses.held(settings.checkpoints, key), None)
    found = backup_check.trusted(given, key)
    return found if newest is None else [*found, Witness(newest.path.name, newest.checkpoint)]


def _own_key(backup: Backup) -> PublicKey | None:
    text = backup.manifest["log"]["public_key"]
    return read_key(text) if text else None


def restore(
    service: Service, backup: Backup, given: Mapping[str, str], *,
    public: Path | None = None, although: str = "", shown: Shown = iter,
) -> Restored:  # fmt: skip
    """Put a backup back. ``given`` are checkpoints by name; ``although`` is the reason to take one that is behind.

    Raises ``SettingsRefused`` for a database that is not empty, a schema that is not known or a state key that is not
    the one; ``NotWhole``; ``NeedsReason``; ``NoBackup``.
    """
    settings = service.settings
    _require_no_files(settings, backup)
    held, keys = witnesses_of(settings, backup, given, public), state_keys.keys_of(settings)
    proof = backup_check.prove(backup, held, keys, shown)
    _require_fit(proof, although)
    folder = files_folder(settings)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        count = _files(backup, beside)
        rows = _rows(service, backup, shown)
        if count:
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    _keep_checkpoints(settings, backup, given)
    if proof.wrong:
        log.error("ALARM: a backup that its witness contradicts was put back", extra={"action": "restore"})
        at = service.clock()
        told = "\n".join([at.isoformat(), " ".join(although.split()), *proof.wrong])
        witnesses.write(settings.checkpoints / f"put-back-{at:%Y%m%dT%H%M%S%f}.txt", f"{told}\n")
    return Restored(rows, count, proof, reading_only=bool(proof.behind))


def _require_fit(proof: Proof, although: str) -> None:
    if proof.parts:
        raise NotWhole("\n".join(["The backup is not put back. Take another one.", *proof.parts]))
    if proof.keys:
        raise SettingsRefused(
            f"The cases in the backup are sealed with the state key {', '.join(proof.keys)}, which is not the one in "
            "CASEWORK_STATE_KEY, so nobody could work on them. Set it, or CASEWORK_STATE_KEY_PREVIOUS, to that key."
        )
    if proof.wrong and not although.strip():
        what = "is not the newest state" if proof.behind else "does not hold"
        raise NeedsReason("\n".join([f"The backup is not put back, because it {what}.", *proof.wrong]))


def _require_no_files(settings: Settings, backup: Backup) -> None:
    folder = files_folder(settings)
    if backup.manifest["files"] and folder.exists() and any(folder.iterdir()):
        raise SettingsRefused(f"The folder {folder} is not empty. Nothing was touched. Move it away first.")
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


def _rows(service: Service, backup: Backup, shown: Shown) -> int:
    """Fill the database and read it back; in one transaction, so that it stays empty unless every row is there."""
    counted: list[int] = []

    def fill(db: Connection) -> None:
        _require_same_tables(db, backup)
        by_name = {table.name: table for table in dumping.tables(db, backup.tables)}
        for name in shown(list(by_name)):
            table, said, tally = by_name[name], backup.tables[name], Tally()
            if dumping.columns(table) != said["columns"]:
                raise NotWhole(f"The table {name} has other columns in the schema that the backup names.")
            dumping.load(db, table, backup.lines(name))
            for line in dumping.lines(db, table):
                tally.add(line)
            if (tally.rows, tally.sum) != (said["rows"], said["sum"]):
                raise NotWhole(f"The table {name} reads back otherwise than the backup says. Nothing was kept.")
            counted.append(tally.rows)
        db.execute(update(session).where(session.c.ended_at.is_(None)).values(ended_at=service.clock()))

    schema.rebuild(service.store, backup.manifest["schema"], fill)
    return sum(counted)


def _require_same_tables(db: Connection, backup: Backup) -> None:
    there, said = dumping.names(db), set(backup.tables)
    if there != said:
        raise NotWhole(f"The backup does not hold the tables of its schema: {', '.join(sorted(there ^ said))}.")


def _files(backup: Backup, folder: Path) -> int:
    """Write the files beside their place; they are moved there once the database is kept."""
    for said in backup.manifest["files"]:
        path = folder / said["name"]
        if not path.resolve().is_relative_to(folder.resolve()):
            raise NotWhole(f"The backup names a file outside its folder: {said['name']}.")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with backup.archive.open(f"{FILES}/{said['name']}") as source, path.open("xb") as out:
            shutil.copyfileobj(source, out, backing_up.PORTION)
            out.flush()
            os.fsync(out.fileno())
    return len(backup.manifest["files"])


def _keep_checkpoints(settings: Settings, backup: Backup, given: Mapping[str, str]) -> None:
    """Put what was given, and the log's public key, into the folder that every start looks into."""
    settings.checkpoints.mkdir(parents=True, exist_ok=True)
    own = backup.manifest["log"]["public_key"]
    if own and signing.public_half(settings) is None:
        witnesses.write(settings.checkpoints / signing.PUBLIC_FILE, f"{own}\n")
    for note in given.values():
        witnesses.write(settings.checkpoints / witnesses.file_name(checkpoints.read(note)), note)
