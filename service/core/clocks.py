"""Time limits and reminders of one instance: plain data and the pure rules over it.

A clock is declared in a diagram by a boundary timer with the property ``clock``. It starts when its host activity
starts, is breached when the timer fires, is met when the host finishes, and moves when the variables its date is
computed from change. A breach is never forgotten and never cancels work.

Inside a repeated step each item has a clock of its own, ``key:item``; beside a clock that still runs, another of the
same key is ``key#2``. A clock of the kind ``counter`` has no length: its timer comes again and again only so that
somebody asks how things stand, and it is never breached.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from service.core import values
from service.core.calendar import LONDON
from service.core.events import ClockBreached, ClockMet, ClockMoved, ClockStarted, Event, ReminderFell
from service.core.events_beside import ClockStopped

REMINDERS_GO_OUT_AT = time(9, 0)
STATUTORY, LOCAL_RULE, COUNTER = "statutory", "local rule", "counter"
_LATER = ("stopped", "item")
"""What states written before there was such a thing do not say."""


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
    item: str | None = None

    @property
    def running(self) -> bool:
        """Whether the clock can still be met."""
        return not self.met and not self.stopped

    @property
    def only_counts(self) -> bool:
        """Whether the clock has no length and so is never breached."""
        return self.kind == COUNTER

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


def start(
    properties: Mapping[str, str], *, timer_id: str, basis: str, started_from: Any, due: datetime,
    item: str | None = None, label: str = "",
) -> Clock:  # fmt: skip
    """Return the clock that a timer's ``properties`` declare; ``label`` is what people call its ``item``."""
    name, key = properties.get("name", properties["clock"]), properties["clock"]
    return Clock(
        key=key if item is None else f"{key}:{item}", name=name if item is None else f"{name}: {label or item}",
        clause=properties.get("clause", ""), kind=properties.get("kind", LOCAL_RULE), basis=basis,
        timer_id=timer_id, started_from=started_from, due=due, first_due=due,
        remind=days_listed(properties.get("remind", "")), item=item,
    )  # fmt: skip


def declared(key: str) -> str:
    """The key as the diagram declares it, of ``key:item`` and ``key#2`` too."""
    return key.partition(":")[0].partition("#")[0]


def item_of(key: str) -> str | None:
    """The id of the item in ``key:item``."""
    return key.partition(":")[2].partition("#")[0] or None


def beside(clock: Clock, taken: Iterable[str]) -> Clock:
    """The clock under a key that none of ``taken`` is: with a number behind it if need be."""
    others, key, number = frozenset(taken), clock.key, 1
    while key in others:
        number += 1
        key = f"{clock.key}#{number}"
    return replace(clock, key=key)


def seen_from(kept: Mapping[str, Clock], items: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What expressions see as ``clocks``: all by their keys, and those of the ``items`` one stands in by plain key."""
    own = {declared(c.key): c.seen() for item in items for c in kept.values() if c.item == item and "#" not in c.key}
    return {**{key: clock.seen() for key, clock in kept.items()}, **own}


def started(clock: Clock) -> Event:
    """The event that a clock began."""
    return ClockStarted(
        clock.key, clock.name, clock.clause, clock.kind, clock.started_from, clock.basis, clock.due, clock.item
    )  # fmt: skip


def breach(clock: Clock) -> tuple[Clock, Event]:
    """The clock after its due instant passed."""
    passed = replace(clock, breached=True, breaches=(*clock.breaches, clock.due))
    return passed, ClockBreached(clock.key, clock.due)


def move(clock: Clock, due: datetime, timer_id: str) -> tuple[Clock, Event]:
    """The clock with another due instant; breaches so far are kept."""
    moved = replace(clock, due=due, timer_id=timer_id, breached=False)
    return moved, ClockMoved(clock.key, clock.due, due)


def turn(clock: Clock, due: datetime) -> Clock:
    """A counter with the next instant at which somebody asks how things stand."""
    return replace(clock, due=due)


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
    # What came later is only said where it applies: states of before keep their bytes.
    return {k: values.encode(v) for k, v in asdict(thing).items() if k not in _LATER or v}


def clock_from(kept: Mapping[str, Any]) -> Clock:
    """The clock that ``written`` wrote."""
    read = {k: values.decode(v) for k, v in kept.items()}
    return Clock(**{**read, "remind": tuple(read["remind"]), "breaches": tuple(read["breaches"])})


def reminder_from(kept: Mapping[str, Any]) -> Reminder:
    """The reminder that ``written`` wrote."""
    return Reminder(**{k: values.decode(v) for k, v in kept.items()})
