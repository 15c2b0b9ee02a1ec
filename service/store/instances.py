"""An instance under its lock: read whole, stepped outside, written whole.

The row is the one lock of a case. ``PRIMARY KEY (instance_id, seq)`` and the unique ``prev_hash`` make two writers
collide even if the lock failed. No stored state leaves this module before its seal, its form and its hash in the
history have been checked, in this order and on bytes alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update

from service.core import chain, values
from service.core.chain import Step
from service.core.engine import state_form
from service.core.engine.state_seal import CHANGED, Seal, Stored
from service.core.errors import NotFound, StateDamaged
from service.store.tables import ownership, process_definition, process_instance, step
from service.store.transaction import state_keys


@dataclass(frozen=True, slots=True)
class Held:
    """An instance held by this transaction. ``seq`` is the number of its last step."""

    id: str
    code: str
    definition_hash: str
    seq: int
    state: bytes
    head_hash: str
    status: str


def hold(db: Connection, instance_id: str, *, skip_locked: bool = False) -> Held:
    """Lock an instance and return it.

    Raises ``NotFound``, also for one that another process holds if ``skip_locked``;
    ``StateDamaged`` when the stored state is not the one its last step wrote.
    """
    wanted = select(process_instance).where(process_instance.c.id == instance_id)
    row = db.execute(wanted.with_for_update(skip_locked=skip_locked)).one_or_none()
    if row is None:
        raise NotFound("There is no such case.")
    return Held(row.id, row.code, row.definition_hash, row.version, checked(db, row), row.head_hash, row.status)


def state_of(db: Connection, instance_id: str) -> bytes:
    """The stored state of an instance, fit to be parsed. Raises ``NotFound`` and ``StateDamaged`` as ``hold`` does."""
    row = db.execute(select(process_instance).where(process_instance.c.id == instance_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such case.")
    return checked(db, row)


def checked(db: Connection, row: Row[Any]) -> bytes:
    """The stored state of an instance's whole row. Raises ``StateDamaged`` when it is not what was written."""
    # All of it before anything parses the state: the engine takes any task in any status for true.
    try:
        state_keys(db).check(stored(row), Seal(row.state_key, row.state_mac))
        state_form.require_current(row.state_form)
        require_written(db, row)
    except StateDamaged as damaged:
        damaged.instance_id = row.id
        raise
    return str(row.state).encode()


def stored(row: Row[Any], form: str | None = None) -> Stored:
    """A row's state with all that its seal covers; ``form`` for a row that is about to be given one."""
    state = str(row.state).encode()
    return Stored(row.id, row.version, row.definition_hash, row.head_hash, form or row.state_form or "", state)


def require_written(db: Connection, row: Row[Any]) -> None:
    """Raise ``StateDamaged`` unless the last step of the history wrote exactly this state."""
    last = select(step.c.state_hash, step.c.hash).where(step.c.instance_id == row.id, step.c.seq == row.version)
    written = db.execute(last).one_or_none()
    if written is None or tuple(written) != (values.sha256(str(row.state).encode()), row.head_hash):
        raise StateDamaged(CHANGED)


def add(
    db: Connection, *, instance_id: str, code: str, definition_hash: str, at: datetime, partnerships: frozenset[str]
) -> Held:
    """Add an instance that has taken no step yet."""
    db.execute(insert(process_instance).values(
        id=instance_id, code=code, definition_hash=definition_hash, version=0, state="", head_hash=chain.START,
        status="running", started_at=at,
    ))  # fmt: skip
    for partnership_id in sorted(partnerships):
        db.execute(insert(ownership).values(instance_id=instance_id, partnership_id=partnership_id))
    return Held(instance_id, code, definition_hash, 0, b"", chain.START, "running")


def next_number(db: Connection, prefix: str, definition_hash: str) -> int:
    """The next free number of codes that begin with ``prefix``. Cases that start at once queue for it."""
    queue = select(process_definition.c.hash).where(process_definition.c.hash == definition_hash)
    # key_share: cases already begun on this version refer to the row and go on meanwhile.
    db.execute(queue.with_for_update(key_share=True)).one()
    count = select(func.count()).where(process_instance.c.code.startswith(prefix, autoescape=True))
    return int(db.execute(count).scalar_one()) + 1


