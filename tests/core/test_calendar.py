"""The calendar against the table of the domain, both clock changes, and oracles written another way."""

import calendar as standard
from datetime import UTC, date, datetime, timedelta

import pytest

from service.core import calendar

# start, + 1 month, + 6 months, + 7 months
TABLE = [
    ("2011-01-28", "2011-02-28", "2011-07-28", "2011-08-28"),
    ("2011-01-29", "2011-02-28", "2011-07-29", "2011-08-29"),
    ("2011-01-30", "2011-02-28", "2011-07-30", "2011-08-30"),
    ("2011-01-31", "2011-02-28", "2011-07-31", "2011-08-31"),
    ("2012-01-31", "2012-02-29", "2012-07-31", "2012-08-31"),
    ("2012-02-29", "2012-03-29", "2012-08-29", "2012-09-29"),
    ("2011-03-31", "2011-04-30", "2011-09-30", "2011-10-31"),
    ("2011-05-31", "2011-06-30", "2011-11-30", "2011-12-31"),
    ("2011-08-31", "2011-09-30", "2012-02-29", "2012-03-31"),
    ("2011-10-31", "2011-11-30", "2012-04-30", "2012-05-31"),
    ("2011-12-31", "2012-01-31", "2012-06-30", "2012-07-31"),
    ("2013-05-29", "2013-06-29", "2013-11-29", "2013-12-29"),
]


@pytest.mark.parametrize(("start", "one", "six", "seven"), TABLE)
def test_table_of_months(start: str, one: str, six: str, seven: str) -> None:
    ends = [calendar.months_after(date.fromisoformat(start), n) for n in (1, 6, 7)]
    assert [end.date().isoformat() for end in ends] == [one, six, seven]
    assert {end.time().isoformat() for end in ends} == {"23:59:59"}


def test_chaining_months_is_not_the_same_as_counting_once() -> None:
    chained = calendar.months_after(calendar.months_after(date(2011, 1, 31), 1), 6)
    assert chained.date() == date(2011, 8, 28)
    assert calendar.months_after(date(2011, 1, 31), 7).date() == date(2011, 8, 31)


def by_stepping(start: date, months: int) -> date:
    """Walk day by day through whole months, then forward while the day's number still grows towards the start's."""
    day = start.replace(day=1)
    while months:
        day += timedelta(days=1)
        months -= day.day == 1
    while day.day < start.day and (day + timedelta(days=1)).day != 1:
        day += timedelta(days=1)
    return day


def by_month_lengths(start: date, months: int) -> date:
    year, month = start.year, start.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, min(start.day, standard.monthrange(year, month)[1]))


def test_every_start_date_against_month_lengths() -> None:
    day, last, wrong, seen = date(2011, 1, 1), date(2040, 12, 31), [], 0
    while day <= last:
        for months in (1, 3, 6, 7, 12):
            seen += 1
            if calendar.months_after(day, months).date() != by_month_lengths(day, months):
                wrong.append((day, months))
        day += timedelta(days=1)
    assert seen == 10_958 * 5
    assert wrong == []


def test_a_leap_year_and_its_neighbour_against_stepping_day_by_day() -> None:
    day = date(2011, 1, 1)
    while day < date(2013, 1, 1):
        for months in (1, 7):
            assert calendar.months_after(day, months).date() == by_stepping(day, months)
        day += timedelta(days=1)


@pytest.mark.parametrize("year", range(2011, 2041))
def test_end_of_day_has_the_right_offset_around_both_clock_changes(year: int) -> None:
    spring, autumn = (
        max(date(year, month, d) for d in range(1, 32) if date(year, month, d).weekday() == 6) for month in (3, 10)
    )
    before, on = calendar.end_of_day(spring - timedelta(days=1)), calendar.end_of_day(spring)
    assert (before.utcoffset(), on.utcoffset()) == (timedelta(0), timedelta(hours=1))
    assert on.astimezone(UTC) - before.astimezone(UTC) == timedelta(hours=23)
    before, on = calendar.end_of_day(autumn - timedelta(days=1)), calendar.end_of_day(autumn)
    assert (before.utcoffset(), on.utcoffset()) == (timedelta(hours=1), timedelta(0))
    assert on.astimezone(UTC) - before.astimezone(UTC) == timedelta(hours=25)


def test_a_start_is_taken_to_its_london_date() -> None:
    late = datetime(2013, 5, 28, 23, 30, tzinfo=UTC)  # 00:30 on the 29th in London
    assert calendar.months_after(late, 1) == calendar.end_of_day(date(2013, 6, 29))
    assert calendar.months_after(datetime(2013, 1, 28, 23, 30, tzinfo=UTC), 1).date() == date(2013, 2, 28)
    assert calendar.london_date(datetime(2013, 5, 29, 0, 30)) == date(2013, 5, 29)  # noqa: DTZ001 - London's wall time


