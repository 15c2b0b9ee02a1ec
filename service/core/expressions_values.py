"""What an expression may touch, and how much of it: the closed set of value types and the budgets of one evaluation.

Types are compared exactly, never by ``isinstance``: an object that got into the data by another way is refused
before any of its methods can run. Errors name the construct, never a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import chain
from math import isfinite
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from service.core.calendar import LONDON, corresponding_date, london, london_date

STEPS = 12_000
WORK = 200_000
CALL_STEPS = 10
COLLECTION = 10_000
TEXT = 20_000
BITS = 256
VALUE_DEPTH = 40
DATA_ELEMENTS = 1_000_000
VALUE_ELEMENTS = 100_000
VALUE_CHARACTERS = 1_000_000
STEP_WORK = 5
CONTAINER_WORK = 20
INSTANT_WORK = 30
PART_WORK = 4
_LARGEST = 2**BITS - 1


class ExprError(Exception):
    """An expression is not allowed, or cannot be worked out. The text is for the author of the diagram."""


class ExprSyntax(ExprError, SyntaxError):
    """The text is not an expression at all."""


@dataclass(frozen=True, slots=True)
class Period:
    """A number of calendar months and a rest in days and hours: only to be added to a date, never a result."""

    months: int
    rest: timedelta = timedelta()


class Size(NamedTuple):
    """How big a value is when written out: elements, characters of text, depth, and the work of going through it.

    ``held`` is the value itself: while it is held here its ``id`` names no other.
    """

    held: object
    elements: int
    characters: int
    depth: int
    work: int


@dataclass(slots=True)
class Run:
    """One evaluation: the names it sees, the instant it happens at, and what is left of its budgets."""

    names: Mapping[str, object]
    at: datetime | None
    local: dict[str, object] = field(default_factory=dict)
    steps: int = STEPS
    work: int = WORK
    sizes: dict[int, Size] = field(default_factory=dict)

    def step(self, count: int = 1) -> None:
        """Count steps: one for each part of the expression, more for what takes longer. ExprError when used up."""
        self.steps -= count
        self.work -= STEP_WORK * count
        if self.steps < 0 or self.work < 0:
            raise ExprError("the expression takes too many steps")

    def spend(self, amount: int) -> None:
        """Take ``amount`` units of work (about one element each) from the budget; ExprError when it is used up."""
        self.work -= amount
        if self.work < 0:
            raise ExprError("the expression does too much work")


KINDS: Mapping[type, str] = MappingProxyType(
    {
        type(None): "nothing (None)",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        tuple: "a list",
        dict: "a record",
        set: "a set",
        date: "a date",
        datetime: "a date and time",
        timedelta: "a length of time",
        Period: "a period of months",
    }
)
CONTAINERS = frozenset({list, tuple, dict, set})
NUMBERS = frozenset({bool, int, float})
DATES = frozenset({date, datetime})
_PLAIN = frozenset({type(None), bool, str, date, timedelta, Period})
_LEAVES = frozenset({type(None), bool, date, timedelta})
_ZONES = frozenset({type(None), timezone, ZoneInfo})


_ONE = Size(None, 1, 0, 0, 1)
_INSTANT = Size(None, 1, 0, 0, INSTANT_WORK)


def kind(value: object) -> str:
    """The kind of a value in plain words, safe to show."""
    return KINDS.get(type(value), "something unknown")


def checked(run: Run, value: object) -> object:
    """The value itself if its type and size are allowed; an instant is put on London's clock. ExprError otherwise."""
    of = type(value)
    if of in _PLAIN:
        return value
    if of in CONTAINERS:
        size_of(run, value)
        return value
    _check_leaf(value)
    return london(value) if type(value) is datetime else value


def _check_leaf(value: object) -> None:
    if type(value) in _LEAVES or (type(value) is datetime and type(value.tzinfo) in _ZONES):
        return
    if type(value) is int:
        if value.bit_length() > BITS:
            raise ExprError("a whole number is too big")
    elif type(value) is float:
        if not isfinite(value):
            raise ExprError("a number is too big, or is not a number")
    else:
        raise ExprError("the data holds a kind of value that an expression may not touch")


