"""What a form accepts, what it refuses and in which words; that refusal is the only way it can fail."""

import json
import re
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.errors import FormRefused, Problem
from service.core.forms import Submission, check_form, show, submit
from service.core.forms_conditions import holds, parse
from service.core.forms_wording import missing

GARDEN = json.loads((Path(__file__).parent / "data" / "garden_visit.json").read_text())
CLUBS = {"clubs": [{"id": "north", "name": "Northern Club"}, {"id": "south", "name": "Southern Club"}]}
LONDON = ZoneInfo("Europe/London")
NOON = datetime(2013, 6, 29, 12, 0, tzinfo=UTC)
KNOWN = {"visit_from": datetime(2013, 1, 1, tzinfo=UTC)}
GOOD = {"reference": "AB1234", "planted_on": "2013-05-29", "state": "good", "agreed": True}


def short(value) -> str | None:
    return repr(value)[:30] if isinstance(value, str | bytes) else None


def send(raw=None, *, form=GARDEN, at=NOON, variables=KNOWN, **changes) -> Submission:
    return submit(form, {**(GOOD if raw is None else raw), **changes}, at=at, variables=variables, directories=CLUBS)


def refusal(**changes) -> dict[str, str]:
    with pytest.raises(FormRefused) as caught:
        send(**changes)
    return {problem.field: problem.message for problem in caught.value.problems}


def ask(component, answer, *, at=NOON):
    """Put one question, keyed ``x``, and give back the typed answer."""
    form = {"title": "Ask", "components": [{"key": "x", "label": "Name of it", **component}]}
    return submit(form, {"x": answer}, at=at, variables={}, directories=CLUBS).answers["x"]


def refused(component, answer, *, at=NOON) -> str:
    with pytest.raises(FormRefused) as caught:
        ask(component, answer, at=at)
    (problem,) = caught.value.problems
    assert problem.field.split("-")[0] == "x"
    return problem.message


TEXT = {"type": "textfield"}
AREA = {"type": "textarea"}
NUMBER = {"type": "number", "validate": {"min": 0, "max": 120}}
DATE = {"type": "datetime", "subtype": "date"}
TIME = {"type": "datetime", "subtype": "datetime"}
RADIO = {"type": "radio", "values": [{"label": "Yes", "value": "yes"}, {"label": "No", "value": "no"}]}
SELECT = {"type": "select", "valuesKey": {"from": "clubs"}}
CHECKS = {**RADIO, "type": "checklist"}
BOX = {"type": "checkbox"}
LIST = {
    "type": "dynamiclist",
    "key": None,
    "path": "x",
    "components": [{"type": "textfield", "key": "n", "label": "N"}],
}


@pytest.mark.parametrize(
    ("component", "answer", "kept"),
    [
        (TEXT, "  A name ", "A name"),
        (TEXT, "", None),
        (TEXT, "   ", None),
        (TEXT, None, None),
        (TEXT, "e\u0301", "\u00e9"),
        (AREA, "one\r\ntwo\tthree\rfour", "one\ntwo\tthree\nfour"),
        (AREA, "n" * 20_000, "n" * 20_000),
        (NUMBER, 0, 0),
        (NUMBER, " 15 ", 15),
        (NUMBER, "", None),
        (DATE, "2013-05-29", date(2013, 5, 29)),
        (DATE, date(2013, 5, 29), date(2013, 5, 29)),
        (DATE, "2012-02-29", date(2012, 2, 29)),
        (TIME, "2013-05-29T10:00", datetime(2013, 5, 29, 10, 0, tzinfo=LONDON)),
        (TIME, "2013-05-29 10:00:30", datetime(2013, 5, 29, 10, 0, 30, tzinfo=LONDON)),
        (TIME, "2013-05-29T09:00Z", datetime(2013, 5, 29, 10, 0, tzinfo=LONDON)),
        (TIME, datetime(2013, 1, 1, 9, 0), datetime(2013, 1, 1, 9, 0, tzinfo=LONDON)),  # noqa: DTZ001 - as YAML gives it
        (RADIO, "yes", "yes"),
        (SELECT, "north", "north"),
        (CHECKS, ["no", "yes", "no"], ["no", "yes"]),
        (CHECKS, [], []),
        (CHECKS, None, []),
        (BOX, True, True),
        (BOX, None, False),
        (LIST, None, []),
        (LIST, [{"n": "a"}, {"n": ""}, {}], [{"n": "a"}]),
    ],
    ids=short,
)
def test_an_answer_becomes_its_one_type(component, answer, kept):
    given_back = ask(component, answer)
    assert given_back == kept
    assert type(given_back) is type(kept)


