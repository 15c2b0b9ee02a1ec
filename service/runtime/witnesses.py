"""Checkpoints outside the database: files in a folder, letters to people; and what they say of a database.

A database can be put back as it was a month ago, and everything in it then fits. Only a checkpoint somebody kept
elsewhere tells. So before anything starts, and before anything is sealed, the database is held against the newest
checkpoint in the folder. A file is written once and never written over.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from service.core import checkpoints
from service.core.checkpoints import Checkpoint, NoCheckpoint, PublicKey
from service.core.errors import NothingToDo, Rejection
from service.core.merkle import Tree, leaf_hash, tree_of
from service.runtime import signing
from service.runtime.mail import letter
from service.runtime.service import Service
from service.store import seals
from service.store.transaction import reading

log = logging.getLogger(__name__)

ASIDE = "set aside: "
MAILED = "mailed.txt"
LETTER = """The attached file is the checkpoint of the log “{name}” at {size} steps. Please keep it: it is of
use because it is not kept by those who run the service. Whoever holds it can have checked, at any later time, that no
step before it was changed or removed since:

    service verify --checkpoint FILE

It holds no name and nothing that anybody wrote.
"""


class OtherDatabase(Rejection):
    """The database does not go on from a checkpoint that was signed: restored from an older backup, or rewritten."""


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint in the folder."""

    path: Path
    note: str
    checkpoint: Checkpoint


def held(folder: Path, key: PublicKey | None) -> Iterator[Held]:
    """The checkpoints of this log in a folder, the newest first, but for those that an accepted restore set aside."""
    aside = _set_aside(folder, key)
    for path in sorted(folder.glob("checkpoint-*.txt"), reverse=True):
        if path.name in aside:
            continue
        try:
            note = path.read_text(encoding="utf-8")
            found = checkpoints.trusted(note, key) if key else checkpoints.read(note)
        except (Rejection, UnicodeDecodeError):
            log.warning("A file in the folder of checkpoints is none of this log", extra={"action": "seal"})
            continue
        yield Held(path, note, found)


def require_continued(service: Service) -> None:
    """Refuse to go on over a database that does not know the newest checkpoint of the folder: quick, for each turn.

    Raises ``OtherDatabase``.
    """
    newest = _newest(service)
    if newest is None:
        return
    with reading(service.store) as db:
        kept = seals.at_size(db, newest.checkpoint.size)
    if kept is None or kept.root != newest.checkpoint.root.hex():
        raise OtherDatabase(_shorter_or_other(newest, None))


def require_whole(service: Service) -> None:
    """Refuse to start over a database whose log, computed anew, is not that of the newest checkpoint in the folder.

    Raises ``OtherDatabase``.
    """
    newest = _newest(service)
    if newest is None:
        return
    with reading(service.store) as db:
        tree = tree_at(db, newest.checkpoint.size)
    if not goes_on_from(tree, newest.checkpoint):
        raise OtherDatabase(_shorter_or_other(newest, tree.size))


def tree_at(db: Connection, size: int) -> Tree:
    """The tree over the first ``size`` places of the log, or over as many as there are, computed from the places."""
    return tree_of(leaf_hash(entry(text)) for text in seals.hashes(db, size))


def goes_on_from(tree: Tree, earlier: Checkpoint) -> bool:
    """Whether a log begins with what a checkpoint says."""
    return tree.size >= earlier.size and tree.root(earlier.size) == earlier.root


