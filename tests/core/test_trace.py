"""The trace: what makes a duty red, which places a story touches, and what the gate says of a trace that is wrong."""

import json

import pytest

from service.core import gate, scenarios, touching, trace, trace_words
from service.core.definitions import definition_of
from service.runtime.telling import Played, proving, told_by
from traced import LATE, traced


def told(files):
    definition = definition_of(files)
    report = scenarios.play(definition, files[LATE])
    return definition, [told_by(Played("decided_late", report))]


def state(rows=None, name="D1", **more):
    definition, stories = told(traced(rows, **more))
    return next(s for s in trace.states(definition, stories) if s.row.id == name)


def test_a_duty_that_is_held_and_proven_is_green():
    for name in ("D1", "D2"):
        found = state(name=name)
        assert found.green, found.why
        assert all(p.touched_by == ("decided_late",) for p in found.places)


@pytest.mark.parametrize(
    ("held", "proves", "why"),
    [
        ([], "[D1]", "No place holds it."),
        (["application/check", "application/gone"], "[D1]", "application/gone does not exist."),
        (["a/b", "forms/c"], "[D1]", "a/b, forms/c do not exist."),
        (["application/check"], "[D2]", "No scenario proves it."),
        (["forms/decision/fields/address"], "[D1]", "forms/decision/fields/address does not exist."),
        (["application/refused"], "[D1]", "None of its places is touched by the scenarios that prove it."),
        (["application/refused", "application/check"], "[D1]", ""),
    ],
)  # fmt: skip
def test_why_a_duty_is_red(held, proves, why):
    assert state({"D1": ("1", held)}, proves=proves).why == why


def test_a_failing_story_proves_nothing():
    files = traced()
    files[LATE] = files[LATE].replace("ended: granted", "ended: refused")
    definition, stories = told(files)
    first = trace.states(definition, stories)[0]
    assert first.why == "decided_late fails."
    assert all(p.touched_by == () for p in first.places)
    assert stories[0].failure.startswith("line ")


def test_a_duty_the_trace_does_not_have_is_told():
    definition, stories = told(traced(proves="[D1, D9]"))
    assert trace.unknown_duties(definition, stories) == ["“decided_late” proves D9, which the trace does not have."]
    assert list(proving(definition, "D9")) == ["decided_late"]
    assert proving(definition, "D2") == {}


def touched(files=None, **changed):
    files = files or traced()
    for old, new in changed.values():
        assert old in files[LATE]
        files[LATE] = files[LATE].replace(old, new)
    definition, stories = told(files)
    assert stories[0].failure is None
    return stories[0].touched & trace.places(definition)


def test_what_a_story_touches():
    found = touched()
    assert {
        "application/received", "application/check", "application/decide", "application/decision_clock",
        "application/late_reason", "application/granted", "forms/application", "forms/application/fields/address",
        "forms/late_reason/fields/reason", "roles/clerk", "roles/officer",
    } <= found  # fmt: skip
    assert not found & {"application/refused", "application/extra_time", "roles/auditor", "forms/more_time", "agencies"}


def test_a_clock_is_touched_when_it_starts_and_another_timer_when_it_fires():
    soon = touched(
        a=("  - {until: 2013-06-30T00:00}\n", ""),
        b=(("  - expect:\n      - {clock: decision, due: 2013-06-29, act_by: 2013-06-28, breached: true}\n"
           "      - {open: [decide, late_reason]}\n"), ""),
        c=("  - {at: 2013-07-01T10:00, as: officer, task: late_reason, data: {reason: Short of staff.}}\n", ""),
        d=("at: 2013-07-02T10:00", "at: 2013-06-03T10:00"),
    )  # fmt: skip
    assert "application/decision_clock" in soon
    assert "application/late_reason" not in soon