def test_an_instant_is_kept_in_london_time():
    assert ask(TIME, "2013-07-01T10:00").isoformat() == "2013-07-01T10:00:00+01:00"
    assert ask(TIME, "2013-12-01T10:00").isoformat() == "2013-12-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("component", "answer", "words"),
    [
        (TEXT, 7, "Name of it must be text"),
        (TEXT, ["a"], "must be text"),
        (TEXT, {"a": "b"}, "must be text"),
        (TEXT, "a\nb", "one line"),
        (TEXT, "a\tb", "one line"),
        (TEXT, "abc\x00", "Name of it contains a hidden character (U+0000) after “abc”"),
        (TEXT, "\ud800", "hidden character (U+D800) at its beginning"),
        (TEXT, "a\u202eb", "hidden character (U+202E)"),
        (TEXT, "a\u200fb", "hidden character (U+200F)"),
        (AREA, "a\x0bb", "hidden character (U+000B)"),
        (AREA, "n" * 20_001, "20,000 characters or fewer"),
        (AREA, "n" * 100_000, "20,000 characters or fewer"),
        ({**TEXT, "validate": {"maxLength": 3}}, "abcd", "Name of it must be 3 characters or fewer"),
        ({**TEXT, "validate": {"minLength": 3}}, "  a ", "Name of it must be 3 characters or more"),
        ({**TEXT, "validate": {"pattern": "^[0-9]+$"}}, "１２", "Name of it is not in the right format"),
        ({**TEXT, "validate": {"pattern": "^a*$"}}, "a" * 501, "not in the right format"),
        (NUMBER, True, "must be a whole number"),
        (NUMBER, "1.9", "must be a whole number"),
        (NUMBER, 1.9, "must be a whole number"),
        (NUMBER, 2.0, "must be a whole number"),
        (NUMBER, "１５", "must be a whole number"),
        (NUMBER, "1e3", "must be a whole number"),
        (NUMBER, "0x10", "must be a whole number"),
        (NUMBER, "1_0", "must be a whole number"),
        (NUMBER, "9" * 40, "must be a whole number"),
        (NUMBER, 2**53 + 1, "too large to keep"),
        (NUMBER, 10**400, "too large to keep"),
        (NUMBER, float("nan"), "is not a number"),
        (NUMBER, float("inf"), "is not a number"),
        (NUMBER, -1, "must be between 0 and 120"),
        (NUMBER, 121, "must be between 0 and 120"),
        ({"type": "number", "validate": {"min": 1}}, 0, "must be 1 or more"),
        ({"type": "number", "validate": {"max": 1}}, 2, "must be 1 or fewer"),
        (DATE, "2013-02-31", "Name of it must be a real date, like 27 3 2013"),
        (DATE, "2013-W22-3", "must be a real date"),
        (DATE, "20130529", "must be a real date"),
        (DATE, "２０１３-05-29", "must include a year with 4 numbers"),
        (DATE, "13-05-29", "must include a year with 4 numbers"),
        (DATE, "2013--29", "must include a month"),
        (DATE, "--29", "must include a month and a year"),
        (DATE, "2013-05-29T10:00", "without a time"),
        (DATE, datetime(2013, 5, 29, tzinfo=UTC), "without a time"),
        (DATE, "0001-01-01", "must be between 1900 and 2100"),
        (DATE, 20130529, "must be a date"),
        (DATE, True, "must be a date"),
        ({**DATE, "noFuture": True}, "2013-06-30", "must be today or in the past"),
        (TIME, "2013-05-29", "must include a time"),
        (TIME, "2013-05-29T", "must include a time"),
        (TIME, date(2013, 5, 29), "must be a date and a time"),
        (TIME, "2013-05-29T25:00", "must be a real date and time"),
        (TIME, "2013-05-29T10:00+99:00", "must be a real date and time"),
        (TIME, "2013-03-31T01:30", "the clocks went forward"),
        ({**TIME, "validate": {"noFuture": True}}, "2013-06-29T13:01", "must be in the past"),
        (RADIO, "maybe", "Select the name of it"),
        (RADIO, True, "Select the name of it"),
        (RADIO, ["yes"], "Select the name of it"),
        (SELECT, "west", "Select the name of it"),
        (CHECKS, "yes", "Select the name of it"),
        (CHECKS, ["yes", "maybe"], "Select the name of it"),
        (CHECKS, ["yes", []], "Select the name of it"),
        (BOX, "true", "must be ticked or not ticked"),
        (BOX, 1, "must be ticked or not ticked"),
        ({**BOX, "validate": {"required": True}}, None, "Tick “Name of it” to continue"),
        (LIST, {"n": "a"}, "must be a list"),
        (LIST, ["a"], "a list of rows"),
        (LIST, [{"n": "a"}] * 201, "Name of it may have 200 entries at most"),
        (LIST, [{"n": "a", "m": "b"}], "“m” is not a question of this form (name of it 1)"),
        ({**LIST, "validate": {"required": True}}, [{}], "Enter the name of it"),
        (TEXT, b"bytes", "not in a form that can be kept"),
        (TEXT, {1, 2}, "not in a form that can be kept"),
    ],
    ids=short,
)
def test_a_wrong_answer_is_refused_in_words(component, answer, words):
    assert words in refused(component, answer)


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (TEXT, "Enter the name of it"),
        (AREA, "Enter the name of it"),
        (NUMBER, "Enter the name of it"),
        (DATE, "Enter the name of it"),
        (TIME, "Enter the name of it"),
        (RADIO, "Select the name of it"),
        (SELECT, "Select the name of it"),
        (CHECKS, "Select the name of it"),
        (LIST, "Enter the name of it"),
    ],
)
@pytest.mark.parametrize("answer", [None, "", [], " \n "])
def test_a_required_question_must_be_answered(component, words, answer):
    blank = None if isinstance(answer, list) and component not in (CHECKS, LIST) else answer
    assert refused({**component, "validate": {"required": True}}, blank) == words


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Date of death", "Enter the date of death"),
        ("Your name", "Enter your name"),
        ("GP surgery", "Enter the GP surgery"),
        ("Northern Club reference", "Enter the Northern Club reference"),
        ("When did you see it?", "Answer “When did you see it?”"),
    ],
)
def test_the_words_for_a_missing_answer_fit_the_label(label, words):
    assert missing(label, select=False) == words


