"""The operators of an expression: what ``+ - * / // %`` and the comparisons do with each kind of value.

A bare date compared with an instant is compared by the date in London. Months are added by the corresponding-date
rule; whole days are London's days. Everything that is not listed here is refused.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.core.calendar import london, london_date
from service.core.expressions_filling import fill_percent
from service.core.expressions_values import (
    BITS,
    CALL_STEPS,
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
    shift,
    shift_months,
    weight,
    written,
)

Operator = Callable[[Run, Any, Any], object]
ASKED_WORK = 5
_SEQUENCES = frozenset({list, tuple})
_WHOLE = frozenset({bool, int})
_SPANS = frozenset({timedelta, Period})


def _refuse(sign: str, left: object, right: object) -> ExprError:
    return ExprError(f"'{sign}' does not work on {kind(left)} and {kind(right)}")


def _add(run: Run, left: Any, right: Any) -> object:
    of, other = type(left), type(right)
    if of in NUMBERS and other in NUMBERS:
        return left + right
    if of is str and other is str:
        written(run, len(left) + len(right))
        return left + right
    if of is other and of in _SEQUENCES:
        bounded(len(left) + len(right))
        return built(run, left + right)
    if of in DATES and other in _SPANS:
        return _move(run, left, right, 1)
    if of in _SPANS and other in DATES:
        return _move(run, right, left, 1)
    if of in _SPANS and other in _SPANS:
        return _span(left, right, 1)
    raise _refuse("+", left, right)


def _subtract(run: Run, left: Any, right: Any) -> object:
    of, other = type(left), type(right)
    if of in NUMBERS and other in NUMBERS:
        return left - right
    if of in DATES and other in _SPANS:
        return _move(run, left, right, -1)
    if of is datetime and other is datetime:
        run.spend(INSTANT_WORK)
        return london(left).astimezone(UTC) - london(right).astimezone(UTC)
    if of in DATES and other in DATES:
        return london_date(left) - london_date(right)
    if of in _SPANS and other in _SPANS:
        return _span(left, right, -1)
    if of is set and other is set:
        run.spend(weight(run, left) + weight(run, right))
        return built(run, left - right)
    raise _refuse("-", left, right)


def _move(run: Run, when: date, by: timedelta | Period, sign: int) -> date:
    run.step(CALL_STEPS)
    if isinstance(by, Period):
        return shift(shift_months(when, sign * by.months), _signed(when, by.rest, sign))
    return shift(when, _signed(when, by, sign))


def _signed(when: date, by: timedelta, sign: int) -> timedelta:
    """The span with its sign: of a span given to a plain date only the whole days count, as in Python."""
    return sign * by if isinstance(when, datetime) else timedelta(days=sign * by.days)


def _span(left: timedelta | Period, right: timedelta | Period, sign: int) -> timedelta | Period:
    if type(left) is timedelta and type(right) is timedelta:
        return left + sign * right
    one, two = _as_period(left), _as_period(right)
    return Period(one.months + sign * two.months, one.rest + sign * two.rest)


def _as_period(span: timedelta | Period) -> Period:
    return Period(0, span) if isinstance(span, timedelta) else span


def _multiply(run: Run, left: Any, right: Any) -> object:
    of, other = type(left), type(right)
    if of in _WHOLE and other in _WHOLE:
        if int(left).bit_length() + int(right).bit_length() > BITS + 1:
            raise ExprError("a whole number is too big")
        return left * right
    if of in NUMBERS and other in NUMBERS:
        return left * right
    if other in _WHOLE and (of is str or of in _SEQUENCES):
        return _repeat(run, left, right)
    if of in _WHOLE and (other is str or other in _SEQUENCES):
        return _repeat(run, right, left)
    if (of is timedelta and other in NUMBERS) or (of in NUMBERS and other is timedelta):
        return left * right
    raise _refuse("*", left, right)


def _repeat(run: Run, what: Any, times: int) -> object:
    length = len(what) * max(0, times)
    if type(what) is str:
        written(run, length)
        return what * times
    bounded(length)
    return built(run, what * times)


def _divide(_run: Run, left: Any, right: Any) -> object:
    if type(right) in NUMBERS and (type(left) in NUMBERS or type(left) is timedelta):
        return left / _not_nought(right)
    if type(left) is timedelta and type(right) is timedelta:
        return left / _not_nought(right)
    raise _refuse("/", left, right)


def _floor_divide(_run: Run, left: Any, right: Any) -> object:
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return left // _not_nought(right)
    if type(left) is timedelta and (type(right) in _WHOLE or type(right) is timedelta):
        return left // _not_nought(right)
    raise _refuse("//", left, right)


def _remainder(run: Run, left: Any, right: Any) -> object:
    if (type(left) in NUMBERS and type(right) in NUMBERS) or (type(left) is timedelta and type(right) is timedelta):
        return left % _not_nought(right)
    if type(left) is str:
        return fill_percent(run, left, right)
    raise _refuse("%", left, right)


def _not_nought(divisor: Any) -> Any:
    if not divisor:
        raise ExprError("a division by nought")
    return divisor


BINARY: Mapping[type[ast.operator], Operator] = MappingProxyType(
    {
        ast.Add: _add,
        ast.Sub: _subtract,
        ast.Mult: _multiply,
        ast.Div: _divide,
        ast.FloorDiv: _floor_divide,
        ast.Mod: _remainder,
    }
)


def negative(value: Any) -> object:
    """``-value`` for numbers and lengths of time."""
    if type(value) in NUMBERS or type(value) is timedelta:
        return -value
    if type(value) is Period:
        return Period(-value.months, -value.rest)
    raise ExprError(f"'-' does not work on {kind(value)}")


def positive(value: Any) -> object:
    """``+value`` for numbers and lengths of time."""
    if type(value) in NUMBERS or type(value) is timedelta:
        return +value
    raise ExprError(f"'+' does not work on {kind(value)}")


def equal(run: Run, left: Any, right: Any) -> bool:
    """Whether two values are the same; a date equals an instant on that date in London."""
    if type(left) in DATES and type(right) in DATES:
        run.spend(INSTANT_WORK)
        left, right = _alike(left, right)
    elif type(left) in CONTAINERS and type(right) in CONTAINERS:
        run.spend(min(weight(run, left), weight(run, right)))
    elif type(left) is str and type(right) is str:
        run.spend(min(len(left), len(right)) >> 6)
    return bool(left == right)


def _alike(left: date, right: date) -> tuple[date, date]:
    if type(left) is datetime and type(right) is datetime:
        return london(left).astimezone(UTC), london(right).astimezone(UTC)
    return london_date(left), london_date(right)


def _order(sign: str, compare: Callable[[Any, Any], bool]) -> Operator:
    def ordered(run: Run, left: Any, right: Any) -> bool:
        of, other = type(left), type(right)
        if of in DATES and other in DATES:
            run.spend(INSTANT_WORK)
            return compare(*_alike(left, right))
        if of in _SEQUENCES and of is other:
            run.spend(min(weight(run, left), weight(run, right)))
        elif of is str and other is str:
            run.spend(min(len(left), len(right)) >> 6)
        elif not ((of in NUMBERS and other in NUMBERS) or (of is timedelta and other is timedelta)):
            raise _refuse(sign, left, right)
        return compare(left, right)

    return ordered


def contains(run: Run, element: Any, group: Any) -> bool:
    """Whether a text holds another, or a collection an element."""
    if type(group) is str and type(element) is str:
        run.spend(1 + (len(group) * min(len(element), 100) >> 4))
        return element in group
    if type(group) not in CONTAINERS:
        raise _refuse("in", element, group)
    run.spend(weight(run, element))
    if type(group) in (dict, set) and type(element) not in DATES:
        run.spend(len(group) >> 2 if type(group) is set else 1)
        return element in group
    run.spend(weight(run, group))
    if type(element) in DATES:
        run.spend(ASKED_WORK * len(group))
        return any(equal(run, element, each) for each in group)
    return element in group


COMPARE: Mapping[type[ast.cmpop], Operator] = MappingProxyType(
    {
        ast.Eq: equal,
        ast.NotEq: lambda run, left, right: not equal(run, left, right),
        ast.Lt: _order("<", operator.lt),
        ast.LtE: _order("<=", operator.le),
        ast.Gt: _order(">", operator.gt),
        ast.GtE: _order(">=", operator.ge),
        ast.In: contains,
        ast.NotIn: lambda run, left, right: not contains(run, left, right),
        ast.Is: lambda run, left, right: left is right,
        ast.IsNot: lambda run, left, right: left is not right,
    }
)
