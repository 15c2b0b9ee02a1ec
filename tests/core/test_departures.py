"""Departures: accepted only with reasons, numbered by the engine, counted for expressions, replayed alike."""

import json
from datetime import UTC, date, datetime

import pytest

from build import BEGIN, Played, a_definition, at, end, flow, user, when
from departing import RULES, SAID, SHORT, TWICE, UNKNOWN, WHY, definition, files
from service.core import commands, departures, forms, replay, scenarios
from service.core.commands import ApproveDeparture, CompleteUserTask, DeliverMessage, ObjectToDeparture, StartInstance
from service.core.differences import differences
from service.core.engine.memory import names_seen
from service.core.errors import BrokenRule, DepartureRefused, FormRefused, NotFound, NothingToDo, StateDamaged
from service.core.events_beside import DepartureApproved, DepartureMade, DepartureObjected
from service.core.expressions import ExprError, check_script
from service.core.forms_check import check_form

NOON = datetime(2013, 5, 29, 12, tzinfo=UTC)
CHECK = json.loads(files()["forms/check.json"])


def send(raw, given=None, **variables):
    return forms.submit(CHECK, raw, at=NOON, variables=variables, directories={}, departures=given)


def refused(raw, given=None, **variables) -> DepartureRefused:
    with pytest.raises(DepartureRefused) as caught:
        send(raw, given, **variables)
    return caught.value


def told(raw, given=None, **variables) -> dict[str, str]:
    return {p.field: p.message for p in refused(raw, given, **variables).problems}


# --- the form ------------------------------------------------------------------------------------------------------


def test_without_reasons_the_rule_is_refused_in_its_own_words():
    refusal = refused(SHORT)
    assert [(p.field, p.message, p.clause) for p in refusal.problems] == [
        ("notes", "A check says what was seen on the spot.", "1")
    ]
    assert [one.rule for one in refusal.departures] == ["unseen"]


def test_with_reasons_it_is_accepted_and_the_words_are_kept_apart_from_what_the_command_says():
    sent = send(SHORT, {"unseen": {**SAID, "until": "2013-06-30"}})
    assert sent.departed == (
        {"rule": "unseen", "clause": "1", "message": "A check says what was seen on the spot."},
    )
    assert sent.kept == {
        **sent.answers,
        "_departures": [{"rule": "unseen", "reasons": WHY, "effect": SAID["effect"], "until": date(2013, 6, 30)}],
    }
    assert sent.variables == {"complete": "yes"}


def test_an_ordinary_answer_keeps_what_it_kept_before():
    sent = send({"complete": "yes", "notes": "All there."})
    assert (sent.kept, sent.departed) == (sent.answers, ())


def test_several_rules_each_need_reasons_of_their_own():
    assert told(TWICE, {"unseen": SAID}) == {"complete": "What is missing is asked for."}
    assert [d.rule for d in send(TWICE, {"unasked": SAID, "unseen": SAID}).departures] == ["unseen", "unasked"]


@pytest.mark.parametrize(
    ("said", "field", "message"),
    [
        ({}, "reasons", "Enter your reasons for departing from clause 1"),
        ({"reasons": "x" * 29}, "reasons", "Your reasons for departing from clause 1 must be 30 characters or more"),
        ({"reasons": " " * 40}, "reasons", "Enter your reasons for departing from clause 1"),
        ({"reasons": "x" * 4001}, "reasons", "must be 4,000 characters or fewer"),
        ({"reasons": "x" * 100_000}, "reasons", "must be 20,000 characters or fewer"),
        ({"reasons": WHY + "\x07"}, "reasons", "contains a hidden character (U+0007)"),
        ({"reasons": WHY + "\u202e"}, "reasons", "contains a hidden character (U+202E)"),
        ({"reasons": WHY + "\ud800"}, "reasons", "contains a hidden character (U+D800)"),
        ({"reasons": ["x" * 40]}, "reasons", "must be text"),
        ({"effect": ""}, "effect", "Enter what is done instead of what clause 1 asks"),
        ({"until": "2013-05-28"}, "until", "must be today or in the future"),
        ({"until": "2013-02-30"}, "until", "must be a real date"),
        ({"because": "x"}, "because", "is not a question of this form"),
        ({"a-b c\n": "x"}, "a-b c\n", "is not a name that an answer may have"),
    ],
)
def test_what_is_said_of_a_departure_is_judged_like_any_answer(said, field, message):
    found = told(SHORT, {"unseen": {**SAID, **said} if said else {"reasons": "", "effect": "x"}})
    assert message in found[f"departure.unseen.{field}"]


