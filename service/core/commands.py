"""What can be asked of a process instance: requests, in the imperative, that may be rejected.

A command carries keys and routing values only. What a person wrote is a record of its own; the command holds
``record``, the salted hash that commits the history to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from service.core import values


@dataclass(frozen=True, slots=True)
class StartInstance:
    """Start an instance by a message. ``variables`` are the routing values of its form."""

    message: str
    variables: Mapping[str, object] = field(default_factory=dict)
    record: str | None = None


@dataclass(frozen=True, slots=True)
class CompleteUserTask:
    """Complete an open user task. A key ``item.field`` in ``variables`` belongs to the task's own item."""

    task_id: str
    variables: Mapping[str, object] = field(default_factory=dict)
    record: str | None = None


@dataclass(frozen=True, slots=True)
class DeliverMessage:
    """Give a waiting instance a message."""

    message: str
    variables: Mapping[str, object] = field(default_factory=dict)
    record: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimUserTask:
    """Take an open task for one person; ``assignee`` is an account id."""

    task_id: str
    assignee: str


@dataclass(frozen=True, slots=True)
class ReleaseUserTask:
    """Give a claimed task back to its group."""

    task_id: str
    assignee: str


@dataclass(frozen=True, slots=True)
class FireTimers:
    """Let time do its work: what is due fires, nothing else is asked."""


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


Command: TypeAlias = (
    StartInstance | CompleteUserTask | DeliverMessage | ClaimUserTask | ReleaseUserTask | FireTimers
    | MigrateInstance
)  # fmt: skip

_TYPES: dict[str, type[Any]] = {
    t.__name__: t
    for t in (
        StartInstance, CompleteUserTask, DeliverMessage, ClaimUserTask, ReleaseUserTask, FireTimers,
        MigrateInstance,
    )
}  # fmt: skip


def to_json(command: Command) -> dict[str, Any]:
    """Return the JSON object the history keeps for ``command``."""
    return {
        "type": type(command).__name__,
        **{f.name: values.encode(getattr(command, f.name)) for f in fields(command)},
    }


def from_json(written: Mapping[str, Any]) -> Command:
    """Return the command that ``to_json`` wrote. Raises ``KeyError`` for a type this version does not know."""
    kind = _TYPES[written["type"]]
    command: Command = kind(**{k: values.decode(v) for k, v in written.items() if k != "type"})
    return command
