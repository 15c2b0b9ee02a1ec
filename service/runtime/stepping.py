"""One step of one instance inside a transaction: load, step, save, project, put letters in the outbox.

This is the only caller of ``engine.step`` that writes. It never commits and never reads a clock.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, insert, update

from service.core import chain, commands, events, reasons, values
from service.core.chain import Step
from service.core.commands import Command
from service.core.definitions import ProcessDefinition
from service.core.engine.step import Outcome, step
from service.core.errors import Defect
from service.core.events import Event, InstanceEnded
from service.core.events_beside import InstanceReopened, InstanceRested
from service.runtime import outbox
from service.runtime.incidents import overcome
from service.store import instances, projections
from service.store.instances import Held
from service.store.tables import incident, record
from service.store.transaction import require_open_for_steps


@dataclass(frozen=True, slots=True)
class Written:
    """A form as it is about to be kept: its answers and the salted hash the history will hold."""

    id: str
    form: str
    answers: Mapping[str, object]
    salt: str
    hash: str


def write_down(form: str, answers: Mapping[str, object], salt: str) -> Written:
    """Return what will be kept of a form. ``salt`` is 64 hexadecimal digits of chance."""
    return Written(uuid4().hex, form, answers, salt, chain.record_hash(salt, dict(answers)))


def take(
    db: Connection, definition: ProcessDefinition, held: Held, command: Command, *, at: datetime, actor: str,
    former: ProcessDefinition | None = None,
) -> tuple[Step, Outcome]:  # fmt: skip
    """Apply ``command`` to a held instance and write everything that follows from it.

    ``former`` is the definition a ``MigrateInstance`` moves it away from, ``definition`` then the one it moves to.
    Raises what ``engine.step`` raises, and ``ReadingOnly``; then nothing has been written.
    """
    require_open_for_steps(db)
    try:
        outcome = step(
            definition, held.state or None, command, instance_id=held.id, at=at, seq=held.seq + 1, former=former
        )
    except Defect as defect:
        # A case that was only to be started is gone with the transaction: nothing could refer to it.
        defect.instance_id = held.id if held.seq else None
        defect.command = commands.to_json(command)
        raise
    taken = instances.append(db, Step(
        instance_id=held.id, seq=held.seq + 1, at=at, actor=actor, definition=definition.hash,
        command=commands.to_json(command), events=tuple(events.to_json(e) for e in outcome.events),
        state_hash=values.sha256(outcome.state), logic=chain.LOGIC, prev_hash=held.head_hash,
    ))  # fmt: skip
    instances.keep(
        db, taken, state=outcome.state, next_due=outcome.next_due, ended=_ended(outcome.events),
        suspended=outcome.suspended, rest=_rest(outcome.events),
    )  # fmt: skip
    projections.project(db, held.id, outcome.events, at=at, actor=actor, seq=taken.seq)
    # After the projections: letters are addressed from the tasks as this step leaves them.
    outbox.put(db, definition, held, taken, outcome.events)
    by_itself = {"closed_at": at, "closed_by": actor, "resolution": "A later step went through."}
    db.execute(update(incident).where(overcome(held.id, taken.command)).values(by_itself))
    return taken, outcome


def _ended(happened: tuple[Event, ...]) -> tuple[str, str] | None:
    return next(((e.outcome, e.name) for e in happened if isinstance(e, InstanceEnded)), None)


def _rest(happened: tuple[Event, ...]) -> tuple[str, str] | bool:
    """The outcome and name of a rest that began in this step, ``True`` for one that is over, else ``False``."""
    told = [e for e in happened if isinstance(e, InstanceRested | InstanceReopened)]
    match told[-1:]:
        case [InstanceRested(outcome, name)]:
            return outcome, name
        case [_]:
            return True
    return False


def keep_record(
    db: Connection,
    definition: ProcessDefinition,
    written: Written,
    taken: Step,
    *,
    task_id: str | None,
    agency: str | None,
) -> None:
    """Keep what a person wrote, beside the step that holds its hash."""
    form = reasons.schema(definition.forms, written.form)
    db.execute(insert(record).values(
        id=written.id, instance_id=taken.instance_id, seq=taken.seq, task_id=task_id,
        definition_hash=definition.hash, form=written.form, title=form.get("title", written.form),
        access=form.get("access", "case"), agency=agency, author=taken.actor, at=taken.at,
        answers=json.dumps(values.encode(dict(written.answers)), ensure_ascii=False),
        salt=written.salt, hash=written.hash,
    ))  # fmt: skip
