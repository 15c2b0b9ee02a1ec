"""Every write to a case: authorise, load, fire what is due, step, save. One transaction, one reading of the clock.

A page carries an idempotency key; sending the same request twice gives the first answer again and one effect. Returning
keeps everything; raising keeps nothing.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, select

from service.core import access, forms, forms_filled
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
from service.core.departures import Given
from service.core.engine.memory import names_seen
from service.core.errors import NeedsConfirmation, NotAllowed, NotFound, TaskClosed, TaskHeld
from service.core.forms import Submission
from service.runtime import stepping
from service.runtime.answering import Done, answer, answered
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import instances, people, queries
from service.store.rows import TaskRow
from service.store.tables import answer_draft, process_instance
from service.store.transaction import Store, transaction

CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Handler:
    """The use cases over a store, given a clock (``() -> aware instant``)."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def start(
        self, actor: Actor, message: str, raw: Mapping[str, object], key: str, *, confirmed: bool = False,
        departures: Given | None = None,
    ) -> Done:  # fmt: skip
        """Start a case by a message form. Raises ``NotAllowed``, ``FormRefused``, ``NeedsConfirmation``."""
        said = ("start", message, raw, confirmed, *_said(departures))
        with transaction(self.store) as db:
            if (before := answered(db, actor, key, said)) is not None:
                return before
            at = now(db, self.clock)
            definition = self.definitions.current(db)
            if not access.may_start(definition, actor, message):
                raise NotAllowed("Your roles do not allow you to start a case in this way.")
            element = definition.message_element(message)
            form = element.properties.get("form")
            names = names_seen({}, None, None)
            sent = _submit(definition, form, raw, at=at, names=names, confirmed=confirmed, departures=departures)
            held = instances.add(
                db, instance_id=uuid4().hex, code=_code(db, definition, at), definition_hash=definition.hash, at=at,
                partnerships=access.starts_for(definition, actor, message),
            )  # fmt: skip
            written = _written(form, sent)
            command = StartInstance(message, sent.variables, written.hash if written else None, sent.departed)
            done = _step(db, definition, held, command, at=at, actor=actor, written=written)
            return answer(db, actor, key, said, done, at)

    def complete(
        self, actor: Actor, task_id: str, raw: Mapping[str, object], key: str, *, confirmed: bool = False,
        departures: Given | None = None,
    ) -> Done:  # fmt: skip
        """Complete a task with its form; ``departures`` is what is said of each rule that the answers depart from.

        Raises ``NotFound``, ``TaskClosed``, ``TaskHeld``, ``FormRefused``, ``NeedsConfirmation``.
        """
        said = ("complete", task_id, raw, confirmed, *_said(departures))
        with transaction(self.store) as db:
            # First of all: the first half of a double click has closed the very task this one is about.
            if (before := answered(db, actor, key, said)) is not None:
                return before
            task = _task(db, actor, task_id)
            held = instances.hold(db, task.instance_id)
            at = now(db, self.clock)  # read under the lock: whoever waited for it acts later than whoever held it
            task = _open(db, actor, task_id)
            definition = self.definitions.load(db, held.definition_hash)
            names = names_seen(definition.specification.lists, held.state, task.item)
            sent = _submit(definition, task.form, raw, at=at, names=names, confirmed=confirmed, departures=departures)
            written = _written(task.form, sent)
            command = CompleteUserTask(task_id, sent.variables, written.hash if written else None, sent.departed)
            done = _step(db, definition, held, command, at=at, actor=actor, written=written, task=task)
            db.execute(delete(answer_draft).where(
                answer_draft.c.task_id == task_id, answer_draft.c.account_id == actor.account_id
            ))  # fmt: skip
            return answer(db, actor, key, said, done, at)

    def send(
        self,
        actor: Actor,
        instance_id: str,
        message: str,
        raw: Mapping[str, object],
        key: str,
        *,
        item: str | None = None,
        confirmed: bool = False,
        departures: Given | None = None,
    ) -> Done:
        """Give a case a message with its form, about ``item`` where several wait for it.

        Raises ``NotFound``, ``NotAllowed``, ``NotWaiting``, ``SeveralWaiting``, ``FormRefused``, ``NeedsConfirmation``.
        """
        with transaction(self.store) as db:
            said = ("send", instance_id, message, *([item] if item else []), raw, confirmed, *_said(departures))
            if (before := answered(db, actor, key, said)) is not None:
                return before
            _known(db, actor, instance_id)
            held = instances.hold(db, instance_id)
            at = now(db, self.clock)
            definition = self.definitions.load(db, held.definition_hash)
            if not access.may_send(definition, people.as_in(db, actor, instance_id), message, item):
                raise NotAllowed("Your roles do not allow you to send this.")
            form = definition.message_element(message).properties.get("form")
            names = names_seen(definition.specification.lists, held.state, item)
            sent = _submit(definition, form, raw, at=at, names=names, confirmed=confirmed, departures=departures)
            written = _written(form, sent)
            command = DeliverMessage(message, sent.variables, written.hash if written else None, item, sent.departed)
            agency = access.message_agency(definition, message, item)
            done = _step(db, definition, held, command, at=at, actor=actor, written=written, agency=agency)
            return answer(db, actor, key, said, done, at)

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
            if (before := answered(db, actor, key, said)) is not None:
                return before
            held = instances.hold(db, _task(db, actor, task_id).instance_id)
            at = now(db, self.clock)
            if isinstance(command, ClaimUserTask):
                _open(db, actor, task_id)
            definition = self.definitions.load(db, held.definition_hash)
            return answer(db, actor, key, said, _step(db, definition, held, command, at=at, actor=actor), at)


