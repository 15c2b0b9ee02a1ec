"""The functions and methods an expression may call, each with how many values it takes.

Nothing here grows without being paid for from the budget of the run, and nothing reads a clock: ``now()`` and
``today()`` are the instant the evaluation was given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.core import calendar
from service.core.expressions_values import (
    CONTAINERS,
    DATES,
    INSTANT_WORK,
    NUMBERS,
    ExprError,
    Period,
    Run,
    bounded,
    built,
    kind,
    moment,
    weight,
)

MOST_DAYS = 400_000
MOST_MONTHS = 4_000
MOST_DIGITS = 80


@dataclass(frozen=True, slots=True)
class Function:
    """What it does, how many values it takes, which keywords, and whether a generator may stand for its list."""

    call: Callable[..., object]
    least: int
    most: int
    keywords: frozenset[str] = frozenset()
    gathers: bool = False


def _elements(run: Run, group: object) -> list[Any]:
    if type(group) not in CONTAINERS:
        raise ExprError(f"a list is needed here, and this is {kind(group)}")
    run.spend(weight(run, group))
    return sorted(group) if type(group) is set else list(group)  # type: ignore[call-overload]


def _len(_run: Run, value: Any) -> int:
    if type(value) is not str and type(value) not in CONTAINERS:
        raise ExprError(f"len() does not work on {kind(value)}")
    return len(value)


def _sum(run: Run, group: object) -> object:
    values = _elements(run, group)
    if all(type(each) is timedelta for each in values) and values:
        return sum(values, timedelta())
    if not all(type(each) in NUMBERS for each in values):
        raise ExprError("sum() adds numbers, or lengths of time")
    return sum(values)


def _ranked(run: Run, values: list[Any]) -> list[Any]:
    run.spend(sum(weight(run, each) for each in values) * len(values).bit_length() >> 2)
    if values and all(type(each) in DATES for each in values):
        return sorted(values, key=moment)
    return sorted(values)


def _extreme(run: Run, values: tuple[object, ...], *, last: bool, default: tuple[object, ...]) -> object:
    group = _elements(run, values[0]) if len(values) == 1 else list(values)
    run.spend(sum(weight(run, each) for each in values))
    if not group:
        if default:
            return default[0]
        raise ExprError("min() and max() need at least one value, or default=...")
    dates = all(type(each) in DATES for each in group)
    pick = max if last else min
    return pick(group, key=moment) if dates else pick(group)


def _min(run: Run, *values: object, **default: object) -> object:
    return _extreme(run, values, last=False, default=tuple(default.values()))


def _max(run: Run, *values: object, **default: object) -> object:
    return _extreme(run, values, last=True, default=tuple(default.values()))


def _sorted(run: Run, group: object, *, reverse: object = False) -> object:
    ranked = _ranked(run, _elements(run, group))
    bounded(len(ranked))
    return built(run, ranked[::-1] if reverse else ranked)


def _number(value: object, name: str) -> Any:
    if type(value) not in NUMBERS:
        raise ExprError(f"{name}() does not work on {kind(value)}")
    return value


def _abs(_run: Run, value: object) -> object:
    return abs(value) if type(value) is timedelta else abs(_number(value, "abs"))


def _round(_run: Run, value: object, digits: object = None) -> object:
    if digits is not None and (type(digits) is not int or not 0 <= digits <= 20):
        raise ExprError("round() takes between 0 and 20 digits")
    return round(_number(value, "round"), digits)


def _convert(to: type, name: str) -> Callable[[Run, object], object]:
    def convert(_run: Run, value: object) -> object:
        if type(value) is str:
            if len(value) > MOST_DIGITS or not value.isascii():
                raise ExprError(f"{name}() was given a text that is not a number")
            return to(value)
        return to(_number(value, name))

    return convert


def text_of(run: Run, value: object) -> str:
    """A single value as text, the way f-strings and str() write it. ExprError for a list, record or set."""
    if type(value) is str:
        run.spend(len(value) >> 3)
        return value
    if type(value) in CONTAINERS or type(value) is Period:
        raise ExprError(f"{kind(value)} has no text of its own")
    return str(value)


def _bool(_run: Run, value: object) -> bool:
    return bool(value)


def _whole(value: object, name: str, most: int) -> int:
    if type(value) is not int or abs(value) > most:
        raise ExprError(f"{name} needs a whole number within reason")
    return value


def _date(_run: Run, *parts: Any) -> date:
    if len(parts) == 1 and type(parts[0]) in DATES:
        return calendar.london_date(parts[0])
    if len(parts) != 3:
        raise ExprError("date() takes a year, a month and a day, or an instant")
    return date(*(_whole(part, "date()", 9999) for part in parts))


def _datetime(_run: Run, *parts: Any) -> datetime:
    year, month, day, *clock = (_whole(part, "datetime()", 9999) for part in parts)
    hour, minute, second = [*clock, 0, 0, 0][:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=calendar.LONDON)


def _now(run: Run) -> datetime:
    if run.at is None:
        raise ExprError("now() and today() have no meaning here: no time was given")
    local = calendar.london(run.at)
    return datetime.combine(local.date(), local.time(), calendar.LONDON)


def _timedelta(_run: Run, days: object = 0, **parts: object) -> timedelta:
    given = {"days": days, **parts}
    for name, value in given.items():
        if type(value) not in NUMBERS or abs(value) > 86_400 * MOST_DAYS:  # type: ignore[arg-type]
            raise ExprError(f"timedelta({name}=...) needs a number within reason")
    return timedelta(**given)  # type: ignore[arg-type]


def _relativedelta(run: Run, **parts: object) -> Period:
    months = _whole(parts.pop("months", 0), "months", MOST_MONTHS)
    years = _whole(parts.pop("years", 0), "years", MOST_MONTHS // 12)
    return Period(months + 12 * years, _timedelta(run, **parts))


def _days(_run: Run, n: object) -> timedelta:
    return timedelta(days=_whole(n, "days()", MOST_DAYS))


def _weeks(_run: Run, n: object) -> timedelta:
    return timedelta(weeks=_whole(n, "weeks()", MOST_DAYS // 7))


def _months(_run: Run, n: object) -> Period:
    return Period(_whole(n, "months()", MOST_MONTHS))


def _years(_run: Run, n: object) -> Period:
    return Period(12 * _whole(n, "years()", MOST_MONTHS // 12))


def _when(value: Any, name: str) -> date:
    if type(value) not in DATES:
        raise ExprError(f"{name}() needs a date, and this is {kind(value)}")
    return value  # type: ignore[no-any-return]


def _of_date(name: str, function: Callable[[Any], object]) -> Function:
    return Function(lambda run, when: function(_when(when, name)), 1, 1)


def _months_after(_run: Run, start: object, n: object) -> datetime:
    return calendar.months_after(_when(start, "months_after"), _whole(n, "months_after()", MOST_MONTHS))


def _working_days_after(run: Run, start: object, n: object) -> datetime:
    count = _whole(n, "working_days_after()", calendar.LONGEST_COUNT)
    run.spend(100 * abs(count))
    return calendar.working_days_after(_when(start, "working_days_after"), count)


def _age_on(_run: Run, birth: object, on: object) -> int | None:
    known = None if birth is None else _when(birth, "age_on")
    day = _when(on, "age_on")
    if known is not None and calendar.days_between(known, day) < 0:
        raise ExprError("age_on() was given a birth date that comes after the other date")
    return calendar.age_on(known, day)


def _days_between(_run: Run, start: object, end: object) -> int:
    return calendar.days_between(_when(start, "days_between"), _when(end, "days_between"))


def _later(run: Run, *values: object) -> object:
    run.spend(INSTANT_WORK * len(values))
    return max((each for each in values if each is not None), key=moment, default=None)


def _earlier(run: Run, *values: object) -> object:
    run.spend(INSTANT_WORK * len(values))
    return min((each for each in values if each is not None), key=moment, default=None)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "len": Function(_len, 1, 1),
        "any": Function(lambda run, group: any(_elements(run, group)), 1, 1, gathers=True),
        "all": Function(lambda run, group: all(_elements(run, group)), 1, 1, gathers=True),
        "sum": Function(_sum, 1, 1, gathers=True),
        "min": Function(_min, 1, 50, frozenset({"default"}), gathers=True),
        "max": Function(_max, 1, 50, frozenset({"default"}), gathers=True),
        "sorted": Function(_sorted, 1, 1, frozenset({"reverse"}), gathers=True),
        "abs": Function(_abs, 1, 1),
        "round": Function(_round, 1, 2),
        "str": Function(text_of, 1, 1),
        "int": Function(_convert(int, "int"), 1, 1),
        "float": Function(_convert(float, "float"), 1, 1),
        "bool": Function(_bool, 1, 1),
        "date": Function(_date, 1, 3),
        "datetime": Function(_datetime, 3, 6),
        "now": Function(_now, 0, 0),
        "today": Function(lambda run: _now(run).date(), 0, 0),
        "timedelta": Function(_timedelta, 0, 1, frozenset({"days", "weeks", "hours", "minutes", "seconds"})),
        "relativedelta": Function(
            _relativedelta, 0, 0, frozenset({"years", "months", "weeks", "days", "hours", "minutes", "seconds"})
        ),
        "days": Function(_days, 1, 1),
        "weeks": Function(_weeks, 1, 1),
        "months": Function(_months, 1, 1),
        "years": Function(_years, 1, 1),
        "months_after": Function(_months_after, 2, 2),
        "working_days_after": Function(_working_days_after, 2, 2),
        "end_of_day": _of_date("end_of_day", calendar.end_of_day),
        "act_by": _of_date("act_by", calendar.act_by),
        "is_working_day": _of_date("is_working_day", calendar.is_working_day),
        "age_on": Function(_age_on, 2, 2),
        "days_between": Function(_days_between, 2, 2),
        "later": Function(_later, 2, 10),
        "earlier": Function(_earlier, 2, 10),
    }
)
