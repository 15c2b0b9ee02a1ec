"""Places in texts: filled for people in plain words, never a way into anything, and checked at the gate."""

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import BEGIN, MINI, Played, a_definition, at, each, end, flow, user
from service.core import forms, forms_filled, local_rules
from service.core.definitions import definition_of
from service.core.errors import FormRefused
from service.core.events_beside import UserTaskChanged
from service.core.forms_shape import options
from service.core.gate import check
from service.core.placeholders import LONGEST, NOT_KNOWN, Telling, fill, strays
from service.core.scenarios import play
from service.web.filters import paragraphs

RULES = [
    {"id": "check_days", "value": 2, "unit": "working days", "name": "Checked within", "about": "From receipt."},
    {"id": "one_day", "value": 1, "unit": "working days", "name": "Told within", "about": "From receipt."},
]
FILES = {p.relative_to(MINI).as_posix(): p.read_text() for p in sorted(MINI.rglob("*")) if p.is_file()}
FILES |= {local_rules.FILE: json.dumps(RULES)}
DIAGRAM, FORM = "processes/application.bpmn", "forms/check.json"
NAMES = {
    "review_name": "tree review", "received_on": date(2013, 5, 29), "work": "felling", "lead": "parks",
    "heard_at": datetime(2013, 5, 29, 13, 30, tzinfo=UTC), "none": None, "empty": [], "ready": True, "year": 2014,
    "cost": 12_500, "helpers": ["parks", "highways", "somebody_else"], "agency": {"id": "highways", "contact": "Kim"},
    "people": [{"id": "p1", "name": "Ann"}, {"id": "p2", "name": "Ben"}],
    "clocks": {"decision": {"due": date(2013, 6, 29)}},
    "sly": "a {local.check_days} {work} b", "local": {"check_days": 99},
}  # fmt: skip


def telling(**names: object) -> Telling:
    return definition_of(FILES).telling(NAMES | names)


@pytest.mark.parametrize(("text", "said"), [
    ("Within {local.check_days} working days.", "Within 2 working days."),
    ("Within {local.check_days.words}, then {local.one_day.words}.", "Within 2 working days, then 1 working day."),
    ("The {review_name} of {received_on}", "The tree review of 29 May 2013"),
    ("heard on {heard_at}", "heard on 29 May 2013, 2:30pm"),
    ("{work}, led by {lead}", "Felling, led by Parks service"),  # the words of the choice, and of the directory
    ("by {helpers}", "by Parks service, Highways service and somebody else"),
    ("by {people}", "by Ann and Ben"),
    ("{agency} ({agency.contact})", "Highways service (Kim)"),
    ("due {clocks.decision.due}", "due 29 June 2013"),
    ("{none}; {empty}; {not_there}; {agency.phone}", "; ".join([NOT_KNOWN] * 4)),
    ("the {not_there|tree file}, {none|nobody}, {review_name|other}", "the tree file, nobody, tree review"),
    ("{ready} {year} {cost}", "yes 2014 12,500"),
    ("a set {{a, b}} and {{review_name}}", "a set {a, b} and {review_name}"),
    ("nothing to fill", "nothing to fill"),
    ("{sly}", "a {local.check_days} {work} b"),  # a value is never read for places again
])  # fmt: skip
def test_a_place_is_filled_in_plain_words(text, said):
    assert fill(text, telling()) == said


@pytest.mark.parametrize("text", [
    "{local.__class__}", "{local.check_days.__class__}", "{review_name.__init__}", "{__builtins__}", "{0}", "{}",
    "{review_name!r}", "{review_name:>9999999}", "{agency[id]}", "{a.b.c.d}", "{%if x%}", "{review_name", "x}",
])  # fmt: skip
def test_what_is_no_place_stays_as_it_is_and_is_refused_at_the_gate(text):
    assert fill(text, telling()) == text
    assert strays(text)
    (found,) = [f for f in check(with_guidance(text)) if f.rule == "placeholder"]
    assert (found.file, found.element) == (DIAGRAM, "check")
    assert found.level == ("warning" if text in {"{}", "{%if x%}", "x}"} else "error")


@pytest.mark.parametrize(("value", "shown"), [
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # pages escape it, as everything
    ("one\n\n- two\n- three", "one - two - three"), ("- an item", "– an item"), ("\u202egnp.exe\x07", "gnp.exe"),
    ("x" * 5_000, "x" * (LONGEST - 1) + "…"),
])  # fmt: skip
def test_a_value_is_one_line_of_words(value, shown):
    filled = fill("{review_name}", telling(review_name=value))
    assert filled == shown
    assert paragraphs(filled) == [shown]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.dates() | st.floats(),
                    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=6), inner)))
def test_any_value_is_filled_in_one_line(value):
    filled = fill("a {review_name} b", telling(review_name=value))
    assert "\n" not in filled
    assert len(filled) <= LONGEST + 4


def test_a_value_that_holds_itself_in_turn_comes_to_an_end():
    deep: list[object] = []
    for _ in range(200):
        deep = [deep, deep]
    assert len(fill("{review_name}", telling(review_name=deep))) <= LONGEST


