"""Timers and JSON files at the gate: what the engine waits for rightly is let through, all else says how to mend it."""

import json

import pytest

from gate_models import diagram, node, timer
from service.core.gate import check


def waiting(kind, text):
    if kind == "Cycle":  # comes again and again: only on the edge of what goes on meanwhile
        late = node("boundary", "a", timer(kind, text), attachedToRef="b", cancelActivity="false")
        return diagram("start start", "user b", late, "end end", "end e2", arrows="start>b b>end a>e2")
    return diagram("start start", node("catch", "a", timer(kind, text)), "end end", arrows="start>a a>end")


def reminding(text):
    """A user task with a date timer on its edge."""
    late = node("boundary", "late", timer("Date", text), attachedToRef="a", cancelActivity="false")
    return diagram("start start", "user a", late, "end end", "end e2", arrows="start>a a>end late>e2")


def errors(name, content):
    return [f for f in check({name: content}) if f.level == "error"]


GOOD = {
    "Duration": ['"P10D"', "'P2W'", '"PT36H"', '"P1DT12H"', "days(10)", "timedelta(hours=3)", 'f"P{n}D"', "wait_for",
                 '"P14D" if urgent else "P28D"', "sum([days(1), days(2)])", "abs(days(2))"],
    "Date": ['"2027-10-25T17:00:00Z"', "date(2027, 10, 25)", "months_after(held_on, 1)", "due_on",
             "held_on + months(1)", "held_on + days(10)", "clocks.decision.due", "agency.due", "later(a, b)",
             "now() + days(3)"],
    "Cycle": ['"R3/P7D"', '"R200/P1D"', '"R1/PT1H"', 'f"R{n}/P1D"', "repeats"],
}  # fmt: skip
BAD = {
    "Duration": ["P10D", '"P1M"', '"P9999999999Y"', '"P"', '"PT"', '"P1"', '"P1M1W"', '"P0.5Y"', '"P1.5M"', '"P١D"',
                 '"P１D"', '"wednesday"', "10", '["P1D"]', "True", "None", "date(2027, 1, 1)", "months(1)", '"-P1D"',
                 '"P1W2D"', 'duration("P1D")', '=duration("P1D")', "${wait}", "days(99999)", "x > 5", "not x", "len(x)",
                 "[x]", "days_between(a, b)"],
    "Date": ['"2026-10-25T01:30:00"', '"2026-10-25"', "2026-10-25", '"2026-02-30T00:00:00Z"', '"25/10/2026"', "5",
             '["x"]', '"P10D"', "days(3)", "date(2026, 2, 30)", '"２０２６-10-25T00:00:00Z"', 'date("2026-01-01")',
             "now", "x == y", "[x]", "date(2026, 2, 30) if x else y"],
    "Cycle": ["R3/P7D", '"R/P1D"', '"R99999999/PT0S"', '"R201/P1D"', '"R0/P1D"', '"R3/PT5M"', '"R3/P1M"',
              '"R/P9999999999Y"', '"P7D"', '"R3"', '"0 0 9 * * MON"', '"@daily"', "3", '["R3/P7D"]', '"R٣/P7D"',
              '"R3/wednesday"', "[x]"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in GOOD.items() for t in texts])
def test_a_time_the_engine_can_wait_for_is_let_through(kind, text):
    assert errors("x.bpmn", waiting(kind, text)) == []


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in BAD.items() for t in texts])
def test_a_time_it_cannot_wait_for_says_where_and_how_to_write_it(kind, text):
    found = errors("x.bpmn", waiting(kind, text))
    assert {(f.element, f.line is not None) for f in found} == {("a", True)}
    assert found[0].mend.startswith(("Write", "Put", "Say", "Let", "Use", "Make", "Count"))


def test_a_timer_on_the_edge_of_a_task_may_take_its_date_from_a_variable():
    assert errors("x.bpmn", reminding("meeting_on - days(7)")) == []


def test_how_to_mend_a_repeat_of_months_speaks_of_repeats():
    (found,) = errors("x.bpmn", waiting("Cycle", '"R3/P1M"'))
    assert "R3/P4W" in found.mend


FORM = {
    "type": "default",
    "title": "T",
    "components": [{"type": "textfield", "key": "first", "label": "F"}, {"type": "hologram", "key": "k", "label": "K"}],
}


def test_a_finding_about_a_question_names_its_key_and_line():
    (found,) = errors("forms/f.json", json.dumps(FORM, indent=1))
    assert (found.element, found.line) == ("k", json.dumps(FORM, indent=1).split('"key": "k"')[0].count("\n") + 1)


HOSTILE = {
    "UTF-16": '{"title": "T"}'.encode("utf-16"), "latin-1": '{"title": "é"}'.encode("latin-1"),
    "3 MB": f'"{"x" * 3_000_000}"',
    "brackets": "[" * 30_000, "deep": "[" * 70 + "]" * 70, "named twice": '{"type": "default",\n "type": "x"}',
    "NaN": '{"a": NaN}', "digits": "9" * 5_000, "behind": "{} x", "NUL": b"\0", "empty": "", "half": '{"a": "\ud800"}',
    "components": '{"type": "default", "title": "T", "components": {}}', "a list": "[]", "nothing": "null",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_form_is_answered_with_a_line(name):
    (found,) = errors("forms/f.json", HOSTILE[name])
    assert found.line is not None
    assert found.message.endswith(".")
    assert found.mend.endswith(".")


def test_a_name_given_twice_is_told_where_it_stands():
    (found,) = errors("forms/f.json", HOSTILE["named twice"])
    assert "“type”" in found.message


def test_a_mark_before_the_text_of_a_form_is_let_pass():
    plain = {**FORM, "components": FORM["components"][:1]}
    assert errors("forms/f.json", b"\xef\xbb\xbf" + json.dumps(plain).encode()) == []
