"""Older forms of a state brought into today's: offline, for ``service migrate-state``, one version after the other.

SpiffWorkflow has migrations of its own. They expect the specification inside the state, which ours leaves out, and
those from 1.3 and 1.4 stop at any case that is inside a sub-process; so what they mean is said here, on our own form.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.util.task import TaskState

from service.core import values
from service.core.engine import state_form
from service.core.engine.specification import Specification
from service.core.engine.state_form import Form
from service.core.errors import StateDamaged

Specs: TypeAlias = Mapping[str, TaskSpec]
Level: TypeAlias = dict[str, Any]


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
            for specs, level in _levels(specification, kept["workflow"]):
                CONVERSIONS[serializer](specs, level)
        return values.compact(kept).encode()
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as failure:
        raise StateDamaged("The stored state of this case cannot be converted.") from failure


def _levels(specification: Specification, main: dict[str, Any]) -> Iterator[tuple[Specs, Level]]:
    yield specification.main.task_specs, main
    for level in main["subprocesses"].values():
        yield next(s for s in specification.called.values() if s.name == level["spec"]).task_specs, level


def _from_1_3(specs: Specs, level: Level) -> None:
    """Since 1.4 a level keeps whether it is completed, and a repetition that has begun no longer waits and asks."""
    level["completed"] = all(task["state"] & TaskState.FINISHED_MASK for task in level["tasks"].values())
    for task in level["tasks"].values():
        if isinstance(specs[task["task_spec"]], LoopTask) and task["state"] == TaskState.WAITING:
            task["state"] = TaskState.STARTED


def _from_1_4(specs: Specs, level: Level) -> None:
    """Version 1.5 changed the specification of event-based gateways, which the definition gives anew, and no task."""


CONVERSIONS: dict[str, Callable[[Specs, Level], None]] = {"1.3": _from_1_3, "1.4": _from_1_4}