def size_of(run: Run, value: object, level: int = 0) -> Size:
    """How big a value is, shared parts counted each time they appear; each part is walked once in an evaluation.

    ExprError if any part is of a kind that is not allowed, or the value is nested too deeply (or holds itself).
    """
    if type(value) is str:
        return Size(None, 1, len(value), 0, 1 + (len(value) >> 3))
    if type(value) not in CONTAINERS:
        _check_leaf(value)
        if type(value) is not datetime:
            return _ONE
        run.spend(INSTANT_WORK >> 1)
        return _INSTANT
    known = run.sizes.get(id(value))
    if known is not None:
        return known
    if level >= VALUE_DEPTH:
        raise ExprError("a value is nested too deeply")
    size = _container_size(run, value, level)
    run.sizes[id(value)] = size
    return size


def _container_size(run: Run, value: Any, level: int) -> Size:
    run.spend(CONTAINER_WORK + (4 if type(value) is dict else 2) * len(value))
    parts = chain(value, value.values()) if type(value) is dict else value
    elements = 1 + len(value) * (2 if type(value) is dict else 1)
    characters, depth = 0, 0
    more = len(value) ** 2 >> 4 if type(value) is set else 0  # numbers may be chosen that all fall into one place
    for part in parts:  # the hottest loop of all: what is common is asked first, and nothing is called for it
        of = type(part)
        if of is str:
            characters += len(part)
        elif of is int:
            if not -_LARGEST <= part <= _LARGEST:
                raise ExprError("a whole number is too big")
        elif of not in _LEAVES and not (of is float and isfinite(part)):
            run.spend(PART_WORK)
            size = size_of(run, part, level + 1)
            elements += size.elements - 1
            characters += size.characters
            more += size.work - (size.characters >> 3) - size.elements
            depth = max(depth, size.depth)
    if depth >= VALUE_DEPTH or elements > DATA_ELEMENTS:
        raise ExprError("a value is too big or nested too deeply")
    return Size(value, elements, characters, depth + 1, elements + (characters >> 3) + more)


def built(run: Run, value: object) -> object:
    """A list, record or set the expression has made, if it is within bounds. ExprError otherwise."""
    bounded(len(value))  # type: ignore[arg-type]
    size = size_of(run, value)
    if size.elements > VALUE_ELEMENTS or size.characters > VALUE_CHARACTERS:
        raise ExprError("the expression makes too big a value")
    return value


def bounded(length: int) -> None:
    """ExprError if a collection of that length is more than an expression may make."""
    if length > COLLECTION:
        raise ExprError("the expression makes too long a list")


def written(run: Run, length: int) -> None:
    """Account for a text of that length before it is made. ExprError if it is too long."""
    if length > TEXT:
        raise ExprError("the expression makes too long a text")
    run.spend(1 + (length >> 3))


def weight(run: Run, value: object) -> int:
    """What it costs to go through a value once, in units of work."""
    return size_of(run, value).work


def moment(when: object) -> tuple[date, bool, datetime | None]:
    """A key that orders dates and instants together: a bare date means the end of that day in London."""
    if type(when) is datetime:
        return (london_date(when), False, london(when).astimezone(UTC))
    if type(when) is date:
        return (when, True, None)
    raise ExprError(f"{kind(when)} is not a date")


def shift_months(when: date, months: int) -> date:
    """The corresponding date ``months`` later; an instant keeps its time of day in London."""
    if type(when) is datetime:
        local = london(when)
        return datetime.combine(corresponding_date(local.date(), months), local.time(), LONDON)
    return corresponding_date(when, months)


def shift(when: date, by: timedelta) -> date:
    """A date or instant moved by a length of time: whole days are London's days, hours are real hours."""
    if type(when) is not datetime:
        return when + by
    local = london(when)
    days = timedelta(days=abs(by).days) * (1 if by >= timedelta() else -1)
    wall = datetime.combine(local.date() + days, local.time(), LONDON)
    return london(wall.astimezone(UTC) + (by - days))
