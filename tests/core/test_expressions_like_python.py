"""Where Python has a value for an allowed expression, ours is the same; any other text is refused, never worse.

``CASEWORK_TORTURE=20`` tries twenty times as many; ``--hypothesis-seed=N`` repeats one run exactly.
"""

import ast
import copy
import json
import os
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import example, given, settings
from hypothesis import strategies as st

from expression_forms import changed, each_form, expressions, hostile
from measured import BYTES, SECONDS, allocated, taken
from service.core import calendar, expressions_grammar, expressions_walk
from service.core.calendar import LONDON
from service.core.expressions import ExprError, check_script, evaluate, names
from service.core.expressions_functions import FUNCTIONS
from service.core.expressions_grammar import FORMATS
from service.core.expressions_methods import ATTRIBUTES, METHOD_NAMES
from service.core.expressions_operators import BINARY, COMPARE

TIMES = int(os.environ.get("CASEWORK_TORTURE", "1"))
AT = datetime(2026, 1, 20, 12, 30, tzinfo=LONDON)
SEEN = {
    "n": 5, "f": 1.5, "t": "Some text", "yes": True, "none": None, "votes": [1, 1, 0], "names": ["b", "a"],
    "d": date(2013, 5, 29), "at": datetime(2026, 1, 5, 9, tzinfo=LONDON), "span": timedelta(days=2, hours=5),
    "rows": [{"n": 3, "s": "x"}, {"n": 1, "s": ""}], "case": {"n": 2, "s": "ref"}, "counted": {"a": 1, "b": 0},
}  # fmt: skip


TOO_BIG = {
    "a whole number is too big", "a number is too big, or is not a number", "the expression makes too long a list",
    "the expression makes too long a text",
}  # fmt: skip


class Record(dict):
    __getattr__ = dict.__getitem__

    def keys(self):
        return list(super().keys())

    def values(self):
        return list(super().values())


def of_day(*parts):
    return date(*parts) if len(parts) == 3 else parts[0].astimezone(LONDON).date()


def moment(*parts):
    return datetime(*parts, tzinfo=LONDON)


def added(group):
    values = list(group)
    return sum(values, timedelta() if values and isinstance(values[0], timedelta) else 0)


ORACLE = {
    **SEEN,
    "rows": [Record(row) for row in SEEN["rows"]], "case": Record(SEEN["case"]), "counted": Record(SEEN["counted"]),
    "date": of_day, "datetime": moment, "timedelta": timedelta, "relativedelta": relativedelta,
    "days": lambda n: timedelta(days=n), "weeks": lambda n: timedelta(weeks=n),
    "months": lambda n: relativedelta(months=n), "years": lambda n: relativedelta(years=n),
    "sum": added, "now": lambda: AT, "today": AT.date, "later": lambda *d: max(x for x in d if x is not None),
    "earlier": lambda *d: min(x for x in d if x is not None),
    **{name: getattr(calendar, name) for name in (
        "months_after", "working_days_after", "end_of_day", "act_by", "is_working_day", "age_on", "days_between")},
    "__builtins__": {f.__name__: f for f in (
        len, any, all, sum, min, max, sorted, abs, round, str, int, float, bool, __import__)},
}  # fmt: skip


def outcome(text: str, seen=SEEN) -> object:
    try:
        return evaluate(text, seen, at=AT)
    except ExprError as error:
        return error


