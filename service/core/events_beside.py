"""What can happen to a process instance beside its diagram: tasks handed over, cases held, values and incidents tended.

Nothing here follows from the flow: each answers a command that people give for reasons of their own. ``record`` is
the salted hash of such a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserTaskAssigned:
    """The task was given to ``assignee``; ``record`` is the salted hash of the reason."""

    task_id: str
    assignee: str
    record: str | None


@dataclass(frozen=True, slots=True)
class UserTaskDelegated:
    """``owner``, who had the task, let ``assignee`` do it; ``record`` is the salted hash of the reason."""

    task_id: str
    owner: str
    assignee: str
    record: str | None


@dataclass(frozen=True, slots=True)
class UserTaskReturned:
    """A delegated task came back to whom it was delegated by, now its ``assignee``."""

    task_id: str
    assignee: str


@dataclass(frozen=True, slots=True)
class ClockStopped:
    """What the time limit is for was given up, so it can neither be met nor be missed any more."""

    clock: str


@dataclass(frozen=True, slots=True)
class InstanceSuspended:
    """The instance was held still; ``record`` is the salted hash of the reason."""

    record: str | None


@dataclass(frozen=True, slots=True)
class InstanceResumed:
    """The instance goes on; ``record`` is the salted hash of the reason."""

    record: str | None


@dataclass(frozen=True, slots=True)
class InstanceCancelled:
    """The instance was ended where it stood; ``record`` is the salted hash of the reason."""

    record: str | None


@dataclass(frozen=True, slots=True)
class VariablesCorrected:
    """Process variables were put right: name to ``[before, after]``; ``record`` is the salted hash of the reason."""

    variables: Mapping[str, object]
    record: str | None


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """An incident, named by its reference, is over; ``record`` is the salted hash of the reason."""

    incident: str
    record: str | None