@pytest.mark.parametrize("said", ["because", 7, None, ["x"], {}])
def test_what_is_no_set_of_answers_is_refused_and_never_an_error(said):
    assert "departure.unseen.reasons" in told(SHORT, {"unseen": said})


def test_today_is_not_in_the_past():
    assert send(SHORT, {"unseen": {**SAID, "until": "2013-05-29"}}).departures[0].until == date(2013, 5, 29)


def test_reasons_where_nothing_departs_are_refused_and_not_dropped():
    refusal = refused({"complete": "yes", "notes": "All there."}, {"unseen": SAID})
    assert [p.message for p in refusal.problems] == [
        "These answers do not depart from clause 1, so reasons for it cannot be kept with them"
    ]
    assert refusal.departures == ()
    assert "not a rule" in told(SHORT, {"unseen": SAID, "made_up": SAID})[""]
    assert "not a rule" in told(SHORT, {"unseen": SAID, "made_up": {}})[""]
    assert len(refused(SHORT, {f"x{n}": SAID for n in range(5000)}).problems) <= 11


def test_empty_questions_about_a_rule_that_no_longer_holds_are_no_answers():
    assert send({"complete": "yes", "notes": "All there."}, {"unseen": {"reasons": " ", "effect": ""}}).departures == ()


def test_an_error_comes_before_any_departure():
    with pytest.raises(FormRefused) as caught:
        send({"complete": "yes", "notes": ""}, {"unseen": SAID})
    assert not isinstance(caught.value, DepartureRefused)
    never = {**CHECK["rules"][0], "id": "never", "kind": "error", "message": "No."}
    both = {**CHECK, "rules": [*CHECK["rules"], never]}
    with pytest.raises(FormRefused) as caught:
        forms.submit(both, SHORT, at=NOON, variables={}, directories={}, departures={"unseen": SAID})
    assert [p.message for p in caught.value.problems] == ["No."]
    assert not isinstance(caught.value, DepartureRefused)


@pytest.mark.parametrize(
    ("local", "length", "accepted"),
    [
        ({"departure_least_characters": 50}, 49, False),
        ({"departure_least_characters": 50}, 50, True),
        ({"departure_least_characters": 5}, 5, True),
        ({"departure_least_characters": "many"}, 29, False),
        ({}, 30, True),
    ],
)
def test_a_local_rule_says_how_long_reasons_are(local, length, accepted):
    given = {"unseen": {**SAID, "reasons": "x" * length}}
    if accepted:
        assert send(SHORT, given, local=local).departures
    else:
        assert "characters or more" in told(SHORT, given, local=local)["departure.unseen.reasons"]


def test_answers_to_the_form_with_its_questions_part_again():
    asked = departures.with_questions(CHECK, departures.rules_of(CHECK).values())
    names = [c["key"] for group in asked["components"][2:] for c in group["components"] if "key" in c]
    assert names == [departures.name(r, p) for r in ("unseen", "unasked") for p in departures.PARTS]
    own, said = departures.apart(CHECK, {"notes": "x", names[0]: "a", names[5]: "b", "departure.other.until": "c"})
    assert own == {"notes": "x", "departure.other.until": "c"}
    assert said == {"unseen": {"reasons": "a"}, "unasked": {"until": "b"}}


def test_clauses_read_as_people_say_them():
    assert [departures.clauses(c) for c in ("2.3", "4.2 2.3", "")] == [
        "clause 2.3", "clauses 4.2 and 2.3", "the guidance"
    ]  # fmt: skip


# --- the engine ----------------------------------------------------------------------------------------------------


def a_case() -> Played:
    case = Played(definition())
    sent = {"work": "felling", "received_on": date(2013, 5, 29)}
    case.take(StartInstance("application_received", sent, departures=[told_of("application", 0)]), "2013-05-29T09:00")
    return case


def told_of(form: str, which: int) -> dict[str, object]:
    rule, _, _, clause, message = RULES[form][which]
    return {"rule": rule, "clause": clause, "message": message}


def checked(case: Played) -> None:
    made = (told_of("check", 0), told_of("check", 1))
    case.take(CompleteUserTask(case.task("check"), {"complete": "no"}, None, made), "2013-05-30T09:00")


def test_departures_are_numbered_from_one_in_the_order_they_are_made():
    case = a_case()
    checked(case)
    assert [(d.number, d.element_id, d.role, d.rule, d.clause) for d in case.all(DepartureMade)] == [
        (1, "received", "clerk", "unnamed", "1"),
        (2, "check", "clerk", "unseen", "1"),
        (3, "check", "clerk", "unasked", "1 2"),
    ]
    assert {k: v for k, v in names_seen({}, case.state, None).items() if k.startswith("dep")} == {
        "departures": 3, "departures_open": 3,
    }  # fmt: skip
    assert WHY not in case.state.decode()


