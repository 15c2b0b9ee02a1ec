"""Local rules: read everywhere as ``local.<id>``, never set, never hidden; the gate checks each use of one."""

import json
from datetime import date

import pytest

from build import BEGIN, MINI, Played, a_definition, at, each, end, flow, script, timer, user, when
from service.core import expressions, forms, local_rules
from service.core.commands import CompleteUserTask, DeliverMessage
from service.core.differences import differences
from service.core.errors import FormRefused, StepFailed
from service.core.events import ClockMoved, ClockStarted, TimerFired, UserTaskDueMoved
from service.core.expressions import ExprError
from service.core.gate import check
from service.core.local_rules import amount, problems, values_of

DAYS = {"id": "check_days", "value": 2, "unit": "working days", "name": "Checked within", "about": "From receipt."}
RULES = [
    DAYS,
    {"id": "open_from", "value": "2026-04-01", "unit": "", "name": "Open from", "about": "The first day."},
    {"id": "strict", "value": True, "unit": "", "name": "Strict", "about": "Whether a second look is asked for."},
    {"id": "place", "value": "Town Hall", "unit": "", "name": "Place", "about": "Where meetings are held."},
]
FILE = {local_rules.FILE: json.dumps(RULES)}
FILES = {p.relative_to(MINI).as_posix(): p.read_text() for p in sorted(MINI.rglob("*")) if p.is_file()}
DIAGRAM, FORM = "processes/application.bpmn", "forms/check.json"


def mini(rules: object = RULES, **changed: tuple[str, str]) -> dict[str, str]:
    """The small definition with local rules, and texts replaced: ``path-with-__=(old, new)``."""
    files = FILES | {local_rules.FILE: json.dumps(rules)}
    for path, (old, new) in changed.items():
        assert old in files[path], f"{old} is not in {path}"
        files[path] = files[path].replace(old, new)
    return files


def told(files: dict[str, str]) -> list[tuple[str, str | None, str]]:
    return [(f.file, f.element, f.message) for f in check(files) if f.level == "error"]


def test_a_task_is_due_and_a_timer_fires_by_a_rule_of_the_definition():
    definition = a_definition(
        BEGIN, user("one", due="working_days_after(opened_at, local.check_days)"),
        timer("late", "one", "timeDuration", "days(local.check_days + 1)"), user("why"), end(), end("why_end"),
        flow("begin", "one", "end"), flow("late", "why", "why_end"), tables=FILE,
    )  # fmt: skip
    case = Played(definition)
    case.start("2026-03-02T09:00")
    assert next(iter(case.open.values())).due_at == at("2026-03-04T23:59:59")
    case.complete("one", "2026-03-05T09:01")
    assert len(case.all(TimerFired)) == 1
    assert case.waiting == ["why"]


@pytest.mark.parametrize(("rules", "way"), [(RULES, "yes"), ([RULES[0], {**RULES[2], "value": False}], "no")])
def test_a_gateway_a_script_and_a_table_read_rules(rules, way):
    gateway = '<bpmn:exclusiveGateway id="which" default="which_no"/>'
    definition = a_definition(
        BEGIN, script("work", "twice = local.check_days * 2"), gateway, end("yes"), end("no"),
        flow("begin", "work", "which", "no"), when("which", "yes", "local.strict and twice == 4"),
        tables={local_rules.FILE: json.dumps(rules)},
    )  # fmt: skip
    case = Played(definition)
    assert case.start().outcome == way


def test_nothing_in_a_case_can_hide_a_rule():
    """A variable, a message's variable, an item and a field of these cannot stand in the place of ``local``."""
    definition = a_definition(
        BEGIN, user("one", each("things", "local"), due="working_days_after(opened_at, local.check_days)"), end(),
        flow("begin", "one", "end"), tables=FILE,
    )  # fmt: skip
    case = Played(definition)
    case.start(things=[{"id": "a", "check_days": 900}], local={"check_days": 900})
    assert next(iter(case.open.values())).due_at == at("2026-03-04T23:59:59")


def test_a_script_cannot_set_a_rule():
    for text in ("local = 1", "local.check_days = 9"):
        with pytest.raises(ExprError, match="reserved"):
            expressions.check_script(text)
    definition = a_definition(BEGIN, script("work", "local.check_days = 9"), end(), flow("begin", "work", "end"))
    with pytest.raises(StepFailed):
        Played(definition).start()


def test_a_loop_cannot_hide_a_rule():
    with pytest.raises(ExprError, match="local rules"):
        expressions.check("[local.check_days for local in things]")