def python_gives(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = eval(text, dict(ORACLE))
        except Exception as error:  # noqa: BLE001 - whatever Python says
            return error
    return TypeError("a period of months is no value here") if isinstance(value, relativedelta) else value


def comparable(value):
    """Ours says ``list`` and ``dict`` where the oracle's records are of a class of their own."""
    return dict(value) if isinstance(value, Record) else value


def compare(text):
    expected, value = comparable(python_gives(text)), outcome(text)
    if isinstance(expected, Exception):
        assert isinstance(value, ExprError), text
    elif isinstance(value, ExprError) and str(value) in TOO_BIG:
        return  # too big is an answer of its own
    else:
        assert (type(value), value) == (type(expected), expected), text


@settings(max_examples=900 * TIMES, deadline=None)
@given(expressions())
@example("(d - timedelta(days=n) * f)")
@example("(date(2026, 1, 31) + (months(1) + months(1)))")
def test_the_same_as_python_where_python_has_a_value(text):
    compare(text)


def test_each_form_gives_what_python_gives():
    for text in each_form():
        compare(text)


MIXED = ("number", "text", "numbers", "texts", "day", "test")


@st.composite
def ill_matched(draw):
    """Two kinds under one sign: mostly Python refuses, and then so must we."""
    left, right = draw(st.permutations(MIXED))[:2]
    sign = draw(st.sampled_from(["==", "!=", "and", "or", "+", "-", "*", "<", "in"]))
    return f"(({draw(expressions(left, 1))}) {sign} ({draw(expressions(right, 1))}))"


@settings(max_examples=300 * TIMES, deadline=None)
@given(ill_matched())
def test_the_same_as_python_where_kinds_do_not_match(text):
    compare(text)


def said_in(text):
    """The constructs, operators, functions, methods, attributes and formats that an expression uses."""
    for node in ast.walk(ast.parse(text, mode="eval").body):
        yield type(node)
        if isinstance(node, ast.Call):
            yield ("function", node.func.id) if isinstance(node.func, ast.Name) else ("method", node.func.attr)
            yield from (("keyword", each.arg) for each in node.keywords)
        elif isinstance(node, ast.Attribute):
            yield ("attribute", node.attr)
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            yield ("format", node.format_spec.values[0].value)


def test_what_is_tried_is_the_whole_grammar():
    tried = {text: set(said_in(text)) for text in each_form()}
    worked = set().union(*(said for text, said in tried.items() if not isinstance(outcome(text), ExprError)))
    wanted = {
        *expressions_grammar._RULES, *BINARY, *COMPARE, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd,
        *(("function", name) for name in FUNCTIONS), *(("method", name) for name in METHOD_NAMES),
        *(("attribute", name) for known in ATTRIBUTES.values() for name in known),
        *(("format", form) for form in FORMATS),
        *(("keyword", key) for function in FUNCTIONS.values() for key in function.keywords),
    }  # fmt: skip
    assert wanted - worked == set()


WRONG = {
    "- adds": lambda m: m.setitem(BROKEN_BINARY, ast.Sub, BINARY[ast.Add]),
    "// divides": lambda m: m.setitem(BROKEN_BINARY, ast.FloorDiv, BINARY[ast.Div]),
    "<= is <": lambda m: m.setitem(BROKEN_COMPARE, ast.LtE, COMPARE[ast.Lt]),
    "not in is in": lambda m: m.setitem(BROKEN_COMPARE, ast.NotIn, COMPARE[ast.In]),
    "is not is is": lambda m: m.setitem(BROKEN_COMPARE, ast.IsNot, COMPARE[ast.Is]),
    "min is max": lambda m: m.setitem(BROKEN_FUNCTIONS, "min", FUNCTIONS["max"]),
    "months are years": lambda m: m.setitem(BROKEN_FUNCTIONS, "months", FUNCTIONS["years"]),
    "days are weeks": lambda m: m.setitem(BROKEN_FUNCTIONS, "days", FUNCTIONS["weeks"]),
}
BROKEN_BINARY, BROKEN_COMPARE, BROKEN_FUNCTIONS = dict(BINARY), dict(COMPARE), dict(FUNCTIONS)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_operator_is_found(wrong, monkeypatch):
    wrong(monkeypatch)
    monkeypatch.setattr(expressions_walk, "BINARY", BROKEN_BINARY)
    monkeypatch.setattr(expressions_walk, "COMPARE", BROKEN_COMPARE)
    monkeypatch.setattr(expressions_walk, "FUNCTIONS", BROKEN_FUNCTIONS)
    with pytest.raises(AssertionError):
        test_each_form_gives_what_python_gives()


BATTERY = json.loads((Path(__file__).parent / "data" / "expressions.json").read_text())
KNOWN = [text for text in BATTERY["attacks"] + BATTERY["bombs"] + BATTERY["refused"] if len(text) < 300]
KNOWN += [case["expr"] for case in BATTERY["ordinary"]]
INSTANT = datetime(2013, 6, 1, 12, tzinfo=UTC)
PREY = {
    "n": 5, "d": date(2013, 5, 29), "at": INSTANT, "t": "Some text", "nums": list(range(10_000)),
    "rows": [{"id": str(i), "n": i, "s": "x" * 300} for i in range(2_000)],
    "texts": [f"w{i} " * 3 for i in range(10_000)],
    "instants": [INSTANT + timedelta(hours=i) for i in range(10_000)], "small": [[[] for _ in range(6)]] * 5_000,
    "long": "ab " * 60_000, "record": {f"k{i}": i for i in range(10_000)},
}  # fmt: skip
BEFORE = copy.deepcopy(PREY)
ANY_TEXT = st.one_of(hostile(), hostile(), changed(KNOWN), st.text(max_size=80), expressions())


@settings(max_examples=600 * TIMES, deadline=None)
@given(ANY_TEXT)
def test_any_text_gives_a_value_or_a_refusal_in_time_and_changes_nothing(text):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        seconds = taken(evaluate_on_prey, text)
        for use in (check_script, names):
            try:
                use(text)
            except ExprError:
                continue
    assert seconds < SECONDS
    assert said == []
    assert {name: value for name, value in PREY.items() if name != "small"} == {
        name: value for name, value in BEFORE.items() if name != "small"
    }


def evaluate_on_prey(text):
    return evaluate(text, PREY, at=INSTANT)


@settings(max_examples=60 * TIMES, deadline=None)
@given(ANY_TEXT)
def test_any_text_takes_little_memory(text):
    assert allocated(evaluate_on_prey, text) < BYTES
    assert allocated(check_script_quietly, text) < BYTES


def check_script_quietly(text):
    return check_script(f"x = {text}")
