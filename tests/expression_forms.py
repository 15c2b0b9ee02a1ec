"""Expressions made at random: well typed ones of the whole grammar, and hostile ones of all of Python and beyond.

A form is a text with places, ``{number} + {number}``; a place is filled with a form of that kind, or a plain name.
"""

import re

from hypothesis import strategies as st

PLACE = re.compile(r"<(\w+)>")
NAMES = {
    "number": ["0", "1", "2", "7", "-3", "2.5", "n", "f", "yes", "rows[0].n", "rows[1]['n']"],
    "whole": ["0", "1", "2", "5", "n", "-2"],  # True is no position here, though Python takes it for one
    "text": ["''", "'a'", "' b c '", "t", "rows[0].s", "'a–é'"],
    "numbers": ["votes", "[]", "[n, 2, f]", "(1, n)", "{3, n}", "(n,)"],
    "texts": ["['b', 'a']", "[t]", "names", "('x', t)"],
    "test": ["True", "False", "yes", "n > 3", "none is None", "t is not None", "yes is True", "none is not False"],
    "day": ["d", "date(2012, 2, 29)", "date(2026, 1, 31)", "today()"],
    "instant": ["at", "now()", "datetime(2026, 1, 5)", "datetime(2026, 1, 5, 9, 30)"],
    "span": ["days(1)", "weeks(2)", "timedelta(days=3)", "timedelta(hours=n)", "span", "timedelta(2, minutes=n)",
             "timedelta(weeks=1, seconds=n)"],
    "months": ["months(1)", "years(1)", "relativedelta(months=n)", "relativedelta(years=1, days=2, weeks=n)"],
    "record": ["rows[0]", "{'a': n, 'b': t}", "{}", "case"],
    # inside an f-string no quotes may stand
    "in_number": ["n", "f", "(n + f)", "len(t)", "rows[0].n", "-votes[0]", "(n if yes else f)"],
    "in_whole": ["n", "yes", "(n * 1000)", "len(votes)"],
    "in_text": ["t", "rows[0].s", "t[1:]", "t.upper()", "none", "yes", "d"],
    "in_day": ["d", "(d + days(n))", "today()", "(d - months(n))"],
    "in_instant": ["at", "now()", "end_of_day(d)"],
}
FORMS = {
    "number": [
        "(<number> + <number>)", "(<number> - <number>)", "(<number> * <number>)", "(<number> / <number>)",
        "(<number> // <number>)", "(<number> % <number>)", "-<number>", "+<number>", "abs(<number>)", "round(<number>)",
        "round(<number>, 2)", "int(<number>)", "float(<number>)", "max(<number>, <number>)", "min(<number>, <number>)",
        "max(<numbers>, default=<number>)", "min(<numbers>, default=0)", "sum(<numbers>)", "len(<numbers>)",
        "len(<text>)",
        "sum(x * <number> for x in <numbers>)", "(<number> if <test> else <number>)", "(<number> and <number>)",
        "(<number> or <number>)", "int('12')", "float('1.5')", "<day>.year", "<day>.month", "<day>.day",
        "<day>.weekday()",
        "<instant>.hour", "<instant>.minute", "<instant>.second", "<span>.days", "<span>.seconds",
        "<span>.total_seconds()", "(<span> / <span>)", "(<span> // <span>)", "<numbers>.count(<number>)",
        "votes.index(<number>)", "names.index(<text>)", "('b', 'a').count(<text>)", "(1, 2).index(<number>)",
        "<numbers>[<whole>]", "days_between(<day>, <day>)", "age_on(d, <day>)", "bool(<number>)",
        "case.get('n', <number>)",
        "min(x for x in <numbers>)", "max([<number>, <number>])",
    ],
    "whole": ["len(<texts>)", "(<whole> + <whole>)", "int(<number>)"],
    "text": [
        "(<text> + <text>)", "(<text> * 2)", "str(<number>)", "str(<day>)", "f'{<in_number>} {<in_text>}'",
        "f'{<in_number>:.2f} {<in_text>}'",
        "f'{<in_number>:,}'", "f'{<in_number>:.0f}{<in_number>:.1f}'", "f'{<in_whole>:d}'", "f'{<in_day>:%d %B %Y}'",
        "f'{<in_day>:%A %d %B %Y}'", "f'{<in_day>:%B %Y}{<in_day>:%d/%m/%Y}'", "f'{<in_day>:%Y-%m-%d}{<in_day>:%Y}'",
        "f'{<in_instant>:%H:%M}'", "<text>.lower()", "<text>.upper()", "<text>.strip()", "<text>.title()",
        "<text>.replace(<text>, 'z')", "<text>[<whole>]", "<text>[<whole>:]", "<text>[::-1]", "<text>[:<whole>:2]",
        "', '.join(<texts>)", "'-'.join(str(x) for x in <numbers>)", "'{} {}'.format(<number>, <text>)",
        "('%s: %d' % (<text>, <whole>))", "('%s' % <number>)", "<day>.isoformat()", "<day>.strftime('%d %B %Y')",
        "<instant>.strftime('%H:%M')", "<texts>[0]", "(<text> if <test> else <text>)", "case['s']", "case.get('s')",
        "max(<text>, <text>)", "<instant>.isoformat()",
    ],
    "numbers": [
        "[<number>, <number>]", "(<numbers> + <numbers>)", "(<numbers> * 2)", "sorted(<numbers>)",
        "sorted(<numbers>, reverse=<test>)", "[x + <number> for x in <numbers>]",
        "[x for x in <numbers> if x > <number>]",
        "[x + y for x, y in [[1, n], (2, 3)]]", "<numbers>[<whole>:]", "<numbers>[::-1]",
        "[r.n for r in rows if <test>]",
        "counted.values()", "({1, 2, n} - {2})", "sorted(x for x in <numbers>)",
    ],
    "texts": [
        "[<text>, <text>]", "<text>.split()", "'a,b'.split(',')", "sorted(<texts>)", "[x.upper() for x in <texts>]",
        "[k for k, v in counted.items() if v]", "case.keys()", "(<texts> + <texts>)", "[r.s for r in rows]",
    ],
    "test": [
        "(<number> < <number>)", "(<number> <= <number>)",
        "(<number> <= <number> < <number>)", "(<number> > <number>)", "(<number> >= <number>)",
        "(<number> == <number>)", "(<number> != <number>)", "(<text> == <text>)", "(<text> < <text>)",
        "(<text> in <text>)",
        "(<text> not in <texts>)", "(<number> in <numbers>)", "(<day> < <day>)", "(<day> == <day>)", "(<day> >= <day>)",
        "(<instant> < <instant>)", "(<span> < <span>)", "(<span> == <span>)", "not <number>", "not <test>",
        "(<test> and <test>)", "(<test> or <test>)", "any(<numbers>)", "all(<numbers>)",
        "any(x > <number> for x in <numbers>)",
        "all(x > <number> for x in <numbers>)", "any(r.n == <number> for r in rows)", "bool(<text>)",
        "(<number> is None)",
        "(<number> is not None)", "<text>.startswith('a')", "<text>.endswith(<text>)", "<text>.isdigit()",
        "('a' in <record>)", "(<record> == <record>)", "is_working_day(<day>)", "(<numbers> == <numbers>)",
        "('n' in case.keys())", "((1, 2) < (<number>, 2))", "(<day> in [d, <day>])",
    ],
    "day": [
        "(<day> + <span>)", "(<day> - <span>)", "(<day> + <months>)", "(<day> - <months>)", "(<span> + <day>)",
        "max(<day>, <day>)", "min([<day>, <day>])", "sorted([<day>, <day>])[0]", "act_by(<day>)", "<instant>.date()",
        "date(<instant>)", "later(None, <day>)", "earlier(<day>, <day>)", "case.get('x', <day>)",
    ],
    "instant": ["end_of_day(<day>)", "months_after(<day>, 1)", "working_days_after(<day>, 3)", "(at + days(1))"],
    "span": [
        "(<day> - <day>)", "(<span> + <span>)", "(<span> - <span>)", "(<span> * <whole>)", "(<span> / 2)", "-<span>",
        "abs(<span>)", "(<span> % <span>)", "sum([<span>, <span>])", "+<span>", "(<span> // 2)",
    ],
    "months": ["(<months> + <months>)", "(<months> + days(<whole>))", "-<months>"],
    "record": ["{'a': <number>, 'b': <texts>}", "(rows[0] if <test> else rows[1])"],
}  # fmt: skip
KINDS = [kind for kind in FORMS if kind != "months"]