def test_approving_and_objecting():
    case = a_case()
    checked(case)
    case.take(ObjectToDeparture(1, "officer", "r1"), "2013-05-31T09:00")
    case.take(ApproveDeparture(2, "officer", "r2"), "2013-05-31T10:00")
    assert names_seen({}, case.state, None)["departures_open"] == 2, "what is objected to stays open"
    with pytest.raises(NothingToDo):
        case.take(ObjectToDeparture(1, "officer"), "2013-05-31T11:00")
    for again in (ApproveDeparture(2, "officer"), ObjectToDeparture(2, "officer")):
        with pytest.raises(NothingToDo):
            case.take(again, "2013-05-31T11:00")
    for number in (0, -1, 4):
        with pytest.raises(NotFound):
            case.take(ApproveDeparture(number, "officer"), "2013-05-31T11:00")
    case.take(ApproveDeparture(1, "officer", "r3"), "2013-06-01T09:00")
    assert case.all(DepartureObjected) == [DepartureObjected(1, "officer", "r1")]
    assert case.all(DepartureApproved) == [
        DepartureApproved(2, "officer", "r2"), DepartureApproved(1, "officer", "r3"),
    ]  # fmt: skip
    assert names_seen({}, case.state, None)["departures_open"] == 1


GATE = '<bpmn:exclusiveGateway id="gate" default="gate_plain"/>'
FORKED = (
    BEGIN, user("ask"), GATE, user("explain"), end("plain"), end("explained"), flow("begin", "ask", "gate", "plain"),
    when("gate", "explain", "departures == 1 and departures_open == 1"), flow("explain", "explained"),
)  # fmt: skip


@pytest.mark.parametrize(("made", "waiting"), [((), []), ((told_of("check", 0),), ["explain"])])
def test_a_diagram_goes_another_way_where_something_departed(made, waiting):
    case = Played(a_definition(*FORKED))
    case.start()
    case.take(CompleteUserTask(case.task("ask"), {}, None, made), "2026-03-03T09:00")
    assert case.waiting == waiting
    assert replay.examine(lambda _: case.definition, case.steps, case.state).kind == "equal"


@pytest.mark.parametrize("script", ["departures = 0", "departures_open = 0"])
def test_no_script_counts_departures(script):
    with pytest.raises(ExprError):
        check_script(script)


def test_a_history_with_departures_replays_to_the_same_bytes():
    case = a_case()
    checked(case)
    case.take(ObjectToDeparture(1, "officer", "r1"), "2013-05-31T09:00")
    case.take(ApproveDeparture(3, "officer", "r2"), "2013-05-31T10:00")
    made = DeliverMessage("more_time_allowed", {"extended_to": date(2013, 7, 1)}, None, None, [told_of("more_time", 0)])
    case.take(made, "2013-06-03T09:00")
    assert replay.examine(lambda _: case.definition, case.steps, case.state).kind == "equal"
    read = commands.from_json(commands.to_json(made))
    assert commands.to_json(read) == commands.to_json(made)


def test_a_command_without_departures_is_written_as_it_was_before_there_were_any():
    written = commands.to_json(CompleteUserTask("t", {}, "h"))
    assert written == {"type": "CompleteUserTask", "task_id": "t", "variables": {}, "record": "h"}


def test_a_state_without_departures_has_no_trace_of_them():
    case = Played(definition())
    case.take(StartInstance("application_received", {"received_on": date(2013, 5, 29)}), "2013-05-29T09:00")
    assert b"departure" not in case.state


@pytest.mark.parametrize("became", ["made", ["made", "forgiven"], [1], [["made"]], {"made": 1}])
def test_a_state_with_departures_that_were_never_written_is_damaged(became):
    case = a_case()
    kept = json.loads(case.state)
    case.state = json.dumps({**kept, "departures": became}).encode()
    with pytest.raises(StateDamaged):
        checked(case)


# --- scenarios -----------------------------------------------------------------------------------------------------

