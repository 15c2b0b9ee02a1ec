"""Whether a case can stand in another version of its definition, and every reason why not.

Looked at is what waits or is at work, wherever in the case it is; what lies behind needs no place in the new version,
and what lies ahead is drawn anew.
"""

from collections.abc import Iterator

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin, BoundaryEventSplit, EventSplit
from SpiffWorkflow.bpmn.specs.event_definitions.timer import CycleTimerEventDefinition, TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.events.start_event import StartEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import MultiInstanceTask
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.specs.Join import Join
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core.diagram_words import kind_words
from service.core.engine.memory import Memory
from service.core.engine.migration_names import END, Names, base
from service.core.engine.running import levels
from service.core.errors import Problem

AT_WORK = TaskState.WAITING | TaskState.READY | TaskState.STARTED
AHEAD = TaskState.FUTURE | TaskState.PREDICTED_MASK
GONE = "and the new version has no such step here. Name the step that takes its place."


def problems(names: Names, workflow: BpmnWorkflow, memory: Memory) -> list[Problem]:
    """Every reason why a case cannot be moved, in the order its steps were begun; none if it can."""
    found: list[Problem] = []
    lost: set[object] = set()  # activities that are refused themselves: what is inside them is not looked at
    for level in levels(workflow):
        if level.parent_task_id is not None and (level.parent_task_id in lost or _over(workflow, level)):
            lost.update(level.tasks)
            continue
        if names.process(level.spec.name, main=level is workflow) is None:
            found.append(_no_process(level))
            lost.update(level.tasks)
            continue
        for task in sorted((t for t in level.tasks.values() if t.has_state(AT_WORK)), key=lambda t: t.id):
            reasons = [] if is_at_rest(task) else [*_task(names, level is workflow, task)]
            lost.update([task.id] if reasons or is_at_rest(task) else [])
            found.extend(reasons)
    found.extend(_end(names, workflow, memory))
    return found


def _over(workflow: BpmnWorkflow, level: BpmnWorkflow) -> bool:
    host = workflow.get_task_from_id(level.parent_task_id)
    return bool(host.has_state(TaskState.FINISHED_MASK))


def is_at_rest(task: Task) -> bool:
    """Whether this is an event sub-process that only waits for its start: it may go, or come, with a version."""
    if not is_beside(task.workflow.spec, task.task_spec):
        return False
    inside = task.workflow.top_workflow.subprocesses.get(task.id)
    live = [] if inside is None else [t for t in inside.tasks.values() if t.has_state(AT_WORK)]
    return bool(live) and all(isinstance(t.task_spec, StartEvent) for t in live)


def is_beside(process: BpmnProcessSpec, spec: TaskSpec) -> bool:
    """Whether an element is an event sub-process: the engine hangs these on the start of their level."""
    start = process.start
    return isinstance(spec, SubWorkflowTask) and spec.name in {*start.trigger_specs, *start._outputs}


def _task(names: Names, main: bool, task: Task) -> Iterator[Problem]:  # noqa: FBT001 - which of two kinds of level
    level, old = task.workflow.spec.name, task.task_spec
    if isinstance(old, BoundaryEvent | BoundaryEventJoin | BoundaryEventSplit) or old.name == level + END:
        return
    process = names.process(level, main=main)
    new = process.task_specs.get(names.spec_name(level, old.name)) if process is not None else None
    waits = _state(names, task)
    if new is None or process is None:
        yield _problem(names, task, f"{waits}, {GONE}")
    elif type(new) is not type(old) or is_beside(process, new) != is_beside(task.workflow.spec, old):
        yield _problem(names, task, f"{waits}, and in the new version it is of another kind{_kinds(names, task, new)}.")
    elif isinstance(old, UnstructuredJoin):
        yield from _join(names, task, new, process)
    elif isinstance(old, MultiInstanceTask):
        yield from _repeated(names, task, new)
    elif isinstance(old, SubWorkflowTask) and new.spec != names.level(old.spec):
        wanted = f"Name the process that takes the place of “{old.spec}”."
        yield _problem(names, task, f"{waits}, and in the new version it runs another process: “{new.spec}”. {wanted}")
    elif isinstance(old, CatchingEvent) and family(old) != family(new):
        yield _problem(names, task, f"{waits}, and the new version waits for something else there.")


def _join(names: Names, task: Task, new: TaskSpec, process: BpmnProcessSpec) -> Iterator[Problem]:
    """A join that some ways have reached: it counts them by where they came from."""
    level = task.workflow.spec.name
    before = {names.spec_name(level, spec.name): spec for spec in task.task_spec.inputs}
    gone = [names.words(level, before[name]) for name in sorted(before.keys() - set(new._inputs))]
    come = [_new_words(names, level, base(name)) for name in sorted(set(new._inputs) - before.keys())]
    ways = [f"the way from “{name}” is gone" for name in gone] + [f"a way from “{name}” is new" for name in come]
    lost = [t.parent.task_spec for t in arrived(task) if same(names, t.parent, process) is None]
    ways = ways or [f"“{names.words(level, spec)}” is of another kind now" for spec in lost]
    if ways:
        reached = f"some ways have reached “{names.words(level, task.task_spec)}” already"
        yield _problem(names, task, f"{reached}, and in the new version other ways meet there: {'; '.join(ways)}.")


