"""Older forms of a state brought into today's: offline, for ``service migrate-state``, one version after the other.

SpiffWorkflow has migrations of its own. They expect the specification inside the state, which ours leaves out, and
those from 1.3 and 1.4 stop at any case that is inside a sub-process; so what they mean is said here, on our own form.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.util.task import TaskState

from service.core import values
from service.core.engine import state_form
from service.core.engine.specification import Specification
from service.core.engine.state_form import Form
from service.core.errors import StateDamaged

Tasks = Iterator[tuple[TaskSpec, dict[str, Any]]]


def convert(specification: Specification, form: Form, state: bytes) -> bytes:
    """Return ``state`` as today's form writes it. Raises ``StateDamaged`` for a form that cannot be converted."""
    if state_form.is_current(form):
        return state
    if not state_form.is_older(form):
        raise StateDamaged(state_form.refusal(form))
    first = state_form.CONVERTED.index(form.serializer)
    try:
        kept = json.loads(state)
        for serializer in state_form.CONVERTED[first:]:
            for spec, task in _tasks(specification, kept["workflow"]):
                CONVERSIONS[serializer](spec, task)
        return values.compact(kept).encode()
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as failure:
        raise StateDamaged("The stored state of this case cannot be converted.") from failure


def _tasks(specification: Specification, main: Mapping[str, Any]) -> Tasks:
    for task in main["tasks"].values():
        yield specification.main.task_specs[task["task_spec"]], task
    for level in main["subprocesses"].values():
        spec = next(s for s in specification.called.values() if s.name == level["spec"])
        for task in level["tasks"].values():
            yield spec.task_specs[task["task_spec"]], task


def _from_1_3(spec: TaskSpec, task: dict[str, Any]) -> None:
    """Since 1.4 a repetition that has begun is told when a turn ends; before, it waited and asked."""
    if isinstance(spec, LoopTask) and task["state"] == TaskState.WAITING:
        task["state"] = TaskState.STARTED


def _from_1_4(spec: TaskSpec, task: dict[str, Any]) -> None:
    """Version 1.5 changed the specification of event-based gateways, which the definition gives anew, and no task."""


CONVERSIONS: dict[str, Callable[[TaskSpec, dict[str, Any]], None]] = {"1.3": _from_1_3, "1.4": _from_1_4}