def test_a_form_may_have_its_own_words_for_a_missing_answer():
    own = {**TEXT, "validate": {"required": True, "requiredMessage": "Say who they are"}}
    assert refused(own, "") == "Say who they are"


def test_today_in_london_is_not_the_future_although_it_is_yesterday_in_greenwich_time():
    just_past_midnight = datetime(2013, 6, 29, 23, 30, tzinfo=UTC)
    assert ask({**DATE, "noFuture": True}, "2013-06-30", at=just_past_midnight) == date(2013, 6, 30)


def test_good_answers_give_a_record_and_the_variables():
    sent = send(
        seen_at="2013-06-01T10:00", beds="3", trees=[{"name": "Élder tree", "height": 2}, {"name": "Elder tree"}]
    )
    assert sent.warnings == ()
    assert sent.answers["beds"] == 3
    assert "work" not in sent.answers
    assert sent.answers["trees"][0] == {"name": "Élder tree", "height": 2, "ill": None, "id": "elder-tree"}
    assert sent.variables == {
        "planted_on": date(2013, 5, 29),
        "seen_at": datetime(2013, 6, 1, 10, 0, tzinfo=LONDON),
        "state": "good",
        "work": None,
        "trees": [
            {"name": "Élder tree", "height": 2, "ill": None, "illness": None, "id": "elder-tree"},
            {"name": "Elder tree", "height": None, "ill": None, "illness": None, "id": "elder-tree-2"},
        ],
    }


def test_every_problem_is_told_at_once_in_reading_order():
    found = refusal(
        raw={"agreed": False, "beds": "many", "trees": [{"height": 3}], "reference": "A\x00", "nonsense": 1}
    )
    assert list(found) == ["reference", "planted_on", "beds", "state", "trees-0-name", "agreed", "nonsense"]
    assert found["trees-0-name"] == "Enter the kind of tree (tree 1)"
    assert found["state"] == "Select an answer to “What state are they in?”"


