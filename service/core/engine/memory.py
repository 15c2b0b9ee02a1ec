"""What an instance remembers between two steps, and its one spelling as text.

The text is canonical: sorted keys, no spaces. It holds the engine's task tree without the specification, which the
definition gives back, and beside it what the product adds: process variables, clocks, reminders, open tasks, timers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import (
    BpmnWorkflowConverter,
    SimpleTaskConverter,
    WorkflowConverter,
)
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core import clocks, values
from service.core.clocks import Clock, Reminder
from service.core.engine import finished, state_check
from service.core.engine.specification import Specification
from service.core.engine.state_form import ENVELOPE
from service.core.errors import StateDamaged, StepFailed

MADE, APPROVED, OBJECTED = "made", "approved", "objected"
"""What may have become of a departure."""
BROKEN = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)
"""What the engine and Python say of a state that is not one."""


@dataclass(slots=True)
class OpenTask:
    """A user task that waits: who has it, when it is due, and to whom it comes back if it was delegated."""

    due: datetime | None
    opened: datetime
    assignee: str | None = None
    owner: str | None = None

    def written(self) -> list[object]:
        """What the state keeps; the owner only where there is one, as in states of before tasks were delegated."""
        return [self.due, self.opened, self.assignee, *([self.owner] if self.owner is not None else [])]


@dataclass(slots=True)
class OpenTimer:
    """A timer that is armed."""

    process: str
    element: str
    due: datetime


@dataclass(slots=True)
class Memory:
    """The product's part of an instance's state; ``at`` is its virtual instant.

    ``end`` is the main flow's end event once it was passed: work beside the flow may still go on after it.
    While ``suspended``, nothing fires and ``at`` stands still. ``departures`` holds what became of each, the first one
    first: ``made``, ``approved`` or ``objected``. ``rests`` is the outcome meanwhile of one that rests.
    """

    at: datetime
    variables: dict[str, Any] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    reminders: list[Reminder] = field(default_factory=list)
    tasks: dict[str, OpenTask] = field(default_factory=dict)
    timers: dict[str, OpenTimer] = field(default_factory=dict)
    end: str | None = None
    outcome: str | None = None
    suspended: bool = False
    departures: list[str] = field(default_factory=list)
    rests: str | None = None
    finished: dict[str, Any] = field(default_factory=dict, repr=False)


class _LeanWorkflowConverter(BpmnWorkflowConverter):
    """Writes a workflow without its specification: half of the bytes, and the same in every step."""

    def to_dict(self, workflow: BpmnWorkflow) -> dict[str, Any]:
        """The task tree and its data alone."""
        written: dict[str, Any] = WorkflowConverter.to_dict(self, workflow)
        written["subprocesses"] = self.mapping_to_dict(workflow.subprocesses)
        written["bpmn_events"] = []
        return written


# The engine's own task converter writes task data as a difference from the parent's: it loses 0 -> False, and with
# sorted keys the data of whole tasks.
_serializer = BpmnWorkflowSerializer(
    BpmnWorkflowSerializer.configure({**SPIFF_CONFIG, Task: SimpleTaskConverter, BpmnWorkflow: _LeanWorkflowConverter})
)


def dump(workflow: BpmnWorkflow, memory: Memory) -> bytes:
    """Return the canonical bytes of an instance. Raises ``StepFailed`` if they could not be read again."""
    written = _serializer.to_dict(workflow)
    written["subprocesses"] |= finished.still_hanging(memory.finished, workflow)
    kept = {
        "version": ENVELOPE,
        "at": values.instant_text(memory.at),
        "variables": values.encode(memory.variables),
        "clocks": {k: clocks.written(c) for k, c in memory.clocks.items()},
        "reminders": [clocks.written(r) for r in sorted(memory.reminders)],
        "tasks": {k: values.encode(t.written()) for k, t in memory.tasks.items()},
        "timers": {k: values.encode([t.process, t.element, t.due]) for k, t in memory.timers.items()},
        "end": memory.end,
        "outcome": memory.outcome,
        "workflow": written,
        **({"suspended": True} if memory.suspended else {}),
        **({"departures": memory.departures} if memory.departures else {}),
        **({"rests": memory.rests} if memory.rests is not None else {}),
    }
    try:
        state_check.check_values(kept["workflow"])
    except StateDamaged as unreadable:
        raise StepFailed("A value has a form in which the case could never be opened again.") from unreadable
    return values.compact(kept).encode()


def load(specification: Specification, state: bytes, *, whole: bool = True) -> tuple[BpmnWorkflow, Memory]:
    """Return the instance that ``dump`` wrote. Raises ``StateDamaged`` for anything else.

    What has finished is built only for who wants the ``whole`` of it; else it stays in the memory as it was written.

    The caller has checked the seal; this is the second line. The engine's own migrations of older forms are never
    reached: they would run text of the state as code.
    """
    try:
        kept = json.loads(state)
        state_check.check(specification, kept)
        return _restored(specification, kept, {} if whole else finished.take_out(kept["workflow"]))
    except BROKEN as broken:
        raise StateDamaged(f"The stored state of this case cannot be read ({type(broken).__name__}).") from broken


def _restored(
    specification: Specification, kept: dict[str, Any], done: dict[str, Any]
) -> tuple[BpmnWorkflow, Memory]:
    written = kept["workflow"]
    written["spec"] = specification.main
    written["subprocess_specs"] = dict(specification.called)
    workflow = _serializer.from_dict(written)
    _hear_only_what_waits(workflow)
    _connect_what_was_started(workflow)
    memory = Memory(
        at=datetime.fromisoformat(kept["at"]),
        variables=values.decode(kept["variables"]),
        clocks={k: clocks.clock_from(c) for k, c in kept["clocks"].items()},
        reminders=[clocks.reminder_from(r) for r in kept["reminders"]],
        tasks={k: OpenTask(*values.decode(t)) for k, t in kept["tasks"].items()},
        timers={k: OpenTimer(*values.decode(t)) for k, t in kept["timers"].items()},
        end=kept["end"],
        outcome=kept["outcome"],
        suspended=bool(kept.get("suspended", False)),
        departures=list(kept.get("departures", ())),
        rests=kept.get("rests"),
        finished=done,
    )
    return workflow, memory


def _hear_only_what_waits(workflow: BpmnWorkflow) -> None:
    """Forget events that lie ahead: ``SimpleTaskConverter`` registers those too, and their timers would start early."""
    events = workflow.event_manager
    events.tasks = {i: task for i, task in events.tasks.items() if task.has_state(TaskState.WAITING)}


def _connect_what_was_started(workflow: BpmnWorkflow) -> None:
    """Join event sub-processes at work to the flow again, as the engine did when each was started.

    The specification comes back fresh, and an element that nothing leads to is refused when it ends.
    """
    started = {task.task_spec.name for task in workflow.tasks.values() if task.triggered}
    for name in started.intersection(workflow.spec.start.trigger_specs):
        element = workflow.spec.task_specs[name]
        workflow.spec.start.connect(element)
        element.connect(workflow.spec.end)


def names_seen(lists: Mapping[str, str], state: bytes | None, item: str | None) -> dict[str, Any]:
    """What a form's rules may use: the process variables, the clocks, the departures, the item a task runs for.

    ``lists`` maps an item's name to the list variable it comes from; ``state`` is ``None`` before the first step.
    Nothing of the engine is built.
    """
    if state is None:
        return {"clocks": {}, **departures_counted(())}
    kept = json.loads(state)
    names: dict[str, Any] = values.decode(kept["variables"])
    for name, variable in lists.items():
        rows = names.get(variable) if item is not None else None
        for row in rows if isinstance(rows, list) else ():
            if item == (str(row.get("id")) if isinstance(row, dict) else str(row)):
                names[name] = row
    names["clocks"] = clocks.seen_from(clocks_kept(state), () if item is None else (item,))
    return {**names, **departures_counted(kept.get("departures", ()))}


def departures_counted(departures: Sequence[str]) -> dict[str, int]:
    """How many departures were made, and how many of them nobody has agreed to, by the names expressions use."""
    return {"departures": len(departures), "departures_open": sum(one != APPROVED for one in departures)}


def clocks_kept(state: bytes) -> dict[str, Clock]:
    """The clocks of a stored state, by key."""
    return {k: clocks.clock_from(c) for k, c in json.loads(state)["clocks"].items()}


def task_of(workflow: BpmnWorkflow, task_id: str) -> Task | None:
    """Return the task with this id, wherever in the instance it is, or ``None``."""
    try:
        wanted = UUID(task_id)
    except ValueError:
        return None
    for level in (workflow, *workflow.subprocesses.values()):
        if wanted in level.tasks:
            found: Task = level.tasks[wanted]
            return found
    return None
