"""A case's task tree, carried over to another version of its definition.

In two halves. ``translated`` works on the tree as it is written down: what lies ahead is left out, everything else is
given its new element, or one of the two of ``engine.passed`` if the new version has none. ``settle_in`` works on the
tree as the new version's specification loads it: what lies ahead is drawn anew, events on the edge of a step at work
are armed or taken away, and timers follow what they now say. Nothing that was done is done again.

SpiffWorkflow has a migration of its own (``bpmn.util.diff``). It is not used: it resets what waits and runs it again,
so tasks would get other ids, clocks would start anew and events on the edge of a step would be lost; its search for
elements without their old id guesses by the shape of the diagram; and it leaves tasks on the old specification's
elements, which cannot be saved.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import BoundaryEventSplit
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core.engine.migration_checks import AHEAD, AT_WORK, is_beside, same
from service.core.engine.migration_names import SPLIT, Names
from service.core.engine.passed import PASSED, PASSED_EVENT
from service.core.engine.running import Running, levels


def translated(names: Names, workflow: BpmnWorkflow, written: dict[str, Any]) -> dict[str, Any]:
    """The tree ``written``, that of ``workflow``, in the words of the new version. It has passed the checks."""
    inside = written["subprocesses"]
    kept = {str(s.parent_task_id) for s in workflow.subprocesses.values() if _goes_on(names, workflow, s)}
    written["subprocesses"] = {task_id: inside[task_id] for task_id in sorted(inside) if task_id in kept}
    for level in levels(workflow):
        process = names.process(level.spec.name, main=level is workflow)
        part = written if level is workflow else written["subprocesses"].get(str(level.parent_task_id))
        if part is not None and process is not None:
            _translate(names, level, process, part["tasks"])
            if level is not workflow:
                part["spec"] = process.name
    return written


def _goes_on(names: Names, workflow: BpmnWorkflow, level: BpmnWorkflow) -> bool:
    """Whether the new version has the activity a sub-process belongs to, and runs the same process there."""
    host = workflow.get_task_from_id(level.parent_task_id)
    outer = names.process(host.workflow.spec.name, main=host.workflow is workflow)
    new = same(names, host, outer) if outer is not None else None
    return isinstance(new, SubWorkflowTask) and new.spec == names.level(host.task_spec.spec) and (
        names.process(level.spec.name) is not None
    )  # fmt: skip


def _translate(names: Names, level: BpmnWorkflow, process: BpmnProcessSpec, tasks: dict[str, Any]) -> None:
    for task_id, part in list(tasks.items()):
        task = level.tasks[UUID(task_id)]
        part["children"] = [str(c.id) for c in task.children if not c.has_state(AHEAD)]
        if task.has_state(AHEAD):
            del tasks[task_id]
            continue
        new = same(names, task, process)
        if new is None and task.has_state(AT_WORK):
            part["state"] = TaskState.CANCELLED
        gone = PASSED_EVENT if isinstance(task.task_spec, BoundaryEvent) else PASSED
        part["task_spec"] = new.name if new is not None else gone


def settle_in(run: Running) -> None:
    """Draw anew what lies ahead, and arm what is new on the edges of what is at work."""
    for level in list(levels(run.workflow)):
        for task in _in_order(level, AT_WORK):
            _insert_split(task)
        for task in _in_order(level, AT_WORK):
            _look_ahead(task)
    run.prepare()
    for level in list(levels(run.workflow)):
        for task in _in_order(level, AT_WORK):
            _arm_edges(task)
        _arm_beside(level)
    for level in list(levels(run.workflow)):
        level.update_waiting_tasks()


def _in_order(level: BpmnWorkflow, state: int) -> list[Task]:
    return sorted((t for t in level.tasks.values() if t.has_state(state)), key=lambda t: t.id)


def _insert_split(task: Task) -> None:
    """A step that has events on its edge hangs on an element of the engine's own: give it one if it had none."""
    split = task.workflow.spec.task_specs.get(task.task_spec.name + SPLIT)
    if split is None or task.parent.task_spec is split:
        return
    above = task.parent
    between = Task(task.workflow, split, above, state=TaskState.COMPLETED)
    between.data = dict(above.data)
    above._children = [between.id if c == task.id else c for c in above._children if c != between.id]
    between._children, task._parent = [task.id], between.id


def _look_ahead(task: Task) -> None:
    task.task_spec._predict_hook(task)
    for child in task.children:
        if child.has_state(AHEAD):
            child.task_spec._predict(child, looked_ahead=1, mask=AHEAD)


def _arm_edges(task: Task) -> None:
    """Arm the events on a step's edge that this run of it has not had yet. A duration counts from now."""
    split = task.parent
    on_edge = isinstance(task.task_spec, BoundaryEvent)
    if split is None or on_edge or not isinstance(split.task_spec, BoundaryEventSplit):
        return
    known = {child.task_spec.name for child in split.children}
    for event in split.task_spec.outputs:
        if event.name not in known:
            _begin(split, event)


def _arm_beside(level: BpmnWorkflow) -> None:
    """Event sub-processes that wait for a date begin with the level they stand in; one that is new begins now."""
    start = level.task_tree
    known = {child.task_spec.name for child in start.children}
    for spec in start.task_spec.outputs:
        if is_beside(level.spec, spec) and spec.name not in known and not level.completed:
            _begin(start, spec)


def _begin(above: Task, spec: TaskSpec) -> None:
    task = above._add_child(spec, TaskState.FUTURE)
    spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)
    spec._update(task)


def edges_and_waits(workflow: BpmnWorkflow) -> Iterator[Task]:
    """Everything that waits for something to happen, in the order it was begun."""
    waiting = (t for level in levels(workflow) for t in level.tasks.values() if t.has_state(TaskState.WAITING))
    yield from sorted((t for t in waiting if hasattr(t.task_spec, "event_definition")), key=lambda t: t.id)


def begun(task: Task) -> datetime:
    """The instant a waiting task began to wait."""
    return datetime.fromtimestamp(task.last_state_change, UTC)
