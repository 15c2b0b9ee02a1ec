"""Every start date of eleven years against rules written down a second time, by hand: no library, none of our code.

The corresponding-date rule: a period of months ends on the date of the same number, or on the last day of a month that
has none. It ends at 23:59:59 by London's clocks, which go forward on the last Sunday of March and back on the last
Sunday of October, both at 01:00 UTC.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from service.core import calendar, expressions

LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FIRST, LAST = (2024, 1, 1), (2034, 12, 31)
EASTER_SUNDAYS = {
    2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2028: (4, 16), 2029: (4, 1), 2030: (4, 21),
    2031: (4, 13), 2032: (3, 28), 2033: (4, 17), 2034: (4, 9),
}  # fmt: skip
PUBLISHED = {
    2024: "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26",
    2025: "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26",
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
}  # as the government published them for England and Wales


def length(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else LENGTHS[month - 1]


def day_after(day: tuple[int, int, int]) -> tuple[int, int, int]:
    year, month, number = day
    if number < length(year, month):
        return year, month, number + 1
    return (year, month + 1, 1) if month < 12 else (year + 1, 1, 1)


def days_on(day: tuple[int, int, int], count: int) -> tuple[int, int, int]:
    for _ in range(count):
        day = day_after(day)
    return day


def months_on(day: tuple[int, int, int], count: int) -> tuple[int, int, int]:
    year, month, number = day
    for _ in range(count):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return year, month, min(number, length(year, month))


def weekday(year: int, month: int, number: int) -> int:
    """0 for Monday, counted on from Monday 1 January 2024."""
    days = sum(length(2024 + n // 12, n % 12 + 1) for n in range((year - 2024) * 12 + month - 1))
    return (days + number - 1) % 7


def last_sunday(year: int, month: int) -> int:
    return max(n for n in range(1, length(year, month) + 1) if weekday(year, month, n) == 6)


def summer(year: int, month: int, number: int) -> bool:
    """Whether London's clocks are ahead at the end of that day."""
    if month in (3, 10):
        return (number >= last_sunday(year, month)) == (month == 3)
    return 3 < month < 10


def utc_of_the_end(day: tuple[int, int, int]) -> str:
    year, month, number = day
    return f"{year}-{month:02}-{number:02}T{22 if summer(*day) else 23}:59:59+00:00"


def every_day():
    day = FIRST
    while day <= LAST:
        yield day
        day = day_after(day)


@pytest.mark.parametrize("months", [1, 3, 6, 12])
def test_months_from_every_day_of_eleven_years(months):
    wrong = [
        day
        for day in every_day()
        if calendar.months_after(date(*day), months).astimezone(UTC).isoformat()
        != utc_of_the_end(months_on(day, months))
    ]
    assert wrong == []


@pytest.mark.parametrize("days", [14, 28])
def test_days_from_every_day_of_eleven_years(days):
    """By the expression a diagram would use, so that what it computes with is checked too."""
    wrong = []
    for day in every_day():
        found = expressions.evaluate(f"end_of_day(start + days({days}))", {"start": date(*day)})
        if found.astimezone(UTC).isoformat() != utc_of_the_end(days_on(day, days)):
            wrong.append(day)
    assert wrong == []


def test_an_instant_of_every_day_counts_from_its_london_date():
    wrong = []
    for day in every_day():
        late = datetime.fromisoformat(utc_of_the_end(day)) - timedelta(minutes=30)  # 23:29:59 in London
        just = datetime.fromisoformat(utc_of_the_end(day)) + timedelta(seconds=1)  # midnight: the next day has begun
        ends = [calendar.months_after(at, 1).astimezone(UTC).isoformat() for at in (late, just)]
        if ends != [utc_of_the_end(months_on(d, 1)) for d in (day, day_after(day))]:
            wrong.append(day)
    assert wrong == []


def holidays(year: int) -> set[tuple[int, int]]:
    """By the rules of the Banking and Financial Dealings Act 1971 and the proclamations since."""

    def monday(month: int, first: int) -> tuple[int, int]:
        return month, next(n for n in range(first, first + 7) if weekday(year, month, n) == 0)

    new_year = {5: 3, 6: 2}.get(weekday(year, 1, 1), 1)
    christmas = {5: (27, 28), 6: (26, 27), 4: (25, 28)}.get(weekday(year, 12, 25), (25, 26))
    sunday = (year, *EASTER_SUNDAYS[year])
    friday = next(d for d in every_day() if days_on(d, 2) == sunday) if year > 2024 else (2024, 3, 29)
    return {
        (1, new_year), friday[1:], day_after(sunday)[1:], monday(5, 1), monday(5, 25), monday(8, 25),
        *((12, n) for n in christmas),
    }  # fmt: skip


@pytest.mark.parametrize("year", range(2024, 2035))
def test_working_days_of_every_year(year):
    free = holidays(year)
    if year in PUBLISHED:
        assert free == {tuple(map(int, text.split("-"))) for text in PUBLISHED[year].split()}
    for day in every_day():
        if day[0] == year:
            assert calendar.is_working_day(date(*day)) == (weekday(*day) < 5 and day[1:] not in free), day