def test_a_hidden_question_is_not_asked():
    assert refusal(work="Dig it all over") == {"work": "“Work to be done” was not asked, so it cannot be answered"}
    assert "work" not in send(work="").answers
    assert refusal(state="poor") == {"work": "Enter the work to be done"}
    assert send(state="poor", work="Dig it all over").variables["work"] == "Dig it all over"


def test_a_question_hidden_by_a_hidden_question_is_hidden_too():
    yes = '=a != "yes"'
    form = {
        "title": "Chain",
        "components": [
            {**RADIO, "key": "a", "label": "A"},
            {**RADIO, "key": "b", "label": "B", "conditional": {"hide": yes}},
            {**TEXT, "key": "c", "label": "C", "conditional": {"hide": '=b != "yes"'}, "validate": {"required": True}},
        ],
    }
    assert set(send({"a": "no"}, form=form).answers) == {"a"}
    assert refusal(raw={"a": "no", "b": "yes", "c": "x"}, form=form).keys() == {"b", "c"}
    assert refusal(raw={"a": "yes", "b": "yes"}, form=form).keys() == {"c"}


def test_rows_have_conditions_of_their_own():
    ill, well = {"name": "Oak", "ill": "yes"}, {"name": "Ash", "ill": "no", "illness": "dieback"}
    assert refusal(trees=[ill, well]) == {
        "trees-0-illness": "Enter the illness (tree 1)",
        "trees-1-illness": "“Illness” was not asked, so it cannot be answered (tree 2)",
    }


def test_an_empty_row_is_no_row_and_the_others_keep_their_place_in_messages():
    assert refusal(trees=[{"name": ""}, {"height": 2}]).keys() == {"trees-1-name"}
    assert [row["id"] for row in send(trees=[{}, {"name": "Oak"}]).answers["trees"]] == ["oak"]


def test_rows_may_bring_their_ids_but_not_the_same_twice():
    sent = send(trees=[{"id": "t1", "name": "Oak"}, {"name": "T1"}])
    assert [row["id"] for row in sent.answers["trees"]] == ["t1", "t1-2"]
    assert refusal(trees=[{"id": "Not an id", "name": "Oak"}]).keys() == {"trees-0-id"}


def test_a_chosen_row_may_be_there_once():
    chosen = {**SELECT, "key": "id", "label": "Club", "validate": {"required": True}}
    form = {
        "title": "Clubs",
        "components": [{**LIST, "label": "Clubs", "properties": {"variable": "clubs"}, "components": [chosen]}],
    }
    assert send({"x": [{"id": "north"}, {"id": "south"}]}, form=form).variables["clubs"][1] == {"id": "south"}
    assert refusal(raw={"x": [{"id": "north"}, {"id": "north"}]}, form=form).keys() == {"x-1-id"}


@pytest.mark.parametrize(
    "key",
    ["typename", "self", "_x", "__builtins__", "", "$date", "a" * 100_000, "ключ", "\ud800", 7, None, "len"],
    ids=short,
)
def test_names_that_no_question_has_are_refused(key):
    form = {"title": "Empty", "components": [{**TEXT, "key": "x", "label": "X"}]}
    with pytest.raises(FormRefused) as caught:
        submit(form, {key: "x"}, at=NOON, variables={}, directories={})
    str(caught.value.problems).encode()
    assert len(caught.value.problems[0].message) < 200


def test_a_forged_type_name_inside_an_answer_is_refused():
    found = refusal(trees=[{"name": "Oak", "typename": "datetime"}])
    assert "is not a name that an answer may have" in found["trees-0-typename"]


def test_answers_may_not_be_nested_without_end():
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    assert any("too many levels" in message for message in refusal(trees=deep).values())


@pytest.mark.parametrize("raw", [None, 7, "text", ["a"], True])
def test_what_is_no_set_of_answers_is_refused(raw):
    with pytest.raises(FormRefused):
        submit(GARDEN, raw, at=NOON, variables=KNOWN, directories=CLUBS)


def test_a_broken_rule_refuses_and_names_its_clause():
    with pytest.raises(FormRefused) as caught:
        send(seen_at="2012-12-31T23:59")
    problem = Problem("seen_at", "Time of the visit must not be before visits began", "2.1")
    assert caught.value.problems == (problem,)
    assert "before visits began" in caught.value.message


