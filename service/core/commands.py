"""What can be asked of a process instance: requests, in the imperative, that may be rejected.

A command carries keys and routing values only. What a person wrote is a record of its own; the command holds
``record``, the salted hash that commits the history to it. ``departures`` are the rules of its form that the answers
depart from, each with ``rule``, ``clause`` and ``message``; the reasons for it are in the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeAlias

from service.core import values


@dataclass(frozen=True, slots=True)
class StartInstance:
    """Start an instance by a message. ``variables`` are the routing values of its form."""

    message: str
    variables: Mapping[str, object] = field(default_factory=dict)
    record: str | None = None
    departures: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class CompleteUserTask:
    """Complete an open user task. A key ``item.field`` in ``variables`` belongs to the task's own item."""

    task_id: str
    variables: Mapping[str, object] = field(default_factory=dict)
    record: str | None = None
    departures: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class DeliverMessage:
    """Give a waiting instance a message, for one of its items where several wait for it.

    ``item`` is the correlation key: the id of the multi-instance item the message is about.
    """

    message: str
    variables: Mapping[str, object] = field(default_factory=dict)
    record: str | None = None
    item: str | None = None
    departures: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class ClaimUserTask:
    """Take an open task for one person; ``assignee`` is an account id."""

    task_id: str
    assignee: str


@dataclass(frozen=True, slots=True)
class ReleaseUserTask:
    """Give a claimed task back to its group, a delegated one to whom it was delegated by."""

    task_id: str
    assignee: str


@dataclass(frozen=True, slots=True)
class AssignUserTask:
    """Give an open task to ``assignee``, whoever has it now; ``record`` commits to the reason."""

    task_id: str
    assignee: str
    record: str | None = None


@dataclass(frozen=True, slots=True)
class DelegateUserTask:
    """Let ``assignee`` do a task that ``owner`` has taken; released, it comes back to ``owner``."""

    task_id: str
    owner: str
    assignee: str
    record: str | None = None


@dataclass(frozen=True, slots=True)
class FireTimers:
    """Let time do its work: what is due fires, nothing else is asked."""


@dataclass(frozen=True, slots=True)
class SuspendInstance:
    """Hold an instance still: until it is resumed nobody can do anything in it and nothing fires by itself."""

    record: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeInstance:
    """Let a suspended instance go on; what fell due meanwhile fires now, each at its own due instant."""

    record: str | None = None


@dataclass(frozen=True, slots=True)
class CancelInstance:
    """End an instance where it stands."""

    record: str | None = None


@dataclass(frozen=True, slots=True)
class CorrectVariables:
    """Set process variables that were wrong; dates that are computed from them move."""

    variables: Mapping[str, object]
    record: str | None = None


@dataclass(frozen=True, slots=True)
class ApproveDeparture:
    """Agree to departure ``number``, in the role ``role``; ``record`` commits to the reason."""

    number: int
    role: str
    record: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectToDeparture:
    """Object to departure ``number``, in the role ``role``: it stays as it is, and stays open."""

    number: int
    role: str
    record: str | None = None


@dataclass(frozen=True, slots=True)
class GrantAccess:
    """Name ``account`` for this instance in ``role`` (of ``agency``), until ``until`` if that is given."""

    account: str
    role: str
    agency: str | None = None
    until: datetime | None = None
    record: str | None = None


@dataclass(frozen=True, slots=True)
class EndAccess:
    """Let ``account`` be named no longer; ``number`` is the step that named them."""

    account: str
    number: int
    record: str | None = None


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Keep a person, or everybody of an agency, out of the instance, whatever else would let them in."""

    account: str | None = None
    agency: str | None = None
    record: str | None = None


@dataclass(frozen=True, slots=True)
class LetIn:
    """Let what step ``number`` shut out in again, as far as they reach the instance."""

    number: int
    record: str | None = None


@dataclass(frozen=True, slots=True)
class ResolveIncident:
    """Let an instance that was stuck go on: what is due fires, and the incident of this reference is over."""

    incident: str
    record: str | None = None


@dataclass(frozen=True, slots=True)
class MigrateInstance:
    """Move a running instance to another version of its definition: that of the step itself.

    ``former`` is the hash of the version it is on. ``plan`` renames: element ids (``"process:element"`` where one id
    is in two diagrams) and process ids, old to new; what it does not name keeps its id. ``record`` is the hash of the
    reason given.
    """

    former: str
    plan: Mapping[str, str] = field(default_factory=dict)
    record: str | None = None


@dataclass(frozen=True, slots=True)
class MigrateState:
    """Bring the stored state into today's form. No time passes and nothing runs.

    Forms are texts like ``1/1.5/3.2.0``, hashes the SHA-256 of the state before and after; ``approved_by`` is the
    account of the second of two people.
    """

    from_form: str
    to_form: str
    from_hash: str
    to_hash: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class SaveDraft:
    """Keep one person's half-written ``answers`` to an open task, as they were typed.

    It asks nothing of the process, so it is never a step: a draft is the person's own and leaves no history.
    """

    task_id: str
    answers: Mapping[str, object]


Command: TypeAlias = (
    StartInstance | CompleteUserTask | DeliverMessage | ClaimUserTask | ReleaseUserTask | AssignUserTask
    | DelegateUserTask | FireTimers | SuspendInstance | ResumeInstance | CancelInstance | CorrectVariables
    | ResolveIncident | MigrateInstance | MigrateState | ApproveDeparture | ObjectToDeparture | GrantAccess | EndAccess
    | ShutOut | LetIn
)  # fmt: skip

_TYPES: dict[str, type[Any]] = {
    t.__name__: t
    for t in (
        StartInstance, CompleteUserTask, DeliverMessage, ClaimUserTask, ReleaseUserTask, AssignUserTask,
        DelegateUserTask, FireTimers, SuspendInstance, ResumeInstance, CancelInstance, CorrectVariables,
        ResolveIncident, MigrateInstance, MigrateState, ApproveDeparture, ObjectToDeparture, GrantAccess, EndAccess,
        ShutOut, LetIn,
    )
}  # fmt: skip


def to_json(command: Command) -> dict[str, Any]:
    """Return the JSON object the history keeps for ``command``; without departures it is as it was before them."""
    written = {f.name: values.encode(getattr(command, f.name)) for f in fields(command)}
    return {
        "type": type(command).__name__,
        **{name: value for name, value in written.items() if name != "departures" or value},
    }


def from_json(written: Mapping[str, Any]) -> Command:
    """Return the command that ``to_json`` wrote. Raises ``KeyError`` for a type this version does not know."""
    kind = _TYPES[written["type"]]
    command: Command = kind(**{k: values.decode(v) for k, v in written.items() if k != "type"})
    return command
