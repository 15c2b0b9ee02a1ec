"""The departures of a case with what people wrote about them, as far as a reader may read the records it is in."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from service.core import values
from service.core.access import Actor, may_read, may_read_departures
from service.core.definitions import ProcessDefinition
from service.core.departures import KEPT, PARTS
from service.store import people
from service.store.rows import DepartureRow
from service.store.tables import account, departure, record

_judge = account.alias("judge")


def departures_of(db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str) -> list[DepartureRow]:
    """The departures of a case, the first one first; to who sees only their own, those they made themselves.

    ``definition`` is the version it is on: it says who reads what.
    """
    wanted = (
        select(
            departure, account.c.name.label("made_by_name"), _judge.c.name.label("judged_by_name"),
            func.coalesce(account.c.person_id, account.c.id).label("made_by_person"),
        )
        .join(account, account.c.id == departure.c.made_by)
        .outerjoin(_judge, _judge.c.id == departure.c.judged_by)
        .where(departure.c.instance_id == instance_id)
        .order_by(departure.c.number)
    )
    found, whole = list(db.execute(wanted)), people.as_in(db, reader, instance_id).whole
    if not whole:
        found = [row for row in found if row.made_by == reader.account_id]
    kept = _records(db, definition, reader, instance_id, {seq for r in found for seq in (r.seq, r.judged_seq) if seq})
    rows = [_row(r, kept) for r in found]
    # How many there are before one's own is not told either.
    return rows if whole else [replace(row, number=place) for place, row in enumerate(rows, 1)]


def _records(
    db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str, seqs: set[int]
) -> dict[int, tuple[str | None, Mapping[str, Any]]]:
    """The records of some steps whose departures may be read: the step's number to the answers.

    With them the record's id, or ``None`` where only the departures in it are the reader's to read.
    """
    here = people.as_in(db, reader, instance_id)
    wanted = select(record).where(record.c.instance_id == instance_id, record.c.seq.in_(seqs))
    found: dict[int, tuple[str | None, Mapping[str, Any]]] = {}
    for r in db.execute(wanted):
        own = r.author == reader.account_id or may_read(definition, here, r.access, r.agency)
        if own or may_read_departures(definition, here, r.access, r.agency):
            found[r.seq] = (r.id if own else None, values.decode(json.loads(r.answers)))
    return found


def _row(row: Any, kept: Mapping[int, tuple[str | None, Mapping[str, Any]]]) -> DepartureRow:
    names = [n for n in DepartureRow.__slots__ if hasattr(row, n)]
    plain = {name: getattr(row, name) for name in names}
    written, answers = kept.get(row.seq, (None, {}))
    said = next((one for one in answers.get(KEPT, ()) if one["rule"] == row.rule), None)
    _, why = kept.get(row.judged_seq, (None, {}))
    words = {part: said[part] for part in PARTS} if said is not None else {}
    return DepartureRow(**plain, **words, readable=said is not None, record=written, judged_reason=why.get("reason"))
