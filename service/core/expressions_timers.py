"""What a timer of a diagram may be told: an instant, a length of time, or a few repeats; and how the engine reads it.

Months and years are refused in lengths: the engine counts them in days and comes out late. They belong in
``months_after``. An instant is always handed on in UTC, so that the machine's own zone never matters.
"""

import re
from datetime import UTC, date, datetime, timedelta

from service.core.calendar import end_of_day, london
from service.core.expressions_values import ExprError

LONGEST = timedelta(days=3653)
EARLIEST, LATEST = 1900, 2199
SHORTEST_CYCLE = timedelta(hours=1)
MOST_CYCLES = 200
_LENGTH = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W|(?=\d|T\d)(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?)",
    re.ASCII,
)
_CYCLE = re.compile(r"R(?P<times>\d{1,3})/(?P<each>P[0-9A-Z]{1,40})", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)


def length_of(text: str) -> timedelta:
    """A length like ``P10D``, ``P2W`` or ``PT36H``, at most ten years. ExprError for anything else."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise ExprError("a length of time is written like P10D, P2W or PT36H; months and years need months_after(...)")
    length = timedelta(**{unit: int(count) for unit, count in found.groupdict().items() if count})
    if length > LONGEST:
        raise ExprError("a length of time is at most ten years")
    return length


def instant(value: object) -> str:
    """The instant of a date timer as ISO text in UTC; a bare date means the end of that day in London."""
    if type(value) is datetime:
        return _within_reason(london(value))
    if type(value) is date:
        return _within_reason(end_of_day(value))
    if type(value) is str and _INSTANT.fullmatch(value):
        return _within_reason(_parsed(value))
    if value is None:
        raise ExprError("the timer has no date: its expression gives None")
    raise ExprError("a date timer needs a date, an instant, or a text like 2013-06-29T23:59:59+01:00")


def _within_reason(when: datetime) -> str:
    # Reminders count days back from an instant, and the engine goes a moment past it: neither may fall out of time.
    if not EARLIEST <= when.year <= LATEST:
        raise ExprError(f"a date timer lies between {EARLIEST} and {LATEST}")
    return when.astimezone(UTC).isoformat()


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise ExprError("the timer names a day or time that does not exist")


def duration(value: object) -> str:
    """The length of a duration timer as ISO text. ExprError for anything but a length from nothing to ten years."""
    if type(value) is timedelta:
        if not timedelta() <= value <= LONGEST:
            raise ExprError("a length of time is between nothing and ten years")
        return f"PT{value.days * 86_400 + value.seconds}S"
    if type(value) is not str:
        raise ExprError("a duration timer needs a length of time like P10D")
    length_of(value)
    return value


def cycle(value: object) -> str:
    """The repeats of a cycle timer: ``R3/P7D``, at most 200 of them, at least an hour apart. ExprError otherwise."""
    found = _CYCLE.fullmatch(value) if type(value) is str else None
    if found is None:
        raise ExprError("a repeating timer is written like R3/P7D")
    if not 1 <= int(found["times"]) <= MOST_CYCLES:
        raise ExprError(f"a timer repeats between 1 and {MOST_CYCLES} times")
    if length_of(found["each"]) < SHORTEST_CYCLE:
        raise ExprError("a timer repeats at most once an hour")
    return str(value)
