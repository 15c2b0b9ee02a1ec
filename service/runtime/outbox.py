"""Letters that follow from events: written in the step's own transaction, sent by the worker after it.

A letter carries the case's code and the task's name, never anything a person wrote. Reminders missed in an outage
become one letter: only the last of the same kind about the same thing in one step is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from service.core.calendar import british
from service.core.chain import Step
from service.core.clock_courses import declaring
from service.core.clocks import item_of
from service.core.definitions import ProcessDefinition
from service.core.events import ClockBreached, ClockStarted, Event, ReminderFell, UserTaskCreated
from service.core.events_beside import UserTaskAssigned, UserTaskChanged, UserTaskDelegated
from service.store import people
from service.store.instances import Held
from service.store.tables import clock, outbox, ownership, user_task


@dataclass(frozen=True, slots=True)
class _Letter:
    kind: str
    about: str
    line: str
    groups: tuple[tuple[str, str | None], ...]
    assignee: str | None = None


def put(db: Connection, definition: ProcessDefinition, held: Held, taken: Step, happened: tuple[Event, ...]) -> None:
    """Put the letters that follow from one step's events into the outbox."""
    latest = {(letter.kind, letter.about): letter for letter in _letters(db, definition, held, happened)}
    owners = select(ownership.c.partnership_id).where(ownership.c.instance_id == held.id)
    partnerships = frozenset(db.execute(owners).scalars())
    for letter in latest.values():
        to = {
            m
            for role, agency in letter.groups
            for m in people.members(db, role, agency, partnerships, taken.at, held.id)
        }
        if letter.assignee is not None:
            to = {letter.assignee}
        for recipient in sorted(to - {taken.actor} if letter.kind == "assigned" else to):
            db.execute(insert(outbox).values(
                id=uuid4().hex, instance_id=held.id, seq=taken.seq, kind=letter.kind, recipient=recipient,
                subject=f"{held.code}: {letter.line}", body=_body(held.code, letter.line),
                created_at=taken.at, attempts=0,
            ))  # fmt: skip


def _letters(
    db: Connection, definition: ProcessDefinition, held: Held, happened: tuple[Event, ...]
) -> Iterator[_Letter]:
    for event in happened:
        match event:
            case UserTaskCreated(role=role) if role:
                yield _Letter("assigned", event.task_id, f"{event.name} – a new task for you", ((role, event.agency),))
            case UserTaskAssigned() | UserTaskDelegated():
                wanted = select(user_task.c.name).where(user_task.c.id == event.task_id)
                line = f"{db.execute(wanted).scalar_one()} – this task has been given to you"
                yield _Letter("assigned", event.task_id, line, (), event.assignee)
            case UserTaskChanged() if event.changed.keys() & {"role", "agency"}:
                yield from _task_letter(db, "assigned", event.task_id, "{name} – a task for you now")
            case ReminderFell(subject="task"):
                yield from _task_reminder(db, event)
            case ReminderFell():
                line = f"{event.name} – due {british(event.due_at)}"
                yield _Letter("reminder", event.key, line, _clock_groups(definition, event.key))
            case ClockBreached():
                name = _clock_name(db, held.id, event.clock, happened)
                line = f"{name} – the date {british(event.due_at)} has passed"
                yield _Letter("breach", event.clock, line, _clock_groups(definition, event.clock))


def _task_letter(db: Connection, kind: str, task_id: str, line: str) -> Iterator[_Letter]:
    row = db.execute(select(user_task).where(user_task.c.id == task_id)).one_or_none()
    if row is not None and row.role and row.closed_at is None:
        yield _Letter(kind, task_id, line.format(name=row.name), ((row.role, row.agency),))


def _task_reminder(db: Connection, event: ReminderFell) -> Iterator[_Letter]:
    wanted = select(user_task.c.role, user_task.c.agency, user_task.c.assignee).where(user_task.c.id == event.key)
    row = db.execute(wanted).one_or_none()
    if row is not None and row.role:
        line = f"{event.name} – due {british(event.due_at)}"
        yield _Letter("reminder", event.key, line, ((row.role, row.agency),), row.assignee)


def _clock_groups(definition: ProcessDefinition, key: str) -> tuple[tuple[str, str | None], ...]:
    """Who is told about a clock: the roles its boundary timer names; of an agency's own clock, only its own people."""
    element = declaring(definition, key)
    if element is None:
        return ()
    agencies = {str(row["id"]) for row in definition.directories["agencies"]}
    of_agency = item_of(key) if item_of(key) in agencies else None
    return tuple(
        (role, of_agency if definition.roles.get(role, {}).get("scope") == "agency" else None)
        for role in element.properties.get("remind_roles", "").split()
    )


def _clock_name(db: Connection, instance_id: str, key: str, happened: tuple[Event, ...]) -> str:
    for event in happened:
        if isinstance(event, ClockStarted) and event.clock == key:
            return event.name
    wanted = select(clock.c.name).where(clock.c.instance_id == instance_id, clock.c.key == key)
    return str(db.execute(wanted).scalar_one_or_none() or key)


def _body(code: str, line: str) -> str:
    return f"{code}\n\n{line}.\n\nSign in to the service to see it. This message carries no details on purpose.\n"
