"""What pages read about cases and tasks. A row the reader may not know of is simply not there.

Need to know is built in ``reach``: everything that lists cases or tasks goes through its clauses. Whoever sees only
what is their own meets a case as if nothing else happened in it.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, or_, select

from service.core import values
from service.core.access import Actor
from service.store import instances, people, reach
from service.store.instances import steps_of
from service.store.rows import CaseRow, ClockRow, StepRow, TaskRow
from service.store.tables import (
    account,
    clock,
    incident,
    ownership,
    process_definition,
    process_instance,
    user_task,
)


def _mine_to_do(actor: Actor) -> ColumnElement[bool]:
    # A case may be seen through one membership and its task be of a role held elsewhere.
    return or_(false(), *(and_(reach.reaches(m), reach.of_group(m)) for m in actor.memberships))


_closer = account.alias("closer")
_holder = account.alias("holder")


def _task_rows() -> Select[Any]:
    columns = [c for c in user_task.c if c.name in TaskRow.__slots__]
    return (
        select(
            *columns, process_instance.c.code, process_instance.c.definition_hash,
            _holder.c.name.label("assignee_name"), _closer.c.name.label("closed_by_name"),
        )
        .join(process_instance, process_instance.c.id == user_task.c.instance_id)
        .outerjoin(_holder, _holder.c.id == user_task.c.assignee)
        .outerjoin(_closer, _closer.c.id == user_task.c.closed_by)
    )  # fmt: skip


def _task(row: Any) -> TaskRow:
    return TaskRow(**{name: getattr(row, name) for name in TaskRow.__slots__})


def tasks(db: Connection, actor: Actor, *, which: str, limit: int = 200) -> list[TaskRow]:
    """The actor's tasks: ``mine`` (claimed), ``groups`` (open to anybody of a group) or ``done``; nearest due first."""
    wanted = _task_rows().where(reach.visible(actor))
    match which:
        case "mine":
            wanted = wanted.where(user_task.c.closed_at.is_(None), user_task.c.assignee == actor.account_id)
        case "groups":
            wanted = wanted.where(user_task.c.closed_at.is_(None), user_task.c.assignee.is_(None), _mine_to_do(actor))
        case _:
            wanted = wanted.where(user_task.c.closed_by == actor.account_id).order_by(user_task.c.closed_at.desc())
    order = (user_task.c.due_at.is_(None), user_task.c.due_at, user_task.c.id)
    return [_task(r) for r in db.execute(wanted.order_by(*order).limit(limit))]


def task(db: Connection, actor: Actor, task_id: str) -> TaskRow | None:
    """One task of the actor's groups, open or closed, or one they hold or closed themselves."""
    mine = (user_task.c.assignee, user_task.c.owner, user_task.c.closed_by)
    own = or_(_mine_to_do(actor), *(column == actor.account_id for column in mine))
    row = db.execute(_task_rows().where(user_task.c.id == task_id, reach.visible(actor), own)).one_or_none()
    return None if row is None else _task(row)


def visible_task(db: Connection, actor: Actor, task_id: str) -> TaskRow | None:
    """Any task the actor may know of: for those who say who does it."""
    row = db.execute(_task_rows().where(user_task.c.id == task_id, reach.seen(actor))).one_or_none()
    return None if row is None else _task(row)


def case_tasks(db: Connection, actor: Actor, instance_id: str) -> list[TaskRow]:
    """The tasks of a case that the actor may know of, in the order they opened."""
    wanted = _task_rows().where(user_task.c.instance_id == instance_id, reach.seen(actor))
    return [_task(r) for r in db.execute(wanted.order_by(user_task.c.opened_at, user_task.c.id))]


def _case_rows(actor: Actor, which: ColumnElement[bool]) -> Select[Any]:
    partnership = (
        select(ownership.c.partnership_id)
        .where(ownership.c.instance_id == process_instance.c.id)
        .order_by(ownership.c.partnership_id).limit(1).scalar_subquery()
    )  # fmt: skip
    incident_open = exists().where(incident.c.instance_id == process_instance.c.id, incident.c.closed_at.is_(None))
    return (
        select(
            process_instance, process_definition.c.version.label("number"), partnership.label("partnership"),
            and_(incident_open, or_(reach.whole(actor), reach.tended(actor))).label("stuck"),
        )
        .join(process_definition, process_definition.c.hash == process_instance.c.definition_hash)
        .where(which)
    )  # fmt: skip