def test_a_rule_is_touched_when_it_speaks():
    files = traced()
    form = json.loads(files["forms/decision.json"])
    form["rules"] = [
        {"id": "must", "when": "decision == 'refuse'", "message": "Grant it until {local.day}", "kind": "error"},
        {"id": "quiet", "when": "decision == 'none'", "message": "Never said", "kind": "error"},
        {"id": "odd", "when": "decision == 'grant'", "message": "Sure?", "kind": "warning", "field": "decision"},
    ]  # fmt: skip
    files["forms/decision.json"] = json.dumps(form)
    granted = "{decision: grant, reasons: The tree is unsafe.}}"
    said = "refused: Grant, data: {decision: refuse, reasons: x}"
    refused = f"  - {{at: 2013-07-01T11:00, as: officer, task: decide, {said}}}\n"
    found = touched(files, a=("  - {at: 2013-07-02", refused + "  - {at: 2013-07-02"),
                    b=(granted, granted[:-1] + ", warned: sure}"))  # fmt: skip
    assert {p for p in found if "/rules/" in p} == {"forms/decision/rules/must", "forms/decision/rules/odd"}


def test_people_and_documents_are_touched_as_the_story_says():
    story = {
        "start": {"as": "clerk", "at": 1}, "steps": [{"expect": {"document": "annex"}}],
        "expect": [{"refused": {"as": "auditor@parks", "task": "check"}}],
    }  # fmt: skip
    assert set(touching.by_people(story)) == {"roles/clerk", "roles/auditor", "agencies", "documents/annex"}


@pytest.mark.parametrize(
    ("place", "words", "element"),
    [
        ("application/check", "“Check the application” in “Tree work application”", "check"),
        ("application/gone", "application/gone", None),
        ("forms/decision", "Form “", "decide"),
        ("forms/decision/fields/reasons", "Question “", "decide"),
        ("roles/officer", "Role “Tree officer”", None),
        ("agencies", "List of agencies", None),
        ("tables/none", "tables/none", None),
        ("documents/none", "Document “none”", None),
    ],
)
def test_a_place_in_words(place, words, element):
    found = trace_words.shown(definition_of(traced()), place)
    assert found.words.startswith(words)
    assert found.element == element


def test_a_rule_in_words_knows_the_local_rules_and_no_case():
    files = traced() | {"processes/local_rules.json": json.dumps(
        [{"id": "days", "value": 5, "unit": "days", "name": "Time to answer", "about": "How long."}]
    )}  # fmt: skip
    form = json.loads(files["forms/decision.json"])
    form["rules"] = [{"id": "r", "when": "False", "message": "Answer {name} in {local.days} days"}]
    definition = definition_of({**files, "forms/decision.json": json.dumps(form)})
    found = trace_words.shown(definition, "forms/decision/rules/r").words
    assert found.startswith("Rule “Answer … in 5 days” of form “")


def findings(rows):
    files = traced() | {"processes/trace.json": json.dumps(rows, indent=1)}
    return [(f.line, f.rule) for f in gate.check(files) if f.file == "processes/trace.json"]


def row(**changed):
    return {"id": "D1", "clause": "1", "duty": "Duty.", "held_by": ["application/check"], **changed}


def test_a_sound_trace_passes():
    assert [f for f in gate.check(traced()) if f.file == "processes/trace.json"] == []
    assert findings([row(held_by=[]), row(id="D2", clause="1 2", held_by=["agencies", "roles/clerk"])]) == []


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ({}, [(1, "trace")]),
        ([row(), "x"], [(1, "trace")]),
        ([row(duty=None)], [(3, "trace")]),
        ([row(), row()], [(3, "trace-twice")]),
        ([row(clause="1 9")], [(3, "clause-unknown")]),
        ([row(held_by=["application/check", "application/gone"])], [(8, "place-unknown")]),
        ([row(held_by=["forms/decision/fields/none"])], [(7, "place-unknown")]),
        ([row(held_by=[7])], [(1, "place-unknown")]),
    ],
)
def test_what_the_gate_says_of_a_trace(rows, found):
    assert findings(rows) == found
