"""The course of each time limit of a case, followed through the steps of its history.

Everything is read from the events: what each date was worked out from (the variables as they stood), when it was moved,
passed, met or given up, and each former run of an activity that was done again. So cases of any age have it, and at
any step of their history. Pure; nothing of the engine is run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, TypeAlias

from service.core import clock_numbers, expressions
from service.core.calendar import LONDON, london_date
from service.core.chain import Step
from service.core.clock_course import Course, Setting
from service.core.clock_numbers import Hold
from service.core.clocks import REMINDERS_GO_OUT_AT, declared
from service.core.definitions import Element, ProcessDefinition
from service.core.events import (
    ClockBreached,
    ClockMet,
    ClockMoved,
    ClockStarted,
    Event,
    InstanceStarted,
    MessageDelivered,
    ReminderFell,
    TimerCancelled,
    TimerFired,
    TimerMoved,
    TimerScheduled,
    UserTaskCompleted,
    UserTaskCreated,
    VariablesSet,
    from_json,
)
from service.core.events_beside import (
    ClockChanged,
    ClockStopped,
    ClockWithdrawn,
    InstanceCancelled,
    InstanceMigrated,
    VariablesCorrected,
)
from service.core.expressions_values import ExprError

Taken: TypeAlias = tuple[ProcessDefinition, datetime, Sequence[Event]]
"""A step: the definition it was taken on, its instant, its events."""

COMMANDS = (InstanceStarted, MessageDelivered, UserTaskCompleted, InstanceMigrated, InstanceCancelled,
            VariablesCorrected)  # fmt: skip
"""Events that follow from what somebody did: they and what comes after them happened at the step's own instant."""
TIMERS = (TimerScheduled, TimerMoved, TimerFired, TimerCancelled)
CLOCKS = (ClockStarted, ClockMoved, ClockBreached, ClockMet, ClockStopped, ClockChanged, ClockWithdrawn)
READ = frozenset(t.__name__ for t in (*COMMANDS, *TIMERS, *CLOCKS, UserTaskCreated, ReminderFell, VariablesSet))


@dataclass(slots=True)
class _Followed:
    """What is known after some steps; ``now`` is the instant within a step, ``armed`` the timer last armed in it."""

    definition: ProcessDefinition
    courses: list[Course] = field(default_factory=list)
    running: dict[str, Course] = field(default_factory=dict)
    counting: dict[str, Course] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    fresh: list[tuple[Course, Setting]] = field(default_factory=list)
    now: datetime | None = None
    armed: str | None = None
    timers: dict[str, str] = field(default_factory=dict)
    turned: set[str] = field(default_factory=set)


def declaring(definition: ProcessDefinition, key: str) -> Element | None:
    """The boundary timer that declares the clock ``key``, also of ``key:item`` and ``key#2``."""
    elements = (e for p in definition.processes.values() for e in p.elements.values())
    return next((e for e in elements if e.properties.get("clock") == declared(key)), None)


def courses(definition_of: Callable[[str], ProcessDefinition], steps: Iterable[Step]) -> list[Course]:
    """The course of each time limit after ``steps``, in the order they began; ``definition_of`` is given a hash."""
    return followed(_read(definition_of, steps))


def step_by_step(definition_of: Callable[[str], ProcessDefinition], steps: Iterable[Step]) -> Iterator[list[Course]]:
    """The courses after each step, without their holds: to be read before the next is asked for, which changes them."""
    return (known.courses for known in _followed(_read(definition_of, steps)))


def followed(steps: Iterable[Taken]) -> list[Course]:
    """The course of each time limit after ``steps``, in the order they began."""
    known = None
    for known in _followed(steps):  # noqa: B007 - what is known in the end
        pass
    if known is None:
        return []
    for course in known.courses:
        course.holds = _holds(known, course)
    return known.courses


def _read(definition_of: Callable[[str], ProcessDefinition], steps: Iterable[Step]) -> Iterator[Taken]:
    for step in steps:
        yield definition_of(step.definition), step.at, [from_json(e) for e in step.events if e["type"] in READ]


def _followed(steps: Iterable[Taken]) -> Iterator[_Followed]:
    known: _Followed | None = None
    for definition, at, happened in steps:
        known = known or _Followed(definition)
        known.definition = definition
        _step(known, at, happened)
        yield known


def _step(known: _Followed, at: datetime, happened: Sequence[Event]) -> None:
    at = max(at, known.now or at)
    known.now, known.armed = known.now or at, None
    for event in _really(known, happened):
        known.now = min(at, max(known.now, _instant(event, at) or known.now))
        if isinstance(event, VariablesSet):
            known.variables = {**known.variables, **event.variables}
        elif isinstance(event, TIMERS):
            _timer(known, event)
        elif isinstance(event, CLOCKS):
            _clock(known, event, known.now)
    for course, setting in known.fresh:  # only now: what variables became is told at the end of a step
        setting.names = _names(known, course)
    known.fresh, known.now = [], at


