"""A backup: one file that holds the whole database in one picture, and the files kept beside it, sealed with a key.

Promises: it is made while everybody works, and holds everything that was acknowledged before the instant it names and
nothing half; it stands under its name only once it is whole, on disk, and has been read back; no name or text in the
clear, neither in it nor in its name. The keys are not in it: it says by their ids which ones are needed with it. It is
rows as lines of JSON in a ZIP, so it is restored into either kind of database, by this release or a later one.
"""

import hashlib
import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Table, select

import service
from service.core.errors import Rejection
from service.runtime import backup_check, sealed_files, signing, state_keys
from service.runtime.backup_check import FILES, FORMAT, MANIFEST, TABLES, Proof, Shown
from service.runtime.service import Service
from service.settings import Settings, SettingsRefused
from service.store import dumping, schema, seals
from service.store.dumping import Tally
from service.store.tables import metadata, process_instance
from service.store.transaction import reading

ENDING = ".backup"
PORTION = 1 << 16


class NotMade(Rejection):
    """No backup was made, and nothing was left under its name."""


def key(settings: Settings) -> bytes:
    """The key backups are sealed with. Raises ``SettingsRefused`` where none is set, except on a practice site."""
    text = settings.backup_key
    if not text and settings.practice:
        text = state_keys.practice_key(settings.data_folder)
    if not text:
        raise SettingsRefused(
            "CASEWORK_BACKUP_KEY must be set to at least 32 characters: a backup holds everything that people wrote, "
            "and only this key keeps it closed. Keep a copy of the key where the backups are not."
        )
    return sealed_files.key_of(text)


def files_folder(settings: Settings) -> Path:
    """The folder of the files kept beside the database."""
    return settings.data_folder / FILES


def file_name(at: datetime) -> str:
    """What a backup is called: when it was made, and a few digits of chance."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}{ENDING}"


def make(served: Service, path: Path, shown: Shown = iter) -> tuple[dict[str, Any], Proof]:
    """Write a backup to ``path``; its manifest, and what it proved when it was read back.

    One whose history does not hold is kept all the same: it is what the database holds, and more than none. Raises
    ``NotMade`` and ``SettingsRefused``.
    """
    if path.exists():
        raise NotMade(f"{path} is there already, and a backup is never written over another.")
    sealing_key = key(served.settings)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "xb", opener=_for_us_alone) as out:
            manifest = _write(served, out, sealing_key, shown)
        with backup_check.opened(beside, sealing_key) as written:
            proof = backup_check.prove(written, [], None, shown)
        if proof.parts:
            raise NotMade("\n".join(["No backup was made: it did not read back as it was written.", *proof.parts]))
        beside.rename(path)
        _keep_name(path.parent)
    except OSError as failure:
        raise NotMade(f"No backup was made: {failure.strerror or failure}. Make room, or name another place.") from None
    finally:
        with suppress(OSError):
            beside.unlink()
    return manifest, proof


def _write(served: Service, out: BinaryIO, sealing_key: bytes, shown: Shown) -> dict[str, Any]:
    sealing = sealed_files.Sealing(out, sealing_key)
    at = served.clock()  # before the picture is taken: whatever was acknowledged by now is in it
    with zipfile.ZipFile(sealing, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        with reading(served.store) as db:
            dumping.unhurried(db)
            found = dumping.tables(db, metadata.tables)
            about = _about(db, served, at)
            by_name = {table.name: table for table in found}
            about["tables"] = [_table(archive, db, by_name[name]) for name in shown(list(by_name))]
        # After the picture: a file is there before a row speaks of it.
        about["files"] = list(_files(archive, files_folder(served.settings)))
        about["keys"]["backup"] = sealed_files.key_id(sealing_key)
        archive.writestr(MANIFEST, json.dumps(about, ensure_ascii=False, indent=1))
    sealing.finish()
    return about


def _about(db: Connection, served: Service, at: datetime) -> dict[str, Any]:
    """What the manifest says of the database as a whole, in the picture of ``db``."""
    settings, newest = served.settings, seals.newest(db)
    public = signing.public_half(settings)
    sealed_with = select(process_instance.c.state_key).distinct().order_by(process_instance.c.state_key)
    return {
        "format": FORMAT, "at": at.isoformat(), "release": service.__version__, "schema": schema.revision_of(db),
        "database": db.dialect.name,
        "log": {
            "name": settings.log_name, "size": newest.size if newest else 0, "root": newest.root if newest else "",
            "checkpoint": newest.note if newest else "", "public_key": public.text if public else "",
        },
        "keys": {
            "state": [found for found in db.execute(sealed_with).scalars() if found],
            "signing": public.id.hex() if public else "",
        },
    }  # fmt: skip


def _table(archive: zipfile.ZipFile, db: Connection, table: Table) -> dict[str, Any]:
    tally, digest = Tally(), hashlib.sha256()
    member = zipfile.ZipInfo(f"{TABLES}/{table.name}")
    member.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(member, "w", force_zip64=True) as out:
        for line in dumping.lines(db, table):
            tally.add(line)
            digest.update(line + b"\n")
            out.write(line + b"\n")
    return {
        "name": table.name, "columns": dumping.columns(table), "rows": tally.rows, "sum": tally.sum,
        "sha256": digest.hexdigest(),
    }  # fmt: skip


def _files(archive: zipfile.ZipFile, folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, size, digest = path.relative_to(folder).as_posix(), 0, hashlib.sha256()
        try:
            source = path.open("rb")
        except FileNotFoundError:  # erased meanwhile
            continue
        with source, archive.open(zipfile.ZipInfo(f"{FILES}/{name}"), "w", force_zip64=True) as out:
            while portion := source.read(PORTION):
                out.write(portion)
                digest.update(portion)
                size += len(portion)
        yield {"name": name, "bytes": size, "sha256": digest.hexdigest()}


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _keep_name(folder: Path) -> None:
    """Make sure that the disk knows the new name too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
