"""Deployed versions by number, and running cases by the version they are on: what can be moved to another."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, select

from service.core.errors import StateDamaged
from service.store import instances
from service.store.tables import ownership, process_definition, process_instance


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A running case on another version: the number and hash of that version, and the case as it stands.

    ``state`` is empty where the stored one is not what was written.
    """

    id: str
    code: str
    version: int
    definition_hash: str
    seq: int
    state: bytes


def numbers(db: Connection) -> dict[str, int]:
    """The numbers of all versions by the hash of the definition."""
    wanted = select(process_definition.c.hash, process_definition.c.version)
    return {row.hash: row.version for row in db.execute(wanted)}


def elsewhere(db: Connection, definition_hash: str, partnerships: frozenset[str]) -> list[Elsewhere]:
    """Running cases of the partnerships that are not on this version, by code."""
    owned = exists().where(
        ownership.c.instance_id == process_instance.c.id, ownership.c.partnership_id.in_(sorted(partnerships))
    )
    wanted = (
        select(process_instance, process_definition.c.version.label("number"))
        .join(process_definition, process_definition.c.hash == process_instance.c.definition_hash)
        .where(process_instance.c.definition_hash != definition_hash, process_instance.c.status != "ended", owned)
        .order_by(process_instance.c.code)
    )
    rows = list(db.execute(wanted))
    return [Elsewhere(r.id, r.code, r.number, r.definition_hash, r.version, _state(db, r)) for r in rows]


def _state(db: Connection, row: Any) -> bytes:
    """The stored state, checked before anything parses it; nothing where it is not what was written."""
    try:
        return instances.checked(db, row)
    except StateDamaged:
        return b""