def entry(text: str) -> bytes:
    """What a place of the log holds: 32 bytes, or its own text where that is no hash at all."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()  # no hash at all: it stands for itself, and no root will fit


def _newest(service: Service) -> Held | None:
    folder = service.settings.checkpoints
    return next(held(folder, signing.public_half(service.settings)), None)


def _shorter_or_other(newest: Held, size: int | None) -> str:
    says = f"The checkpoint {newest.path.name} says that {newest.checkpoint.size} steps were sealed; "
    if size is None:
        found = "the database does not know of it."
    elif size < newest.checkpoint.size:
        found = f"the log of this database holds only {size}. It was restored from an older backup, or cut short."
    else:
        found = "this database holds other steps. It was restored from another database, or rewritten."
    return (
        f"{says}{found} Nothing goes on over it: put the right database back, or, to go on with this one and have that "
        "kept on record: service accept-restore --reason “…”."
    )


def accept_restore(service: Service, reason: str) -> Path:
    """Go on with a database that checkpoints in the folder contradict, keep a signed statement of it, and return that.

    Raises ``NothingToDo`` when none contradicts it, ``SettingsRefused`` without the signing key.
    """
    settings = service.settings
    key = signing.public_half(settings)
    with reading(service.store) as db:
        tree = tree_at(db, 2**31 - 1)
    aside = [h for h in held(settings.checkpoints, key) if not goes_on_from(tree, h.checkpoint)]
    if not aside:
        raise NothingToDo("The database goes on from every checkpoint in the folder: there is nothing to accept.")
    at = service.clock()
    now = Checkpoint(settings.log_name, tree.size, tree.root())
    lines = [f"{now.origin}/restored", at.isoformat(), str(now.size), now.root.hex(), " ".join(reason.split())]
    text = "".join(f"{line}\n" for line in [*lines, *(f"{ASIDE}{h.path.name}" for h in aside)])
    statement = checkpoints.sign(text, settings.log_name, signing.signing_key(settings, fresh=False))
    path = settings.checkpoints / f"restored-{at:%Y%m%dT%H%M%S%f}.txt"
    write(path, statement)
    log.error("A database that checkpoints contradict was accepted", extra={"action": "accept_restore"})
    subject = f"{settings.log_name}: an older or another database was taken into use"
    _tell(service, path.stem, subject, f"{subject}. The attached statement says when and why.", {path.name: statement})
    return path


def restores(folder: Path, key: PublicKey | None) -> Iterator[tuple[str, list[str]]]:
    """The accepted restores on record, each with its text and the names of the files it set aside."""
    for path in sorted(folder.glob("restored-*.txt")):
        try:
            note = path.read_text(encoding="utf-8")
            text = checkpoints.opened(note, key) if key else note.partition("\n\n")[0]
        except (Rejection, UnicodeDecodeError):
            continue
        yield text, [line.removeprefix(ASIDE) for line in text.splitlines()[5:] if line.startswith(ASIDE)]


def _set_aside(folder: Path, key: PublicKey | None) -> set[str]:
    return {name for _, names in restores(folder, key) for name in names}


def file_name(checkpoint: Checkpoint) -> str:
    """What a checkpoint's file is called: by its size, and by its root, so that two of one size stand side by side."""
    return f"checkpoint-{checkpoint.size:012d}-{checkpoint.root.hex()[:8]}.txt"


def hand_out(service: Service, key: PublicKey) -> None:
    """Write the newest checkpoint into the folder if it is not there, and send it to those who keep one each day."""
    with reading(service.store) as db:
        newest = seals.newest(db)
    if newest is None:
        return
    folder = service.settings.checkpoints
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / signing.PUBLIC_FILE, f"{key.text}\n")
    write(folder / file_name(checkpoints.read(newest.note)), newest.note)
    _mail(service, newest)


def _mail(service: Service, newest: seals.Kept) -> None:
    """One letter a day, and none while nothing is new. Noted after it left: twice rather than never."""
    today, noted = f"{service.clock():%Y-%m-%d}", service.settings.checkpoints / MAILED
    day, _, size = noted.read_text(encoding="utf-8").partition(" ") if noted.exists() else ("", "", "")
    if not service.settings.checkpoint_mail.split() or day == today or size == str(newest.size):
        return
    body = LETTER.format(name=service.settings.log_name, size=newest.size)
    subject, file = f"{service.settings.log_name}: checkpoint of {today}", file_name(checkpoints.read(newest.note))
    if _tell(service, f"checkpoint-{today}", subject, body, {file: newest.note}):
        _replace(noted, f"{today} {newest.size}")


def _tell(service: Service, about: str, subject: str, body: str, files: Mapping[str, str]) -> bool:
    """Send a letter with ``files`` to those who keep checkpoints; whether it left for all of them."""
    try:
        for number, to in enumerate(service.settings.checkpoint_mail.split()):
            sender = service.sweeper.sender
            message = letter(id=f"{about}-{number}", sender=sender, to=to, subject=subject, body=body)
            for name, text in files.items():
                message.add_attachment(text, filename=name)
            service.sweeper.mailer(message)
    except (OSError, ValueError):
        log.warning("A checkpoint could not be sent", extra={"action": "seal"})
        return False
    return True


def write(path: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all."""
    if not path.exists():
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def read_file(path: Path) -> str:
    """The note a file given by a person holds. Raises ``NoCheckpoint``."""
    try:
        note = f"{path.read_text(encoding='utf-8').strip()}\n"
        checkpoints.read(note)
    except (OSError, UnicodeDecodeError, NoCheckpoint) as wrong:
        raise NoCheckpoint(f"{path} is not a checkpoint: a name, a size, a root, and a signature.") from wrong
    return note
