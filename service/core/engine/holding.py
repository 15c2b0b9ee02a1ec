"""Who has an open user task: taken, given back, assigned by somebody else, or delegated for a while.

A delegated task remembers its owner: released, it comes back to the owner and not to the group.
"""

from typing import assert_never

from SpiffWorkflow.task import Task

from service.core.commands import AssignUserTask, ClaimUserTask, DelegateUserTask, ReleaseUserTask
from service.core.engine.memory import OpenTask
from service.core.engine.running import Running, open_task
from service.core.errors import NothingToDo, TaskClosed, TaskHeld
from service.core.events import UserTaskClaimed, UserTaskReleased
from service.core.events_beside import UserTaskAssigned, UserTaskDelegated, UserTaskReturned

HELD = "Somebody else has taken this task."


def require_open(run: Running, task_id: str) -> tuple[Task, OpenTask]:
    """The engine's task and what is remembered of it. Raises ``TaskClosed`` unless it waits for a person now."""
    task = open_task(run, task_id)
    held = run.memory.tasks.get(task_id)
    if task is None or held is None:
        raise TaskClosed("This task is no longer open.")
    return task, held


def hand_over(run: Running, command: ClaimUserTask | ReleaseUserTask | AssignUserTask | DelegateUserTask) -> None:
    """Change who has a task. Raises ``TaskClosed``, ``TaskHeld`` or ``NothingToDo``."""
    _, held = require_open(run, command.task_id)
    match command:
        case ClaimUserTask():
            _claim(run, command, held)
        case ReleaseUserTask():
            _release(run, command, held)
        case AssignUserTask():
            if held.assignee == command.assignee:
                raise NothingToDo("This person already has the task.")
            held.assignee, held.owner = command.assignee, None
            run.events.append(UserTaskAssigned(command.task_id, command.assignee, command.record))
        case DelegateUserTask():
            _delegate(run, command, held)
        case _:
            assert_never(command)


def _claim(run: Running, command: ClaimUserTask, held: OpenTask) -> None:
    if held.assignee == command.assignee:
        raise NothingToDo("You already have this task.")
    if held.owner == command.assignee:  # the owner takes back what was only delegated
        held.assignee, held.owner = command.assignee, None
        run.events.append(UserTaskReturned(command.task_id, command.assignee))
        return
    if held.assignee is not None:
        raise TaskHeld(HELD, assignee=held.assignee)
    held.assignee = command.assignee
    run.events.append(UserTaskClaimed(command.task_id, command.assignee))


def _release(run: Running, command: ReleaseUserTask, held: OpenTask) -> None:
    if held.assignee is None:
        raise NothingToDo("Nobody has taken this task.")
    if held.assignee != command.assignee:
        raise TaskHeld(HELD, assignee=held.assignee)
    held.assignee, held.owner = held.owner, None
    if held.assignee is None:
        run.events.append(UserTaskReleased(command.task_id))
    else:
        run.events.append(UserTaskReturned(command.task_id, held.assignee))


def _delegate(run: Running, command: DelegateUserTask, held: OpenTask) -> None:
    if held.assignee is None or held.assignee != command.owner:
        raise TaskHeld(
            "You can only delegate a task that you have taken." if held.assignee is None else HELD,
            assignee=held.assignee or "",
        )
    if command.assignee == command.owner:
        raise NothingToDo("You already have this task.")
    held.assignee, held.owner = command.assignee, held.owner or command.owner
    run.events.append(UserTaskDelegated(command.task_id, command.owner, command.assignee, command.record))
