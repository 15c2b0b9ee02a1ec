"""The tables that could be rebuilt from steps, rebuilt: run over the whole history of a case into an empty database.

Letters are rebuilt too: who must have got one follows from the steps and the memberships alone.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, insert, select

from service.core import events, values
from service.core.chain import Step
from service.core.definitions import ProcessDefinition
from service.runtime import outbox
from service.store import projections
from service.store.instances import Held
from service.store.tables import (
    account,
    clock,
    denial,
    departure,
    membership,
    metadata,
    ownership,
    partnership,
    timer_job,
    user_task,
)
from service.store.tables import outbox as letters
from service.store.transaction import Store, reading

# Who is who is not of the steps, but for whom they name for one case.
GIVEN = (partnership, account, membership, ownership)
REBUILT = (user_task, timer_job, clock, departure, denial, membership)


class Second:
    """A second, empty database beside a store, filled by steps alone."""

    def __init__(self, store: Store) -> None:
        self.engine: Engine = create_engine("sqlite://")
        metadata.create_all(self.engine)
        self.known: set[str] = set()
        self.db: Connection = self.engine.connect()
        with reading(store) as other:
            for table in GIVEN:
                rows = [dict(row._mapping) for row in other.execute(select(table))]
                rows = [row for row in rows if table is not membership or row["instance_id"] is None]
                if rows:
                    self.db.execute(insert(table), rows)
                self.known |= {str(row["instance_id"]) for row in rows if table is ownership}

    def owned(self, other: Connection, instance_id: str) -> None:
        """Copy who owns a case that began later."""
        if instance_id not in self.known:
            of_case = select(ownership).where(ownership.c.instance_id == instance_id)
            for row in other.execute(of_case):
                self.db.execute(insert(ownership).values(dict(row._mapping)))
            self.known.add(instance_id)

    def take(self, definition: ProcessDefinition, code: str, taken: Step) -> None:
        """Apply one step."""
        happened = tuple(events.from_json(e) for e in taken.events)
        held = Held(taken.instance_id, code, definition.hash, taken.seq, b"", taken.prev_hash, "running")
        projections.project(self.db, taken.instance_id, happened, at=taken.at, actor=taken.actor, seq=taken.seq)
        outbox.put(self.db, definition, held, taken, happened)

    def close(self) -> None:
        """Throw it away."""
        self.db.close()
        self.engine.dispose()


@contextmanager
def second(store: Store) -> Iterator[Second]:
    """A second database for the time of the block."""
    made = Second(store)
    try:
        yield made
    finally:
        made.close()


def rows_of(db: Connection, instance_id: str) -> dict[str, list[Any]]:
    """What a database holds of a case in the tables that could be rebuilt, in one order."""
    found: dict[str, list[Any]] = {}
    for table in REBUILT:
        wanted = select(table).where(table.c.instance_id == instance_id)
        found[table.name] = sorted(map(str, (dict(r._mapping) for r in db.execute(wanted))))
    written = (letters.c.seq, letters.c.kind, letters.c.recipient, letters.c.subject, letters.c.created_at)
    of_case = select(*written).where(letters.c.instance_id == instance_id)
    found["outbox"] = sorted(map(str, (tuple(r) for r in db.execute(of_case))))
    return found


def differences(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> list[str]:
    """In which tables two databases differ, and by which rows."""
    return [
        f"{name}: {[r for r in rows if r not in other[name]]} instead of {[r for r in other[name] if r not in rows]}"
        for name, rows in one.items()
        if rows != other[name]
    ]


def check(second: Second, store: Store, definition: ProcessDefinition, code: str, steps: Sequence[Step]) -> list[str]:
    """Rebuild a case from its steps and say where its tables hold anything else."""
    with reading(store) as db:
        second.owned(db, steps[0].instance_id)
        kept = rows_of(db, steps[0].instance_id)
    for taken in steps:
        second.take(definition, code, taken)
    return differences(kept, rows_of(second.db, steps[0].instance_id))


def waiting_as_stored(db: Connection, instance_id: str, state: bytes) -> list[str]:
    """Where the open rows of a case and what its state waits for are not the same, compared without the projections."""
    kept = json.loads(state)
    wrong = []
    for name, table, due in (("tasks", user_task, 0), ("timers", timer_job, 2)):
        is_open = (table.c.instance_id == instance_id, table.c.closed_at.is_(None))
        rows = {r.id: r.due_at for r in db.execute(select(table.c.id, table.c.due_at).where(*is_open))}
        waits = {i: values.decode(row)[due] for i, row in kept[name].items()}
        if rows != waits:
            wrong.append(f"open {name}: {rows} are listed, {waits} are waited for")
    return wrong