def _really(known: _Followed, happened: Sequence[Event]) -> Iterator[Event]:
    """The events but for what the last turn of a repeating timer tells: that it would have fired once more."""
    for event, after in zip_longest(happened, happened[1:]):
        if isinstance(event, TimerFired):
            turns = isinstance(after, TimerMoved) and after.timer_id == event.timer_id
            if not turns and event.timer_id in known.turned:
                yield TimerCancelled(event.timer_id)
                continue
            known.turned |= {event.timer_id} if turns else set()
        yield event


def _instant(event: Event, at: datetime) -> datetime | None:
    """The instant an event tells that it happened at."""
    if isinstance(event, COMMANDS):
        return at
    if isinstance(event, UserTaskCreated):
        return event.opened_at
    if isinstance(event, TimerFired):
        return event.due_at
    if isinstance(event, ReminderFell):
        day = london_date(event.due_at) - timedelta(days=event.days)
        return datetime.combine(day, REMINDERS_GO_OUT_AT, LONDON)
    return None


def _timer(known: _Followed, event: Event) -> None:
    if isinstance(event, TimerScheduled):
        known.armed = event.timer_id
        known.timers[event.timer_id] = event.element_id
        return
    course = known.counting.get(event.timer_id) if isinstance(event, TimerMoved | TimerFired | TimerCancelled) else None
    if course is None:
        return
    if isinstance(event, TimerFired):
        course.asked.append(event.due_at)
    course.asks_next = event.due_at if isinstance(event, TimerMoved) else None


def _clock(known: _Followed, event: Event, now: datetime) -> None:
    if isinstance(event, ClockStarted):
        _started(known, event, now)
        return
    course = known.running.get(getattr(event, "clock", ""))
    if course is None:
        return
    _on(known, course, event, now)
    if course.ended_at is not None:
        del known.running[course.key]
        course.asks_next = None


def _on(known: _Followed, course: Course, event: Event, now: datetime) -> None:
    match event:
        case ClockMoved():
            course.settings.append(Setting(now, event.to_due, course.settings[-1].basis))
            known.fresh.append((course, course.settings[-1]))
        case ClockBreached():
            course.breaches.append(event.due_at)
        case ClockMet():
            course.met_at, course.in_time = now, event.in_time
        case ClockStopped() | ClockWithdrawn():
            course.stopped_at = now
        case ClockChanged():
            course.name, course.clause, course.kind = event.name, event.clause, event.kind
            course.settings[-1].basis = event.basis


def _started(known: _Followed, event: ClockStarted, now: datetime) -> None:
    former = known.running.get(event.clock)
    if former is not None:
        former.stopped_at = now
    course = Course(
        event.clock, event.item, event.name, event.clause, event.kind, now, event.started_from,
        [Setting(now, event.due_at, event.basis)], run=1 + sum(c.key == event.clock for c in known.courses),
    )  # fmt: skip
    known.courses.append(course)
    known.running[course.key] = course
    known.fresh.append((course, course.settings[0]))
    if course.only_counts:
        course.asks_next = event.due_at
        known.counting[known.armed or _timer_of(known, course)] = course
    known.armed = None


def _timer_of(known: _Followed, course: Course) -> str:
    """The timer of a counter that a new version put on what was armed already; an empty text if it is in doubt."""
    element = declaring(known.definition, course.key)
    found = [t for t, e in known.timers.items() if element is not None and e == element.id and t not in known.counting]
    return found[0] if len(found) == 1 else ""


def _names(known: _Followed, course: Course) -> dict[str, Any]:
    """What an expression of a limit saw: the variables, its own item, what the definition supplies, the limits."""
    names = dict(known.variables)
    for name, variable in known.definition.specification.lists.items():
        rows = known.variables.get(variable) if course.item is not None else None
        for row in rows if isinstance(rows, list) else ():
            if course.item == (str(row.get("id")) if isinstance(row, dict) else str(row)):
                names[name] = row
    limits = {c.key: {"due": c.due, "first_due": c.first_due, "started": c.started_from} for c in known.courses}
    return {**names, "clocks": limits, **known.definition.supplied}


def _holds(known: _Followed, course: Course) -> tuple[Hold, ...]:
    element = declaring(known.definition, course.key)
    held = element.properties.get("held", "") if element is not None else ""
    if not held:
        return ()
    try:
        return clock_numbers.holds(expressions.evaluate(held, _names(known, course)))
    except ExprError:
        return ()
