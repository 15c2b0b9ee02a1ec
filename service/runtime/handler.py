"""Every write to a case: authorise, load, fire what is due, step, save. One transaction, one reading of the clock.

A page carries an idempotency key; sending the same request twice gives the first answer again and one effect. Returning
keeps everything; raising keeps nothing.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from service.core import access, forms, values
from service.core.access import Actor
from service.core.commands import (
    ClaimUserTask,
    CompleteUserTask,
    DeliverMessage,
    FireTimers,
    ReleaseUserTask,
    StartInstance,
)
from service.core.definitions import ProcessDefinition
from service.core.engine.memory import names_seen
from service.core.errors import KeyReused, NeedsConfirmation, NotAllowed, NotFound, TaskClosed, TaskHeld
from service.core.forms import Submission
from service.runtime import stepping
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import instances, people, queries
from service.store.rows import TaskRow
from service.store.tables import account, process_instance, request
from service.store.transaction import Store, transaction

CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Done:
    """What a write did: the instance, its code, the step's number, and the actor's tasks now open in it."""

    instance_id: str
    code: str
    seq: int
    opened: tuple[str, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Handler:
    """The use cases over a store, given a clock (``() -> aware instant``)."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def start(
        self, actor: Actor, message: str, raw: Mapping[str, object], key: str, *, confirmed: bool = False
    ) -> Done:
        """Start a case by a message form. Raises ``NotAllowed``, ``FormRefused``, ``NeedsConfirmation``."""
        with transaction(self.store) as db:
            if (answer := _answered(db, actor, key, ("start", message, raw, confirmed))) is not None:
                return answer
            at = now(db, self.clock)
            definition = self.definitions.current(db)
            if not access.may_start(definition, actor, message):
                raise NotAllowed("Your roles do not allow you to start a case in this way.")
            element = definition.message_element(message)
            form = element.properties.get("form")
            sent = _submit(definition, form, raw, at=at, names={}, confirmed=confirmed)
            held = instances.add(
                db, instance_id=uuid4().hex, code=_code(db, definition, at), definition_hash=definition.hash, at=at,
                partnerships=access.starts_for(definition, actor, message),
            )  # fmt: skip
            written = _written(form, sent)
            command = StartInstance(message, sent.variables, written.hash if written else None)
            done = _step(db, definition, held, command, at=at, actor=actor, written=written)
            return _answer(db, actor, key, ("start", message, raw, confirmed), done, at)

    def complete(
        self, actor: Actor, task_id: str, raw: Mapping[str, object], key: str, *, confirmed: bool = False
    ) -> Done:
        """Complete a task with its form.

        Raises ``NotFound``, ``TaskClosed``, ``TaskHeld``, ``FormRefused``, ``NeedsConfirmation``.
        """
        with transaction(self.store) as db:
            # First of all: the first half of a double click has closed the very task this one is about.
            if (answer := _answered(db, actor, key, ("complete", task_id, raw, confirmed))) is not None:
                return answer
            task = _task(db, actor, task_id)
            held = instances.hold(db, task.instance_id)
            at = now(db, self.clock)  # read under the lock: whoever waited for it acts later than whoever held it
            task = _open(db, actor, task_id)
            definition = self.definitions.load(db, held.definition_hash)
            names = names_seen(definition.specification.lists, held.state, task.item)
            sent = _submit(definition, task.form, raw, at=at, names=names, confirmed=confirmed)
            written = _written(task.form, sent)
            command = CompleteUserTask(task_id, sent.variables, written.hash if written else None)
            done = _step(db, definition, held, command, at=at, actor=actor, written=written, task=task)
            return _answer(db, actor, key, ("complete", task_id, raw, confirmed), done, at)

    def send(
        self,
        actor: Actor,
        instance_id: str,
        message: str,
        raw: Mapping[str, object],
        key: str,
        *,
        confirmed: bool = False,
    ) -> Done:
        """Give a case a message with its form. Raises ``NotFound``, ``NotAllowed``, ``NotWaiting``, ``FormRefused``."""
        with transaction(self.store) as db:
            said = ("send", instance_id, message, raw, confirmed)
            if (answer := _answered(db, actor, key, said)) is not None:
                return answer
            _known(db, actor, instance_id)
            held = instances.hold(db, instance_id)
            at = now(db, self.clock)
            definition = self.definitions.load(db, held.definition_hash)
            if not access.may_send(definition, people.as_in(db, actor, instance_id), message):
                raise NotAllowed("Your roles do not allow you to send this.")
            form = definition.message_element(message).properties.get("form")
            names = names_seen(definition.specification.lists, held.state, None)
            sent = _submit(definition, form, raw, at=at, names=names, confirmed=confirmed)
            written = _written(form, sent)
            command = DeliverMessage(message, sent.variables, written.hash if written else None)
            done = _step(db, definition, held, command, at=at, actor=actor, written=written)
            return _answer(db, actor, key, said, done, at)

    def claim(self, actor: Actor, task_id: str, key: str) -> Done:
        """Take a task of one's group. Raises ``NotFound``, ``TaskClosed``, ``TaskHeld``."""
        return self._simple(actor, task_id, key, ("claim", task_id), ClaimUserTask(task_id, actor.account_id))

    def release(self, actor: Actor, task_id: str, key: str) -> Done:
        """Give a task back to its group. Raises ``NotFound``, ``TaskClosed``, ``TaskHeld``."""
        return self._simple(actor, task_id, key, ("release", task_id), ReleaseUserTask(task_id, actor.account_id))

    def fire_timers(self, instance_id: str) -> Done:
        """Let time do its work on one case. Raises ``NotFound`` when another process holds it, ``NothingToDo``."""
        with transaction(self.store) as db:
            held = instances.hold(db, instance_id, skip_locked=True)
            definition = self.definitions.load(db, held.definition_hash)
            taken, _ = stepping.take(db, definition, held, FireTimers(), at=now(db, self.clock), actor=CLOCK)
            return Done(held.id, held.code, taken.seq)

    def _simple(
        self, actor: Actor, task_id: str, key: str, said: tuple[object, ...], command: ClaimUserTask | ReleaseUserTask
    ) -> Done:
        with transaction(self.store) as db:
            if (answer := _answered(db, actor, key, said)) is not None:
                return answer
            held = instances.hold(db, _task(db, actor, task_id).instance_id)
            at = now(db, self.clock)
            if isinstance(command, ClaimUserTask):
                _open(db, actor, task_id)
            definition = self.definitions.load(db, held.definition_hash)
            return _answer(db, actor, key, said, _step(db, definition, held, command, at=at, actor=actor), at)