def with_guidance(text: str) -> dict[str, str]:
    old = "Read what the applicant sent."
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return FILES | {DIAGRAM: FILES[DIAGRAM].replace(old, escaped)}


@pytest.mark.parametrize("text", [
    "{local.check_days}", "{local.check_days.words}", "{work}", "{work|x}", "{clocks.decision.due}", "{{ x }}", "{{}}",
])  # fmt: skip
def test_the_gate_lets_known_names_through(text):
    assert [f for f in check(with_guidance(text)) if f.rule == "placeholder"] == []


@pytest.mark.parametrize(("text", "said"), [
    ("{local.chekc_days}", "no such local rule: check_days and one_day"),
    ("{local}", "no such local rule"), ("{local.check_days.unit}", "no such local rule"),
    ("{wrok}", "sets “wrok”"), ("{work.id}", "only a whole variable"), ("{clocks.decison.due}", "no such time limit"),
])  # fmt: skip
def test_the_gate_refuses_names_that_nothing_fills(text, said):
    (found,) = [f for f in check(with_guidance(text)) if f.level == "error"]
    assert said in found.message
    assert found.element == "check"


@pytest.mark.parametrize(("old", "new"), [
    ('"title": "Check the application"', '"title": "Check {wrok}"'),
    ('"label": "What did you find?"', '"label": "What did {wrok} find?"'),
    ('"label": "Yes"', '"label": "Yes, {wrok}"'),
    ('"message": "An incomplete', '"message": "{wrok} incomplete'),
    ('"maxLength": 500', '"maxLength": 500, "requiredMessage": "Say it: {wrok}"'),
])  # fmt: skip
def test_the_gate_reads_every_text_of_a_form(old, new):
    assert old in FILES[FORM]
    found = [f for f in check(FILES | {FORM: FILES[FORM].replace(old, new)}) if f.level == "error"]
    assert [(f.file, f.rule) for f in found] == [(FORM, "placeholder")]


def test_due_basis_is_filled_when_the_task_opens_and_again_when_its_case_moves():
    def version(days: int):
        rules = {local_rules.FILE: json.dumps([{**RULES[0], "value": days}])}
        basis = "local rule: {local.check_days.words} after {received_on}, for {thing.name}"
        return a_definition(
            BEGIN, user("one", each("things", "thing"), due_basis=basis), end(), flow("begin", "one", "end"),
            tables=rules,
        )  # fmt: skip

    case = Played(version(2))
    case.start(received_on=date(2026, 3, 2), things=[{"id": "a", "name": "the oak"}, {"id": "b", "name": "the elm"}])
    said = sorted(t.due_basis for t in case.open.values())
    assert said == [f"local rule: 2 working days after 2 March 2026, for {name}" for name in ("the elm", "the oak")]
    case.migrate(version(3), "2026-03-03T09:00")
    moved = sorted(str(e.changed["due_basis"]) for e in case.all(UserTaskChanged))
    assert moved == [f"local rule: 3 working days after 2 March 2026, for {name}" for name in ("the elm", "the oak")]


FILLED = {
    "title": "Review of {work}",
    "rules": [
        {"id": "w", "when": "notes == 'warn'", "kind": "warning", "field": "notes", "message": "Unusual for {lead}."},
        {"id": "e", "when": "notes == 'wrong'", "field": "notes", "message": "Not within {local.check_days} days."},
    ],
    "components": [
        {"type": "text", "text": "About {people}."},
        {"type": "textfield", "key": "notes", "label": "What of {review_name}?", "description": "{year}",
         "validate": {"required": True, "pattern": "^[a-z]{2,9}$", "patternErrorMessage": "Write {work} small"}},
    ],
}  # fmt: skip


def test_a_form_is_filled_wherever_people_read_it_and_nowhere_else():
    form = forms_filled.filled(FILLED, telling())
    text, question = form["components"]
    assert (form["title"], text["text"]) == ("Review of Felling", "About Ann and Ben.")
    assert (question["label"], question["description"]) == ("What of tree review?", "2014")
    assert question["validate"]["pattern"] == "^[a-z]{2,9}$"
    with pytest.raises(FormRefused, match="Not within 2 days"):
        forms.submit(form, {"notes": "wrong"}, at=at("2026-03-02"), variables={}, directories={})
    with pytest.raises(FormRefused, match="Write Felling small"):
        forms.submit(form, {"notes": "NO"}, at=at("2026-03-02"), variables={}, directories={})
    sent = forms.submit(form, {"notes": "warn"}, at=at("2026-03-02"), variables={}, directories={})
    assert [w.message for w in sent.warnings] == ["Unusual for Parks service."]
    assert forms_filled.filled({"title": "T", "components": []}, telling()) == {"title": "T", "components": []}


