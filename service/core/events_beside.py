"""What can happen to a process instance beside its diagram: tasks handed over, cases held and moved, incidents tended.

Nothing here follows from the flow: each answers a command that people give for reasons of their own. ``record`` is
the salted hash of such a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


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


@dataclass(frozen=True, slots=True)
class DepartureMade:
    """What was sent departs from a rule of its form: the ``number``th departure of the instance, counted from 1.

    The element is the task or the receiving event, ``role`` whose it is, ``rule`` the id of the rule, ``clause`` the
    clauses it serves. The reasons are in the record of the step.
    """

    number: int
    process_id: str
    element_id: str
    role: str | None
    rule: str
    clause: str
    message: str


@dataclass(frozen=True, slots=True)
class DepartureApproved:
    """Somebody in ``role`` agreed to a departure; ``record`` is the salted hash of the reason."""

    number: int
    role: str
    record: str | None


@dataclass(frozen=True, slots=True)
class DepartureObjected:
    """Somebody in ``role`` objected to a departure; ``record`` is the salted hash of the reason."""

    number: int
    role: str
    record: str | None


@dataclass(frozen=True, slots=True)
class AccessGranted:
    """``account`` was named for the instance in ``role`` (of ``agency``), until ``until`` if that is given."""

    account: str
    role: str
    agency: str | None
    until: datetime | None
    record: str | None


@dataclass(frozen=True, slots=True)
class AccessEnded:
    """``account``, whom step ``number`` named, is named no longer."""

    account: str
    number: int
    record: str | None


@dataclass(frozen=True, slots=True)
class SomebodyShutOut:
    """A person, or everybody of an agency, was shut out of the instance."""

    account: str | None
    agency: str | None
    record: str | None


@dataclass(frozen=True, slots=True)
class SomebodyLetIn:
    """What step ``number`` shut out is shut out no longer."""

    number: int
    record: str | None


@dataclass(frozen=True, slots=True)
class StateMigrated:
    """The stored state was brought into today's form; the hashes are those of its bytes before and after."""

    from_form: str
    to_form: str
    from_hash: str
    to_hash: str


@dataclass(frozen=True, slots=True)
class InstanceRested:
    """The instance waits only where it counts as ended: ``outcome`` is its key meanwhile, ``name`` what people read."""

    outcome: str
    name: str


@dataclass(frozen=True, slots=True)
class InstanceReopened:
    """An instance that rested goes on: what it waited for has come."""


@dataclass(frozen=True, slots=True)
class InstanceMigrated:
    """The instance moved from one version of its definition to another; both are hashes."""

    former: str
    definition: str


@dataclass(frozen=True, slots=True)
class UserTaskChanged:
    """An open task reads otherwise in the version its instance moved to.

    ``changed`` holds what is different, by the names of ``UserTaskCreated``: process_id, element_id, name, form, role,
    agency, due_basis.
    """

    task_id: str
    changed: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class TimerRenamed:
    """An armed timer is called otherwise in the version its instance moved to."""

    timer_id: str
    process_id: str
    element_id: str


@dataclass(frozen=True, slots=True)
class ClockChanged:
    """A running time limit reads otherwise in the version its instance moved to; its dates are told apart."""

    clock: str
    name: str
    clause: str
    kind: str
    basis: str


@dataclass(frozen=True, slots=True)
class ClockWithdrawn:
    """The version the instance moved to has this time limit no more: it can be neither met nor breached from now on."""

    clock: str
