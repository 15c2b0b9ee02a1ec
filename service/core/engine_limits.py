"""How often a diagram may make the engine do something by itself: the limits SpiffWorkflow does not have.

The gate refuses what would pass these limits, as far as a text can show it. Here they hold while a case runs, whatever
the data says and however the diagram got in: a loop, a number of repetitions, a process that calls itself, a cell of a
decision table each end in a ``WorkflowTaskException``, never in a worker that hangs. Importing this module is enough.
"""

from collections.abc import Callable
from typing import Any

from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import MultiInstanceTask, StandardLoopTask
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.dmn.engine.DMNEngine import DMNEngine
from SpiffWorkflow.task import Task

from service.core.expressions_reading import CHARACTERS
from service.core.expressions_values import ExprError

MOST_INSTANCES = 1_000
MOST_TURNS = 200
MOST_CALLS_DEEP = 30
MOST_MARKS = 20


def instances(count: object) -> int:
    """The number of times to repeat a step. ExprError unless it is a whole number from 0 to 1,000."""
    if type(count) is not int or not 0 <= count <= MOST_INSTANCES:
        raise ExprError(f"a step is repeated a whole number of times, at most {MOST_INSTANCES:,}")
    return count


def is_number_of_instances(task: Task, expression: str) -> bool:
    """Whether the expression says how often a task is repeated."""
    return isinstance(task.task_spec, MultiInstanceTask) and task.task_spec.cardinality == expression


def _before(owner: type, name: str, problem: Callable[..., str | None]) -> None:
    """Ask ``problem`` before a method of the engine runs; what it answers is raised instead."""
    method = getattr(owner, name)

    def limited(spec: Any, *given: Any) -> Any:
        wrong = problem(spec, *given)
        if wrong:
            raise WorkflowTaskException(wrong, task=next(each for each in given if isinstance(each, Task)))
        return method(spec, *given)

    setattr(owner, name, limited)


def _one_turn_more(_spec: StandardLoopTask, task: Task) -> str | None:
    done = len(task.internal_data.get("merged", ()))
    return f"a loop goes round at most {MOST_TURNS} times" if done >= MOST_TURNS else None


def _one_instance_more(_spec: MultiInstanceTask, task: Task, *_item: object) -> str | None:
    made = len(task.children)
    return f"a step is repeated at most {MOST_INSTANCES:,} times" if made >= MOST_INSTANCES else None


def _one_call_deeper(_spec: SubWorkflowTask, task: Task) -> str | None:
    level, deep = task.workflow, 0
    while level is not level.top_workflow:
        level, deep = level.parent_workflow, deep + 1
    return f"processes call each other more than {MOST_CALLS_DEEP} deep" if deep >= MOST_CALLS_DEEP else None


def _cell(_engine: DMNEngine, _subject: object, cell: object, _task: Task) -> str | None:
    # The engine looks for the marks with a pattern that takes the square of the cell's length.
    if isinstance(cell, str) and (len(cell) > CHARACTERS or cell.count("?") > MOST_MARKS):
        return f"a cell has at most {CHARACTERS:,} characters, and {MOST_MARKS} times ?"
    return None


_before(StandardLoopTask, "create_child", _one_turn_more)
_before(MultiInstanceTask, "create_child", _one_instance_more)
_before(SubWorkflowTask, "start_workflow", _one_call_deeper)
_before(DMNEngine, "evaluate", _cell)
