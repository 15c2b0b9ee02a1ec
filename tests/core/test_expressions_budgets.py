"""No text and no data makes an expression take more than 50 ms of processor time or 16 MB, from text to value.

Lists of ten thousand of every kind meet every kind of operation; the texts of the battery and long scripts follow.
"""

import copy
import json
import warnings
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from measured import BYTES, SECONDS, allocated, taken
from service.core.expressions import ExprError, check, check_script, evaluate, execute
from service.core.expressions_hooks import SafeEnvironment
from service.core.expressions_values import STEPS, WORK

AT = datetime(2013, 6, 1, 12, 0, tzinfo=UTC)
BATTERY = json.loads((Path(__file__).parent / "data" / "expressions.json").read_text())
MANY = 10_000


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


BIG = {
    "n": 5, "d": date(2013, 5, 29), "at": AT, "t": "Some text", "span": timedelta(days=3), "whole": 2**256 - 1,
    "nums": list(range(MANY)), "wholes": [2**255 - i for i in range(MANY)], "floats": [i * 1.1 for i in range(MANY)],
    "texts": [f"w{i} " * 3 for i in range(MANY)], "wide": ["\U0001f600" * 300 + str(i) for i in range(MANY)],
    "rows": [{"id": str(i), "n": i, "s": "x", "d": AT, "l": [1, 2]} for i in range(MANY)],
    "small": [[[] for _ in range(6)] for _ in range(MANY)], "records": [[{} for _ in range(6)] for _ in range(MANY)],
    "dates": [date(2013, 1, 1) + timedelta(days=i) for i in range(MANY)],
    "instants": [AT + timedelta(hours=i) for i in range(MANY)],
    "elsewhere": [(AT + timedelta(hours=i)).astimezone(timezone(timedelta(hours=5))) for i in range(MANY)],
    "naive": [datetime(2013, 1, 1) + timedelta(hours=i) for i in range(MANY)],  # noqa: DTZ001 - a hostile value
    "pairs": [[i, i] for i in range(MANY)], "lists": [[i] * 20 for i in range(500)],
    "record": {f"k{i}": i for i in range(MANY)}, "listed": {f"k{i}": [i] for i in range(MANY)},
    "set": {n * (2**61 - 1) for n in range(1000)}, "clash": [n * (2**61 - 1) for n in range(MANY)],
    "long": "ab " * 300_000, "growing": "\u0390" * 300_000 + "\U0001f600", "dots": "a." * 200_000,
    "blank": " " * 500_000, "digits": "9" * 80, "deep": nested(38), "flags": [True] * MANY,
}  # fmt: skip
LISTS = [
    "nums", "wholes", "floats", "texts", "wide", "rows", "small", "records", "dates", "instants", "elsewhere", "naive",
    "pairs", "lists", "record", "listed", "set", "clash", "flags", "deep",
]  # fmt: skip
TEXTS = ["long", "growing", "dots", "blank"]
OF_A_LIST = [
    "len({})", "{0} == {0}[:]", "sorted({})", "max({})", "[{{x}} for x in {}]", "[{{'a': x}} for x in {}]",
    "[[[[x]]] for x in {}]", "[1 for x in {0} if at in {0}]", "[{0}[:] for x in {0}]", "[x < at for x in {}]",
    "[x - at for x in {}]", "[x.items() for x in {}]", "['%s' % x for x in {}]", "{}.count(at)", "[{}] * 100",
    "[later(x, at, x, x, x, x, x, x, x, x) for x in {}]", "[act_by(x) for x in {}]", "{}.items()",
    "[x == x for x in {}]", "[x for x in {} if x in set]", "[x * 20 for x in {}]", "[a for a, b in {}]",
]  # fmt: skip
OF_A_TEXT = [
    "[{}.upper() for x in nums]", "[{}[:8].title() for x in nums]", "[{}[::2] for x in nums]", "{}.split()",
    "[{0}.startswith({0}) for x in nums]", "[{}[:3000].split() for x in nums]", "[{}[:16000] for x in nums]",
    "[1 for x in nums if {0}[1:] == {0}[:-1]]", "['zz' in {} for x in nums]", "[{0}[:9999] + {0}[:9999] for x in nums]",
    "[{}[:3000].replace('a', 'bb') for x in nums]", "{{{}}}",
]  # fmt: skip
ALONE = [
    *(f"[max({', '.join([name] * 40)}) for x in nums]" for name in LISTS[:8]),
    f"[1 for {', '.join(f'a{i}' for i in range(20))} in [lists[0]] * 10000]",
    f"[{', '.join(['set == set'] * 60)}]", f"[{', '.join(['lists[:]'] * 60)}]", f"[{', '.join(['sorted(nums)'] * 60)}]",
    "[whole // 3 for x in nums]", "[float(digits) for x in nums]", "[f'{whole:,}' for x in nums]",
    "[months_after(d, 4000) for x in nums]", "[working_days_after(date(1500 + x, 1, 1), 2) for x in nums]",
    "[is_working_day(date(1800 + x, 1, 1)) for x in nums]", "[f'{1e308:.2f}{1e308:.2f}' for x in nums]",
    "[relativedelta(months=1) + d for x in nums]", "working_days_after(d, 1999)",
]  # fmt: skip
BOMBS = [
    *(form.format(name) for name in LISTS for form in OF_A_LIST),
    *(form.format(name) for name in TEXTS for form in OF_A_TEXT),
    *ALONE,
]


