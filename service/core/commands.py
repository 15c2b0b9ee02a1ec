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


Command: TypeAlias = (
    StartInstance | CompleteUserTask | DeliverMessage | ClaimUserTask | ReleaseUserTask | FireTimers | MigrateState
)

_TYPES: dict[str, type[Any]] = {
    t.__name__: t
    for t in (
        StartInstance, CompleteUserTask, DeliverMessage, ClaimUserTask, ReleaseUserTask, FireTimers, MigrateState,
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
