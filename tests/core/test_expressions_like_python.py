"""Where Python has a value for an allowed expression, ours is the same; any other text is refused, never worse."""

import copy
import warnings
from datetime import date, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.core.expressions import ExprError, check_script, evaluate, names


def outcome(text: str) -> object:
    try:
        return evaluate(text, SEEN)
    except ExprError as error:
        return error


NUMBERS = st.sampled_from(["0", "1", "2", "7", "n", "-n", "f", "2.5", "True", "len(votes)", "rows[0].n"])
TEXTS = st.sampled_from(
    ["''", "'a'", "t", "t.upper()", "t[1:]", "f'{n}-{t}'", "str(n)", "' '.join([t, 'x'])", "rows[1].s"]
)
LISTS = st.sampled_from(["votes", "[1, n]", "[]", "[r.n for r in rows]", "votes[::-1]", "sorted(votes)", "[t, 'b']"])
DATES = st.sampled_from(["d", "date(2012, 2, 29)", "d + days(3)", "d - timedelta(days=n)"])


def _pair(inner, signs):
    return st.builds(lambda a, s, b: f"({a} {s} {b})", inner, st.sampled_from(signs), inner)


def _numeric(inner):
    return st.one_of(
        _pair(inner, ["+", "-", "*", "/", "//", "%", "and", "or"]),
        st.builds(lambda a: f"abs({a})", inner),
        st.builds(lambda a: f"round({a}, 1)", inner),
        st.builds(lambda a, b: f"max({a}, {b})", inner, inner),
        st.builds(lambda a: f"sum([v * {a} for v in votes if v])", inner),
        st.builds(lambda a, b, c: f"({a} if {b} else {c})", inner, inner, inner),
    )


NUMERIC = st.recursive(NUMBERS, _numeric, max_leaves=6)
ANY = st.one_of(NUMERIC, TEXTS, LISTS, DATES)
TESTS = st.one_of(
    _pair(NUMERIC, ["==", "!=", "<", "<=", ">", ">="]),
    _pair(TEXTS, ["==", "<", "in", "not in", "+"]),
    _pair(LISTS, ["==", "+", "<"]),
    _pair(DATES, ["==", "<", ">=", "-"]),
    _pair(ANY, ["==", "!=", "and", "or", "+", "*", "<", "in"]),
    st.builds(lambda a, b: f"{a} in {b}", ANY, LISTS),
    st.builds(lambda a: f"not {a}", ANY),
    st.builds(lambda a: f"{a} is None", ANY),
    st.builds(lambda a, b: f"any(v > {a} for v in {b})", NUMERIC, LISTS),
    st.builds(lambda a: f"[x for x in {a} if x]", LISTS),
)


class Record(dict):
    __getattr__ = dict.__getitem__


SEEN = {
    "n": 5,
    "f": 1.5,
    "t": "Some text",
    "votes": [1, 1, 0],
    "d": date(2013, 5, 29),
    "rows": [{"n": 3, "s": "x"}, {"n": 1, "s": ""}],
}
ORACLE = {
    **SEEN,
    "rows": [Record(row) for row in SEEN["rows"]],
    "date": date,
    "timedelta": timedelta,
    "days": lambda n: timedelta(days=n),
    "__builtins__": {
        "len": len,
        "abs": abs,
        "round": round,
        "max": max,
        "sum": sum,
        "any": any,
        "sorted": sorted,
        "str": str,
    },
}


def python_gives(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(text, dict(ORACLE))
        except Exception as error:  # noqa: BLE001 - whatever Python says
            return error


@settings(max_examples=700, deadline=None)
@given(st.one_of(ANY, TESTS))
@example("(d - timedelta(days=n) * f)")
def test_the_same_as_python_where_python_has_a_value(text):
    expected, value = python_gives(text), outcome(text)
    if isinstance(expected, Exception):
        assert isinstance(value, ExprError), text
    else:
        assert (type(value), value) == (type(expected), expected), text


ATOMS = st.sampled_from(
    [
        "n",
        "rows",
        "t",
        "d",
        "1",
        "'a'",
        "None",
        ".",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        " for x in ",
        " if ",
        " else ",
        "=",
        "==",
        "*",
        "-",
        "__class__",
        "len",
        "f'{",
        "}'",
        "lambda",
        " and ",
        " in ",
        "x",
        ".get",
        "**",
        "\n",
        "#",
        "'",
        "\\",
        "é",
        "\u202e",
        "%",
        "now()",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(ATOMS, max_size=25).map("".join)))
def test_any_text_gives_a_value_or_a_refusal_and_changes_nothing(text):
    before = copy.deepcopy(SEEN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome(text)
        for use in (check_script, names):
            try:
                use(text)
            except ExprError:
                continue
    assert before == SEEN
