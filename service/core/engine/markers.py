"""Where an instance stands, for drawing on its diagrams. Read from a stored state; nothing is run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeAlias

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core import determinism
from service.core.definitions import Element, ProcessDefinition
from service.core.engine import memory as kept
from service.core.engine import offering, resting
from service.core.engine.running import Running, tasks_in
from service.core.expressions import ExprError
from service.core.expressions_hooks import SafeEngine

Markers: TypeAlias = dict[str, dict[str, list[str]]]
NEVER = datetime(1, 1, 1, tzinfo=UTC)
KINDS = ("done", "current", "taken", "overdue")


def markers(definition: ProcessDefinition, state: bytes) -> Markers:
    """For each process that was entered: element ids ``done``, ``current`` and ``overdue``, flow ids ``taken``."""
    with definition.lock, determinism.seams("", 0, NEVER) as seam:
        definition.specification.fresh()
        workflow, memory = kept.load(definition.specification, state)
        run = Running(definition, workflow, memory, seam, SafeEngine())
        found: dict[str, dict[str, set[str]]] = {}
        for task in tasks_in(workflow, TaskState.DEFINITE_MASK | TaskState.COMPLETED):
            _mark(run, task, found)
    return {p: {k: sorted(v[k]) for k in KINDS} for p, v in found.items()}


def _mark(run: Running, task: Task, found: dict[str, dict[str, set[str]]]) -> None:
    place = run.place_of(task)
    if place is None or task.has_state(TaskState.FUTURE):
        return
    process, element = place
    marks = found.setdefault(process, {k: set() for k in KINDS})
    if task.has_state(TaskState.COMPLETED):
        marks["done"].add(element)
    elif not isinstance(task.task_spec, BoundaryEvent):
        marks["current"].add(element)
        opened = run.memory.tasks.get(str(task.id))
        if opened is not None and opened.due is not None and opened.due < run.memory.at:
            marks["overdue"].add(element)
    before = task.parent
    while before is not None and getattr(before.task_spec, "bpmn_id", None) in {None, element}:
        before = before.parent
    if before is not None:
        marks["taken"].update(run.definition.processes[process].flows.get((before.task_spec.bpmn_id, element), ()))


def waiting_messages(
    definition: ProcessDefinition, state: bytes, at: datetime | None = None
) -> list[tuple[str, str | None]]:
    """The messages an instance would take now, each with the item it would be about (``None``: it is about the case).

    They are awaited in its flow, or start an event sub-process, and are offered at ``at`` (the instance's own instant).
    """
    return sorted((k for k, why in awaited(definition, state, at).items() if why is None), key=_by_name)


def awaited(
    definition: ProcessDefinition, state: bytes, at: datetime | None = None
) -> dict[tuple[str, str | None], str | None]:
    """The messages an instance waits for, each with why it is not offered now, or ``None`` if it is."""
    with definition.lock, determinism.seams("", 0, NEVER) as seam:
        definition.specification.fresh()
        workflow, memory = kept.load(definition.specification, state, whole=False)
        if workflow.completed or memory.suspended:
            return {}
        seam.now = at or memory.at
        run = Running(definition, workflow, memory, seam, SafeEngine())
        found: dict[tuple[str, str | None], list[str | None]] = {}
        for task in tasks_in(workflow, TaskState.WAITING):
            for name in _messages(getattr(task.task_spec, "event_definition", None)):
                why = _refusal(run, offering.receiver(run, task, name), task)
                found.setdefault((name, run.item_of(task)), []).append(why)
        for name in _starts_beside(definition, workflow):
            found.setdefault((name, None), []).append(_refusal(run, offering.beside(run, name), None))
    return {key: None if None in said else said[0] for key, said in found.items()}


def _by_name(found: tuple[str, str | None]) -> tuple[str, str]:
    return found[0], found[1] or ""


def _refusal(run: Running, element: Element | None, task: Task | None) -> str | None:
    try:
        return offering.refusal(run, element, task)
    except ExprError:
        return None  # whoever sends it is told, and so are those who put it right


def _starts_beside(definition: ProcessDefinition, workflow: BpmnWorkflow) -> Iterator[str]:
    for name in workflow.spec.start.trigger_specs:
        for start in definition.specification.called[name].bpmn_start_events:
            yield from _messages(start.event_definition)


def reopening_messages(definition: ProcessDefinition, state: bytes) -> list[str]:
    """The messages by which an instance that rests would be opened again; none for one that does not rest."""
    with definition.lock, determinism.seams("", 0, NEVER) as seam:
        definition.specification.fresh()
        workflow, memory = kept.load(definition.specification, state, whole=False)
        run = Running(definition, workflow, memory, seam, SafeEngine())
        waiting = resting.points(run) if memory.rests is not None else []
        return sorted({n for task, _ in waiting for n in _messages(task.task_spec.event_definition)})


def _messages(event_definition: object) -> list[str]:
    if isinstance(event_definition, MultipleEventDefinition):
        return [n for one in event_definition.event_definitions for n in _messages(one)]
    return [str(event_definition.name)] if isinstance(event_definition, MessageEventDefinition) else []