STORY = """
name: departing
start: {message: application_received, at: 2013-05-29T10:00, as: clerk,
  data: {address: unknown, work: felling, received_on: 2013-05-29}, departs: {reasons: %(why)s, effect: It was drawn.}}
steps:
  - {at: 2013-05-30T10:00, as: clerk, task: check, data: {complete: "no", notes: Fine}%(check)s}
  - {at: 2013-05-31T10:00, as: officer, approves: 1}
  - {at: 2013-05-31T11:00, as: officer, objects: 2}
  - {at: 2013-05-31T12:00, as: clerk, approves: 2, refused: may not approve}
  - {at: 2013-06-01T10:00, as: officer, message: more_time_allowed,
     data: {extended_to: 2013-07-10, reason: Ill.}, departs: {unapproved: {reasons: %(why)s, effect: Asked.}}}
  - {at: 2013-06-02T10:00, as: officer, approves: 4, refused: somebody else}
expect:
  - {departures: %(count)s}
  - {departures_open: 3}
"""
ONE = f", departs: {{reasons: {WHY}, effect: Seen from afar., until: 2013-07-01}}"
LIST = f", departs: [{{rule: unseen, reasons: {WHY}, effect: A}}, {{rule: unasked, reasons: {WHY}, effect: B}}]"
NAMED = f", departs: {{unseen: {{reasons: {WHY}, effect: A}}, unasked: {{reasons: {WHY}, effect: B}}}}"
HALF = f", departs: {{unseen: {{reasons: {WHY}, effect: A}}}}"


def play(check: str, count: int = 4) -> list[str]:
    report = scenarios.play(definition(), STORY % {"why": WHY, "check": check, "count": count})
    return [failure.text for failure in report.failures]


@pytest.mark.parametrize("said", [ONE, LIST, NAMED])
def test_a_step_says_what_it_departs_from_once_for_all_or_rule_by_rule(said):
    assert play(said) == []


def test_a_step_that_departs_and_does_not_say_so_fails():
    (failure,) = play("")
    assert "departs from unseen, unasked" in failure
    assert "does not say “departs”" in failure


def test_a_step_that_departs_without_reasons_for_each_rule_fails():
    (failure,) = play(HALF)
    assert "What is missing is asked for." in failure
    (failure,) = play(", departs: ")
    assert "Enter your reasons" in failure


def test_the_number_of_departures_is_held_against_the_story():
    assert play(ONE, 5) == ["5 departures should have been made; 4 were"]


def test_a_step_that_says_departs_where_nothing_departs_fails():
    story = STORY % {"why": WHY, "check": ONE, "count": 4}
    (failure,) = scenarios.play(definition(), story.replace("notes: Fine", "notes: All there.")).failures
    assert "depart from nothing" in failure.text


# --- the gate and the differences ----------------------------------------------------------------------------------


def problems(**changed) -> list[str]:
    rule = {**CHECK["rules"][0], **changed}
    return [p.message for p in check_form({**CHECK, "rules": [{k: v for k, v in rule.items() if v is not None}]})]


def test_a_departure_rule_needs_an_id_a_message_and_a_clause():
    assert problems() == []
    assert "does not say which clause" in problems(clause=None)[0]
    assert "does not say which clause" in problems(clause=" ")[0]
    assert "has no message" in problems(message=None)[0]
    assert any("id of the departure" in said for said in problems(id=None))
    for name in ("Upper", "with-hyphen", "9", "x" * 41, "a.b", "", ["x"]):
        assert any("id of the departure" in said for said in problems(id=name)), name
    assert problems(kind="departing") == ["The kind of the rule “unseen” must be error, warning or departure"]


@pytest.mark.parametrize("name", ["departures", "departures_open"])
def test_what_the_service_counts_is_no_name_for_an_answer(name):
    form = {"title": "T", "components": [{"type": "textfield", "key": name, "label": "L"}]}
    assert "meaning of its own" in check_form(form)[0].message


def sentences(before, after) -> list[str]:
    def of(rules):
        return {"forms/check.json": json.dumps({**CHECK, "rules": rules})}

    return [d.sentence for d in differences(of(before), of(after))]


def test_a_change_of_what_may_be_departed_from_is_told_in_words():
    rule = CHECK["rules"][0]
    error, warning = {**rule, "kind": "error"}, {**rule, "kind": "warning"}
    only = "The form “Check the application” now accepts “A check says what was seen on the spot.” only as a departure."
    assert sentences([], [rule]) == [only]
    assert sentences([warning], [rule]) == [only]
    assert sentences([error], [rule]) == [only.replace("now accepts", "now lets people depart from").replace(
        " only as a departure.", ", with reasons."
    )]  # fmt: skip
    assert "no longer" in sentences([rule], [error])[0]
    assert "without a departure" in sentences([rule], [warning])[0]
    assert "without a departure" in sentences([rule], [])[0]


def test_the_refusals_are_the_rejections_that_pages_know():
    assert isinstance(refused(SHORT), BrokenRule)
    assert at("2013-05-29T12:00") == NOON
    assert forms.submit(
        json.loads(files()["forms/application.json"]), UNKNOWN, at=NOON, variables=names_seen({}, None, None),
        directories={}, departures={"unnamed": SAID},
    ).departures  # fmt: skip