def append(db: Connection, taken: Step) -> Step:
    """Write a step, sealed, and return it."""
    sealed = chain.seal(taken)
    db.execute(insert(step).values(
        instance_id=taken.instance_id, seq=taken.seq, at=taken.at, actor=taken.actor,
        definition_hash=taken.definition, command=_text(taken.command), events=_text(list(taken.events)),
        state_hash=taken.state_hash, logic=taken.logic, prev_hash=taken.prev_hash, hash=sealed,
    ))  # fmt: skip
    return Step(**{**{n: getattr(taken, n) for n in Step.__slots__}, "hash": sealed})


def keep(
    db: Connection,
    taken: Step,
    *,
    state: bytes,
    next_due: datetime | None,
    ended: tuple[str, str] | None,
    suspended: bool = False,
    rest: tuple[str, str] | bool = False,
) -> None:
    """Write the state a step left. ``ended`` is the outcome's key and name once the instance has ended.

    ``rest`` is the same for a rest that begins; it goes on running, with an outcome. ``True`` ends the rest.
    """
    sealed = seal_of(db, taken, state)
    status = "ended" if ended else "suspended" if suspended else "running"
    changed: dict[str, Any] = {
        "version": taken.seq, "state": state.decode(), "head_hash": taken.hash, "next_due": next_due,
        "definition_hash": taken.definition, "state_form": str(state_form.CURRENT),
        "state_key": sealed.key_id, "state_mac": sealed.mac,
        # A step after the end, which brings the state into another form, does not begin the case again.
        "status": case((process_instance.c.status == "ended", "ended"), else_=status),
    }  # fmt: skip
    if ended:
        changed |= {"outcome": ended[0], "outcome_name": ended[1], "ended_at": taken.at, "next_due": None}
    elif rest:
        key, name, since = (*rest, taken.at) if isinstance(rest, tuple) else (None, None, None)
        changed |= {"outcome": key, "outcome_name": name, "ended_at": since}
    of_this = process_instance.c.id == taken.instance_id
    before = process_instance.c.version == taken.seq - 1  # should the lock ever fail, the later writer does
    if db.execute(update(process_instance).where(of_this, before).values(changed)).rowcount != 1:
        raise StateDamaged("Somebody else wrote to this case at the same time.")


def seal_of(db: Connection, taken: Step, state: bytes) -> Seal:
    """The seal over the state that step ``taken`` left."""
    form = str(state_form.CURRENT)
    return state_keys(db).seal(Stored(taken.instance_id, taken.seq, taken.definition, taken.hash, form, state))


def _text(value: Mapping[str, Any] | list[Any]) -> str:
    return values.canonical(value).decode()


def step_from(row: Any) -> Step:
    """A step as the chain knows it, from its row; what is no longer JSON fits no hash, and the chain says where."""
    return Step(
        instance_id=row.instance_id, seq=row.seq, at=row.at, actor=row.actor, definition=row.definition_hash,
        command=_read(row.command), events=_read_events(row.events), state_hash=row.state_hash,
        logic=row.logic, prev_hash=row.prev_hash, hash=row.hash,
    )  # fmt: skip


def _read(text: str) -> dict[str, Any]:
    found = _parsed(text)
    return found if isinstance(found, dict) else {"unreadable": text}


def _read_events(text: str) -> tuple[dict[str, Any], ...]:
    found = _parsed(text)
    whole = isinstance(found, list) and all(isinstance(event, dict) for event in found)
    return tuple(found) if whole else ({"unreadable": text},)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def steps_of(db: Connection, instance_id: str, *, upto: int | None = None) -> list[Step]:
    """The history of an instance, in order, as far as step ``upto``."""
    wanted = select(step).where(step.c.instance_id == instance_id).order_by(step.c.seq)
    if upto is not None:
        wanted = wanted.where(step.c.seq <= upto)
    return [step_from(row) for row in db.execute(wanted)]