@pytest.mark.parametrize("text", ["local.__class__", "local.check_days.__class__", "local.keys", "local['nothing']"])
def test_nothing_but_the_rules_is_reached_through_them(text):
    with pytest.raises(ExprError):
        expressions.evaluate(text, {"local": values_of(RULES)})


def test_a_definition_without_rules_keeps_a_variable_of_that_name():
    definition = a_definition(
        BEGIN, user("one", due="working_days_after(opened_at, local)"), end(), flow("begin", "one", "end")
    )
    case = Played(definition)
    case.start(local=1)
    assert next(iter(case.open.values())).due_at == at("2026-03-03T23:59:59")


def test_a_running_case_goes_by_the_rules_of_its_version_until_it_is_moved():
    def version(days: int):
        rules = {local_rules.FILE: json.dumps([{**DAYS, "value": days}])}
        due = "working_days_after(came_at, local.check_days)"
        return a_definition(
            BEGIN, user("one", due=due), timer("limit", "one", "timeDate", due, clock="limit", **{"from": "came_at"}),
            end(), end("late"), flow("begin", "one", "end"), flow("limit", "late"), tables=rules,
        )  # fmt: skip

    case = Played(version(2))
    case.start(came_at=date(2026, 3, 2))
    assert [c.due_at for c in case.all(ClockStarted)] == [at("2026-03-04T23:59:59")]
    case.migrate(version(3), "2026-03-03T09:00")
    moved = [e.due_at for e in case.all(UserTaskDueMoved)], [e.to_due for e in case.all(ClockMoved)]
    assert moved == ([at("2026-03-05T23:59:59")], [at("2026-03-05T23:59:59")])


def test_a_form_s_rules_and_conditions_read_local_rules():
    form = {
        "title": "T",
        "rules": [{"id": "r", "when": "asked > local.check_days", "message": "Too long.", "field": "asked"}],
        "components": [{"type": "number", "key": "asked", "label": "Days"}],
    }
    seen = {"local": values_of(RULES)}
    forms.submit(form, {"asked": 2}, at=at("2026-03-02"), variables=seen, directories={})
    with pytest.raises(FormRefused, match="Too long"):
        forms.submit(form, {"asked": 3}, at=at("2026-03-02"), variables=seen, directories={})


