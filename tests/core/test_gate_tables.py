"""Decision tables at the gate: what a cell means is asked of the engine itself, and what it cannot do is refused."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from SpiffWorkflow.dmn.engine.DMNEngine import DMNEngine

from gate_models import diagram, table
from service.core.expressions_hooks import SafeEngine
from service.core.gate import cells, check
from service.core.gate.exhaustive import Unproved

SCALARS = ["HIGH", "MED", "a?b", "it's", "", 0, 1, 4, 5, 6, 10, 5.5, -5, True, False, None]


def found(text, level="error"):
    return {f.rule: f for f in check({"t.dmn": text}) if f.level == level}


def cell(text, kind="string", looks_at="n", policy="FIRST"):
    """A table of one input with this cell in its first rule."""
    return table([f"{looks_at}:{kind}"], ["out"], (text, '"a"'), ("-", '"z"'), policy=policy)


def engine_says(text, looks_at, names):
    """Whether the engine takes the cell for met; ``None`` if it breaks on it."""
    engine = SafeEngine()
    engine.environment.variables = names
    task = SimpleNamespace(data={}, task_spec=None, workflow=SimpleNamespace(script_engine=engine))
    try:
        return bool(DMNEngine(None).evaluate(looks_at, None if text in {"", "-"} else text, task))
    except Exception:  # noqa: BLE001 - whatever it breaks with
        return None


RUN_RIGHT = [
    '"HIGH"', "'HIGH'", '== "HIGH"', '!= "HIGH"', '? != "HIGH"', '? in ("HIGH", "MED")', '? in ["HIGH"]',
    '? not in ("HIGH",)', 'not ? == "HIGH"', '? == "HIGH" or ? == "MED"', "> 5", ">= 5", "<5", "== 5", "5", "-5",
    "1 <= ? <= 5", "? < 1 or ? > 5", "? is not None and ? > 4", "True", "False", "None", "? is None", "? is not None",
    '"a?b"', '"it\'s"', '== "it\'s"', "", "-", '"-"', "5 == ?", "(5)", "!= None", "?", "not ?",
]  # fmt: skip


@pytest.mark.parametrize("text", RUN_RIGHT)
def test_a_cell_that_is_let_through_means_to_the_gate_what_it_means_to_the_engine(text):
    read = cells.read(text, "n")
    assert read.wrong is None
    for value in SCALARS:
        try:
            told = cells.met([read], value)
        except Unproved:
            continue
        said = engine_says(text, "n", {"n": value})
        assert said is None or said == told, (value, said)


BEHIND = ['.startswith("H")', '== "a" or n == "HIGH"', '> "A" and n < "Z"', '.lower() == "high"']


@pytest.mark.parametrize("text", BEHIND)
def test_what_is_written_behind_the_input_is_let_through_where_the_engine_runs_it_right(text):
    assert engine_says(text, "n", {"n": "HIGH"}) is True
    assert found(cell(text)) == {}


NEVER_OR_ALWAYS = [
    ('not("HIGH")', "n", ["HIGH", "MED"]), ('"HIGH","MED"', "n", ["HIGH", "MED"]), ('"HIGH" or "MED"', "n", ["MED"]),
    ("== True", "amount > 3", [5, 1]), ("== False", "not n", [True, False]), ('? == "a" or "b"', "n", ["a", "x"]),
    ("? > 5, ? < 3", "n", [4, 6]), ("? + 1", "n", [4]), ("n > 5", "n", [6, 4]), ('? == "it\'s"', "n", ["it's"]),
    ('in ["HIGH"]', "n", ["HIGH"]), ("[1..5]", "n", [3]), ("= 5", "n", [5]), ("true", "n", [True]),
    ("TRUE", "n", [True]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "looks_at", "values"), NEVER_OR_ALWAYS)
def test_a_cell_the_engine_does_not_run_as_it_reads_is_refused_with_a_way_to_write_it(text, looks_at, values):
    refused = found(cell(text, "number" if text == "n > 5" else "any", looks_at))["cell"]
    assert refused.line is not None
    assert refused.element == "c0_0"
    assert refused.mend.startswith(("Write", "Take"))
    for value in values:
        engine_says(text, looks_at, {"n": value, "amount": value})  # and the engine, asked, does not fall over


@pytest.mark.parametrize(
    ("text", "kind", "level"),
    [
        ('"5"', "number", "error"), ('> "5"', "integer", "error"), ('? in ("1", "2")', "number", "error"),
        ("True", "number", "error"), ("5", "boolean", "error"), ('"yes"', "boolean", "error"),
        ('"2026-01-01"', "date", "error"), ('> "2026-01-01"', "date", "error"), ("5", "string", "warning"),
        ("> 5", "string", "warning"), ("True", "string", "warning"), ("None", "number", None), ("-5", "number", None),
        ("> date(2026, 1, 1)", "date", None), ("> limit", "number", None), ("? == True", "boolean", None),
        ("? in (1, None)", "number", None), ("5", "any", None), ('"x"', "tRisk", None), ('"5" == ?', "number", "error"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_than_the_input_is_told(text, kind, level):
    told = [f.level for f in check({"t.dmn": cell(text, kind)}) if f.rule == "cell"]
    assert told == ([level] if level else [])


FEEL = {
    'date("2026-01-01")': "date(2026, 1, 31)", '< date("2026-01-01")': "date(2026, 1, 31)", "? between 1 and 5": "<=",
    'contains(?, "a")': '"a" in', 'starts with(?, "a")': ".startswith", "string length(?) > 3": "len(",
    'if ? then "a" else "b"': "if x > 5 else", "some x in ? satisfies x > 5": "any(", '= "HIGH"': "==",
    "“HIGH”": "quot",
    'date and time("2026-01-01T00:00:00")': "datetime(", 'duration("P1D")': "days(", '@"2026-01-01"': "date(",
    '? == "a" && ? == "b"': "and", "${n > 5}": "without the ${", "list contains(allowed, ?)": " in ", "true": "True",
    "[1..5]": "<= ? <=", "is not None": "? is not None", '"a","b"': "? in", "not(5)": "!=", "< 5, > 10": "comparison",
}  # fmt: skip


@pytest.mark.parametrize("text", FEEL)
def test_what_other_tools_write_is_refused_with_the_spelling_of_here(text):
    assert FEEL[text] in found(cell(text, "any"))["cell"].mend


def test_rules_that_match_together_must_agree_under_any_and_not_be_hidden_under_first():
    rules = [("> 5", "1"), ("> 3", "2"), ("<= 3", "2")]
    assert "rules-differ" in found(table(["n:number"], ["out"], *rules, policy="ANY"))
    agreeing = [("> 5", "1"), ("> 3", "1"), ("<= 3", "2")]
    assert found(table(["n:number"], ["out"], *agreeing, policy="ANY")) == {}
    hidden = table(["n:number"], ["out"], ("> 3", "1"), ("> 5", "2"), ("-", "3"))
    assert found(hidden) == {}
    assert "rule-covered" in found(hidden, "warning")
    assert found(table(["n:number"], ["out"], ("> 5", "1"), ("> 3", "2"), ("-", "3")), "warning") == {}


def test_two_rules_for_everything_overlap():
    assert "rules-overlap" in found(table(["n"], ["out"], ("-", "1"), ("-", "2"), policy="UNIQUE"))
    assert found(table(["n"], ["out"], ('"a"', "1"), ("-", "2"), policy="UNIQUE")) == {}


def test_a_decision_that_builds_on_another_is_not_run_as_drawn():
    plain = cell('"a"')
    needs = '<informationRequirement id="q"><requiredDecision href="#D0"/></informationRequirement><decisionTable'
    asking = plain.replace("<decisionTable", needs)
    assert "decision-required" in found(asking)
    both = {"t.dmn": asking, "u.dmn": plain.replace('"D1"', '"D0"')}
    assert [(f.rule, f.level) for f in check(both)] == [("decision-required", "warning")]
    data = needs.replace("requiredDecision", "requiredInput")
    assert found(plain.replace("<decisionTable", data)) == {}


def test_only_one_table_is_looked_at():
    plain = cell('"a"')
    whole = plain[plain.index("<decisionTable") : plain.index("</decision>")]
    assert "several-tables" in found(plain.replace("</decision>", f"{whole}</decision>"))


def test_a_word_without_quotes_that_no_variable_is_called_is_told():
    assert "bare-word" in found(cell("HIGH"))
    assert "bare-word" in found(table(["n"], ["out"], ("-", "Rejected")))
    assert "bare-word" in found(cell("limit"), "warning")
    assert found(cell("limit")) == {}
    assert found(table(["n", "Limit"], ["out"], ("Limit", "-", "1"), ("-", "-", "2"))) == {}
    form = '{"type": "default", "title": "T", "components": [{"type": "text", "text": "x"}]}'
    line = diagram("start start", "task a", "end end", arrows="start>a a>end")
    files = {"t.dmn": cell("limit"), "x.bpmn": line, "forms/f.json": form}
    told = {f.rule: f.level for f in check(files)}
    assert told == {"bare-word": "error", "never-set": "warning", "no-drawing": "warning"}


def test_a_value_the_input_is_not_declared_to_take_is_told():
    plain = cell('"HIHG"')
    declared = '</inputExpression><inputValues><text>"HIGH", "LOW"</text></inputValues>'
    assert "HIHG" in found(plain.replace("</inputExpression>", declared))["cell"].message
    assert found(cell('"HIGH"').replace("</inputExpression>", declared)) == {}
    assert found(plain.replace("</inputExpression>", declared.replace('"HIGH", "LOW"', "[1..5]"))) == {}


WORDS = [
    "?", '"a"', '"b"', "5", "-3", "1.5", "True", "None", "n", "k", "and", "or", "not", "in", "is", "==", "!=",
    "<", ">", "<=", ">=", "(", ")", "[", "]", ",", "+", "-", "*", "if", "else", "len(", ".lower()", "..", "=",
    "true", "date(2026,1,1)", "for", "x", "%", "//", "{", "}", ":",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7), st.sampled_from(["n", "k or n", "not n", "n + 1"]))
@settings(max_examples=400, deadline=2_000)
def test_no_cell_makes_the_gate_raise_and_none_means_something_else_to_the_engine(words, looks_at):
    text = " ".join(words)
    check({"t.dmn": table([f"{looks_at}:any"], ["out"], (text, "1"), ("-", text), policy="ANY")})
    read = cells.read(text, looks_at)
    if read.wrong is None and looks_at == "n":
        for value in ("a", 5, 1.5, True, None):
            with suppress(Unproved):
                told = cells.met([read], value)
                said = engine_says(text, looks_at, {"n": value, "k": 1, "x": 2})
                assert said is None or said == told
