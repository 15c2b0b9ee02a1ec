"""Calendar months, working days and British dates, as the time limits of a process need them.

A month is a calendar month: a period of months ends on the date with the same number in the later month, or on that
month's last day if it has no such date (the corresponding-date rule). The day of the start is not counted; a period
ends at 23:59:59 Europe/London. A limit is never rolled forward over a weekend or bank holiday: ``act_by`` says
instead which is the last working day on or before it.

Everything here is a pure function of its arguments. A datetime without a zone is read as Europe/London.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta
from govuk_bank_holidays.bank_holidays import BankHolidays

LONDON = ZoneInfo("Europe/London")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST_COUNT = 4000
_END = time(23, 59, 59)
_ONE_DAY = timedelta(days=1)
_EXTRA: Mapping[int, tuple[tuple[int, int], ...]] = MappingProxyType(
    {2002: ((6, 3),), 2011: ((4, 29),), 2012: ((6, 5),), 2022: ((6, 3), (9, 19)), 2023: ((5, 8),)}
)
_EARLY_MAY_MOVED = MappingProxyType({1995: 8, 2020: 8})
_SPRING_MOVED = MappingProxyType({2002: (6, 4), 2012: (6, 4), 2022: (6, 2)})


def london(at: datetime) -> datetime:
    """The same instant on a London clock; a datetime without a zone is London's wall time already."""
    return at.replace(tzinfo=LONDON) if at.tzinfo is None else at.astimezone(LONDON)


def london_date(when: date | datetime) -> date:
    """The date in London: of an instant, or the date itself."""
    return london(when).date() if isinstance(when, datetime) else when


def end_of_day(when: date | datetime) -> datetime:
    """23:59:59 Europe/London of that (London) date."""
    return datetime.combine(london_date(when), _END, LONDON)


def corresponding_date(start: date, months: int) -> date:
    """The date with the same number ``months`` later (or earlier), clipped to the end of that month."""
    return start + relativedelta(months=months)


def months_after(start: date | datetime, n: int) -> datetime:
    """When a period of ``n`` calendar months ends: 23:59:59 Europe/London on the corresponding date.

    Count from the start once: one month and then six may end earlier than seven. ValueError for ``n`` below 0.
    """
    if not 0 <= n <= LONGEST_COUNT:
        raise ValueError("a period of months is between 0 and 4000 months")
    return end_of_day(corresponding_date(london_date(start), n))


@lru_cache(maxsize=1)
def published_bank_holidays() -> Mapping[int, frozenset[date]]:
    """Bank holidays of England and Wales as published, by year; from the data bundled with the library, offline."""
    known = BankHolidays(use_cached_holidays=True)
    days: list[date] = [each["date"] for each in known.get_holidays(division=BankHolidays.ENGLAND_AND_WALES)]
    return {year: frozenset(day for day in days if day.year == year) for year in {day.year for day in days}}


def bank_holidays_by_rule(year: int) -> frozenset[date]:
    """Bank holidays of England and Wales by statute and the proclamations known, for 1978 to 4099."""
    sunday = easter(year)
    early_may = _EARLY_MAY_MOVED.get(year)
    spring = _SPRING_MOVED.get(year)
    return frozenset(
        {
            _substitute(date(year, 1, 1)),
            sunday - 2 * _ONE_DAY,
            sunday + _ONE_DAY,
            date(year, 5, early_may) if early_may else _first_monday(date(year, 5, 1)),
            date(year, *spring) if spring else _first_monday(date(year, 5, 25)),
            _first_monday(date(year, 8, 25)),
            date(year, 12, 27 if date(year, 12, 25).weekday() > 4 else 25),
            date(year, 12, 28 if date(year, 12, 26).weekday() > 4 else 26),
            *(date(year, month, day) for month, day in _EXTRA.get(year, ())),
        }
    )


def _first_monday(on_or_after: date) -> date:
    return on_or_after + timedelta(days=-on_or_after.weekday() % 7)


def _substitute(day: date) -> date:
    return _first_monday(day) if day.weekday() > 4 else day


@lru_cache(maxsize=256)
def bank_holidays(year: int) -> frozenset[date]:
    """Bank holidays of England and Wales in a year: as published where known, by rule before and after."""
    return published_bank_holidays().get(year) or bank_holidays_by_rule(year)


def is_bank_holiday(when: date | datetime) -> bool:
    """Whether that (London) date is a bank holiday in England and Wales."""
    day = london_date(when)
    return day in bank_holidays(day.year)


def is_working_day(when: date | datetime) -> bool:
    """Whether that (London) date is neither a Saturday, a Sunday nor a bank holiday."""
    day = london_date(when)
    return day.weekday() < 5 and not is_bank_holiday(day)


def next_working_day(after: date | datetime) -> date:
    """The first working day after that date."""
    day = london_date(after) + _ONE_DAY
    while not is_working_day(day):
        day += _ONE_DAY
    return day


def act_by(when: date | datetime) -> date:
    """The last working day on or before that date: the day by which to act."""
    day = london_date(when)
    while not is_working_day(day):
        day -= _ONE_DAY
    return day


def working_days_after(start: date | datetime, n: int) -> datetime:
    """The end of the ``n``-th working day after the start; the day of the start is not counted.

    ValueError unless ``n`` is between 1 and 4000.
    """
    if not 1 <= n <= LONGEST_COUNT:
        raise ValueError("a number of working days is between 1 and 4000")
    day = london_date(start)
    for _ in range(n):
        day = next_working_day(day)
    return end_of_day(day)


def days_between(start: date | datetime, end: date | datetime) -> int:
    """Calendar days from one London date to the other; below 0 if the end comes first."""
    return (london_date(end) - london_date(start)).days


def age_on(birth: date | datetime | None, on: date | datetime) -> int | None:
    """Full years of age on that date, ``None`` if the birth date is not known.

    A year of age is reached at the start of the birthday; someone born on 29 February reaches it on 1 March in
    a common year. ValueError if the birth comes after.
    """
    if birth is None:
        return None
    born, day = london_date(birth), london_date(on)
    if born > day:
        raise ValueError("the birth date comes after the date of the age")
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def british(when: date | datetime) -> str:
    """A date as people write it here: ``29 May 2013``."""
    day = london_date(when)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def british_long(when: date | datetime) -> str:
    """A date with its weekday: ``Friday 28 June 2013``."""
    return f"{WEEKDAYS[london_date(when).weekday()]} {british(when)}"


def ordinal(day: int) -> str:
    """A day of the month as it is spoken: ``31st``."""
    ending = {1: "st", 21: "st", 31: "st", 2: "nd", 22: "nd", 3: "rd", 23: "rd"}.get(day, "th")
    return f"{day}{ending}"