def test_a_warning_lets_the_answers_through_and_is_told():
    sent = send(beds=31)
    assert sent.warnings == (Problem("beds", "More than 30 beds is unusual", "2.2"),)


def test_a_rule_about_something_unanswered_has_nothing_to_say():
    assert send(seen_at=None).warnings == ()
    assert send(variables={"visit_from": None}, seen_at="2012-12-31T23:59").warnings == ()


def test_a_rule_may_look_at_a_question_of_a_row_that_was_not_asked():
    sort = {**RADIO, "key": "known", "label": "Known?"}
    height = {"type": "number", "key": "height", "label": "Height", "conditional": {"hide": '=known != "yes"'}}
    trees = {"type": "dynamiclist", "key": "trees", "label": "Trees", "components": [sort, height]}
    tall = {"id": "tall", "when": "any(t.height == 9 for t in trees)", "message": "Too tall", "field": "trees"}
    form = {"title": "Trees", "components": [trees], "rules": [tall]}
    said = refusal(form=form, raw={"trees": [{"known": "no"}, {"known": "yes", "height": 9}]})
    assert said == {"trees": "Too tall"}


def test_a_rule_that_cannot_be_worked_out_refuses_and_says_so():
    form = {**GARDEN, "rules": [{"id": "odd", "when": "reference < beds", "message": "Odd", "field": "beds"}]}
    assert "The rule “odd” of this form could not be checked" in refusal(form=form, beds=2)["beds"]


def test_of_two_questions_with_one_variable_the_one_asked_counts():
    either = {"variable": "day"}
    form = {
        "title": "Either",
        "components": [
            {**RADIO, "key": "known", "label": "Known?"},
            {
                **DATE,
                "key": "exact",
                "label": "Exact",
                "conditional": {"hide": '=known != "yes"'},
                "properties": either,
            },
            {**DATE, "key": "about", "label": "About", "conditional": {"hide": '=known = "yes"'}, "properties": either},
        ],
    }
    assert check_form(form) == []
    assert send({"known": "yes", "exact": "2013-05-29"}, form=form).variables == {"day": date(2013, 5, 29)}
    assert send({"known": "no", "about": "2013-05-01"}, form=form).variables == {"day": date(2013, 5, 1)}


# --- anything at all -----------------------------------------------------------------------------------------------

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes() | st.binary()
    | st.sampled_from(["poor", "2013-05-29", "2013-05-29T10:00", "north", "AB1234", "\ud800", "1.9"])
)  # fmt: skip
KEYS = st.sampled_from([*GOOD, "work", "beds", "tools", "trees", "name", "illness", "ill", "seen_at"]) | st.text()
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)


def judged(raw) -> Submission | tuple[Problem, ...]:
    """Submit ``raw``; anything but acceptance and refusal escapes, and fails the test."""
    try:
        return submit(GARDEN, raw, at=NOON, variables=KNOWN, directories=CLUBS)
    except FormRefused as refusal:
        return refusal.problems


@settings(max_examples=150, deadline=None)
@given(raw=ANYTHING | st.dictionaries(KEYS, ANYTHING, max_size=8).map(lambda found: {**GOOD, **found}))
def test_whatever_is_sent_is_accepted_or_refused_never_a_failure(raw):
    found = judged(raw)
    if isinstance(found, Submission):
        assert show(GARDEN, found.answers, CLUBS)
    else:
        assert [problem.message.encode() for problem in found]


def whole_reason(text) -> str | bool:
    try:
        return holds(parse(text), {"x": 1})
    except ValueError as error:
        return str(error)


WORDS = [
    "=",
    "!=",
    "<",
    "and",
    "or",
    "not",
    "(",
    ")",
    "list",
    "contains",
    "list contains",
    ",",
    '"a"',
    "x",
    "1",
    "null",
]


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_a_condition_is_read_or_refused_with_a_reason(text):
    assert whole_reason("=" + text) != ""


