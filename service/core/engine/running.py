"""One instance while a step is taken: the engine, its virtual time, and the events told so far.

Openings and closings are found by comparing what waits now with what waited before (``notice``), after every stretch
of automatic work, so each carries the virtual instant it happened at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import CycleTimerEventDefinition, TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core.calendar import end_of_day
from service.core.definitions import Element, ProcessDefinition
from service.core.determinism import Seam
from service.core.engine.memory import Memory, departures_counted, task_of
from service.core.errors import StepFailed
from service.core.events import Event
from service.core.expressions_hooks import SafeEngine
from service.core.placeholders import fill

TICK = timedelta(microseconds=1)  # the engine's comparison is strict: a timer fires just after its due instant
DEPTH = 900  # the engine stops seeing ready tasks at 1,000
TOO_DEEP = "The case has gone round too often to go on safely."


@dataclass(slots=True)
class Running:
    """An instance being stepped. ``events`` grows in the order things happen."""

    definition: ProcessDefinition
    workflow: BpmnWorkflow
    memory: Memory
    seam: Seam
    engine: SafeEngine
    events: list[Event] = field(default_factory=list)

    def prepare(self) -> None:
        """Let expressions see the variables, the clocks and the virtual instant as they are now."""
        environment = self.engine.environment
        # Set again before every use: clocks, time and variables all move while the engine is at work.
        environment.variables = self.memory.variables
        environment.lists = self.definition.specification.lists
        environment.clocks = self.memory.clocks
        environment.extra = {**self.definition.supplied, **departures_counted(self.memory.departures)}
        environment.at = self.seam.now

    def evaluate(self, task: Task, expression: str, **names: object) -> Any:
        """Evaluate an expression of the diagram as ``task`` sees it."""
        return self.engine.evaluate(task, expression, names)

    def told(self, task: Task, text: str) -> str:
        """A text of the diagram about ``task``, its places filled from the case as it stands now."""
        return self.filled(task.data, text)

    def filled(self, data: Mapping[str, Any], text: str) -> str:
        """A text of the diagram with its places filled, as a task with this data sees the case."""
        if "{" not in text:
            return text
        self.prepare()
        return fill(text, self.definition.telling(self.engine.environment.seen(data, text)))

    def item_of(self, task: Task) -> str | None:
        """The id of the innermost multi-instance item a task runs for."""
        found = [task.data[name] for name in self.definition.specification.lists if name and name in task.data]
        return None if not found else str(found[-1]["id"] if isinstance(found[-1], dict) else found[-1])

    def place_of(self, task: Task) -> tuple[str, str] | None:
        """The process id and element id of a task, or ``None`` for the engine's own joins and splits."""
        element = getattr(task.task_spec, "bpmn_id", None)
        if element is None:
            return None
        name = task.workflow.spec.name
        if name in self.definition.processes and element in self.definition.processes[name].elements:
            return name, element
        for process in self.definition.processes.values():
            if name in process.elements and element in process.elements:
                return process.id, element
        return None

    def element_of(self, task: Task) -> Element | None:
        """The diagram's element of a task, if it has one."""
        place = self.place_of(task)
        return self.definition.element(*place) if place else None


def levels(workflow: BpmnWorkflow) -> Iterator[Any]:
    """The instance and every sub-process of it, in the order they were made."""
    yield workflow
    # Sorted: ids are drawn in order, and the mapping's own order is lost when the state is written with sorted keys.
    for task_id in sorted(workflow.subprocesses):
        yield workflow.subprocesses[task_id]


def let_go_of_cancelled(workflow: BpmnWorkflow) -> None:
    """Let go of sub-processes that nothing calls any more.

    When a repeated call is cancelled SpiffWorkflow removes its items without cancelling what they had called: their
    tasks would stay open, hanging on nothing.
    """
    while True:
        living = {task_id for level in levels(workflow) for task_id in level.tasks}
        left = [called for called in workflow.subprocesses if called not in living]
        if not left:
            return
        for called in left:
            del workflow.subprocesses[called]


def tasks_in(workflow: BpmnWorkflow, state: int) -> list[Task]:
    """Every task in one of the states of the mask, in the order they were made: never by walking, which is bounded."""
    found = [t for level in levels(workflow) for t in level.tasks.values() if t.has_state(state)]
    return sorted(found, key=lambda t: t.id)


def ready_tasks(workflow: BpmnWorkflow) -> list[Task]:
    """Every task that could run now."""
    return tasks_in(workflow, TaskState.READY)


def timers_of(workflow: BpmnWorkflow) -> Iterator[tuple[Task, datetime]]:
    """Every armed timer with its instant."""
    for task in tasks_in(workflow, TaskState.WAITING):
        kept = task.internal_data.get("event_value")
        if kept is not None and has_timer(task):
            text = kept["next"] if isinstance(kept, dict) else kept
            yield task, datetime.fromisoformat(text)


def has_timer(task: Task) -> bool:
    """Whether a task waits for a timer, alone or beside other events."""
    if not isinstance(task.task_spec, CatchingEvent):
        return False
    return isinstance(task.task_spec.event_definition, TimerEventDefinition | MultipleEventDefinition)


def is_cycle(task: Task) -> bool:
    """Whether a timer comes again and again."""
    return isinstance(task.task_spec.event_definition, CycleTimerEventDefinition)


def as_instant(value: object) -> datetime | None:
    """A due value of a diagram as an instant: a date means the end of that day in London."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return end_of_day(value)
    raise StepFailed("A due date must be a date.")


def check_alive(run: Running) -> None:
    """Refuse a step that would leave the instance silently dead (nothing to wait for, or too deep to be seen)."""
    if run.workflow.completed:
        return
    waiting = tasks_in(run.workflow, TaskState.WAITING | TaskState.READY)
    if any(t.has_state(TaskState.ERROR) for t in tasks_in(run.workflow, TaskState.ERROR)):
        raise StepFailed("A step of the process failed.")
    if not any(t.task_spec.manual if t.has_state(TaskState.READY) else _waits(t) for t in waiting):
        raise StepFailed("The case would wait for nobody and nothing.")
    if any(t.depth > DEPTH for t in waiting):
        raise StepFailed(TOO_DEEP)


def _waits(task: Task) -> bool:
    return isinstance(task.task_spec, CatchingEvent)


def main_child(task: Task) -> Task | None:
    """The activity that a boundary event's task hangs on."""
    parent = task.parent
    if parent is None:
        return None
    return next((c for c in parent.children if not isinstance(c.task_spec, CatchingEvent)), None)


def open_task(run: Running, task_id: str) -> Task | None:
    """The task with this id if it waits for a person now."""
    task = task_of(run.workflow, task_id)
    if task is None or not task.has_state(TaskState.READY) or not task.task_spec.manual:
        return None
    return task


def rearm(run: Running, fired: Task) -> Task:
    """Arm a boundary timer again after it fired; its host is still at work."""
    split = fired.parent
    if split is None:
        raise StepFailed("A clock has lost the activity it belongs to.")
    # The engine arms a boundary event only when its host starts: a second time has to be done by hand.
    again = split._add_child(fired.task_spec, TaskState.FUTURE)
    again.triggered = True
    run.prepare()
    fired.task_spec._predict(again, mask=TaskState.NOT_FINISHED_MASK)
    fired.task_spec._update(again)
    return again
