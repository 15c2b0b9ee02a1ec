"""Armed timers, after their case moved to another version of its definition.

A timer that says what it said before keeps its instant. A date is worked out anew; one that counts from the moment it
is worked out, and a duration, count again from the instant the timer was armed. A repetition keeps its turn: the next
one comes as long after the last as the new version says; with fewer turns than have been made, one more comes.
"""

from datetime import datetime, timedelta
from typing import Any

from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import (
    CycleTimerEventDefinition,
    DurationTimerEventDefinition,
    TimerEventDefinition,
)
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.task import Task

from service.core.engine.migration_tree import begun, edges_and_waits
from service.core.engine.noticing import timer_moved
from service.core.engine.running import Running, timers_of
from service.core.expressions_timers import cycle, length_of

Said = tuple[type[TimerEventDefinition], str]


def said(run: Running) -> dict[str, Said]:
    """What each armed timer says now, by task id."""
    found = {str(task.id): timer_of(task.task_spec) for task in edges_and_waits(run.workflow)}
    return {task_id: (type(timer), timer.expression) for task_id, timer in found.items() if timer is not None}


def timer_of(spec: TaskSpec) -> TimerEventDefinition | None:
    """The timer an element waits for, alone or beside other events."""
    happening = spec.event_definition
    every = happening.event_definitions if isinstance(happening, MultipleEventDefinition) else [happening]
    return next((each for each in every if isinstance(each, TimerEventDefinition)), None)


def follow(run: Running, before: dict[str, Said]) -> None:
    """Give every armed timer that says something else than ``before`` the instant it now asks for, and tell it."""
    for task in edges_and_waits(run.workflow):
        timer, old = timer_of(task.task_spec), before.get(str(task.id))
        value = task.internal_data.get("event_value")
        if value is None or old == (timer and (type(timer), timer.expression)):
            continue
        if timer is None or old is None:
            task.internal_data.pop("event_value")  # a gateway that waits for a date no more, or for its first
            continue
        turn = isinstance(timer, CycleTimerEventDefinition)
        task.internal_data["event_value"] = _turn(run, task, timer, old[1]) if turn else _as_of(run, task, timer)
    for task, due in timers_of(run.workflow):
        known = run.memory.timers.get(str(task.id))
        if known is not None and known.due != due:
            timer_moved(run, str(task.id), due)  # before anything fires: it would be told with its old instant


def _as_of(run: Running, task: Task, timer: TimerEventDefinition) -> str:
    """The instant of a date or a duration, worked out as if the timer were armed with it then."""
    armed = begun(task)
    run.prepare()
    run.engine.environment.at = armed
    text: str = run.engine.evaluate(task, timer.expression)
    run.prepare()
    return (armed + length_of(text)).isoformat() if isinstance(timer, DurationTimerEventDefinition) else text


def _turn(run: Running, task: Task, timer: TimerEventDefinition, old: str) -> dict[str, Any]:
    run.prepare()
    value = task.internal_data["event_value"]
    total, length = _repeats(run, task, timer.expression)
    former, _ = _repeats(run, task, old)
    last = datetime.fromisoformat(value["next"]) - timedelta(seconds=value["duration"])
    left = total - (former - value["cycles"])
    return {"cycles": max(left, 1), "next": (last + length).isoformat(), "duration": length.total_seconds()}


def _repeats(run: Running, task: Task, expression: str) -> tuple[int, timedelta]:
    times, _, each = cycle(run.engine.environment.evaluate(expression, task.data)).removeprefix("R").partition("/")
    return int(times), length_of(each)
