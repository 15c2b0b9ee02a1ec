"""Moving a running case to another version of its definition: the middle of a step, between time and what follows.

Promises: nothing that was done is done again, and nobody's work is lost; a task that stays keeps its id, its holder
and the instant it was opened. Every reason against a move is told at once, and then nothing has changed. What is
different afterwards is told as events: first ``InstanceMigrated``, then what the case's tasks, timers and time limits
now say; what opens and closes with it is noticed as in any other step.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from SpiffWorkflow.task import Task

from service.core import clocks
from service.core.commands import MigrateInstance
from service.core.definitions import Element, ProcessDefinition
from service.core.engine import memory as kept
from service.core.engine.memory import task_of
from service.core.engine.migration_checks import new_end, problems
from service.core.engine.migration_names import Names
from service.core.engine.migration_timers import Said, follow, said
from service.core.engine.migration_tree import settle_in, translated
from service.core.engine.noticing import clock_new, keep_clock, remind_task
from service.core.engine.passed import PASSED_EVENT
from service.core.engine.running import Running, ready_tasks, timers_of
from service.core.errors import CannotMove, NothingToDo, NotWaiting
from service.core.events import UserTaskReleased
from service.core.events_beside import ClockChanged, ClockWithdrawn, InstanceMigrated, TimerRenamed, UserTaskChanged

Facts = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class _Before:
    """What the case's open tasks and armed timers said under the former version, by their ids."""

    facts: Mapping[str, Facts]
    reminders: Mapping[str, tuple[str, str]]
    timers: Mapping[str, Said]


def move(run: Running, new: ProcessDefinition, command: MigrateInstance) -> None:
    """Put a case, brought up to now under its former version, on ``new``.

    Raises ``NotWaiting`` for a case that has ended or is on another version than ``command.former``, ``NothingToDo`` if
    it is on ``new`` already, ``CannotMove`` with every reason.
    """
    former = run.definition
    if former.hash != command.former:
        raise NotWaiting("The case is not on the version it is to be moved from.")
    if run.memory.outcome is not None:
        raise NotWaiting("The case has ended; it stays on the version it ended on.")
    if former.hash == new.hash:
        raise NothingToDo("The case is on this version already.")
    names = Names(former, new, command.plan)
    found = problems(names, run.workflow, run.memory)
    if found:
        raise CannotMove("The case cannot be moved to this version.", tuple(dict.fromkeys(found)))
    before = _Before(_facts(run), _reminders(run), said(run))
    run.events.append(InstanceMigrated(former.hash, new.hash))
    _carry_over(run, names)
    _rename_timers(run)
    follow(run, dict(before.timers))
    settle_in(run)
    _tell_clocks(run)
    _tell_tasks(run, before)


def _carry_over(run: Running, names: Names) -> None:
    names.new.specification.fresh()
    # Written and loaded again: only so does every part of the engine belong to the new version.
    written = json.loads(kept.dump(run.workflow, run.memory))
    written["workflow"] = translated(names, run.workflow, written["workflow"])
    written["end"] = new_end(names, run.memory)
    run.definition = names.new
    run.workflow, run.memory = kept.load(names.new.specification, json.dumps(written).encode())
    run.workflow.script_engine = run.engine
    run.prepare()


def _facts(run: Running) -> dict[str, Facts]:
    """What pages and lists show of each open task. The agency is the expression: its value was found at opening."""
    found: dict[str, Facts] = {}
    for task in ready_tasks(run.workflow):
        process, element_id = run.place_of(task) or ("", task.task_spec.name)
        element = run.element_of(task)
        if element is not None and task.task_spec.manual:
            found[str(task.id)] = {
                "process_id": process, "element_id": element_id, "name": element.name,
                "form": element.properties.get("form"), "role": element.role,
                "agency": element.properties.get("agency"),
                "due_basis": run.told(task, element.properties.get("due_basis", "")),
            }  # fmt: skip
    return found


def _reminders(run: Running) -> dict[str, tuple[str, str]]:
    """What each open task's reminders depend on besides its date: the days asked for, and its name."""
    found = {str(t.id): run.element_of(t) for t in ready_tasks(run.workflow)}
    return {i: (e.properties.get("remind", ""), e.name) for i, e in found.items() if e is not None}


def _tell_tasks(run: Running, before: _Before) -> None:
    now, reminders = _facts(run), _reminders(run)
    for task_id in sorted(before.facts.keys() & now.keys()):
        old, new = before.facts[task_id], now[task_id]
        changed = {key: value for key, value in new.items() if value != old[key]}
        task = task_of(run.workflow, task_id)
        if task is None or task_id not in run.memory.tasks:
            continue
        if "agency" in changed:
            changed["agency"] = _agency(run, task, changed["agency"])
        if changed:
            run.events.append(UserTaskChanged(task_id, changed))
        if reminders.get(task_id) != before.reminders.get(task_id):
            remind_task(run, task)
        held = run.memory.tasks[task_id]
        if changed.keys() & {"role", "agency"} and held.assignee is not None:
            held.assignee = None  # whoever holds it may not be of the group it is for now
            run.events.append(UserTaskReleased(task_id))


def _agency(run: Running, task: Task, expression: str | None) -> str | None:
    if not expression:
        return None
    run.prepare()
    value = run.evaluate(task, expression)
    return None if value is None else str(value)


def _rename_timers(run: Running) -> None:
    for timer_id, timer in run.memory.timers.items():
        task = task_of(run.workflow, timer_id)
        place = run.place_of(task) if task is not None else None
        if place is not None and place != (timer.process, timer.element):
            timer.process, timer.element = place
            run.events.append(TimerRenamed(timer_id, *place))


def _tell_clocks(run: Running) -> None:
    """End the running clocks whose time limit is gone, reword those that read otherwise, start those that are new."""
    for clock in [c for c in run.memory.clocks.values() if c.running]:
        task = task_of(run.workflow, clock.timer_id)
        element = run.element_of(task) if task is not None else None
        if task is None or task.task_spec.name == PASSED_EVENT or element is None or (
            element.properties.get("clock") != clocks.declared(clock.key)
        ):  # fmt: skip
            del run.memory.clocks[clock.key]
            run.events.append(ClockWithdrawn(clock.key))
        else:
            _reword(run, clock, element)
    for task, due in list(timers_of(run.workflow)):
        if str(task.id) in run.memory.timers:
            clock_new(run, task, due)


def _reword(run: Running, clock: clocks.Clock, element: Element) -> None:
    says = clocks.start(
        element.properties, timer_id=clock.timer_id, basis=element.timer or "", started_from=None, due=clock.due,
        item=clock.item, label=run.definition.listed_as(clock.item),
    )  # fmt: skip
    now = replace(clock, name=says.name, clause=says.clause, kind=says.kind, basis=says.basis, remind=says.remind)
    if now != clock:
        keep_clock(run, now)
    if replace(now, remind=clock.remind) != clock:
        run.events.append(ClockChanged(now.key, now.name, now.clause, now.kind, now.basis))
