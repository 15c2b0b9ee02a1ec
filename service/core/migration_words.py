"""What a move to another version changes for one case, in sentences a process owner can check.

Everything is read from the events of the move itself, so what is said is what would happen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.core.calendar import british
from service.core.clocks import Clock
from service.core.definitions import Element, ProcessDefinition
from service.core.diagram_words import field_words, value_words
from service.core.engine.standing import Open, Standing
from service.core.events import (
    ClockBreached,
    ClockMoved,
    Event,
    InstanceEnded,
    TimerCancelled,
    TimerFired,
    TimerMoved,
    TimerScheduled,
    UserTaskCancelled,
    UserTaskCreated,
    UserTaskDueMoved,
    UserTaskReleased,
)
from service.core.events_beside import (
    ClockChanged,
    ClockWithdrawn,
    InstanceMigrated,
    InstanceReopened,
    InstanceRested,
    UserTaskChanged,
)

FIRST = "What has fallen due by then happens first, as the present version has it"


@dataclass(frozen=True, slots=True)
class _Case:
    """Both versions, and the case before and after the move (``None`` once it ended with it)."""

    former: ProcessDefinition
    new: ProcessDefinition
    before: Standing
    after: Standing | None

    def task(self, task_id: str) -> str:
        """What people call a task: its name before the move, and the item it is for."""
        found = self.before.tasks.get(task_id) or (self.after.tasks.get(task_id) if self.after else None)
        return self.called(found) if found is not None else "a task"

    def called(self, task: Open) -> str:
        """A task's name and item."""
        name = f"“{task.element.name or task.element.id}”"
        return f"{name} for {_listed_as(self.new, task.item)}" if task.item else name

    def timer(self, timer_id: str) -> tuple[str, str]:
        """What people call an armed timer, and what it hangs on if it hangs on anything."""
        known = self.before.memory.timers.get(timer_id)
        if known is None:
            return "a timer", ""
        return self.element(self.former, known.process, known.element)

    @staticmethod
    def element(definition: ProcessDefinition, process: str, element_id: str) -> tuple[str, str]:
        """An element's quoted name, and that of the step it hangs on."""
        elements = definition.processes[process].elements if process in definition.processes else {}
        found = elements.get(element_id)
        host = elements.get(found.attached_to or "") if found is not None else None
        return f"“{_named(found) or element_id}”", f"“{_named(host)}”" if host is not None else ""

    def clock(self, key: str) -> str:
        """What people call a time limit."""
        known = self.before.memory.clocks.get(key)
        return f"“{known.name}”" if known is not None else f"“{key}”"


def sentences(
    former: ProcessDefinition, new: ProcessDefinition, before: Standing, after: Standing | None,
    events: Sequence[Event],
) -> Iterator[str]:  # fmt: skip
    """What is different for a case after the events of its move."""
    case = _Case(former, new, before, after)
    at = next(n for n, event in enumerate(events) if isinstance(event, InstanceMigrated))
    if at:
        yield FIRST
    for event in events[at:]:
        teller = _TELLERS.get(type(event))
        if teller is not None:
            yield from teller(case, event)
    if after is not None:
        yield from _reminders(case, after)


def _created(case: _Case, event: UserTaskCreated) -> Iterator[str]:
    item = f" for {_listed_as(case.new, event.item)}" if event.item else ""
    yield f"Will be asked: “{event.name}”{item} ({_group(case.new, event.role, event.agency)})"


def _cancelled(case: _Case, event: UserTaskCancelled) -> Iterator[str]:
    yield f"No longer asked: {case.task(event.task_id)}"


def _due(case: _Case, event: UserTaskDueMoved) -> Iterator[str]:
    known = case.before.memory.tasks.get(event.task_id)
    yield f"{case.task(event.task_id)} is due {_day(event.due_at)} instead of {_day(known.due if known else None)}"


def _changed(case: _Case, event: UserTaskChanged) -> Iterator[str]:
    called, changed = case.task(event.task_id), event.changed
    old = case.before.tasks[event.task_id].element if event.task_id in case.before.tasks else None
    if "name" in changed:
        yield f"{called} is called “{changed['name'] or changed.get('element_id')}”"
    if "role" in changed:
        yield f"{called} goes to {_group(case.new, changed['role'], None)} instead of " + _group(
            case.former, old.role if old is not None else None, None
        )
    if "agency" in changed:
        yield f"{called} goes to {_listed_as(case.new, changed['agency'] or 'any agency')}"
    if "form" in changed:
        title = case.new.forms.get(changed["form"] or "", {}).get("title", changed["form"] or "no form")
        yield f"{called} is asked with another form: “{title}”"
    if "due_basis" in changed:
        yield f"The {field_words('due_basis')} of {called} is now “{changed['due_basis']}”"


def _released(case: _Case, event: UserTaskReleased) -> Iterator[str]:
    yield f"{case.task(event.task_id)} goes back to its group: somebody holds it now"


