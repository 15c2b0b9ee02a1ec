"""Which sequence flows a case has taken, read from its stored state. Nothing is run.

A flow is taken when the element it comes from is done and a token of it has reached the element it leads to, also if
that was then withdrawn (by an event on an edge, or because the case ended); behind a gateway that waits for what comes
first, when that did come. Everything counts: sub-processes, event sub-processes, called processes, each turn of a
repetition. Of two flows between the same two elements both are told: see ``definitions.ProcessDefinition.apart``.
"""

from collections.abc import Iterable

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core import determinism
from service.core.definitions import ProcessDefinition
from service.core.engine import memory as kept
from service.core.engine.markers import NEVER
from service.core.engine.running import Running, tasks_in
from service.core.events import Event, TimerFired
from service.core.expressions_hooks import SafeEngine

REACHED = (TaskState.DEFINITE_MASK & ~TaskState.FUTURE) | TaskState.FINISHED_MASK


def taken(definition: ProcessDefinition, state: bytes, events: Iterable[Event]) -> frozenset[tuple[str, str]]:
    """The flows a case took: process id and flow id. ``events`` are all that happened in it."""
    fired = frozenset(way for e in events if isinstance(e, TimerFired) for way in _ways_from(definition, e))
    with definition.lock, determinism.seams("", 0, NEVER) as seam:
        definition.specification.fresh()
        workflow, memory = kept.load(definition.specification, state)
        run = Running(definition, workflow, memory, seam, SafeEngine())
        return fired | frozenset(way for task in tasks_in(workflow, REACHED) for way in _ways_to(run, task))


def _ways_from(definition: ProcessDefinition, fired: TimerFired) -> list[tuple[str, str]]:
    """The ways out of a timer on an edge that went off: what a repeated one began goes when the timer is withdrawn."""
    process = definition.processes[fired.process_id]
    if process.elements[fired.element_id].kind != "boundaryEvent":
        return []
    return [(process.id, f) for (source, _), ids in process.flows.items() if source == fired.element_id for f in ids]


def _ways_to(run: Running, task: Task) -> list[tuple[str, str]]:
    place = run.place_of(task)
    before = _before(task)
    if place is None or before is None or not before.has_state(TaskState.COMPLETED):
        return []
    process, element = place
    flows = run.definition.processes[process].flows.get((before.task_spec.bpmn_id, element), ())
    return [(process, flow) for flow in flows]


def _before(task: Task) -> Task | None:
    """The task of the element a token came from: past what the engine puts between and around elements."""
    element, before = getattr(task.task_spec, "bpmn_id", None), task.parent
    while before is not None and getattr(before.task_spec, "bpmn_id", None) in {None, element}:
        before = before.parent
    return before