def arrived(waiting: Task) -> Iterator[Task]:
    """The arrivals at a join that waits: the engine lets only the latest wait, and cancels the others.

    Those of an earlier round of a loop are over.
    """
    every = [t for t in waiting.workflow.tasks.values() if t.task_spec is waiting.task_spec]
    rounds = [t for t in every if waiting.is_descendant_of(t)]
    for task in every:
        here = task.has_state(TaskState.WAITING | TaskState.CANCELLED) and task.parent.has_state(TaskState.COMPLETED)
        if here and all(task.is_descendant_of(earlier) for earlier in rounds):
            yield task


def _repeated(names: Names, task: Task, new: MultiInstanceTask) -> Iterator[Problem]:
    old = task.task_spec
    if _repetition(old) != _repetition(new):
        listed = f"for each of “{_repetition(old)[0]}”"
        yield _problem(names, task, f"{_state(names, task)} {listed}, and the new version repeats it otherwise.")


def _repetition(spec: MultiInstanceTask) -> tuple[str, str, str | None]:
    listed = spec.data_input.bpmn_id if spec.data_input is not None else ""
    return listed, spec.input_item.bpmn_id if spec.input_item is not None else "", spec.cardinality


def same(names: Names, task: Task, process: BpmnProcessSpec) -> TaskSpec | None:
    """The element of the new version that a task goes on at, or ``None`` if it has none of the same kind.

    A plain step that is done stays that step whatever its kind is now.
    """
    level, old = task.workflow.spec.name, task.task_spec
    new = process.task_specs.get(names.spec_name(level, old.name))
    if new is None or is_beside(process, new) != is_beside(task.workflow.spec, old):
        return None
    if type(new) is not type(old):
        return new if task.has_state(TaskState.FINISHED_MASK) and _plain(old) and _plain(new) else None
    if isinstance(old, BoundaryEvent):
        split = process.task_specs.get(names.spec_name(level, task.parent.task_spec.name))
        if split is None or new.name not in split._outputs or family(new) != family(old):
            return None
    return new


def _plain(spec: TaskSpec) -> bool:
    return not isinstance(spec, BoundaryEvent | Join | EventSplit | SubWorkflowTask | MultiInstanceTask)


def family(spec: TaskSpec) -> str:
    """What kind of happening an event waits for. Dates and durations may take each other's place, repetitions not."""
    happening = spec.event_definition
    if isinstance(happening, CycleTimerEventDefinition):
        return "repetition"
    return "timer" if isinstance(happening, TimerEventDefinition) else type(happening).__name__


def _end(names: Names, workflow: BpmnWorkflow, memory: Memory) -> Iterator[Problem]:
    """Once the main flow has ended and only work beside it goes on, its end must still be one in the new version."""
    if memory.end is None or new_end(names, memory) is not None:
        return
    top = workflow.spec.name
    live = (t.task_spec for t in workflow.tasks.values() if t.has_state(AT_WORK))
    if not any(spec.name != top + END and not is_beside(workflow.spec, spec) for spec in live):
        drawn = names.drawn(top, memory.end)
        called = (drawn.name if drawn is not None else "") or memory.end
        yield Problem(names.key(top, memory.end), f"“{called}” has been reached, and the new version has no such end.")


def new_end(names: Names, memory: Memory) -> str | None:
    """The new id of the end the main flow has reached, if the new version has it."""
    drawn = names.redrawn(names.former.main, names.element(names.former.main, memory.end)) if memory.end else None
    return drawn.id if drawn is not None and drawn.ends_process else None


def _no_process(level: BpmnWorkflow) -> Problem:
    called = f"“{level.spec.description or level.spec.name}”"
    mend = "Name the process that takes its place."
    return Problem(level.spec.name, f"{called} is at work, and the new version has no such process. {mend}")


def _problem(names: Names, task: Task, text: str) -> Problem:
    return Problem(names.key(task.workflow.spec.name, base(task.task_spec.name)), text)


def _state(names: Names, task: Task) -> str:
    at_work = task.has_state(TaskState.STARTED)
    return f"“{names.words(task.workflow.spec.name, task.task_spec)}” is {'at work' if at_work else 'waiting'}"


def _new_words(names: Names, level: str, element_id: str) -> str:
    drawn = names.redrawn(level, element_id)
    return (drawn.name if drawn is not None else "") or element_id


def _kinds(names: Names, task: Task, new: TaskSpec) -> str:
    level = task.workflow.spec.name
    old = names.drawn(level, base(task.task_spec.name))
    drawn = names.redrawn(level, base(new.name))
    if old is None or drawn is None or old.kind == drawn.kind:
        return ""
    return f": a {kind_words(drawn.kind)} instead of a {kind_words(old.kind)}"