def hostile(text):
    return evaluate(text, BIG, at=AT)


@pytest.mark.parametrize("of", [*LISTS, *TEXTS, "alone"])
def test_hostile_data_costs_no_more_than_its_budget(of):
    bombs = [text for text in BOMBS if of in text] if of != "alone" else ALONE
    assert {text[:80]: seconds for text in bombs if (seconds := taken(hostile, text)) >= SECONDS} == {}


def test_hostile_data_takes_no_more_memory_than_its_budget():
    assert {text[:80]: peak for text in BOMBS[::11] if (peak := allocated(hostile, text)) > BYTES} == {}


def test_hostile_texts_take_no_more_time_and_memory_than_their_budget():
    texts = BATTERY["attacks"] + BATTERY["bombs"] + BATTERY["refused"]
    assert {text[:80]: seconds for text in texts if (seconds := taken(hostile, text)) >= SECONDS} == {}
    assert {text[:80]: peak for text in texts[::3] if (peak := allocated(hostile, text)) > BYTES} == {}


def test_nothing_is_changed_by_any_of_it():
    small = {name: value[:50] if isinstance(value, list | str) else value for name, value in BIG.items()}
    before = copy.deepcopy(small)
    for text in [*BOMBS, *BATTERY["attacks"]]:
        try:
            evaluate(text, small, at=AT)
        except ExprError:
            continue
    assert small == before


def test_python_warns_of_nothing(capfd):
    texts = ["'\\d'", "1if n else 2", "f'{1if n else 2}'", "0x1for x in nums", "1or 2", "'2for1'", "r'\\d'"]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for text in [*texts, *BATTERY["attacks"], "'\\d'" * 400, "1if " * 400]:
            for use in (check, check_script):
                try:
                    use(text)
                except ExprError:
                    continue
    assert said == []
    assert capfd.readouterr() == ("", "")


SCRIPTS = {
    "many lines": "\n".join(["x.a = 1"] * 200),
    "long lines": "\n".join([f"x = [{', '.join(['n'] * 390)}]"] * 8),
    "a line that never ends": "x = (\n" + "n,\n" * 190,
    "an open text": 'x = """\n' * 190,
    "brackets": "(\n" * 190,
    "copies of one record": "\n".join(["x.a = 1"] * 200),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_scripts_keep_the_same_budget(script):
    seen = {"n": 1, "x": BIG["record"]}
    assert taken(lambda: execute(script, seen)) < SECONDS
    assert allocated(lambda: execute(script, seen)) < BYTES


def test_items_of_a_long_list_are_paid_for():
    environment = SafeEnvironment()
    rows = [{"id": str(n), "n": n} for n in range(MANY)]
    environment.variables, environment.lists = {"rows": rows}, {"row": "rows"}
    context = {"row": {"id": "9999"}}
    assert environment.evaluate("row.n", context) == 9999
    for script in ("\n".join(["x = row.n"] * 200), "\n".join(["row.n = 1"] * 200)):
        assert taken(lambda script=script: environment.execute(script, context)) < SECONDS
    assert taken(lambda: environment.execute("x = 1", context)) < SECONDS
    assert environment.variables == {"rows": rows, "x": 1}


def test_all_expressions_of_a_step_share_an_allowance():
    environment = SafeEnvironment()
    environment.variables = {"nums": BIG["nums"]}
    environment.steps, environment.work = 2 * STEPS, 2 * WORK
    for _ in range(3):
        with pytest.raises(ExprError, match="too many steps"):
            environment.evaluate("[x + 1 for x in nums if x]", {})
        if environment.steps <= 0:
            break
    with pytest.raises(ExprError, match="together"):
        environment.evaluate("1", {})
