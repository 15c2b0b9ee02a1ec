"""Looked at once, before anything is served: whether the database can be reached, is whole and will stay so.

Every refusal is a ``SettingsRefused`` whose sentences say what is wrong and how to mend it. What is looked at on every
connection stands in ``durability``; here is what is too slow for that, or concerns the place where SQLite's file lies.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.settings import SettingsRefused
from service.store.outages import will_pass
from service.store.transaction import Store, reading

MOUNTS = Path("/proc/self/mountinfo")
OVER_A_NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "ncpfs", "drvfs",
    "vboxsf", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.s3fs", "fuse.rclone", "fuse.davfs",
    "fuse.gcsfuse", "fuse.smbnetfs", "fuse.mergerfs", "fuse.osxfs", "fuse.grpcfuse", "davfs",
})  # fmt: skip
"""File systems whose locks or shared memory do not hold between machines, or not at all: SQLite's would break."""
LITTLE_ROOM = 1_000_000_000
"""Bytes free on the disk below which somebody should know."""
ISOLATION = {"writers": "read committed", "readers": "repeatable read"}


class OutOfReach(SettingsRefused):
    """The database cannot be reached now; once it can, the other checks decide."""


def require_safe(store: Store, *, thorough: bool = False) -> list[str]:
    """Refuse a database that cannot be trusted; return warnings, each a sentence.

    ``thorough`` has SQLite read its whole file. Raises ``SettingsRefused``, and ``OutOfReach`` if it does not answer.
    """
    if store.embedded:
        file = Path(str(store.writers.url.database)).resolve()
        kind = file_system(file, _mounts())
        if kind in OVER_A_NETWORK:
            raise SettingsRefused(
                f"{file.parent} lies on a network file system ({kind}), where SQLite can lose what it acknowledged. "
                "Set CASEWORK_DATA_FOLDER to a folder on a local disk, or use PostgreSQL."
            )
        _require_writable(file)
        if file.exists():  # else there is nothing to look at yet
            _ask(store, _sqlite_whole if thorough else _answers)
        return [*_unknown_place(file, kind), *_room(file)]
    _ask(store, _isolated)
    return []


def file_system(file: Path, mounts: str) -> str | None:
    """Return the kind of file system ``file`` is on, by Linux's list ``mountinfo``; ``None`` if it cannot be told."""
    best, kind = -1, None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = Path(fields[4].replace("\\040", " "))
        # Of two mounts at one place the later one is seen.
        if file.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split()[0]
    return kind


def _mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _require_writable(file: Path) -> None:
    """SQLite writes into the folder too: its log lies beside the database."""
    if not file.parent.is_dir():
        raise SettingsRefused(f"There is no folder {file.parent}. Make it, or set CASEWORK_DATA_FOLDER to another one.")
    wrong = [path for path in (file.parent, file) if path.exists() and not os.access(path, os.W_OK)]
    if wrong:
        raise SettingsRefused(
            f"{wrong[0]} cannot be written to. Give the service's own user the right to, "
            "or set CASEWORK_DATA_FOLDER to another folder."
        )


def _ask(store: Store, look: Callable[[Store], None]) -> None:
    try:
        look(store)
    except DBAPIError as failure:
        said = (str(failure.orig).strip().splitlines() or ["no reason given"])[0]
        where = store.writers.url.render_as_string(hide_password=True)
        if will_pass(failure):
            raise OutOfReach(
                f"The database at {where} cannot be used: {said}. Start it, or mend CASEWORK_DATABASE_URL."
            ) from failure
        raise SettingsRefused(
            f"The file behind {where} is no sound database: {said}. Restore a backup, "
            "or move the file away to begin with an empty one."
        ) from failure


def _answers(store: Store) -> None:
    with reading(store) as db:
        db.execute(text("SELECT count(*) FROM sqlite_master"))


def _sqlite_whole(store: Store) -> None:
    with reading(store) as db:
        found = db.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        raise SettingsRefused(f"The database file is damaged ({found}). Restore the last backup that is whole.")


def _isolated(store: Store) -> None:
    for part, wanted in ISOLATION.items():
        with getattr(store, part).connect() as db:
            found = db.execute(text("SHOW transaction_isolation")).scalar_one()
        if found != wanted:
            raise SettingsRefused(
                f"The isolation of {part} is {found} instead of {wanted}. Connect to PostgreSQL itself, "
                "or let the pooler in between keep what a connection sets."
            )


def _unknown_place(file: Path, kind: str | None) -> list[str]:
    if kind is None or kind.startswith("fuse."):
        told = f"of the kind {kind}" if kind else "of a kind that could not be told"
        return [f"{file.parent} is on a file system {told}. Make sure that it is a disk of this machine."]
    return []


def _room(file: Path) -> list[str]:
    free = shutil.disk_usage(file.parent).free
    return [] if free >= LITTLE_ROOM else [f"Only {free // 1_000_000} MB are free on the disk of {file.parent}."]
