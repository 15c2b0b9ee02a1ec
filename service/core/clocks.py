"""Time limits and reminders of one instance: plain data and the pure rules over it.

A clock is declared in a diagram by a boundary timer with the property ``clock``. It starts when its host activity
starts, is breached when the timer fires, is met when the host finishes, and moves when the variables its date is
computed from change. A breach is never forgotten and never cancels work.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from service.core import values
from service.core.calendar import LONDON
from service.core.events import ClockBreached, ClockMet, ClockMoved, ClockStarted, Event, ReminderFell
from service.core.events_beside import ClockStopped

REMINDERS_GO_OUT_AT = time(9, 0)


@dataclass(frozen=True, slots=True)
class Clock:
    """One time limit: what it counts from, its due instant, and what became of it."""

    key: str
    name: str
    clause: str
    kind: str
    basis: str
    timer_id: str
    started_from: Any
    due: datetime
    first_due: datetime
    remind: tuple[int, ...]
    breaches: tuple[datetime, ...] = ()
    breached: bool = False
    met: bool = False
    stopped: bool = False

    @property
    def running(self) -> bool:
        """Whether the clock can still be met."""
        return not self.met and not self.stopped

    def seen(self) -> dict[str, Any]:
        """What expressions see as ``clocks.<key>``."""
        return {
            "due": self.due, "started": self.started_from, "met": self.met,
            "breached": self.breached or bool(self.breaches), "first_due": self.first_due,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Reminder:
    """An instant at which somebody is told that ``key`` (a task id or clock key) is due in ``days`` days."""

    at: datetime
    subject: str
    key: str
    name: str = field(compare=False)
    due: datetime = field(compare=False)
    days: int


def start(properties: Mapping[str, str], *, timer_id: str, basis: str, started_from: Any, due: datetime) -> Clock:
    """Return the clock that a timer's ``properties`` declare."""
    return Clock(
        key=properties["clock"], name=properties.get("name", properties["clock"]),
        clause=properties.get("clause", ""), kind=properties.get("kind", "local rule"), basis=basis,
        timer_id=timer_id, started_from=started_from, due=due, first_due=due,
        remind=days_listed(properties.get("remind", "")),
    )  # fmt: skip


def started(clock: Clock) -> Event:
    """The event that a clock began."""
    return ClockStarted(
        clock.key, clock.name, clock.clause, clock.kind, clock.started_from, clock.basis, clock.due
    )  # fmt: skip


def breach(clock: Clock) -> tuple[Clock, Event]:
    """The clock after its due instant passed."""
    passed = replace(clock, breached=True, breaches=(*clock.breaches, clock.due))
    return passed, ClockBreached(clock.key, clock.due)


def move(clock: Clock, due: datetime, timer_id: str) -> tuple[Clock, Event]:
    """The clock with another due instant; breaches so far are kept."""
    moved = replace(clock, due=due, timer_id=timer_id, breached=False)
    return moved, ClockMoved(clock.key, clock.due, due)


def meet(clock: Clock) -> tuple[Clock, Event]:
    """The clock after what it is for was finished."""
    return replace(clock, met=True), ClockMet(clock.key, in_time=not clock.breached)


def stop(clock: Clock) -> tuple[Clock, Event]:
    """The clock after what it is for was given up."""
    return replace(clock, stopped=True), ClockStopped(clock.key)


def days_listed(text: str) -> tuple[int, ...]:
    """Read ``"14 7 3 1"``: whole days before the due date."""
    return tuple(int(part) for part in text.replace(",", " ").split())


def reminders(subject: str, key: str, name: str, due: datetime, days: tuple[int, ...]) -> Iterator[Reminder]:
    """The reminders of something due: at nine in the morning, London time, so many days before the due date."""
    for count in days:
        day: date = due.astimezone(LONDON).date() - timedelta(days=count)
        at = datetime.combine(day, REMINDERS_GO_OUT_AT, LONDON)
        yield Reminder(at=at, subject=subject, key=key, name=name, due=due, days=count)


def fell(reminder: Reminder) -> Event:
    """The event that a reminder's instant came."""
    return ReminderFell(reminder.subject, reminder.key, reminder.name, reminder.due, reminder.days)


def written(thing: Clock | Reminder) -> dict[str, Any]:
    """The JSON object kept in an instance's state."""
    # Said only of a clock that was stopped: states written before clocks could be stopped keep their bytes.
    return {k: values.encode(v) for k, v in asdict(thing).items() if k != "stopped" or v}


def clock_from(kept: Mapping[str, Any]) -> Clock:
    """The clock that ``written`` wrote."""
    read = {k: values.decode(v) for k, v in kept.items()}
    return Clock(**{**read, "remind": tuple(read["remind"]), "breaches": tuple(read["breaches"])})


def reminder_from(kept: Mapping[str, Any]) -> Reminder:
    """The reminder that ``written`` wrote."""
    return Reminder(**{k: values.decode(v) for k, v in kept.items()})