PLACES = {
    "a due date": {DIAGRAM: ("working_days_after(opened_at, 5)", "working_days_after(opened_at, local.{})")},
    "a timer": {DIAGRAM: ("months_after(received_on, 1)", "working_days_after(received_on, local.{})")},
    "a script": {DIAGRAM: ("extended_to = None", "extended_to = None if local.{} else None")},
    "a rule of a form": {FORM: ('complete == \\"no\\"', 'complete == \\"no\\" and local.{} == 2')},
    "a condition of a form": {
        FORM: ('"key": "notes",', '"key": "notes", "conditional": {{"hide": "=complete = \\"no\\" and local.{} = 2"}},')
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_rule_is_an_error_wherever_it_is_read(place):
    def with_rule(name):
        return mini(**{path: (old, new.replace("{{", "{").replace("}}", "}").replace("{}", name))
                       for path, (old, new) in PLACES[place].items()})  # fmt: skip

    assert told(with_rule("check_days")) == []
    (found,) = told(with_rule("chekc_days"))
    assert found[0] == next(iter(PLACES[place]))
    assert "local.chekc_days" in found[2]
    for written, mend in (
        ("chekc_days", "Perhaps “local.check_days” is meant."),
        ("zzz", "The local rules are: check_days, open_from, place and strict."),
    ):
        assert next(f.mend for f in check(with_rule(written)) if f.level == "error") == mend


def test_an_unknown_rule_in_a_cell_of_a_table_is_an_error():
    table = (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="u"><decision '
        'id="t" name="T"><decisionTable id="dt" hitPolicy="FIRST"><input id="i"><inputExpression id="e" '
        'typeRef="number"><text>1</text></inputExpression></input><output id="o" name="fits" typeRef="boolean"/>'
        '<rule id="r"><inputEntry id="a"><text>&gt; local.{}</text></inputEntry><outputEntry id="b"><text>True</text>'
        "</outputEntry></rule></decisionTable></decision></definitions>"
    )
    rule = "local-rule-unknown"
    good, bad = (mini() | {"processes/t.dmn": table.replace("{}", name)} for name in ("check_days", "nothing"))
    assert [f.rule for f in check(good) if f.rule == rule] == []
    assert [(f.file, f.element) for f in check(bad) if f.rule == rule] == [("processes/t.dmn", "a")]


def test_the_rules_as_a_whole_are_no_value():
    files = mini(**{DIAGRAM: ("extended_to = None", "extended_to = None if local else None")})
    assert [f.rule for f in check(files) if f.level == "error"] == ["local-rule-unknown"]


def test_a_date_no_calendar_has_is_found_with_the_rule_s_own_value():
    files = mini([{**DAYS, "value": 999_999, "unit": "pieces"}], **{
        DIAGRAM: ("working_days_after(opened_at, 5)", "working_days_after(opened_at, local.check_days)")
    })  # fmt: skip
    assert [f.rule for f in check(files) if f.level == "error"] == ["due"]


WRONG = {
    "no list": ({}, "must be a list"),
    "a billion days": ([{**DAYS, "value": 1_000_000_000}], "from 0 to 1,000,000"),
    "a thousand years": ([{**DAYS, "unit": "years", "value": 1000}], "a hundred years"),
    "less than nothing": ([{**DAYS, "value": -1}], "from 0 to 1,000,000"),
    "half a day": ([{**DAYS, "value": 0.5}], "needs a value"),
    "a list": ([{**DAYS, "value": [1]}], "needs a value"),
    "no value": ([{k: v for k, v in DAYS.items() if k != "value"}], "needs a value"),
    "no such date": ([{**DAYS, "value": "2026-02-30", "unit": ""}], "a real date"),
    "no unit": ([{**DAYS, "unit": ""}], "needs a unit"),
    "no name": ([{**DAYS, "name": " "}], "needs a “name”"),
    "an id in disguise": ([{**DAYS, "id": "__class__"}], "needs an id"),
    "two of one id": ([DAYS, DAYS], "have the id “check_days”"),
    "a word nobody reads": ([{**DAYS, "days": 3}], "“days”"),
    "a page of text": ([{**DAYS, "unit": "", "value": "x" * 501}], "500 characters"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_of_local_rules_that_is_wrong_is_refused(what):
    rules, said = WRONG[what]
    assert any(said in sentence for _, sentence in problems(rules)), list(problems(rules))
    found = [(f.file, f.rule) for f in check(FILES | {local_rules.FILE: json.dumps(rules)}) if f.level == "error"]
    assert (local_rules.FILE, "local-rule") in found


def test_the_rules_of_this_definition_are_in_order():
    assert list(problems(RULES)) == []
    assert told(mini()) == []


@pytest.mark.parametrize(("rule", "said"), [
    (DAYS, "2 working days"), ({**DAYS, "value": 1}, "1 working day"), (RULES[1], "1 April 2026"), (RULES[2], "yes"),
    ({"value": 5000, "unit": "pounds"}, "5,000 pounds"), (RULES[3], "“Town Hall”"),
])  # fmt: skip
def test_an_amount_reads_as_people_say_it(rule, said):
    assert amount(rule) == said


@pytest.mark.parametrize(("after", "said"), [
    ([{**DAYS, "value": 3}], "The local rule “Checked within” moves from 2 to 3 working days."),
    ([{**DAYS, "value": 1}], "The local rule “Checked within” moves from 2 to 1 working day."),
    ([{**DAYS, "value": 1, "unit": "weeks"}], "The local rule “Checked within” moves from 2 working days to 1 week."),
    ([], "The local rule “Checked within” is taken away; it was 2 working days."),
    ([DAYS, RULES[1]], "The local rule “Open from” is new: 1 April 2026."),
    ([{**DAYS, "about": "B."}], "“about” of the local rule “Checked within” changes from “From receipt.” to “B.”."),
])  # fmt: skip
def test_a_changed_rule_is_told_in_a_sentence(after, said):
    before, then = ({local_rules.FILE: json.dumps(rules)} for rules in ([DAYS], after))
    assert [d.sentence for d in differences(before, then)] == [said]


def test_a_message_cannot_set_a_rule():
    definition = a_definition(
        BEGIN, user("one", due="working_days_after(opened_at, local.check_days)"), end(),
        '<bpmn:subProcess id="beside" triggeredByEvent="true"><bpmn:startEvent id="b_start" isInterrupting="false">'
        '<bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent><bpmn:endEvent id="b_end"/>'
        '<bpmn:sequenceFlow id="bf" sourceRef="b_start" targetRef="b_end"/></bpmn:subProcess>',
        flow("begin", "one", "end"), tables=FILE,
    )  # fmt: skip
    case = Played(definition)
    case.start()
    case.take(DeliverMessage("more", {"local": {"check_days": 99}}), "2026-03-02T10:00")
    assert next(iter(case.open.values())).due_at == at("2026-03-04T23:59:59")
    case.take(CompleteUserTask(case.task("one"), {}), "2026-03-03T09:00")
