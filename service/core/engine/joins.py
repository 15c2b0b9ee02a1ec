"""Joins that keep the turns of a loop apart, and wait for work that can still arrive.

SpiffWorkflow lets a join of an earlier turn count for a later one, so that parallel ways inside a loop are joined only
the first time: from the second turn on each way goes on alone. Its inclusive join also overlooks sub-processes and
repeated steps that are still at work. Here a join counts the tokens that arrived since it last fired on its own way
(BPMN 2.0, 13.4.1 and 13.4.3).
"""

from collections import Counter
from collections.abc import Iterable

from SpiffWorkflow.bpmn.parser.BpmnParser import full_tag
from SpiffWorkflow.bpmn.parser.task_parsers import ConditionalGatewayParser, GatewayParser
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin
from SpiffWorkflow.bpmn.specs.defaults import InclusiveGateway, ParallelGateway
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.deep_merge import DeepMerge
from SpiffWorkflow.util.task import TaskState

FIRED = TaskState.READY | TaskState.STARTED | TaskState.COMPLETED
AT_WORK = TaskState.READY | TaskState.STARTED | TaskState.WAITING


class ParallelJoin(ParallelGateway):
    """Fires once a token has come on every way in, and once for each such set."""

    def _check_threshold_unstructured(self, my_task: Task) -> bool:
        turn = _turn(my_task)
        come = Counter(t.parent.task_spec.name for t in turn if _arrived(t))
        fired = sum(1 for t in turn if t is not my_task and t.has_state(FIRED))
        return all(come[name] >= count * (fired + 1) for name, count in Counter(s.name for s in self.inputs).items())

    def _run_hook(self, my_task: Task) -> bool:
        _merge(my_task)
        return True


class InclusiveJoin(InclusiveGateway):
    """Fires once no token elsewhere can still come on a way in that is empty, unless it could also take a full one."""

    def _check_threshold_unstructured(self, my_task: Task) -> bool:
        turn = _turn(my_task)
        again = any(t is not my_task and t.has_state(FIRED) for t in turn)
        full = {t.parent.task_spec.name for t in turn if _arrived(t) and not (again and t.has_state(~AT_WORK))}
        empty = {s.name for s in self.inputs} - full
        for spec in _at_work_elsewhere(my_task):
            ways = _ways_to(self, spec)
            if ways & empty and not ways & full:
                return False
        return True

    def _run_hook(self, my_task: Task) -> bool:
        _merge(my_task)
        matches, defaults = self._get_matching_outputs(my_task)
        chosen = matches or defaults
        if not chosen:
            raise ValueError(f"No way out of the gateway “{self.bpmn_name or self.bpmn_id}” has a true condition.")
        my_task._sync_children(chosen, TaskState.FUTURE)
        for child in my_task.children:
            child.task_spec._predict(child, mask=TaskState.FUTURE | TaskState.PREDICTED_MASK)
        return True


class DiagramParser(SpiffBpmnParser):
    """SpiffWorkflow's reading of a diagram, with our joins."""

    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - the engine's own name and form
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("parallelGateway"): (GatewayParser, ParallelJoin),
        full_tag("inclusiveGateway"): (ConditionalGatewayParser, InclusiveJoin),
    }


def _turn(my_task: Task) -> list[Task]:
    """Every task of this join that came by the same turn: since the join last fired on the way to ``my_task``."""
    last = _last_fired(my_task)
    found = (t for t in my_task.workflow.tasks.values() if t.task_spec is my_task.task_spec)
    return [t for t in found if t.parent is not None and _last_fired(t) is last]


def _last_fired(task: Task) -> Task | None:
    spec, before = task.task_spec, task.parent
    while before is not None and not (before.task_spec is spec and before.has_state(TaskState.COMPLETED)):
        before = before.parent
    return before


def _arrived(task: Task) -> bool:
    return bool(task.parent.has_state(TaskState.COMPLETED))


def _merge(my_task: Task) -> None:
    """Bring together what the ways carry, the later winning."""
    others = [t for t in _turn(my_task) if t is not my_task and t.has_state(TaskState.FINISHED_MASK)]
    for task in sorted(others, key=lambda t: (t.last_state_change, str(t.id))):
        DeepMerge.merge(my_task.data, task.parent.data)
    my_task._inherit_data()


def _at_work_elsewhere(my_task: Task) -> Iterable[TaskSpec]:
    """Where tokens are, other than at this join, and which boundary events may still set one going."""
    for task in my_task.workflow.tasks.values():
        spec = task.task_spec
        if task.has_state(AT_WORK) and spec is not my_task.task_spec and not isinstance(spec, BoundaryEventJoin):
            yield spec


def _ways_to(join: TaskSpec, start: TaskSpec) -> set[str]:
    """The ways into ``join`` that a token at ``start`` may still take, not passing the join itself."""
    found: set[str] = set()
    seen, waiting = {start.name}, [start]
    while waiting:
        here = waiting.pop()
        for after in here.outputs:
            if after is join:
                found.add(here.name)
            elif after.name not in seen:
                seen.add(after.name)
                waiting.append(after)
    return found
