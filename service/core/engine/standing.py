"""Where a case stands, read from its stored state: its tokens, level by level, and its open tasks. Nothing is run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core import determinism
from service.core.definitions import Element, ProcessDefinition
from service.core.engine import memory as kept
from service.core.engine.markers import NEVER
from service.core.engine.memory import Memory
from service.core.engine.migration_checks import AT_WORK, arrived, is_beside
from service.core.engine.migration_names import CHILD, END, base
from service.core.engine.running import Running, levels, ready_tasks
from service.core.expressions_hooks import SafeEngine


@dataclass(frozen=True, slots=True)
class Token:
    """A place where a case stands: an element at work or waiting, or a way that has reached a join.

    ``came_from`` is the element before a join; ``fired`` are the events on the element's edge that have happened.
    """

    element: str
    came_from: str | None = None
    fired: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Open:
    """An open task: its element and the id of the item it is for."""

    element: Element
    item: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A case as it stands. ``tokens`` is a list of (level, its tokens); tasks are by id."""

    tokens: tuple[tuple[str, tuple[Token, ...]], ...]
    tasks: Mapping[str, Open]
    memory: Memory


def standing(definition: ProcessDefinition, state: bytes) -> Standing:
    """Read a stored state."""
    with _loaded(definition, state) as run:
        open_levels = [level for level in levels(run.workflow) if not level.completed]
        tokens = tuple((level.spec.name, tuple(_tokens(level))) for level in open_levels)
        opened = {str(t.id): (run.element_of(t), run.item_of(t)) for t in ready_tasks(run.workflow)}
        tasks = {i: Open(e, item) for i, (e, item) in opened.items() if e is not None and i in run.memory.tasks}
        return Standing(tokens, tasks, run.memory)


@contextmanager
def _loaded(definition: ProcessDefinition, state: bytes) -> Iterator[Running]:
    with definition.lock, determinism.seams("", 0, NEVER) as seam:
        definition.specification.fresh()
        workflow, memory = kept.load(definition.specification, state)
        yield Running(definition, workflow, memory, seam, SafeEngine())


def _tokens(level: BpmnWorkflow) -> Iterator[Token]:
    for task in sorted((t for t in level.tasks.values() if t.has_state(AT_WORK)), key=lambda t: t.id):
        spec = task.task_spec
        if isinstance(spec, BoundaryEvent | BoundaryEventJoin) or spec.name == level.spec.name + END:
            continue
        if spec.name.endswith(CHILD) or is_beside(level.spec, spec):
            continue  # a repetition is one token however often it is done; work beside the flow is a level of its own
        if isinstance(spec, UnstructuredJoin):
            yield from (Token(spec.name, base(each.parent.task_spec.name)) for each in arrived(task))
        else:
            yield Token(spec.name, fired=frozenset(_fired(task)))


def _fired(task: Task) -> Iterator[str]:
    for edge in task.parent.children if task.parent is not None else ():
        if isinstance(edge.task_spec, BoundaryEvent) and edge.has_state(TaskState.COMPLETED) and edge.task_spec.bpmn_id:
            yield edge.task_spec.bpmn_id