def test_scenarios_meet_the_filled_warnings():
    warning = "An incomplete application still goes to a decision."
    files = FILES | {FORM: FILES[FORM].replace(warning, "In {local.check_days.words} after {received_on}.")}
    story = """
name: warned
start: {at: 2013-05-29T10:00, as: clerk, message: application_received, data: {address: x, work: felling, received_on: 2013-05-29}}
steps:
  - {at: 2013-06-03T10:00, as: clerk, task: check, data: {complete: "no", notes: all}, warned: "In 2 working days after 29 May 2013."}
"""  # noqa: E501
    assert play(definition_of(files), story).failures == []


@pytest.mark.parametrize(("limit", "asked"), [(2, False), (3, True)])
def test_a_condition_reads_a_local_rule(limit, asked):
    form = {
        "title": "T",
        "components": [
            {"type": "number", "key": "count", "label": "How many?"},
            {"type": "textfield", "key": "why", "label": "Why?", "conditional": {"hide": "=count > local.limit"}},
        ],
    }
    made = forms_filled.filled(form, Telling(local={"limit": limit}))
    assert forms.check_form(form) == []
    raw = {"count": 3, "why": "so"}
    if asked:
        forms.submit(made, raw, at=at("2026-03-02"), variables={}, directories={})
    else:
        with pytest.raises(FormRefused, match="was not asked"):
            forms.submit(made, raw, at=at("2026-03-02"), variables={}, directories={})


CHOICE = {"type": "{}", "key": "whom", "label": "Whom?", "valuesKey": {"from": "variable:people"}}


def judged(kind: str, answer: object, names: dict[str, object], source: str = "variable:people") -> dict[str, object]:
    form = {"title": "T", "components": [CHOICE | {"type": kind, "valuesKey": {"from": source}}]}
    asked = forms_filled.filled(form, telling(**names))
    return forms.submit(asked, {"whom": answer}, at=at("2026-03-02"), variables={}, directories={}).answers


@pytest.mark.parametrize("kind", ["select", "radio"])
def test_a_choice_offers_the_entries_of_a_list_of_the_case(kind):
    assert judged(kind, "p2", {}) == {"whom": "p2"}
    for stranger in ("p3", "Ann", "variable:people"):
        with pytest.raises(FormRefused):
            judged(kind, stranger, {})


def test_a_checklist_offers_the_entries_of_a_list_of_the_case():
    assert judged("checklist", ["p1", "p2"], {}) == {"whom": ["p1", "p2"]}
    with pytest.raises(FormRefused):
        judged("checklist", ["p1", "parks"], {})


def test_a_choice_may_come_from_the_item_a_step_is_repeated_for():
    names = {"agency": {"id": "parks", "staff": [{"id": "s1", "name": "Kim"}]}}
    assert judged("select", "s1", names, "variable:agency.staff") == {"whom": "s1"}
    with pytest.raises(FormRefused):
        judged("select", "s2", names, "variable:agency.staff")


@pytest.mark.parametrize(("held", "offered"), [
    ([{"id": "a", "name": "Ann"}, {"id": "b", "label": "Ben"}, {"id": "c", "title": "Cy"}, {"id": "parks"}],
     [("a", "Ann"), ("b", "Ben"), ("c", "Cy"), ("parks", "Parks service")]),
    (["parks", "else"], [("parks", "Parks service"), ("else", "else")]),
    (None, []), ("parks", []), ([], []), ([1, None, [], {"name": "Nobody"}, {"id": ""}, {"id": 5}], []),
    ([{"id": "a"}, {"id": "a"}], [("a", "a")]),
    ([f"n{n}" for n in range(1_000)], [(f"n{n}", f"n{n}") for n in range(200)]),
])  # fmt: skip
def test_what_is_offered_is_bounded_and_only_what_has_an_id(held, offered):
    form = forms_filled.filled({"components": [CHOICE | {"type": "select"}]}, telling(people=held))
    assert [(o.value, o.label) for o in options(form["components"][0], {})] == offered


@pytest.mark.parametrize(("source", "said"), [
    ("variable:poeple", "which no form, script or decision sets"), ("variable:work", "is never a list"),
    ("variable:People!", "after variable: stands the name of a list"),
    ("variable:agency.staff", "no repeated step has"),
])  # fmt: skip
def test_the_gate_refuses_a_choice_from_what_is_no_list(source, said):
    question = {"type": "select", "key": "whom", "label": "Whom?", "valuesKey": {"from": source}}
    form = json.loads(FILES[FORM])
    form["components"].append(question)
    found = [f for f in check(FILES | {FORM: json.dumps(form)}) if f.level == "error"]
    assert found
    assert any(said in f.message and f.element == "whom" for f in found), found


def test_the_gate_lets_through_a_choice_from_a_list_a_form_asks_for():
    asking, choosing = json.loads(FILES["forms/application.json"]), json.loads(FILES[FORM])
    row = {"type": "textfield", "key": "name", "label": "Name"}
    asking["components"].append({
        "type": "dynamiclist", "path": "people", "label": "People", "components": [row],
        "properties": {"variable": "people", "idFrom": "name"},
    })  # fmt: skip
    choosing["components"].append(CHOICE | {"type": "select"})
    files = FILES | {"forms/application.json": json.dumps(asking), FORM: json.dumps(choosing)}
    assert [f for f in check(files) if f.level == "error"] == []
