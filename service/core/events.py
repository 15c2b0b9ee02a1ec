"""What can happen to a process instance: facts, in the past tense, in the order they happened inside one step.

Openings and closings of user tasks and timers are derived by comparing the task tree before and after a step, so
none can be forgotten. Instants are aware and in UTC. ``process_id`` and ``element_id`` name a node of a diagram.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeAlias

from service.core import values
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


@dataclass(frozen=True, slots=True)
class InstanceStarted:
    """The instance began with this message."""

    message: str
    process_id: str


@dataclass(frozen=True, slots=True)
class MessageDelivered:
    """A waiting instance received this message."""

    message: str


@dataclass(frozen=True, slots=True)
class ElementCompleted:
    """A node of a diagram was passed. ``item`` is the multi-instance item's id, if it ran inside one."""

    process_id: str
    element_id: str
    item: str | None = None


@dataclass(frozen=True, slots=True)
class UserTaskCreated:
    """A task waits for a person. ``role`` and ``agency`` are the candidate group; ``due_at`` may be ``None``."""

    task_id: str
    process_id: str
    element_id: str
    name: str
    form: str | None
    role: str | None
    agency: str | None
    item: str | None
    opened_at: datetime
    due_at: datetime | None
    due_basis: str


@dataclass(frozen=True, slots=True)
class UserTaskDueMoved:
    """An open task's due instant changed because something it is computed from changed."""

    task_id: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserTaskClaimed:
    """One person took the task."""

    task_id: str
    assignee: str


@dataclass(frozen=True, slots=True)
class UserTaskReleased:
    """The task went back to its group."""

    task_id: str


@dataclass(frozen=True, slots=True)
class UserTaskCompleted:
    """A person completed the task; ``record`` is the salted hash of what was written."""

    task_id: str
    element_id: str
    record: str | None


@dataclass(frozen=True, slots=True)
class UserTaskCancelled:
    """The process no longer needs the task."""

    task_id: str


@dataclass(frozen=True, slots=True)
class TimerScheduled:
    """A timer of a diagram is armed."""

    timer_id: str
    process_id: str
    element_id: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TimerMoved:
    """An armed timer's instant changed with the variables it is computed from."""

    timer_id: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer went off. ``due_at`` is its own instant, whenever the step was really taken."""

    timer_id: str
    process_id: str
    element_id: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TimerCancelled:
    """A timer is no longer needed."""

    timer_id: str


@dataclass(frozen=True, slots=True)
class ClockStarted:
    """A time limit began to run. ``started_from`` is the value it counts from; ``basis`` the diagram's expression.

    ``item`` is the id of the item of a repeated step that it is for.
    """

    clock: str
    name: str
    clause: str
    kind: str
    started_from: Any
    basis: str
    due_at: datetime
    item: str | None = None


@dataclass(frozen=True, slots=True)
class ClockMoved:
    """A time limit has another due instant. Being breached before is not undone by it."""

    clock: str
    from_due: datetime
    to_due: datetime


@dataclass(frozen=True, slots=True)
class ClockBreached:
    """A time limit passed unmet."""

    clock: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ClockMet:
    """What the time limit is for was finished; ``in_time`` says whether before its due instant."""

    clock: str
    in_time: bool


@dataclass(frozen=True, slots=True)
class ReminderFell:
    """A reminder's day came. ``subject`` is ``task`` or ``clock``, ``key`` its id or key, ``days`` are days to go."""

    subject: str
    key: str
    name: str
    due_at: datetime
    days: int


@dataclass(frozen=True, slots=True)
class VariablesSet:
    """Process variables took these values."""

    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DecisionEvaluated:
    """A decision table was asked: its inputs by label, the ids of the rules that matched, its outputs by name."""

    decision: str
    process_id: str
    element_id: str
    inputs: Mapping[str, object]
    rules: list[str]
    outputs: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class InstanceEnded:
    """The instance reached its end. ``outcome`` is the end event's key, ``name`` what people read."""

    outcome: str
    name: str


Event: TypeAlias = (
    InstanceStarted | MessageDelivered | ElementCompleted | UserTaskCreated | UserTaskDueMoved | UserTaskClaimed
    | UserTaskReleased | UserTaskCompleted | UserTaskCancelled | TimerScheduled | TimerMoved | TimerFired
    | TimerCancelled | ClockStarted | ClockMoved | ClockBreached | ClockMet | ReminderFell | VariablesSet
    | DecisionEvaluated | InstanceEnded | UserTaskAssigned | UserTaskDelegated | UserTaskReturned | ClockStopped
    | InstanceSuspended | InstanceResumed | InstanceCancelled | VariablesCorrected | IncidentResolved | StateMigrated
    | InstanceMigrated | UserTaskChanged | TimerRenamed | ClockChanged | ClockWithdrawn | DepartureMade
    | DepartureApproved | DepartureObjected | InstanceRested | InstanceReopened | AccessGranted | AccessEnded
    | SomebodyShutOut | SomebodyLetIn
)  # fmt: skip

TYPES: dict[str, type[Any]] = {
    t.__name__: t
    for t in (
        InstanceStarted, MessageDelivered, ElementCompleted, UserTaskCreated, UserTaskDueMoved, UserTaskClaimed,
        UserTaskReleased, UserTaskCompleted, UserTaskCancelled, TimerScheduled, TimerMoved, TimerFired, TimerCancelled,
        ClockStarted, ClockMoved, ClockBreached, ClockMet, ReminderFell, VariablesSet, DecisionEvaluated, InstanceEnded,
        UserTaskAssigned, UserTaskDelegated, UserTaskReturned, ClockStopped, InstanceSuspended, InstanceResumed,
        InstanceCancelled, VariablesCorrected, IncidentResolved, StateMigrated,
        InstanceMigrated, UserTaskChanged, TimerRenamed, ClockChanged, ClockWithdrawn,
        DepartureMade, DepartureApproved, DepartureObjected,
        InstanceRested, InstanceReopened,
        AccessGranted, AccessEnded, SomebodyShutOut, SomebodyLetIn,
    )
}  # fmt: skip


def to_json(event: Event) -> dict[str, Any]:
    """Return the JSON object the history keeps for ``event``."""
    written = {f.name: values.encode(getattr(event, f.name)) for f in fields(event)}
    if isinstance(event, ClockStarted) and event.item is None:
        del written["item"]  # histories of before clocks had items keep their bytes
    return {"type": type(event).__name__, **written}


def from_json(written: Mapping[str, Any]) -> Event:
    """Return the event that ``to_json`` wrote. Raises ``KeyError`` for a type this version does not know."""
    kind = TYPES[written["type"]]
    event: Event = kind(**{k: values.decode(v) for k, v in written.items() if k != "type"})
    return event