@pytest.mark.parametrize(
    "instant", ["2024-03-31T00:30:00+00:00", "2024-10-27T00:30:00+00:00", "2024-10-27T01:30:00+00:00"]
)
def test_starts_in_the_hour_lost_or_repeated(instant: str) -> None:
    start = datetime.fromisoformat(instant)
    end = calendar.months_after(start, 1)
    assert end.date() == by_month_lengths(start.date(), 1)
    assert end.astimezone(UTC).isoformat() == f"{end.date()}T{'22' if end.dst() else '23'}:59:59+00:00"


@pytest.mark.parametrize("n", [-1, 4001])
def test_a_period_has_sane_bounds(n: int) -> None:
    with pytest.raises(ValueError, match="between"):
        calendar.months_after(date(2013, 5, 29), n)
    with pytest.raises(ValueError, match="between"):
        calendar.working_days_after(date(2013, 5, 29), n)


def test_rule_and_published_bank_holidays_agree() -> None:
    published = calendar.published_bank_holidays()
    assert set(range(2012, 2029)) <= set(published)
    assert {year: calendar.bank_holidays_by_rule(year) for year in published} == published


def test_bank_holidays_before_the_published_years() -> None:
    assert sorted(calendar.bank_holidays(2011)) == [
        date(2011, 1, 3), date(2011, 4, 22), date(2011, 4, 25), date(2011, 4, 29), date(2011, 5, 2),
        date(2011, 5, 30), date(2011, 8, 29), date(2011, 12, 26), date(2011, 12, 27),
    ]  # fmt: skip


def test_every_year_has_its_bank_holidays_on_weekdays() -> None:
    for year in range(2011, 2061):
        days = calendar.bank_holidays(year)
        assert len(days) >= 8
        assert all(day.weekday() < 5 for day in days)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2013-06-29", "2013-06-28"),  # Saturday
        ("2013-06-30", "2013-06-28"),  # Sunday
        ("2013-06-28", "2013-06-28"),  # a working day is itself
        ("2013-04-01", "2013-03-28"),  # Easter Monday: back over Good Friday
        ("2012-06-05", "2012-06-01"),  # two extra days in a row
        ("2021-12-28", "2021-12-24"),  # both substitutes
        ("2011-04-29", "2011-04-28"),
        ("2022-09-19", "2022-09-16"),
        ("2020-05-04", "2020-05-04"),  # moved that year
        ("2020-05-08", "2020-05-07"),
    ],
)
def test_act_by(day: str, expected: str) -> None:
    assert calendar.act_by(date.fromisoformat(day)) == date.fromisoformat(expected)


def test_working_days_against_counting_a_list() -> None:
    days = [date(2012, 1, 1) + timedelta(days=i) for i in range(800)]
    working = [d for d in days if d.strftime("%a") not in ("Sat", "Sun") and d not in calendar.bank_holidays(d.year)]
    for start in days[:400:7]:
        for n in (1, 2, 5, 10, 28):
            expected = [d for d in working if d > start][n - 1]
            assert calendar.working_days_after(start, n) == calendar.end_of_day(expected)


def test_working_days_over_christmas() -> None:
    assert calendar.working_days_after(date(2021, 12, 24), 1).date() == date(2021, 12, 29)
    assert calendar.next_working_day(date(2013, 3, 28)) == date(2013, 4, 2)
    assert not calendar.is_working_day(date(2013, 3, 29))
    assert calendar.is_working_day(datetime(2013, 3, 31, 23, 30, tzinfo=UTC)) is False  # Easter Monday in London


@pytest.mark.parametrize(
    ("birth", "on", "years"),
    [
        ("1995-05-30", "2013-05-29", 17),
        ("1995-05-29", "2013-05-29", 18),
        ("1995-05-28", "2013-05-29", 18),
        ("1996-02-29", "2014-02-28", 17),
        ("1996-02-29", "2014-03-01", 18),
        ("2013-05-29", "2013-05-29", 0),
    ],
)
def test_age(birth: str, on: str, years: int) -> None:
    assert calendar.age_on(date.fromisoformat(birth), date.fromisoformat(on)) == years


def test_age_unknown_or_impossible() -> None:
    assert calendar.age_on(None, date(2013, 5, 29)) is None
    with pytest.raises(ValueError, match="birth"):
        calendar.age_on(date(2013, 5, 30), date(2013, 5, 29))


def test_days_between_counts_london_dates() -> None:
    assert calendar.days_between(date(2013, 5, 29), date(2013, 6, 29)) == 31
    assert calendar.days_between(datetime(2013, 5, 28, 23, 30, tzinfo=UTC), date(2013, 5, 29)) == 0
    assert calendar.days_between(date(2013, 5, 29), date(2013, 5, 28)) == -1


def test_british_dates() -> None:
    assert calendar.british(date(2013, 5, 29)) == "29 May 2013"
    assert calendar.british(datetime(2013, 5, 28, 23, 30, tzinfo=UTC)) == "29 May 2013"
    assert calendar.british_long(date(2013, 6, 28)) == "Friday 28 June 2013"
