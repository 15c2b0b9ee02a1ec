"""What has changed since last time: which tasks opened or closed, which timers and clocks started, moved or ended.

Everything is derived by comparing the engine's task tree with the memory, so nothing can be forgotten.
"""

import re
from datetime import datetime

from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimeDateEventDefinition
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from service.core import clocks
from service.core.clocks import Clock
from service.core.engine.memory import OpenTask, OpenTimer, task_of
from service.core.engine.running import (
    Running,
    as_instant,
    is_cycle,
    main_child,
    ready_tasks,
    rearm,
    tasks_in,
    timers_of,
)
from service.core.events import (
    TimerCancelled,
    TimerFired,
    TimerMoved,
    TimerScheduled,
    UserTaskCancelled,
    UserTaskCreated,
    UserTaskDueMoved,
)


def notice(run: Running) -> None:
    """Compare, tell, remember."""
    _follow_variables(run)
    _timers(run)
    _clocks(run)
    _tasks(run)
    run.memory.reminders = [r for r in run.memory.reminders if _still_open(run, r.subject, r.key)]


def _still_open(run: Running, subject: str, key: str) -> bool:
    if subject == "task":
        return key in run.memory.tasks
    clock = run.memory.clocks.get(key)
    return clock is not None and clock.running


def _follow_variables(run: Running) -> None:
    """A date timer follows the variables its date is computed from: that is how an extension moves a deadline."""
    run.prepare()
    for task in tasks_in(run.workflow, TaskState.WAITING):
        definition = getattr(task.task_spec, "event_definition", None)
        if not isinstance(definition, TimeDateEventDefinition) or counts_from_now(definition.expression):
            continue
        if task.internal_data.get("event_value") is not None:
            task.internal_data["event_value"] = run.evaluate(task, definition.expression)


def counts_from_now(expression: str) -> bool:
    """Whether a date counts from the moment it is worked out: asked again later, it would never come."""
    return re.search(r"\b(now|today)\s*\(", expression) is not None


def _timers(run: Running) -> None:
    waiting = {str(task.id): (task, due) for task, due in timers_of(run.workflow)}
    for timer_id in [t for t in run.memory.timers if t not in waiting]:
        del run.memory.timers[timer_id]
        run.events.append(TimerCancelled(timer_id))
    for timer_id, (task, due) in waiting.items():
        known = run.memory.timers.get(timer_id)
        if known is None:
            timer_new(run, task, OpenTimer(*(run.place_of(task) or ("", "")), due))
        elif known.due != due:
            if is_cycle(task):  # a cycle keeps its task and moves its instant on: only so does a turn show
                run.events.append(TimerFired(timer_id, known.process, known.element, known.due))
            timer_moved(run, timer_id, due)


def timer_moved(run: Running, timer_id: str, due: datetime) -> None:
    """An armed timer has another instant, and with it its clock."""
    timer = run.memory.timers[timer_id]
    run.events.append(TimerMoved(timer_id, due))
    timer.due = due
    clock = _clock_of(run, timer_id)
    if clock is not None and clock.only_counts:
        run.memory.clocks[clock.key] = clocks.turn(clock, due)
    elif clock is not None:
        moved, event = clocks.move(clock, due, timer_id)
        run.events.append(event)
        keep_clock(run, moved)


def timer_new(run: Running, task: Task, armed: OpenTimer) -> None:
    """A timer was armed; if it is a time limit of the diagram, its clock starts."""
    timer_id = str(task.id)
    run.memory.timers[timer_id] = armed
    run.events.append(TimerScheduled(timer_id, armed.process, armed.element, armed.due))
    clock_new(run, task, armed.due)


def clock_new(run: Running, task: Task, due: datetime) -> None:
    """Start the clock of an armed timer, if it is a time limit of the diagram and has none yet."""
    timer_id = str(task.id)
    element = run.element_of(task)
    if element is None or "clock" not in element.properties:
        return
    if any(c.timer_id == timer_id for c in run.memory.clocks.values()):
        return
    item = run.item_of(task)
    clock = clocks.start(
        element.properties, timer_id=timer_id, basis=element.timer or "", due=due,
        started_from=_counts_from(run, task, element.properties.get("from", "")),
        item=item, label=run.definition.listed_as(item),
    )  # fmt: skip
    former = run.memory.clocks.get(clock.key)
    if former is not None and former.running and _host_is_done(run, former):
        _meet(run, former)  # its activity is done and runs again: the former run ends before the next begins
    clock = clocks.beside(clock, (k for k, c in run.memory.clocks.items() if c.running))
    run.events.append(clocks.started(clock))
    keep_clock(run, clock)


def _counts_from(run: Running, task: Task, text: str) -> object:
    """What a clock counts from: a process variable, or a field of the item it is for; ``None`` if it is not known."""
    if text.isidentifier() or not text:
        return run.memory.variables.get(text)
    try:
        return run.evaluate(task, text)
    except WorkflowTaskException:
        return None