def _said(departures: Given | None) -> tuple[object, ...]:
    """What a request's fingerprint covers of departures: nothing where there are none, as before there were any."""
    return (dict(departures),) if departures else ()


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
    if task.assignee not in {None, actor.account_id} and task.owner != actor.account_id:
        raise TaskHeld("Somebody else has taken this task.", assignee=str(task.assignee))
    return task


def _submit(
    definition: ProcessDefinition, form: str | None, raw: Mapping[str, object], *, at: datetime,
    names: Mapping[str, Any], confirmed: bool, departures: Given | None,
) -> Submission:  # fmt: skip
    schema = forms_filled.asked(definition, form, names)
    seen, lists = {**names, **definition.supplied}, definition.directories
    sent = forms.submit(schema, raw, at=at, variables=seen, directories=lists, departures=departures)
    if sent.warnings and not confirmed:
        raise NeedsConfirmation("Check these answers before you go on.", sent.warnings)
    return sent


def _written(form: str | None, sent: Submission) -> stepping.Written | None:
    return stepping.write_down(form, sent.kept, secrets.token_hex(32)) if form else None


def _step(  # noqa: PLR0913 - the parts of one step
    db: Connection, definition: ProcessDefinition, held: instances.Held, command: Any, *, at: datetime, actor: Actor,
    written: stepping.Written | None = None, task: TaskRow | None = None, agency: str | None = None,
) -> Done:  # fmt: skip
    taken, _ = stepping.take(db, definition, held, command, at=at, actor=actor.account_id)
    if written is not None:
        stepping.keep_record(
            db, definition, written, taken, task_id=task.id if task else None, agency=task.agency if task else agency
        )
    here = people.as_in(db, actor, held.id)
    mine = [t.id for t in queries.case_tasks(db, actor, held.id) if t.closed_at is None and _for(here, t)]
    return Done(held.id, held.code, taken.seq, tuple(mine))


def _for(actor: Actor, task: TaskRow) -> bool:
    return task.assignee in {None, actor.account_id} and access.may_do(actor, task.role, task.agency)


def _code(db: Connection, definition: ProcessDefinition, at: datetime) -> str:
    prefix = f"{definition.deployment.get('case_prefix', 'CASE')}-{at.year}-"
    return f"{prefix}{instances.next_number(db, prefix, definition.hash):03d}"