NAMES = [
    "title", "type", "key", "path", "label", "components", "validate", "properties", "variable", "conditional", "hide",
    "values", "value", "valuesKey", "rules", "when", "idFrom", "pattern", "required", "from",
]  # fmt: skip
ATOMS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["radio", "dynamiclist", "=a"])
)
COMPONENT = st.dictionaries(st.sampled_from(NAMES), ATOMS | st.dictionaries(st.sampled_from(NAMES), ATOMS), max_size=9)


@settings(max_examples=150, deadline=None)
@given(
    form=st.recursive(
        ATOMS | COMPONENT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
        max_leaves=30,
    ),
    components=st.lists(COMPONENT),
)
def test_any_json_can_be_checked(form, components):
    for found in (check_form(form), check_form({"components": components, "rules": form})):
        assert all(isinstance(problem, Problem) for problem in found)


# --- conditions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ('=a != "x"', {}, True),
        ('=a != "x"', {"a": "x"}, False),
        ('=a = "x"', {"a": "x"}, True),
        ("=a = null", {}, True),
        ("=a = null", {"a": 0}, False),
        ("=a < 18", {"a": 17}, True),
        ("=a < 18", {"a": 18}, False),
        ("=a <= 18 and b", {"a": 18, "b": True}, True),
        ("=a < 18", {}, False),
        ("=not(a < 18)", {}, False),
        ("=not(a < 18)", {"a": 18}, True),
        ('=a < "b"', {"a": 1}, False),
        ("=a = 1", {"a": True}, False),
        ('=a = "x" or b = "y"', {"b": "y"}, True),
        ('=(a = "x" or b = "y") and c = "z"', {"a": "x"}, False),
        ('=a = "x" or b = "y" and c = "z"', {"a": "x"}, True),
        ('=list contains(a, "x")', {"a": ["x"]}, True),
        ('=not(list contains(a, "x"))', {"a": []}, True),
        ('=list contains(a, "x")', {}, False),
        ("=a > -1.5", {"a": -1}, True),
        ('=d < "2013-01-01"', {"d": "2012-12-31"}, True),
        ("=a", {"a": "text"}, False),
        (r'=a = "say \"x\""', {"a": 'say "x"'}, True),
    ],
)
def test_a_condition_holds_only_when_it_is_plainly_true(text, answers, expected):
    assert holds(parse(text), answers) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('a = "x"', "begins with ="),
        ("=", "A value is missing"),
        ("=a =", "A value is missing"),
        ("=a = 'x'", "cannot be read at"),
        ("=a + 1 = 2", "cannot be read at"),
        ("=if a then b else c", "“if” is not understood"),
        ('=a in ("x")', "“in” is not expected there"),
        ("=1 < a < 3", "Two comparisons"),
        ("=count(a) > 1", "The function “count” is not understood"),
        ('=contains(a, "x")', "The function “contains” is not understood"),
        ("=(a", "“)” is missing"),
        ("=a)", "“)” is not expected"),
        ("=list contains(a)", "“,” is missing"),
        ("=not a", "“not” is not understood there"),
        ("=" + "(" * 30 + "a" + ")" * 30, "too many brackets"),
        ("=" + "a or " * 300 + "a", "1,000 characters"),
        (r'="\x"', "cannot be read"),
    ],
)
def test_what_is_outside_the_subset_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse(text)


# --- definitions ---------------------------------------------------------------------------------------------------


def test_a_good_definition_has_nothing_wrong():
    assert check_form(GARDEN, CLUBS) == []


def spoiled(change) -> list[str]:
    form = deepcopy(GARDEN)
    change(form)
    return [problem.message for problem in check_form(form, CLUBS)]


