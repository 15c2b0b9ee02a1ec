"""How long a time limit ran: three numbers, each in calendar days and in working days.

The day of the start is not counted, the last day is. A hold is a mapping with ``from`` and ``to`` (dates; ``to`` of
``None``: held still); the days after ``from``, up to and with ``to``, were held. Days held twice count once, and days
before the start or after the end do not count. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from service.core.calendar import is_working_day, london_date

LONGEST = 40_000
"""Days that are gone through at most: what is longer is counted up to there."""


@dataclass(frozen=True, slots=True)
class Days:
    """A number of calendar days, and how many of them were working days."""

    calendar: int
    working: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Work was held on the days after ``begins``, up to and with ``ends``; ``None`` if it is held still."""

    begins: date
    ends: date | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """Since the start: ``elapsed``, ``held`` of it, ``less_holds`` the rest; ``over`` are days past the first date."""

    elapsed: Days
    held: Days
    less_holds: Days
    over: int


def holds(rows: object) -> tuple[Hold, ...]:
    """The holds a list variable tells of, in order of their beginning; rows that tell of none are passed over."""
    found = (_hold(row) for row in rows) if isinstance(rows, list | tuple) else ()
    return tuple(sorted((each for each in found if each is not None), key=lambda h: (h.begins, h.ends or date.max)))


def _hold(row: object) -> Hold | None:
    if not isinstance(row, Mapping):
        return None
    begins, ends = _day(row.get("from")), _day(row.get("to"))
    if begins is None or (row.get("to") and ends is None) or (ends is not None and ends < begins):
        return None
    return Hold(begins, ends)


def _day(value: object) -> date | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return london_date(value) if isinstance(value, date) else None


def numbers(start: date, end: date, original: date | None, held: Iterable[Hold] = ()) -> Numbers:
    """The numbers of a time limit from ``start`` to ``end``, the day it was met or today.

    ``original`` is the date first set, ``None`` for what has no length. Dates are London's; instants are put there.
    """
    first, last = london_date(start), london_date(end)
    every = frozenset(_days(first, last))
    standing = every & {day for hold in held for day in _days(max(hold.begins, first), min(hold.ends or last, last))}
    over = 0 if original is None else max(0, (last - london_date(original)).days)
    return Numbers(_count(every), _count(standing), _count(every - standing), over)


def _days(after: date, upto: date) -> Iterator[date]:
    return (after + timedelta(days=n) for n in range(1, min((upto - after).days, LONGEST) + 1))


def _count(days: Iterable[date]) -> Days:
    found = list(days)
    return Days(len(found), sum(is_working_day(day) for day in found))
