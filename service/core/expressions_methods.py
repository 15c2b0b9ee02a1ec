"""The methods an expression may call on a text, a record, a list, a date or a length of time; and named formats.

Methods are found by the exact type of the value. Texts are measured before they are made. Date formats are a fixed
few, written out here so that they do not depend on the machine's language.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.core import calendar
from service.core.expressions_filling import fill_braces
from service.core.expressions_functions import text_of
from service.core.expressions_operators import ASKED_WORK, equal
from service.core.expressions_values import (
    COLLECTION,
    DATES,
    NUMBERS,
    TEXT,
    ExprError,
    Run,
    bounded,
    built,
    kind,
    weight,
    written,
)


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the grammar: what it does and how many values it takes."""

    call: Callable[..., object]
    least: int = 0
    most: int = 0


DATE_FORMATS: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "%d %B %Y": lambda when: f"{when.day:02} {calendar.MONTHS[when.month - 1]} {when.year}",
        "%A %d %B %Y": lambda when: f"{calendar.WEEKDAYS[when.weekday()]} {DATE_FORMATS['%d %B %Y'](when)}",
        "%B %Y": lambda when: f"{calendar.MONTHS[when.month - 1]} {when.year}",
        "%d/%m/%Y": lambda when: f"{when.day:02}/{when.month:02}/{when.year}",
        "%Y-%m-%d": lambda when: f"{when.year:04}-{when.month:02}-{when.day:02}",
        "%Y": lambda when: str(when.year),
        "%H:%M": lambda when: f"{getattr(when, 'hour', 0):02}:{getattr(when, 'minute', 0):02}",
    }
)
NUMBER_FORMATS = frozenset({",", ".0f", ".1f", ".2f", "d"})


def formatted(run: Run, value: object, form: str) -> str:
    """A value as an f-string writes it, with one of the named formats. ExprError for any other pairing."""
    if not form:
        return text_of(run, value)
    if form in NUMBER_FORMATS and type(value) in NUMBERS:
        if form == "d" and type(value) is float:
            raise ExprError("the format 'd' needs a whole number")
        return format(value, form)
    if form in DATE_FORMATS and type(value) in DATES:
        return DATE_FORMATS[form](value)
    raise ExprError(f"{kind(value)} cannot be written with the format '{form}'")


def _strftime(_run: Run, when: date, form: object) -> str:
    if type(form) is not str or form not in DATE_FORMATS:
        raise ExprError("strftime() takes one of the named formats: " + ", ".join(DATE_FORMATS))
    return DATE_FORMATS[form](when)


def _texts(*values: object) -> None:
    for value in values:
        if type(value) is not str:
            raise ExprError(f"a text is needed here, and this is {kind(value)}")


def _plain(name: str) -> Method:
    change: Callable[[str], object] = getattr(str, name)

    def call(run: Run, text: str) -> object:
        run.spend(1 + (len(text) >> 1))  # a letter may become three, four bytes each
        return change(text)

    return Method(call)


def _startswith(run: Run, text: str, start: Any) -> bool:
    _texts(start)
    run.spend(len(start) >> 6)
    return text.startswith(start)


def _endswith(run: Run, text: str, end: Any) -> bool:
    _texts(end)
    run.spend(len(end) >> 6)
    return text.endswith(end)


def _search(run: Run, text: str, part: str) -> None:
    run.spend(1 + (len(text) * min(len(part), 100) >> 4))


def _split(run: Run, text: str, separator: Any = None) -> object:
    if separator is not None:
        _texts(separator)
        if not separator:
            raise ExprError("split() needs something to split at")
        _search(run, text, separator)
    run.spend(1 + (len(text) >> 2))
    parts = text.split(separator, COLLECTION)
    bounded(len(parts))
    return built(run, parts)


def _join(run: Run, text: str, parts: Any) -> str:
    if type(parts) not in (list, tuple):
        raise ExprError("join() needs a list of texts")
    run.spend(len(parts))
    _texts(*parts)
    written(run, sum(map(len, parts)) + len(text) * max(0, len(parts) - 1))
    return text.join(parts)


def _replace(run: Run, text: str, old: Any, new: Any) -> str:
    _texts(old, new)
    _search(run, text, old)
    length = len(text) + text.count(old) * (len(new) - len(old))
    if length > max(TEXT, len(text)):
        raise ExprError("the expression makes too long a text")
    run.spend(1 + (length >> 3))
    return text.replace(old, new)


def _get(_run: Run, record: dict[str, object], key: Any, default: object = None) -> object:
    _texts(key)
    return record.get(key, default)


def _listed(name: str) -> Method:
    take: Callable[[Any], Any] = getattr(dict, name)

    def call(run: Run, record: dict[str, object]) -> object:
        bounded(len(record))
        run.spend(3 * len(record))
        return built(run, list(take(record)))

    return Method(call)


def _count(run: Run, group: Any, element: Any) -> int:
    run.spend(weight(run, group) + ASKED_WORK * len(group))
    return sum(1 for each in group if equal(run, each, element))


def _index(run: Run, group: Any, element: Any) -> int:
    run.spend(weight(run, group) + ASKED_WORK * len(group))
    for position, each in enumerate(group):
        if equal(run, each, element):
            return position
    raise ExprError("index() did not find the element")


_DATE: Mapping[str, Method] = {
    "isoformat": Method(lambda run, when: when.isoformat()),
    "weekday": Method(lambda run, when: when.weekday()),
    "strftime": Method(_strftime, 1, 1),
}
METHODS: Mapping[type, Mapping[str, Method]] = MappingProxyType(
    {
        str: {name: _plain(name) for name in ("lower", "upper", "strip", "title", "isdigit")}
        | {
            "startswith": Method(_startswith, 1, 1),
            "endswith": Method(_endswith, 1, 1),
            "split": Method(_split, 0, 1),
            "join": Method(_join, 1, 1),
            "replace": Method(_replace, 2, 2),
            "format": Method(fill_braces, 1, 50),
        },
        dict: {"get": Method(_get, 1, 2)} | {name: _listed(name) for name in ("keys", "values", "items")},
        list: {"count": Method(_count, 1, 1), "index": Method(_index, 1, 1)},
        tuple: {"count": Method(_count, 1, 1), "index": Method(_index, 1, 1)},
        date: _DATE,
        datetime: {**_DATE, "date": Method(lambda run, when: calendar.london_date(when))},
        timedelta: {"total_seconds": Method(lambda run, span: span.total_seconds())},
    }
)
METHOD_NAMES = frozenset(name for table in METHODS.values() for name in table)
ATTRIBUTES: Mapping[type, frozenset[str]] = MappingProxyType(
    {
        date: frozenset({"year", "month", "day"}),
        datetime: frozenset({"year", "month", "day", "hour", "minute", "second"}),
        timedelta: frozenset({"days", "seconds"}),
    }
)


def method_of(value: object, name: str) -> Method:
    """The method of that name for this kind of value. ExprError if there is none."""
    found = METHODS.get(type(value), {}).get(name)
    if found is None:
        raise ExprError(f"{kind(value)} has no .{name}()")
    return found
