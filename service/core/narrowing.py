"""A case as it is told to who sees only what is their own: the tasks of their group, and that it began, rested, ended.

Promises: what others did leaves no trace in what is given here, neither a step, nor a gap in the numbers, nor a hash,
nor a name, nor a value the process worked out from it. So two cases that differ only in what others did are told alike.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from service.core.chain import Step
from service.core.clock_course import Course
from service.core.clock_courses import declaring
from service.core.definitions import ProcessDefinition
from service.core.engine.markers import Markers

OF_TASKS = frozenset({
    "UserTaskCreated", "UserTaskDueMoved", "UserTaskClaimed", "UserTaskReleased", "UserTaskAssigned",
    "UserTaskDelegated", "UserTaskReturned", "UserTaskCompleted", "UserTaskCancelled", "UserTaskChanged",
})  # fmt: skip
OF_ALL = frozenset({
    "InstanceStarted", "InstanceEnded", "InstanceCancelled", "InstanceSuspended", "InstanceResumed", "InstanceRested",
    "InstanceReopened",
})  # fmt: skip
"""What everybody who knows of a case is told of it: nobody could work in it otherwise."""
OF_ONES_OWN = frozenset({"MessageDelivered", "DepartureMade", "DepartureApproved", "DepartureObjected"})
ELSEWHERE = "Elsewhere"
"""The type of a command that is somebody else's: nothing is told of it."""


def narrowed(steps: Iterable[Step], tasks: Collection[str], account: str) -> list[Step]:
    """Return of ``steps`` what is about ``tasks`` or was done by ``account``, numbered anew and without hashes.

    The actor of what others did is an empty text.
    """
    told: list[Step] = []
    numbers: dict[int, int] = {}
    for step in steps:
        own = step.actor == account or step.command.get("task_id") in tasks
        events = tuple(_renumbered(event, numbers) for event in _own(step.events, tasks, own=own))
        if events:
            told.append(replace(
                step, seq=len(told) + 1, actor=step.actor if own else "", events=events,
                command=step.command if own else _said(step.command), hash="", prev_hash="", state_hash="",
            ))  # fmt: skip
    return told


def _own(events: Sequence[Mapping[str, Any]], tasks: Collection[str], *, own: bool) -> Iterator[Mapping[str, Any]]:
    for event in events:
        kind = event.get("type")
        of_task = kind in OF_TASKS and event.get("task_id") in tasks
        reminder = kind == "ReminderFell" and event.get("subject") == "task" and event.get("key") in tasks
        if of_task or reminder or kind in OF_ALL or (own and kind in OF_ONES_OWN):
            yield event


def _renumbered(event: Mapping[str, Any], numbers: dict[int, int]) -> Mapping[str, Any]:
    """A departure under its number among one's own: how many others made is not told."""
    if event.get("type") not in {"DepartureMade", "DepartureApproved", "DepartureObjected"}:
        return event
    return {**event, "number": numbers.setdefault(event["number"], len(numbers) + 1)}


def _said(command: Mapping[str, Any]) -> Mapping[str, Any]:
    if command.get("type") == "StartInstance":
        return {"type": "StartInstance", "message": command["message"]}
    kept = command.get("type") in {"SuspendInstance", "ResumeInstance", "CancelInstance"}
    return {"type": command["type"] if kept else ELSEWHERE}


def limits(
    definition: ProcessDefinition, courses: Iterable[Course], tasks: Iterable[tuple[str, str | None]],
    agencies: Collection[str],
) -> list[Course]:
    """Return the time limits of one's own tasks, given as (element id, item), and of one's own agencies as items."""
    own = set(tasks)
    return [c for c in courses if c.item in agencies or _beside(definition, c) in own]


def _beside(definition: ProcessDefinition, course: Course) -> tuple[str, str | None]:
    element = declaring(definition, course.key)
    return (element.attached_to or "" if element is not None else "", course.item)


def markers(tasks: Iterable[Any], overdue: Callable[[Any], bool]) -> Markers:
    """Return the marks of one's own tasks, rows with ``process_id``, ``element_id``, ``closed_at`` and ``outcome``."""
    found: dict[str, dict[str, set[str]]] = {}
    for task in tasks:
        kinds = {k: set[str]() for k in ("done", "current", "taken", "overdue")}
        marks = found.setdefault(task.process_id, kinds)
        if task.closed_at is None:
            marks["current"].add(task.element_id)
            if overdue(task):
                marks["overdue"].add(task.element_id)
        elif task.outcome == "completed":
            marks["done"].add(task.element_id)
    return {process: {kind: sorted(ids) for kind, ids in marks.items()} for process, marks in found.items()}