def _case(row: Any) -> CaseRow:
    rests = row.status == "running" and row.outcome is not None
    status = "incident" if row.stuck and row.status == "running" else "ended" if rests else row.status
    return CaseRow(
        row.id, row.code, row.definition_hash, row.number, status, row.outcome, row.outcome_name, row.started_at,
        row.ended_at, row.partnership, rests,
    )  # fmt: skip


def cases(db: Connection, actor: Actor) -> list[CaseRow]:
    """The cases the actor may know of, running ones first, newest first, each with what it waits for."""
    order = (process_instance.c.ended_at.is_not(None), process_instance.c.started_at.desc())
    found = [_case(r) for r in db.execute(_case_rows(actor, reach.visible(actor)).order_by(*order))]
    waiting = _waiting(db, actor)
    return [_with_waiting(case, waiting.get(case.id, [])) for case in found]


def _waiting(db: Connection, actor: Actor) -> dict[str, list[Any]]:
    """The open tasks the actor may know of, by case, in one query, the first due first."""
    wanted = (
        select(user_task.c.instance_id, user_task.c.name, user_task.c.due_at)
        .join(process_instance, process_instance.c.id == user_task.c.instance_id)
        .where(user_task.c.closed_at.is_(None), reach.seen(actor))
        .order_by(user_task.c.due_at.is_(None), user_task.c.due_at, user_task.c.id)
    )
    found: dict[str, list[Any]] = {}
    for row in db.execute(wanted):
        found.setdefault(row.instance_id, []).append(row)
    return found


def _with_waiting(case: CaseRow, waiting: list[Any]) -> CaseRow:
    if not waiting:
        return case
    return replace(case, waits_for=waiting[0].name, waits_until=waiting[0].due_at, open_tasks=len(waiting))


def case(db: Connection, actor: Actor, code: str) -> CaseRow | None:
    """One case by its code, if the actor may know of it."""
    row = db.execute(_case_rows(actor, reach.visible(actor)).where(process_instance.c.code == code)).one_or_none()
    return None if row is None else _case(row)


def tended_case(db: Connection, actor: Actor, code: str) -> CaseRow | None:
    """One case by its code, if the actor may know of it or puts right what went wrong in it."""
    which = or_(reach.visible(actor), reach.tended(actor))
    row = db.execute(_case_rows(actor, which).where(process_instance.c.code == code)).one_or_none()
    return None if row is None else _case(row)


def state(db: Connection, instance_id: str) -> bytes:
    """The stored state of an instance, fit to be parsed. Raises ``StateDamaged`` if it is not what was written."""
    return instances.state_of(db, instance_id)


def state_as_stored(db: Connection, instance_id: str) -> bytes:
    """The bytes of a stored state whatever they are: to be compared with a replay, never to be parsed."""
    found = db.execute(select(process_instance.c.state).where(process_instance.c.id == instance_id)).scalar_one()
    return str(found).encode()


def clocks(db: Connection, instance_id: str) -> list[ClockRow]:
    """The time limits of a case, in the order they began."""
    wanted = select(clock).where(clock.c.instance_id == instance_id).order_by(clock.c.started_at, clock.c.due_at)
    return [
        ClockRow(
            r.key, r.name, r.clause, r.kind, r.basis, values.decode(json.loads(r.started_from)), r.started_at,
            r.original_due, r.due_at, r.extensions, r.breached_at, r.met_at, r.met_in_time,
            r.stopped_at,
        )
        for r in db.execute(wanted)
    ]  # fmt: skip


def steps(db: Connection, instance_id: str, *, upto: int | None = None) -> list[StepRow]:
    """The history of a case with names, in order."""
    names = people.names(db)
    return [
        StepRow(
            s.seq, s.at, s.actor, names.get(s.actor, "The clock"), s.command, s.events, s.state_hash, s.logic,
            s.prev_hash, s.hash,
        )
        for s in steps_of(db, instance_id, upto=upto)
    ]  # fmt: skip


def due_instances(db: Connection, at: datetime, *, limit: int = 500) -> list[str]:
    """The instances in which something is due before ``at``, the longest overdue first; no lock is taken."""
    due = and_(process_instance.c.status == "running", process_instance.c.next_due < at)
    wanted = select(process_instance.c.id).where(due).order_by(process_instance.c.next_due).limit(limit)
    return list(db.execute(wanted).scalars())
