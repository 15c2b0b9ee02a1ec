"""How a date came about, told from the expression it was worked out by: ``29 May 2013 + 1 calendar month = ...``.

Promises: every number and date told is one that the expression's own evaluation gave, each sum is done a second time
by the calendar before it is told, and what cannot be told step by step is told as the expression in plain words. A
wrong sentence is never given. Pure: nothing is known of any particular process.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.core import calendar
from service.core.calendar import british, london_date
from service.core.clock_expressions import expression_words
from service.core.expressions import evaluate_tree
from service.core.expressions_values import ExprError, Period, Run
from service.core.expressions_walk import value_of

DATES = (date, datetime)


@dataclass(frozen=True, slots=True)
class Step:
    """One sum: ``text`` up to its result, and ``tail`` what is to be said after the result."""

    text: str
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Sum:
    """A date, the sums that led to it, and the words for what it was taken from where there was no sum."""

    value: date
    steps: tuple[Step, ...] = ()
    source: str = ""


class CannotTell(Exception):
    """A part of an expression has no sum that could be told."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What an expression was worked out from: ``names`` and the instant ``at`` that ``now()`` was."""

    names: Mapping[str, object]
    at: datetime

    def value(self, node: ast.expr) -> Any:
        """The value of a part. Raises ``CannotTell``."""
        try:
            return evaluate_tree(node, Run(self.names, self.at))
        except ExprError as wrong:
            raise CannotTell from wrong

    def span(self, node: ast.expr) -> Any:
        """The value of a part that may be a period of months, which no expression gives as a whole."""
        try:
            return value_of(Run(self.names, self.at), node)
        except (ExprError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as wrong:
            raise CannotTell from wrong

    def date(self, node: ast.expr) -> date:
        """The date or instant a part gives. Raises ``CannotTell``."""
        found = self.value(node)
        if type(found) not in DATES:
            raise CannotTell
        return found  # type: ignore[no-any-return]


def sum_of(telling: Telling, node: ast.expr) -> Sum:
    """How the date of ``node`` came about. Raises ``CannotTell`` if it is no date."""
    rule = _RULES.get(type(node))
    if rule is not None:
        try:
            return rule(telling, node)
        except CannotTell:
            pass
    return Sum(telling.date(node), source=source_words(node))


def source_words(node: ast.expr) -> str:
    """What a date was taken from that no sum led to."""
    given = isinstance(node, ast.Name | ast.Attribute)
    return f"{'the date given as' if given else 'worked out as'} “{expression_words(node)}”"


def length_words(length: timedelta) -> str:
    """``10 days``, ``36 hours``. Raises ``CannotTell`` for what is neither a number of days nor of hours."""
    if length % timedelta(days=1) == timedelta():
        return counted(length.days, "day")
    if length % timedelta(hours=1) == timedelta():
        return counted(length // timedelta(hours=1), "hour")
    raise CannotTell


def counted(number: int, noun: str) -> str:
    """``1 day``, ``2 days``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _call(telling: Telling, node: ast.Call) -> Sum:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    if called not in _CALLS or any(isinstance(part, ast.GeneratorExp) for part in node.args):
        raise CannotTell
    return _CALLS[called](telling, node)


def _months_after(telling: Telling, node: ast.Call) -> Sum:
    start, count = sum_of(telling, node.args[0]), telling.value(node.args[1])
    return _months_on(start, count, telling.date(node))


def _months_on(start: Sum, count: int, result: date) -> Sum:
    first, last = london_date(start.value), london_date(result)
    if last != calendar.corresponding_date(first, count):
        raise CannotTell
    sign, number = ("+", count) if count >= 0 else ("−", -count)
    text = f"{british(first)} {sign} {counted(number, 'calendar month')} = {british(last)}{_clipped(first, last)}"
    return Sum(result, (*start.steps, Step(text)))


def _clipped(first: date, last: date) -> str:
    if first.day == last.day:
        return ""
    month = calendar.MONTHS[last.month - 1]
    if (first.day, last.month) == (29, 2):
        month = f"{month} {last.year}"  # in other years it has one
    return f" ({month} has no {calendar.ordinal(first.day)}, so its last day)"


def _working_days_after(telling: Telling, node: ast.Call) -> Sum:
    start, count, result = sum_of(telling, node.args[0]), telling.value(node.args[1]), telling.date(node)
    first, last = london_date(start.value), london_date(result)
    if result != calendar.working_days_after(start.value, count):
        raise CannotTell
    text = f"{british(first)} + {counted(count, 'working day')} = {british(last)}"
    return Sum(result, (*start.steps, Step(text, _not_counted(first, last))))


def _not_counted(first: date, last: date) -> str:
    """Which days between were no working days: ``, not counting Saturdays, Sundays and the bank holiday on ...``."""
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    holidays = [day for day in between if calendar.is_bank_holiday(day) and day.weekday() < 5]
    left_out = [f"{calendar.WEEKDAYS[n]}s" for n in (5, 6) if any(day.weekday() == n for day in between)]
    if holidays:
        left_out.append(f"the bank holiday{'s' if holidays[1:] else ''} on {listed([british(d) for d in holidays])}")
    return f", not counting {listed(left_out)}" if left_out else ""


def listed(parts: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _same(telling: Telling, node: ast.Call) -> Sum:
    """``end_of_day(x)`` and ``date(x)``: another moment of the same day."""
    if len(node.args) != 1:
        return Sum(telling.date(node), source="a date written in the diagram")
    inner, result = sum_of(telling, node.args[0]), telling.date(node)
    if london_date(inner.value) != london_date(result):
        raise CannotTell
    return replace(inner, value=result)


def _act_by(telling: Telling, node: ast.Call) -> Sum:
    inner, result = sum_of(telling, node.args[0]), telling.date(node)
    if london_date(inner.value) == result:
        return replace(inner, value=result)
    text = f"the last working day on or before {british(inner.value)} = {british(result)}"
    return Sum(result, (*inner.steps, Step(text)))


def _now(telling: Telling, node: ast.Call) -> Sum:
    return Sum(telling.date(node), source="the day it began")


def _extreme(word: str) -> Callable[[Telling, ast.Call], Sum]:
    def told(telling: Telling, node: ast.Call) -> Sum:
        given = [part for part in node.args if telling.value(part) is not None]
        result = telling.date(node)
        chosen = next((part for part in given if telling.value(part) == result), None)
        if chosen is None:
            raise CannotTell
        inner = sum_of(telling, chosen)
        if len(given) == 1:
            return inner
        among = list(dict.fromkeys(british(telling.date(part)) for part in given))
        which = f"the {word}{'st' if among[2:] else 'r'} of {listed(among)}" if among[1:] else ""
        return Sum(result, (*inner.steps, *([Step(f"{which} = {british(result)}")] if which else [])), inner.source)

    return told


_CALLS: Mapping[str, Callable[[Telling, ast.Call], Sum]] = MappingProxyType({
    "months_after": _months_after, "working_days_after": _working_days_after, "end_of_day": _same, "date": _same,
    "act_by": _act_by, "now": _now, "today": _now, "later": _extreme("late"), "max": _extreme("late"),
    "earlier": _extreme("earlie"), "min": _extreme("earlie"),
})  # fmt: skip


def _added(telling: Telling, node: ast.BinOp) -> Sum:
    """A date with a length of time added or taken away."""
    if not isinstance(node.op, ast.Add | ast.Sub):
        raise CannotTell
    left = telling.span(node.left)
    of_date, of_span = (node.left, node.right) if type(left) in DATES else (node.right, node.left)
    start, span, result = sum_of(telling, of_date), telling.span(of_span), telling.date(node)
    sign = -1 if isinstance(node.op, ast.Sub) else 1
    if isinstance(span, Period):
        if span.rest:
            raise CannotTell
        return _months_on(start, sign * span.months, result)
    if type(span) is not timedelta or start.value + sign * span != result:
        raise CannotTell
    shown = "−" if (sign < 0) is (span >= timedelta()) else "+"
    text = f"{british(start.value)} {shown} {length_words(abs(span))} = {british(result)}"
    return Sum(result, (*start.steps, Step(text)))


def _choice(telling: Telling, node: ast.IfExp) -> Sum:
    return sum_of(telling, node.body if telling.value(node.test) else node.orelse)


def _either(telling: Telling, node: ast.BoolOp) -> Sum:
    stop = isinstance(node.op, ast.Or)
    taken = next((p for p in node.values if bool(telling.value(p)) is stop), node.values[-1])
    return sum_of(telling, taken)


def _constant(_telling: Telling, node: ast.Constant) -> Sum:
    try:
        return Sum(datetime.fromisoformat(str(node.value)), source="a date written in the diagram")
    except ValueError as wrong:
        raise CannotTell from wrong


_RULES: Mapping[type[ast.expr], Callable[[Telling, Any], Sum]] = MappingProxyType({
    ast.Call: _call, ast.BinOp: _added, ast.IfExp: _choice, ast.BoolOp: _either, ast.Constant: _constant,
})  # fmt: skip