@st.composite
def expressions(draw, kind=None, depth=3):
    """A well typed expression: Python has a value for it, or an error of value."""
    kind = kind or draw(st.sampled_from(KINDS))
    form = draw(st.sampled_from(FORMS[kind] if kind in FORMS and depth and draw(st.integers(0, 4)) else NAMES[kind]))
    return PLACE.sub(lambda place: draw(expressions(place[1], max(0, depth - 1))), form)


def each_form():
    """Every form and plain name that ``expressions`` draws from, filled with plain names, four ways each."""
    for turn in range(4):
        for kind, plain in NAMES.items():
            yield from plain
            for form in FORMS.get(kind, ()):
                yield PLACE.sub(lambda place, turn=turn: NAMES[place[1]][turn % len(NAMES[place[1]])], form)


HOSTILE = [
    "<any>.__class__", "<any>.<name>", "<any>[<any>]", "<any>(<any>)", "<name>(<any>, <any>)", "<any>.<name>(<any>)",
    "lambda <name>: <any>", "(<name> := <any>)", "[<any> for <name> in <any>]", "[<any> for <name> in <any> if <any>]",
    "{<any> for <name> in <any>}", "{<any>: <any> for <name> in <any>}", "(<any> for <name> in <any>)",
    "[<any> for <name> in <any> for <name> in <any>]", "[*<any>]", "{**<any>}", "f(*<any>, **<any>)", "await <any>",
    "yield <any>", "<any> if <any> else <any>", "<any> ** <any>", "<any> << <any>", "<any> * <any>", "<any> + <any>",
    "<any> % <any>", "<any> @ <any>", "~<any>", "not <any>", "-<any>", "<any> < <any> < <any>", "<any> in <any>",
    "<any> is <any>", "f'{<any>}'", "f'{<any>!r:>{<any>}}'", "f'{<any>:99999999}'", "'{0.__class__}'.format(<any>)",
    "'%99999d' % <any>", "<any>[<any>:<any>:<any>]", "[<any>, <any>] * <any>", "(<any>, <any>)", "{<any>, <any>}",
    "{'typename': <any>}", "{<any>: <any>}", "sorted(<any>)", "max(<any>, <any>, <any>)", "sum(<any>)", "str(<any>)",
    "int(<any>)", "round(<any>, <any>)", "date(<any>, <any>, <any>)", "<any> + days(<any>)", "<any> + months(<any>)",
    "months_after(<any>, <any>)", "working_days_after(<any>, <any>)", "<any>.join(<any>)", "<any>.split(<any>)",
    "<any>.replace(<any>, <any>)", "<any>.items()", "<any>.get(<any>, <any>)", "<any>.count(<any>)", "any(<any>)",
    "[<any> for <name>, <name> in <any>]", "any(<any> for <name> in <any>)", "<any> = <any>", "<any>; <any>",
    "import os", "<any> # <any>", "(<any>", "<any>]", "'<any>", "<name> = lambda: <any>", "async <any>",
]  # fmt: skip
PARTS = [
    "nums", "rows", "texts", "instants", "small", "long", "d", "at", "n", "t", "x", "record", "0", "-1", "2.5", "True",
    "None", "''", "'a'", "10**9", "99999999999999999999", "1e308", "9223372036854775807", "...", "b'a'", "1j", "now()",
    "days(1)", "months(1)", "{}", "[]", "()", "__builtins__", "_", "'\\ud800'", "'\\x00'", "ａ", "'\\d'", "1if",
    "\u202e",
]  # fmt: skip
WORDS = ["x", "y", "n", "len", "id", "__class__", "append", "format", "clear", "typename", "self", "ａny", "upper"]


@st.composite
def hostile(draw, depth=3):
    """An expression of any part of Python, allowed or not, or of none."""
    if not depth or not draw(st.integers(0, 5)):
        return draw(st.sampled_from(PARTS))
    form = draw(st.sampled_from(HOSTILE))
    return PLACE.sub(
        lambda place: draw(st.sampled_from(WORDS)) if place[1] == "name" else draw(hostile(depth - 1)), form
    )


@st.composite
def changed(draw, texts):
    """A known text with a piece of it left out, said again, put elsewhere or replaced by a piece of another."""
    text, other = draw(st.sampled_from(texts)), draw(st.sampled_from(texts))
    start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    piece = draw(st.sampled_from(["", text[start:end] * draw(st.integers(1, 40)), other, f"({other})", f"[{other}]"]))
    return (text[:start] + piece + text[end:])[:2_100]
