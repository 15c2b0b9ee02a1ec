"""The departures of a case with what people wrote about them, as far as a reader may read the records it is in."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from service.core import values
from service.core.access import Actor, may_read
from service.core.definitions import ProcessDefinition
from service.core.departures import KEPT, PARTS
from service.store import people
from service.store.rows import DepartureRow
from service.store.tables import account, departure, record

_judge = account.alias("judge")


def departures_of(db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str) -> list[DepartureRow]:
    """The departures of a case, the first one first. ``definition`` is the version it is on: it says who reads what."""
    wanted = (
        select(departure, account.c.name.label("made_by_name"), _judge.c.name.label("judged_by_name"))
        .join(account, account.c.id == departure.c.made_by)
        .outerjoin(_judge, _judge.c.id == departure.c.judged_by)
        .where(departure.c.instance_id == instance_id)
        .order_by(departure.c.number)
    )
    found = list(db.execute(wanted))
    kept = _records(db, definition, reader, instance_id, {seq for r in found for seq in (r.seq, r.judged_seq) if seq})
    return [_row(r, kept) for r in found]


def _records(
    db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str, seqs: set[int]
) -> dict[int, tuple[str, Mapping[str, Any]]]:
    """The readable records of some steps: the step's number to the record's id and answers."""
    here = people.as_in(db, reader, instance_id)
    wanted = select(record).where(record.c.instance_id == instance_id, record.c.seq.in_(seqs))
    return {
        r.seq: (r.id, values.decode(json.loads(r.answers)))
        for r in db.execute(wanted)
        if r.author == reader.account_id or may_read(definition, here, r.access, r.agency)
    }


def _row(row: Any, kept: Mapping[int, tuple[str, Mapping[str, Any]]]) -> DepartureRow:
    names = [n for n in DepartureRow.__slots__ if hasattr(row, n)]
    plain = {name: getattr(row, name) for name in names}
    written, answers = kept.get(row.seq, (None, {}))
    said = next((one for one in answers.get(KEPT, ()) if one["rule"] == row.rule), None)
    _, why = kept.get(row.judged_seq, (None, {}))
    words = {part: said[part] for part in PARTS} if said is not None else {}
    return DepartureRow(**plain, **words, readable=said is not None, record=written, judged_reason=why.get("reason"))