def change(index, **values):
    return lambda form: form["components"][index].update(values)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda form: form.pop("title"), "The form has no title"),
        (lambda form: form.update(components=[]), "has no components"),
        (lambda form: form.update(type="wizard"), "type must be “default”"),
        (change(1, type="iframe"), "“iframe”, which this service cannot ask"),
        (change(1, type="button"), "“button”, which this service cannot ask"),
        (change(1, key=""), "has no key"),
        (change(1, key="a-b"), "must be a small letter"),
        (change(1, key="_x"), "must be a small letter"),
        (change(1, key="self"), "has a meaning of its own"),
        (change(1, key="class"), "has a meaning of its own"),
        (change(1, label=" "), "has no label"),
        (change(1, key="beds"), "Two questions have the key “beds”"),
        (change(1, validate={"minlength": 3}), "“minlength” cannot limit"),
        (change(1, validate={"maxLength": "3"}), "must be a whole number"),
        (change(1, validate={"required": "yes"}), "must be true or false"),
        (change(1, validate={"minLength": 4, "maxLength": 3}), "both its minLength and its maxLength"),
        (change(1, validate={"pattern": "("}), "The pattern of “reference” cannot be read"),
        (change(1, validate={"pattern": "(a+)+$"}), "repeats a repetition"),
        (change(1, validate=[]), "“validate” of “reference” is not written as it should be"),
        (change(2, subtype="time"), "must ask for a date or a datetime"),
        (change(3, properties={"variable": "Seen-At"}), "cannot be the name of a process variable"),
        (change(3, properties={"variable": "clocks.x"}), "cannot be the name of a process variable"),
        (change(3, properties={"variable": "planted_on"}), "Two questions set the variable “planted_on”"),
        (change(4, path="beds"), "A group must not have a path"),
        (change(5, valuesKey={"from": "teams"}), "the list “teams”, which does not exist"),
        (change(5, valuesKey={}), "must say which list"),
        (change(6, values=[]), "must offer values"),
        (change(6, values=[{"label": "One", "value": 1}]), "must offer values"),
        (change(6, values=[{"value": "a"}, {"value": "a"}]), "offers the same value twice"),
        (change(7, conditional={"hide": "=if a"}), "The condition of “spade_size” cannot be read. “if”"),
        (change(7, conditional={"hide": '=spades = "x"'}), "looks at “spades”, which is not a question before it"),
        (change(7, conditional={"hide": "=photographs"}), "looks at “photographs”, which is not a question before it"),
        (change(8, components=[]), "asks nothing in its rows"),
        (change(8, properties={"variable": "trees"}), "add a question “id”"),
        (change(8, properties={"variable": "trees", "idFrom": "size"}), "“size”, which is not a question of the row"),
        (
            lambda form: form["components"][8]["components"][1].update(properties={"variable": "h"}),
            "of a row cannot be",
        ),
        (lambda form: form["rules"][0].update(when="seen_at <"), "The rule “seen_after_planting” cannot be read"),
        (lambda form: form["rules"][0].update(when=""), "does not say when"),
        (lambda form: form["rules"][0].update(field="nothing"), "“nothing”, which this form does not ask"),
        (lambda form: form["rules"][0].update(kind="hint"), "must be error, warning or departure"),
        (lambda form: form["rules"][0].update(message=""), "has no message"),
        (lambda form: form["rules"][0].update(id="many_beds"), "needs an id of its own"),
        (lambda form: form.update(rules={"id": "x"}), "must be a list of objects"),
    ],
)
def test_a_spoiled_definition_is_told_in_words(spoil, words):
    assert any(words in message for message in spoiled(spoil))


# --- reading back --------------------------------------------------------------------------------------------------


def test_answers_are_read_back_in_words():
    sent = send(
        state="poor", work="Dig.\nThen dig again.", helper="north", tools=["spade", "rake"], seen_at="2013-05-29T14:30",
        trees=[{"name": "Oak", "height": 3}],
    )  # fmt: skip
    assert show(GARDEN, sent.answers, CLUBS) == [
        ("Visit reference", "AB1234"),
        ("Date of planting", "29 May 2013"),
        ("Time of the visit", "29 May 2013, 2:30pm"),
        ("Number of beds", "Not given"),
        ("What state are they in?", "Needs work"),
        ("Work to be done", "Dig.\nThen dig again."),
        ("Club that helps", "Northern Club"),
        ("Tools needed", "Spade; Rake"),
        ("Size of spade", "Not given"),
        ("Trees", [[("Kind of tree", "Oak"), ("Height in metres", "3"), ("Is it ill?", "Not given")]]),
        ("The gardener agrees", "Yes"),
        ("There are photographs", "No"),
    ]


def test_a_record_kept_as_json_reads_the_same():
    kept = {"planted_on": "2013-05-29", "seen_at": "2013-05-29T13:30:00+00:00", "state": "dug over", "beds": 4}
    assert dict(show(GARDEN, kept, {})) == {
        "Date of planting": "29 May 2013",
        "Time of the visit": "29 May 2013, 2:30pm",
        "Number of beds": "4",
        "What state are they in?": "dug over",
    }
