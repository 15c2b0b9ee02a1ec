"""Sub-processes and called processes that have come to their end: kept as they were written, and never built again.

Most of what a long case remembers is finished, and no step looks at it. Promises: the bytes of a state are the same
as if everything had been built; what another level still waits for is never left aside.
"""

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

Levels = dict[str, Any]
"""Written levels, each by the id of the task that called it."""


def take_out(written: dict[str, Any]) -> Levels:
    """Remove the finished levels from a written workflow and return them."""
    below = written["subprocesses"]
    callers = {task_id: level for level in (written, *below.values()) for task_id in level["tasks"]}
    going_on: set[str] = {called for called, level in below.items() if not _is_done(level)}
    going_on |= {called for called in below if not _ended(callers[called]["tasks"][called])}
    waiting = list(going_on)
    while waiting:  # what a level that goes on hangs on, goes on too
        above = callers[waiting.pop()].get("parent_task_id")
        if above is not None and above not in going_on:
            going_on.add(above)
            waiting.append(above)
    done = {called: level for called, level in below.items() if called not in going_on}
    written["subprocesses"] = {called: level for called, level in below.items() if called in going_on}
    return done


def still_hanging(done: Levels, workflow: BpmnWorkflow) -> Levels:
    """The finished levels without those that nothing calls any more: see ``running.let_go_of_cancelled``."""
    levels = (workflow, *workflow.subprocesses.values())
    living = {str(task_id) for level in levels for task_id in level.tasks}
    left = dict(done)
    hanging: Levels = {}
    while more := {called: level for called, level in left.items() if called in living}:
        hanging |= more
        living = {task_id for level in more.values() for task_id in level["tasks"]}
        left = {called: level for called, level in left.items() if called not in more}
    return hanging


def _is_done(level: Mapping[str, Any]) -> bool:
    return level["completed"] is True and all(map(_ended, level["tasks"].values()))


def _ended(task: Mapping[str, Any]) -> bool:
    return bool(task["state"] & TaskState.FINISHED_MASK)