def _known(db: Connection, actor: Actor, instance_id: str) -> None:
    code = db.execute(select(process_instance.c.code).where(process_instance.c.id == instance_id)).scalar_one_or_none()
    if code is None or queries.case(db, actor, code) is None:
        raise NotFound("There is no such case.")


def _task(db: Connection, actor: Actor, task_id: str) -> TaskRow:
    task = queries.task(db, actor, task_id)
    if task is None:
        raise NotFound("There is no such task.")
    return task


def _open(db: Connection, actor: Actor, task_id: str) -> TaskRow:
    """The task, read again under the lock: it may have been closed or taken while we waited."""
    task = _task(db, actor, task_id)
    if task.closed_at is not None:
        raise TaskClosed("This task has already been closed.", closed_by=task.closed_by, closed_at=task.closed_at)
    if task.assignee not in {None, actor.account_id}:
        raise TaskHeld("Somebody else has taken this task.", assignee=str(task.assignee))
    return task


def _submit(
    definition: ProcessDefinition, form: str | None, raw: Mapping[str, object], *, at: datetime,
    names: Mapping[str, Any], confirmed: bool,
) -> Submission:  # fmt: skip
    schema = definition.forms.get(form or "", {"components": []})
    sent = forms.submit(schema, raw, at=at, variables=names, directories=definition.directories)
    if sent.warnings and not confirmed:
        raise NeedsConfirmation("Check these answers before you go on.", sent.warnings)
    return sent


def _written(form: str | None, sent: Submission) -> stepping.Written | None:
    return stepping.write_down(form, sent.answers, secrets.token_hex(32)) if form else None


def _step(
    db: Connection, definition: ProcessDefinition, held: instances.Held, command: Any, *, at: datetime, actor: Actor,
    written: stepping.Written | None = None, task: TaskRow | None = None,
) -> Done:  # fmt: skip
    taken, _ = stepping.take(db, definition, held, command, at=at, actor=actor.account_id)
    if written is not None:
        stepping.keep_record(
            db, definition, written, taken, task_id=task.id if task else None, agency=task.agency if task else None
        )
    here = people.as_in(db, actor, held.id)
    mine = [t.id for t in queries.case_tasks(db, actor, held.id) if t.closed_at is None and _for(here, t)]
    return Done(held.id, held.code, taken.seq, tuple(mine))


def _for(actor: Actor, task: TaskRow) -> bool:
    return task.assignee in {None, actor.account_id} and access.may_do(actor, task.role, task.agency)


def _code(db: Connection, definition: ProcessDefinition, at: datetime) -> str:
    prefix = f"{definition.deployment.get('case_prefix', 'CASE')}-{at.year}-"
    return f"{prefix}{instances.next_number(db, prefix, definition.hash):03d}"


def _fingerprint(said: tuple[object, ...]) -> str:
    return values.sha256(values.compact(values.encode(list(said))).encode())


def _answered(db: Connection, actor: Actor, key: str, said: tuple[object, ...]) -> Done | None:
    """The stored answer to a request that came before. Raises ``KeyReused`` if the key came with another request.

    A person's own requests queue, so the second half of a double click finds the first one's answer.
    """
    # Always the account before the case, so no two people wait for each other; key_share lets letters refer to the row.
    db.execute(select(account.c.id).where(account.c.id == actor.account_id).with_for_update(key_share=True))
    found = select(request).where(request.c.account_id == actor.account_id, request.c.key == key)
    row = db.execute(found).one_or_none()
    if row is None:
        return None
    if row.fingerprint != _fingerprint(said):
        raise KeyReused("This page was already used for another answer. Open it again.")
    kept = json.loads(row.answer)
    return Done(**{**kept, "opened": tuple(kept["opened"]), "replayed": True})


def _answer(db: Connection, actor: Actor, key: str, said: tuple[object, ...], done: Done, at: datetime) -> Done:
    answer = json.dumps(asdict(replace(done, replayed=False)))
    row = {"account_id": actor.account_id, "key": key, "fingerprint": _fingerprint(said), "answer": answer, "at": at}
    db.execute(insert(request).values(row))
    return done