def _scheduled(case: _Case, event: TimerScheduled) -> Iterator[str]:
    called, host = case.element(case.new, event.process_id, event.element_id)
    element = case.new.element(event.process_id, event.element_id)
    kind = "The time limit" if "clock" in element.properties else "A date,"
    yield f"{kind} {called} is added{f' to {host}' if host else ''}: {_day(event.due_at)}"


def _timer_gone(case: _Case, event: TimerCancelled) -> Iterator[str]:
    if not any(c.timer_id == event.timer_id for c in case.before.memory.clocks.values()):
        called, host = case.timer(event.timer_id)
        yield f"The date {called} is taken away{f' from {host}' if host else ''}"


def _timer_moved(case: _Case, event: TimerMoved) -> Iterator[str]:
    if not any(c.timer_id == event.timer_id for c in case.before.memory.clocks.values()):
        known = case.before.memory.timers.get(event.timer_id)
        yield f"{case.timer(event.timer_id)[0]} moves from {_day(known.due if known else None)} to {_day(event.due_at)}"


def _fired(case: _Case, event: TimerFired) -> Iterator[str]:
    yield f"{case.element(case.new, event.process_id, event.element_id)[0]} has passed: it was {_day(event.due_at)}"


def _clock_moved(case: _Case, event: ClockMoved) -> Iterator[str]:
    yield f"{case.clock(event.clock)} moves from {_day(event.from_due)} to {_day(event.to_due)}"


def _breached(case: _Case, event: ClockBreached) -> Iterator[str]:
    yield f"The time limit {_clock_after(case, event.clock)} will be missed at once: it was {_day(event.due_at)}"


def _withdrawn(case: _Case, event: ClockWithdrawn) -> Iterator[str]:
    yield f"The time limit {case.clock(event.clock)} no longer applies"


def _reworded(case: _Case, event: ClockChanged) -> Iterator[str]:
    known: Clock | None = case.before.memory.clocks.get(event.clock)
    if known is not None and known.name != event.name:
        yield f"The time limit “{known.name}” is called “{event.name}”"
    if known is not None and (known.clause, known.kind) != (event.clause, event.kind):
        yield f"The time limit “{event.name}” is a {event.kind}{f', clause {event.clause}' if event.clause else ''}"


def _ended(_case: _Case, event: InstanceEnded) -> Iterator[str]:
    yield f"Ends at once: {event.name}"


def _rested(_case: _Case, event: InstanceRested) -> Iterator[str]:
    yield f"Counts as closed: {event.name}"


def _reopened(_case: _Case, _event: InstanceReopened) -> Iterator[str]:
    yield "Counts as open again"


_TELLERS: dict[type, Callable[[_Case, Any], Iterator[str]]] = {
    UserTaskCreated: _created, UserTaskCancelled: _cancelled, UserTaskDueMoved: _due, UserTaskChanged: _changed,
    UserTaskReleased: _released, TimerScheduled: _scheduled, TimerCancelled: _timer_gone, TimerMoved: _timer_moved,
    TimerFired: _fired, ClockMoved: _clock_moved, ClockBreached: _breached, ClockWithdrawn: _withdrawn,
    ClockChanged: _reworded, InstanceEnded: _ended, InstanceRested: _rested, InstanceReopened: _reopened,
}  # fmt: skip

"""What is not told here is told by another: the start of a time limit by the timer that carries it."""


def _reminders(case: _Case, after: Standing) -> Iterator[str]:
    """Reminders are no events until they fall: told from what the elements and the time limits ask for."""
    for task_id in sorted(case.before.tasks.keys() & after.tasks.keys()):
        old, new = (s.tasks[task_id].element.properties.get("remind", "") for s in (case.before, after))
        yield from _reminder(case.called(after.tasks[task_id]), old, new)
    kept: Mapping[str, Clock] = after.memory.clocks
    for key in sorted(case.before.memory.clocks.keys() & kept.keys()):
        old, new = (" ".join(map(str, s.memory.clocks[key].remind)) for s in (case.before, after))
        if kept[key].running:
            yield from _reminder(f"“{kept[key].name}”", old, new)


def _reminder(of: str, old: str, new: str) -> Iterator[str]:
    if old.split() == new.split():
        return
    if not old:
        yield f"A reminder is added to {of}: {value_words('remind', new)}"
    elif not new:
        yield f"No more reminders of {of}"
    else:
        yield f"Reminders of {of}: {value_words('remind', new)} instead of {value_words('remind', old)}"


def _clock_after(case: _Case, key: str) -> str:
    return case.clock(key) if case.after is None else f"“{case.after.memory.clocks[key].name}”"


def _group(definition: ProcessDefinition, role: str | None, agency: str | None) -> str:
    named = definition.role_name(role) or "nobody in particular"
    return f"{named}, {_listed_as(definition, agency)}" if agency else named


def _listed_as(definition: ProcessDefinition, key: str) -> str:
    rows = (row for rows in definition.directories.values() for row in rows)
    return next((str(row.get("name", key)) for row in rows if str(row.get("id")) == key), key)


def _named(element: Element | None) -> str:
    return "" if element is None else element.name or element.properties.get("name", "") or element.id


def _day(when: datetime | None) -> str:
    return british(when) if when is not None else "no date"
