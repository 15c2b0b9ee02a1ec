"""Expressions give what Python gives, or are refused; hostile ones end quickly, and nothing they see ever changes."""

import copy
import json
import time
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path

import pytest

from measured import SECONDS
from service.core import expressions
from service.core.calendar import LONDON
from service.core.expressions import ExprError, ExprSyntax, check, check_script, evaluate, execute, names
from service.core.expressions_values import Run

AT = datetime(2013, 6, 1, 12, 0, tzinfo=UTC)
BATTERY = json.loads((Path(__file__).parent / "data" / "expressions.json").read_text())


def dated(value):
    if isinstance(value, list):
        return [dated(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"iso"}:
        text = value["iso"]
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    if set(value) == {"seconds"}:
        return timedelta(seconds=value["seconds"])
    if set(value) == {"set"}:
        return set(value["set"])
    return {key: dated(each) for key, each in value.items()}


DATA = dated(BATTERY["data"])
ROWS = [{"id": str(n), "n": n, "s": "x" * 300} for n in range(200)]
HEAVY = {
    "rows": ROWS,
    "many": [{"id": str(n), "t": "word " * 60} for n in range(2000)],
    "notes": "ab " * 60000,
    "d": date(2013, 5, 29),
    "nums": list(range(5000)),
    "clash": [n * (2**61 - 1) for n in range(5000)],
}


def outcome(text: str, data=DATA) -> tuple[object, float]:
    """What an expression gave, or its refusal, and the seconds of processor time it took."""
    begun = time.process_time()
    try:
        value = evaluate(text, data, at=AT)
    except ExprError as error:
        value = error
    return value, time.process_time() - begun


@pytest.mark.parametrize("case", BATTERY["ordinary"], ids=lambda case: case["expr"])
def test_ordinary_expressions(case):
    value, expected = evaluate(case["expr"], DATA), dated(case["value"])
    assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize("text", [*BATTERY["attacks"], "-" * 50_000 + "1", "+".join("1" * 50_000), "(" * 50_000])
def test_attacks_are_contained(text):
    before = copy.deepcopy(DATA)
    value, seconds = outcome(text)
    assert isinstance(value, ExprError) or value == ["LOW"]  # a list made over a name of its own changes nothing
    assert seconds < SECONDS
    assert before == DATA


@pytest.mark.parametrize("text", BATTERY["bombs"], ids=lambda text: text[:60])
def test_bombs_are_refused_quickly(text):
    value, seconds = outcome(text, HEAVY)
    assert isinstance(value, ExprError)
    assert seconds < 5 * SECONDS


@pytest.mark.parametrize(
    "text", ["heap", "heap == heap", "[heap, heap]", "str(heap)", "ring", "ring == ring", "len(ring)"]
)
def test_data_that_shares_or_holds_itself(text):
    heap: list = [1]
    for _ in range(30):
        heap = [heap, heap]
    ring: list = []
    ring.append(ring)
    value, seconds = outcome(text, {"heap": heap, "ring": ring})
    assert isinstance(value, ExprError)
    assert seconds < SECONDS


class Trap:
    """Anything that touches it has run foreign code."""

    def __getattribute__(self, name):
        raise AssertionError(name)

    def __eq__(self, other):
        raise AssertionError("compared")

    __hash__ = None


class Text(str):
    __slots__ = ()

    def lower(self):
        raise AssertionError("called")


class Zone(tzinfo):
    def utcoffset(self, _when):
        raise AssertionError("called")


FOREIGN = {
    "trap": Trap,
    "a text of another class": lambda: Text("a"),
    "function": lambda: len,
    "class": lambda: int,
    "bytes": lambda: b"a",
    "complex": lambda: 1j,
    "zone": lambda: datetime(2013, 1, 1, tzinfo=Zone()),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize(
    "text", ["x", "x == 1", "y", "y[0]", "y == y[:]", "1 in y", "z.a", "str(x)", "[x]", "x.lower()", "len(y)"]
)
def test_foreign_objects_are_never_touched(kind, text):
    foreign = FOREIGN[kind]()
    with pytest.raises(ExprError):
        evaluate(text, {"x": foreign, "y": [foreign], "z": {"a": foreign}})


@pytest.mark.parametrize("text", BATTERY["refused"])
def test_refused_before_anything_is_worked_out(text):
    with pytest.raises(ExprError):
        check(text)
    with pytest.raises(ExprError):
        check(f"1 if True else [{text}]")


@pytest.mark.parametrize(
    "text",
    ["", "  ", "> 20", "in (1, 2)", "a b", "x = 1", "if x: 1", "\x00", "\ud800", "1 +", "#", "${x}", "nums\u200b"],
)
def test_what_is_no_expression_is_a_syntax_error(text):
    with pytest.raises(ExprSyntax) as caught:
        check(text)
    assert isinstance(caught.value, SyntaxError)


@pytest.mark.parametrize("text", [None, 5, b"1", ["1"], Text("1")])
def test_only_a_text_is_an_expression(text):
    for use in (check, check_script, names):
        with pytest.raises(ExprError):
            use(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("date(2011, 1, 31) + months(1)", date(2011, 2, 28)),
        ("date(2012, 2, 29) + years(1)", date(2013, 2, 28)),
        ("date(2013, 3, 31) - months(1)", date(2013, 2, 28)),
        ("months_after(date(2011, 1, 31), 1)", datetime(2011, 2, 28, 23, 59, 59, tzinfo=LONDON)),
        ("end_of_day(d)", datetime(2013, 5, 29, 23, 59, 59, tzinfo=LONDON)),
        ("working_days_after(d, 5)", datetime(2013, 6, 5, 23, 59, 59, tzinfo=LONDON)),
        ("act_by(months_after(d, 1))", date(2013, 6, 28)),
        ("is_working_day(d)", True),
        ("age_on(date(1995, 5, 30), d)", 17),
        ("age_on(None, d)", None),
        ("days_between(d, today())", 3),
        ("later(None, d)", date(2013, 5, 29)),
        ("earlier(d, now())", date(2013, 5, 29)),
        ("later(None, None)", None),
        ("later(date(2013, 6, 1), now())", date(2013, 6, 1)),  # a bare date is the end of that day
        ("now()", AT),
        ("now().hour", 13),  # London's clock
        ("summer.day", 1),  # 23:30 UTC on the last day of June is the first of July in London
        ("summer.date()", date(2013, 7, 1)),
        ("date(summer)", date(2013, 7, 1)),
        ("f'{summer:%d %B %Y}'", "01 July 2013"),
        ("f'{d}'", "2013-05-29"),
        ("d < now() and now() > d", True),
        ("d == opened", True),  # a date and an instant on it
        ("d != opened", False),
        ("(d - opened).days", 0),
        ("night + timedelta(hours=1)", datetime(2013, 3, 31, 1, 30, tzinfo=UTC)),
        ("night + days(1)", datetime(2013, 3, 31, 23, 30, tzinfo=UTC)),  # same time of day across the clock change
        ("night - timedelta(hours=1)", datetime(2013, 3, 30, 23, 30, tzinfo=UTC)),
        ("(night + days(1)) - night", timedelta(hours=23)),
        ("night + months(1)", datetime(2013, 4, 29, 23, 30, tzinfo=UTC)),
        ("opened in [d]", True),
        ("max([d, now()])", AT),
        ("sorted([now(), d])[0]", date(2013, 5, 29)),
        ("sum([days(1), weeks(1)])", timedelta(days=8)),
        ("item.state if item else None", "open"),
        ("[k for k, v in item.items() if v == 'open']", ["state"]),
        ("all([a.state == 'open' for a in [item]])", True),
        ("any(x.nothing for x in [])", False),
        ("min([], default=0)", 0),
        ("sorted([2, 3, 1], reverse=True)", [3, 2, 1]),
    ],
)
def test_values(text, value):
    seen = {
        "d": date(2013, 5, 29),
        "summer": datetime(2013, 6, 30, 23, 30, tzinfo=UTC),
        "item": {"state": "open"},
        "opened": datetime(2013, 5, 29, 8, 0, tzinfo=UTC),
        "night": datetime(2013, 3, 31, 0, 30, tzinfo=UTC),
    }
    assert evaluate(text, seen, at=AT) == value


def test_an_instant_means_the_same_whatever_zone_it_was_kept_in():
    kept = datetime(2013, 3, 30, 23, 30, tzinfo=UTC)
    for zone in (LONDON, timezone(timedelta(hours=5)), UTC):
        seen = {"t": kept.astimezone(zone)}
        assert evaluate("f'{t + days(1)}'", seen) == "2013-03-31 23:30:00+01:00"
        assert evaluate("t.isoformat()", seen) == "2013-03-30T23:30:00+00:00"


def test_time_must_be_given():
    for text in ("now()", "today()"):
        with pytest.raises(ExprError, match="no time was given"):
            evaluate(text, {})


def test_names_read():
    text = "[a.x for a in agencies if a.y == k] and clocks.limit.due and now() and case.get(q, f'{w}')"
    assert names(text) == {"agencies", "k", "clocks", "case", "q", "w"}
    assert names("[a for a in a]") == {"a"}
    assert names("[b for a in [1] if a]") == {"b"}


SECRET = {
    "secret_name": "secret value",
    "rows": [{"secret_key": 1}],
    "n": "secret value",
    "when": date(1999, 1, 1),
    "none": None,
}


@pytest.mark.parametrize("text", BATTERY["telltale"])
def test_errors_name_neither_values_nor_other_names(text):
    with pytest.raises(ExprError) as caught:
        evaluate(text, SECRET, at=AT)
    told = repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert not any(word in told.replace("'secret'", "") for word in ("secret", "1999"))


def test_a_script_assigns_and_later_lines_see_it():
    seen = {"agency": {"id": "gp", "state": None}, "n": 1}
    before = copy.deepcopy(seen)
    script = "x = n + 1\n\n# a remark\nagency.state = 'nil'\ny = [x,  # goes on\n     agency.state]\nx = x * 10"
    assert execute(script, seen) == {"x": 20, "agency.state": "nil", "y": [2, "nil"]}
    assert seen == before


@pytest.mark.parametrize("script", BATTERY["scripts_refused"])
def test_scripts_refused(script):
    with pytest.raises(ExprError):
        check_script(script)
    with pytest.raises(ExprError):
        execute(script, {"x": {"a": 1}, "b": []})


def test_a_failing_script_names_its_line():
    with pytest.raises(ExprError, match="line 2: "):
        check_script("x = 1\ny = lambda: 1")
    with pytest.raises(ExprError, match=r"assignment 2 \(y\): there is no variable called 'z'"):
        execute("x = 1\ny = z", {})


def test_a_script_has_one_budget():
    line = "[a.n + 1 for a in rows]"
    assert len(evaluate(line, HEAVY)) == 200
    with pytest.raises(ExprError, match="too many steps"):
        execute("\n".join(f"x{n} = {line}" for n in range(100)), HEAVY)


def test_lines_of_a_script():
    assert [(line.target, line.expression) for line in expressions.lines("a = 1\nb.c = [a,\n 2]")] == [
        ("a", "1"),
        ("b.c", "[a,\n2]"),
    ]


def test_budgets_are_as_stated():
    run = Run({}, None)
    assert (run.steps, run.work) == (12_000, 200_000)
