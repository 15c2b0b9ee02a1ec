"""A case at rest: it waits for nobody, only at places of its diagram that say it counts as ended meanwhile.

Such a place is a catching event or an event-based gateway with the property ``rests`` (the outcome) and a name
(``rests_name``, else its own). Event sub-processes and boundary events listen beside the flow; they keep no case from
resting. Timers go on: what comes opens the case again under its old code, in the history that it has.
"""

from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core.definitions import Element
from service.core.engine.passed import PASSED_EVENT
from service.core.engine.running import Running, ready_tasks, tasks_in
from service.core.events_beside import InstanceReopened, InstanceRested

BESIDE = frozenset({"startEvent", "boundaryEvent"})


def place(run: Running) -> Element | None:
    """The element an instance rests at, the first of several; ``None`` while anything else is waited for."""
    found = points(run)
    if not found or ready_tasks(run.workflow):
        return None
    return next((e for _, e in found), None) if all("rests" in e.properties for _, e in found) else None


def points(run: Running) -> list[tuple[Task, Element]]:
    """What the flow itself waits at, with the engine's task, in the order it came there."""
    catching = (t for t in tasks_in(run.workflow, TaskState.WAITING) if isinstance(t.task_spec, CatchingEvent))
    placed = ((t, run.element_of(t)) for t in catching if t.task_spec.name != PASSED_EVENT)
    return [(t, e) for t, e in placed if e is not None and e.kind not in BESIDE]


def tell(run: Running) -> None:
    """Note whether the instance rests now, and tell it if that has changed."""
    at = place(run)
    rests = at.properties["rests"] if at is not None else None
    if rests == run.memory.rests:
        return
    run.memory.rests = rests
    run.events.append(InstanceReopened() if at is None else InstanceRested(str(rests), name_of(at)))


def name_of(element: Element) -> str:
    """What people read of a case that rests at an element."""
    return element.properties.get("rests_name") or element.name or element.properties["rests"]