def breached(run: Running, timer_id: str) -> None:
    """A timer fired; if it is a time limit of the diagram, the limit has passed unmet."""
    clock = _clock_of(run, timer_id)
    if clock is not None and not clock.only_counts:
        run.memory.clocks[clock.key], event = clocks.breach(clock)
        run.events.append(event)


def _clock_of(run: Running, timer_id: str) -> Clock | None:
    return next((c for c in run.memory.clocks.values() if c.timer_id == timer_id and not c.met), None)


def keep_clock(run: Running, clock: Clock) -> None:
    """Remember a clock that started or moved, with reminders for what still lies ahead of it."""
    run.memory.clocks[clock.key] = clock
    _remind(run, "clock", clock.key, clock.name, clock)


def _remind(run: Running, subject: str, key: str, name: str, of: Clock | None, days: str = "") -> None:
    due = of.due if of is not None else run.memory.tasks[key].due
    kept = [r for r in run.memory.reminders if (r.subject, r.key) != (subject, key)]
    if due is not None:
        wanted = of.remind if of is not None else clocks.days_listed(days)
        ahead = clocks.reminders(subject, key, name, due, wanted)
        kept.extend(r for r in ahead if r.at > run.seam.now)
    run.memory.reminders = kept


def _clocks(run: Running) -> None:
    """Meet the clocks whose host is done; give a breached clock that was extended its new date."""
    for clock in [c for c in run.memory.clocks.values() if c.running]:
        task = task_of(run.workflow, clock.timer_id)
        if task is None or _host_is_done(run, clock):
            _meet(run, clock)
        elif clock.breached:
            _extend_breached(run, clock, task)


def _host_is_done(run: Running, clock: Clock) -> bool:
    task = task_of(run.workflow, clock.timer_id)
    host = main_child(task) if task is not None else None
    return host is None or host.has_state(TaskState.FINISHED_MASK)


def _meet(run: Running, clock: Clock) -> None:
    run.memory.clocks[clock.key], event = clocks.meet(clock)
    run.events.append(event)


def _extend_breached(run: Running, clock: Clock, task: Task) -> None:
    timer = task.task_spec.event_definition
    if not isinstance(timer, TimeDateEventDefinition) or counts_from_now(timer.expression):
        return  # only a date follows anything; a length of time has been waited for
    due = as_instant(_parsed(run, task))
    if due is None or due == clock.due or due <= run.seam.now:
        return
    again = rearm(run, task)
    moved, event = clocks.move(clock, due, str(again.id))
    run.events.append(event)
    keep_clock(run, moved)
    _timers(run)


def _parsed(run: Running, task: Task) -> object:
    from_text = run.evaluate(task, task.task_spec.event_definition.expression)
    return run.seam.now.fromisoformat(from_text) if isinstance(from_text, str) else from_text


def _tasks(run: Running) -> None:
    run.prepare()
    waiting = {str(t.id): t for t in ready_tasks(run.workflow) if t.task_spec.manual}
    for task_id in [t for t in run.memory.tasks if t not in waiting]:
        del run.memory.tasks[task_id]
        run.events.append(UserTaskCancelled(task_id))
    for task_id, task in waiting.items():
        known = run.memory.tasks.get(task_id)
        if known is None:
            _task_new(run, task)
            continue
        due = _due(run, task, known)
        if due != known.due:
            known.due = due
            run.events.append(UserTaskDueMoved(task_id, due))
            remind_task(run, task)


def _task_new(run: Running, task: Task) -> None:
    element = run.element_of(task)
    process, element_id = run.place_of(task) or ("", task.task_spec.name)
    properties = element.properties if element is not None else {}
    opened = OpenTask(due=None, opened=run.seam.now)
    opened.due = _due(run, task, opened)
    run.memory.tasks[str(task.id)] = opened
    agency = run.evaluate(task, properties["agency"]) if properties.get("agency") else None
    run.events.append(
        UserTaskCreated(
            task_id=str(task.id), process_id=process, element_id=element_id,
            name=element.name if element is not None else element_id,
            form=properties.get("form"), role=element.role if element is not None else None,
            agency=None if agency is None else str(agency), item=run.item_of(task),
            opened_at=run.seam.now, due_at=opened.due, due_basis=run.told(task, properties.get("due_basis", "")),
        )
    )  # fmt: skip
    remind_task(run, task)


def remind_task(run: Running, task: Task) -> None:
    """Give an open task the reminders its element asks for, those that still lie ahead."""
    element = run.element_of(task)
    if element is not None:
        _remind(run, "task", str(task.id), element.name, None, element.properties.get("remind", ""))


def _due(run: Running, task: Task, opened: OpenTask) -> datetime | None:
    element = run.element_of(task)
    if element is None or not element.properties.get("due"):
        return None
    return as_instant(run.evaluate(task, element.properties["due"], opened_at=opened.opened))
