"""Time limits that explain themselves: for pages, documents and scenarios, of any process.

``arithmetic`` says how a date was worked out from the timer's own expression, ``said`` does so for the first date of a
limit. ``moved`` tells of dates agreed later, ``became`` what became of the limit, ``lasted`` its three numbers,
``kind_words`` whether the law or a local rule set it. What they tell of is a ``Course``, read from a history by
``clock_courses.courses``. Pure, and never a sentence that is not so: what cannot be told as a sum is told as the
expression in plain words.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from service.core import calendar
from service.core.calendar import british, british_long, london
from service.core.clock_course import Course
from service.core.clock_numbers import Days, Hold, Numbers
from service.core.clock_sums import CannotTell, Step, Sum, Telling, counted, length_words, source_words, sum_of
from service.core.clocks import STATUTORY
from service.core.expressions_grammar import parse
from service.core.expressions_timers import length_of
from service.core.expressions_values import ExprError


def arithmetic(basis: str, names: Mapping[str, object], due: datetime, at: datetime) -> str:
    """How ``due`` was worked out, as a sentence or two.

    ``basis`` is the timer's expression, ``names`` what it then saw, ``at`` the instant it was worked out.
    ``29 May 2013 + 1 calendar month = 29 June 2013, a Saturday. Act by Friday 28 June 2013.``
    """
    try:
        tree = parse(basis)
    except ExprError:
        return _sentence(Sum(due), due)
    telling = Telling(names, at)
    try:
        found = _waited(telling.value(tree), due, at) or sum_of(telling, tree)
    except CannotTell:
        found = Sum(due, source=source_words(tree))
    if not _agree(_instant(found.value), due):
        found = Sum(due, source=source_words(tree))
    return _sentence(found, due)


def _waited(value: object, due: datetime, at: datetime) -> Sum | None:
    """A length of time, counted from the instant the timer was armed."""
    if isinstance(value, str) and value.startswith("P"):
        value = length_of(value)
    if not isinstance(value, timedelta) or not _agree(at + value, due):
        return None
    return Sum(due, (Step(f"{british(at)} + {length_words(value)} = {british(due)}"),))


def _agree(one: datetime, other: datetime) -> bool:
    """Whether two instants are the same, but for the moment by which a timer fires late."""
    return abs(one - other) < timedelta(seconds=1)


def _instant(value: date) -> datetime:
    return london(value) if isinstance(value, datetime) else calendar.end_of_day(value)


def _sentence(found: Sum, due: datetime) -> str:
    day = calendar.london_date(due)
    weekday = f"a {calendar.WEEKDAYS[day.weekday()]}{' and a bank holiday' if calendar.is_bank_holiday(day) else ''}"
    *before, last = found.steps or (Step(british(due)),)
    source = "" if found.steps or not found.source else f": {found.source}"
    steps = [*(f"{step.text}{step.tail}" for step in before), f"{last.text}, {weekday}{_time(due)}{last.tail}"]
    advice = "" if calendar.is_working_day(day) else f" Act by {british_long(calendar.act_by(day))}."
    return f"{'; '.join(steps)}{source}.{advice}"


def _time(due: datetime) -> str:
    """The time of day, unless it is the end of the day, as every limit that is a date has it."""
    local = london(due)
    if (local.hour, local.minute) == (23, 59):
        return ""
    minutes = f":{local.minute:02}" if local.minute else ""
    return f", at {local.hour % 12 or 12}{minutes}{'am' if local.hour < 12 else 'pm'}"


def kind_words(course: Course) -> str:
    """Who set the limit: ``law``, ``local rule``, or ``no limit, only counted``."""
    if course.only_counts:
        return "no limit, only counted"
    return "law" if course.kind == STATUTORY else course.kind


def said(course: Course) -> str:
    """The arithmetic of the first date of a limit; nothing for what has no length."""
    first = course.settings[0]
    return "" if course.only_counts else arithmetic(first.basis, first.names, first.due, first.at)


def moved(course: Course) -> list[str]:
    """Each later date: when it was set, from which to which, the first of all, and its arithmetic."""
    return [_moved(course, number) for number in range(1, len(course.settings))]


def _moved(course: Course, number: int) -> str:
    former, now = course.settings[number - 1], course.settings[number]
    first = f", first on {british(course.first_due)}" if number > 1 else ""
    passed = ", after it had passed" if former.due in course.breaches else ""
    told = f"On {british(now.at)} moved from {british(former.due)} to {british(now.due)}{first}{passed}."
    return f"{told} {arithmetic(now.basis, now.names, now.due, now.at)}"


def became(course: Course, now: datetime) -> str:
    """What became of a limit by ``now``, with how many days late."""
    if course.met_at is not None:
        done = f"{'Ended' if course.only_counts else 'Met'} on {british(course.met_at)}"
        late = calendar.days_between(course.due, course.met_at)
        if course.in_time is False:
            return f"{done}, {counted(late, 'day') if late > 0 else 'less than a day'} late."
        return f"{done}." if course.only_counts else f"{done}, in time."
    if course.stopped_at is not None:
        return f"No longer applies since {british(course.stopped_at)}."
    if course.only_counts:
        return f"Goes on; asked {counted(len(course.asked), 'time')} so far{_next(course)}."
    if course.overdue(now):
        late = calendar.days_between(course.due, now)
        ago = counted(late, "day") if late else "less than a day"
        return f"Passed on {british(course.due)}, {ago} ago, and not met."
    return f"Runs until {british(course.due)}."


def _next(course: Course) -> str:
    return f", next on {british(course.asks_next)}" if course.asks_next is not None else ""


def holds_told(held: tuple[Hold, ...]) -> list[str]:
    """Each hold in a sentence, such as “Held from 3 June 2013 to 10 June 2013.”."""
    return [
        f"Held since {british(h.begins)}." if h.ends is None else f"Held from {british(h.begins)} to {british(h.ends)}."
        for h in held
    ]


def lasted(found: Numbers) -> list[tuple[str, str]]:
    """The three numbers with their names, in words."""
    rows = [("Elapsed", _days(found.elapsed)), ("Elapsed less holds", _days(found.less_holds))]
    return [*rows, ("Over the original date", counted(found.over, "day"))]


def _days(found: Days) -> str:
    return f"{counted(found.calendar, 'day')}, of them {counted(found.working, 'working day')}"
