"""What lists and pages read, brought up to date from the events of a step in the same transaction.

Every row here could be rebuilt from the steps.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias, assert_never

from sqlalchemy import Connection, Table, insert, update

from service.core import values
from service.core.events import (
    ClockBreached,
    ClockMet,
    ClockMoved,
    ClockStarted,
    DecisionEvaluated,
    ElementCompleted,
    Event,
    InstanceEnded,
    InstanceStarted,
    MessageDelivered,
    ReminderFell,
    TimerCancelled,
    TimerFired,
    TimerMoved,
    TimerScheduled,
    UserTaskCancelled,
    UserTaskClaimed,
    UserTaskCompleted,
    UserTaskCreated,
    UserTaskDueMoved,
    UserTaskReleased,
    VariablesSet,
)
from service.core.events_beside import (
    AccessEnded,
    AccessGranted,
    ClockChanged,
    ClockStopped,
    ClockWithdrawn,
    DepartureApproved,
    DepartureMade,
    DepartureObjected,
    IncidentResolved,
    InstanceCancelled,
    InstanceMigrated,
    InstanceReopened,
    InstanceRested,
    InstanceResumed,
    InstanceSuspended,
    SomebodyLetIn,
    SomebodyShutOut,
    StateMigrated,
    TimerRenamed,
    UserTaskAssigned,
    UserTaskChanged,
    UserTaskDelegated,
    UserTaskReturned,
    VariablesCorrected,
)
from service.store import admissions
from service.store.tables import clock, departure, timer_job, user_task


def project(
    db: Connection, instance_id: str, events: Iterable[Event], *, at: datetime, actor: str, seq: int
) -> None:
    """Apply the events of step ``seq``, taken at ``at`` by ``actor``, to the tables lists are read from."""
    for event in events:
        match event:
            case (
                UserTaskCreated() | UserTaskDueMoved() | UserTaskClaimed() | UserTaskAssigned() | UserTaskReturned()
                | UserTaskReleased() | UserTaskDelegated() | UserTaskCompleted() | UserTaskCancelled()
                | UserTaskChanged()
            ):  # fmt: skip
                _task(db, instance_id, event, at, actor)
            case TimerScheduled() | TimerMoved() | TimerFired() | TimerCancelled() | TimerRenamed():
                _timer(db, instance_id, event, at)
            case (
                ClockStarted() | ClockMoved() | ClockBreached() | ClockMet() | ClockStopped() | ClockChanged()
                | ClockWithdrawn()
            ):  # fmt: skip
                _clock(db, instance_id, event, at)
            case DepartureMade() | DepartureApproved() | DepartureObjected():
                _departure(db, instance_id, event, at, actor, seq)
            case AccessGranted() | AccessEnded() | SomebodyShutOut() | SomebodyLetIn():
                admissions.project(db, instance_id, event, at, actor, seq)
            case (
                InstanceStarted() | MessageDelivered() | ElementCompleted() | ReminderFell() | VariablesSet()
                | DecisionEvaluated() | InstanceEnded() | InstanceSuspended() | InstanceResumed() | InstanceCancelled()
                | VariablesCorrected() | IncidentResolved() | StateMigrated() | InstanceMigrated()
                | InstanceRested() | InstanceReopened()
            ):  # fmt: skip
                pass  # told in the history; no list is read from them
            case _:
                assert_never(event)


TaskEvent: TypeAlias = (
    UserTaskCreated | UserTaskDueMoved | UserTaskClaimed | UserTaskAssigned | UserTaskReturned | UserTaskReleased
    | UserTaskDelegated | UserTaskCompleted | UserTaskCancelled | UserTaskChanged
)  # fmt: skip
ClockEvent: TypeAlias = (
    ClockStarted | ClockMoved | ClockBreached | ClockMet | ClockStopped | ClockChanged | ClockWithdrawn
)  # fmt: skip


def _task(db: Connection, instance_id: str, event: TaskEvent, at: datetime, actor: str) -> None:  # noqa: C901 - one arm for each event
    match event:
        case UserTaskCreated():
            db.execute(insert(user_task).values(
                id=event.task_id, instance_id=instance_id, process_id=event.process_id, element_id=event.element_id,
                item=event.item, name=event.name, form=event.form, role=event.role, agency=event.agency,
                due_at=event.due_at, due_basis=event.due_basis, opened_at=event.opened_at,
            ))  # fmt: skip
        case UserTaskDueMoved():
            _set(db, user_task, event.task_id, due_at=event.due_at)
        case UserTaskClaimed() | UserTaskAssigned() | UserTaskReturned():
            _set(db, user_task, event.task_id, assignee=event.assignee, owner=None)
        case UserTaskReleased():
            _set(db, user_task, event.task_id, assignee=None, owner=None)
        case UserTaskDelegated():
            _set(db, user_task, event.task_id, assignee=event.assignee, owner=event.owner)
        case UserTaskCompleted():
            _close(db, user_task, event.task_id, at, outcome="completed", closed_by=actor, assignee=actor)
        case UserTaskCancelled():
            _close(db, user_task, event.task_id, at, outcome="cancelled")
        case UserTaskChanged():
            _set(db, user_task, event.task_id, **event.changed)


def _timer(
    db: Connection, instance_id: str,
    event: TimerScheduled | TimerMoved | TimerFired | TimerCancelled | TimerRenamed, at: datetime,
) -> None:  # fmt: skip
    match event:
        case TimerScheduled():
            db.execute(insert(timer_job).values(
                id=event.timer_id, instance_id=instance_id, process_id=event.process_id,
                element_id=event.element_id, due_at=event.due_at,
            ))  # fmt: skip
        case TimerMoved():
            # Opened again: a cycle fires and is armed once more under the same id.
            _set(db, timer_job, event.timer_id, due_at=event.due_at, closed_at=None, outcome=None)
        case TimerFired():
            _close(db, timer_job, event.timer_id, at, outcome="fired")
        case TimerCancelled():
            _close(db, timer_job, event.timer_id, at, outcome="cancelled")
        case TimerRenamed():
            _set(db, timer_job, event.timer_id, process_id=event.process_id, element_id=event.element_id)


def _clock(db: Connection, instance_id: str, event: ClockEvent, at: datetime) -> None:
    this = (clock.c.instance_id == instance_id, clock.c.key == event.clock)
    match event:
        case ClockStarted():
            db.execute(clock.delete().where(*this))  # begun again: its former run stays in the history
            db.execute(insert(clock).values(
                instance_id=instance_id, key=event.clock, name=event.name, clause=event.clause, kind=event.kind,
                basis=event.basis, started_from=values.canonical(values.encode(event.started_from)).decode(),
                started_at=at, original_due=event.due_at, due_at=event.due_at, extensions=0,
            ))  # fmt: skip
        case ClockMoved():
            db.execute(update(clock).where(*this).values(due_at=event.to_due, extensions=clock.c.extensions + 1))
        case ClockBreached():
            db.execute(update(clock).where(*this, clock.c.breached_at.is_(None)).values(breached_at=event.due_at))
        case ClockMet():
            db.execute(update(clock).where(*this).values(met_at=at, met_in_time=event.in_time))
        case ClockStopped():
            db.execute(update(clock).where(*this).values(stopped_at=at))
        case ClockChanged():
            words = {"name": event.name, "clause": event.clause, "kind": event.kind, "basis": event.basis}
            db.execute(update(clock).where(*this).values(words))
        case ClockWithdrawn():
            db.execute(clock.delete().where(*this, clock.c.breached_at.is_(None)))  # what was missed stays missed


def _departure(
    db: Connection, instance_id: str, event: DepartureMade | DepartureApproved | DepartureObjected, at: datetime,
    actor: str, seq: int,
) -> None:  # fmt: skip
    if isinstance(event, DepartureMade):
        db.execute(insert(departure).values(
            instance_id=instance_id, number=event.number, seq=seq, process_id=event.process_id,
            element_id=event.element_id, role=event.role, rule=event.rule, clause=event.clause, message=event.message,
            made_at=at, made_by=actor, became="made",
        ))  # fmt: skip
        return
    became = "approved" if isinstance(event, DepartureApproved) else "objected"
    this = (departure.c.instance_id == instance_id, departure.c.number == event.number)
    judged = {"judged_at": at, "judged_by": actor, "judged_role": event.role, "judged_seq": seq}
    db.execute(update(departure).where(*this).values(became=became, **judged))


def _set(db: Connection, table: Table, row_id: str, **changed: Any) -> None:
    db.execute(update(table).where(table.c.id == row_id).values(changed))


def _close(db: Connection, table: Table, row_id: str, at: datetime, **changed: Any) -> None:
    _set(db, table, row_id, closed_at=at, **changed)
