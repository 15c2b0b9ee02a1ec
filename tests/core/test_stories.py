"""Stories that build on other stories: how far, with which answers, and what is said when they cannot."""

from datetime import date

import pytest

from build import MINI
from service.core import scenarios
from service.core.definitions import definition_of
from service.core.prefixes import Prefixes, keys_of
from service.core.scenario_reading import ScenarioUnreadable, without_lines
from service.core.stories import FROM, VIA, texts_of, told
from service.core.touching import Watched
from service.runtime import practice
from service.runtime.bundles import read_folder

WHOLE = """\
name: Granted
start: {at: 2013-05-29T10:00, as: clerk, message: application_received,
  data: {address: 1 Oak Road, work: felling, received_on: 2013-05-29}}
steps:
  - {at: 2013-05-30T10:00, as: clerk, task: check, data: {complete: 'yes', notes: All there.}}
  - {until: 2013-05-31T09:00}
  - {at: 2013-06-03T10:00, as: officer, task: decide, data: {decision: refuse}, refused: Answer}
  - {at: 2013-06-03T11:00, as: officer, task: decide, data: {decision: grant, reasons: The tree is unsafe.}}
expect:
  - {ended: granted}
"""


def texts(**more):
    return {"whole": WHOLE, **more}


def tell(text, **more):
    return told(text, texts(**more))


def steps(text, **more):
    return [s.get("task", s.get("until")) for s in tell(text, **more)["steps"]]


def on(continues, *rest):
    return "\n".join(["name: Another", f"continues: {{story: whole, {continues}}}", *rest])


@pytest.mark.parametrize(
    ("continues", "count"),
    [("before: decide", 2), ("before: decide, time: 2", 3), ("after: decide", 3), ("after: check", 1),
     ("after: decide, time: 2", 4), ("after: application_received", 0)],
)  # fmt: skip
def test_a_story_goes_on_from_any_step_of_another(continues, count):
    story = tell(on(continues))
    assert story["steps"] == [{**s, FROM: "whole", VIA: 2} for s in told(WHOLE, {})["steps"][:count]]
    assert story["start"]["message"] == "application_received"
    assert "expect" not in story


def test_a_story_may_go_on_where_another_ends():
    assert len(tell("name: x\ncontinues: {story: whole}")["steps"]) == 4


def test_a_story_goes_on_from_one_that_itself_goes_on():
    middle = on("before: decide", "steps:", "  - {until: 2013-06-02T09:00}")
    story = tell("name: x\n\ncontinues: {story: middle, after: check}\nsteps: [{until: 2013-06-09}]", middle=middle)
    assert [(s.get(FROM), s.get(VIA)) for s in story["steps"]] == [("whole", 3), (None, None)]


def like(step):
    return without_lines(tell(on("before: decide", "steps:", f"  - {step}"))["steps"][-1])


def test_a_step_like_another_has_its_answers_under_its_own():
    step = like("{at: 2013-06-01, task: check, like: whole, data: {notes: Less.}}")
    assert (step["as"], step["data"]) == ("clerk", {"complete": "yes", "notes": "Less."})


def test_an_answer_can_be_left_out():
    assert like("{at: 2013-06-01, task: check, like: whole, data: {notes: ~}}")["data"] == {"complete": "yes"}


def test_the_second_of_the_same_steps_can_be_asked_for():
    step = like("{at: 2013-06-01, as: clerk, task: decide, like: {story: whole, time: 2}}")
    assert step["data"] == {"decision": "grant", "reasons": "The tree is unsafe."}
    assert step["as"] == "clerk"


ITEMS = """\
name: Items
start: {at: 2013-05-29, as: a, message: m, data: {n: 1, day: 2013-05-01}}
steps:
  - {at: 2013-05-30, as: x@a, task: t, item: a, data: {n: 1}}
  - {at: 2013-05-30, as: x@b, task: t, item: b, data: {n: 2}}
"""


@pytest.mark.parametrize(
    ("step", "comes_out"),
    [("{task: t, like: items}", ("x@a", "a", 1)), ("{task: t, item: b, like: items}", ("x@b", "b", 2)),
     ("{task: t, item: c, as: x@c, like: items}", ("x@c", "c", 1)),
     ("{task: t, like: {story: items, item: b}}", ("x@b", "b", 2)),
     ("{task: t, item: c, as: x@c, like: {story: items, item: b}}", ("x@c", "c", 2))],
)  # fmt: skip
def test_a_step_is_like_the_one_for_the_same_item(step, comes_out):
    found = told(f"name: x\nstart: {{}}\nsteps: [{step}]", {"items": ITEMS})["steps"][0]
    assert (found["as"], found["item"], found["data"]["n"]) == comes_out


def test_a_start_may_be_like_another():
    start = told("name: x\nstart: {at: 2014-01-01, like: items, data: {n: 7}}", {"items": ITEMS})["start"]
    assert without_lines(start["data"]) == {"n": 7, "day": date(2013, 5, 1)}
    assert (start["as"], start["message"]) == ("a", "m")


def test_an_act_that_must_be_refused_may_be_like_another():
    said = "{refused: {at: 2013-06-01, as: officer, task: check, like: whole, because: not for you}}"
    story = tell(on("before: decide", f"expect: [{said}]", "steps:", f"  - expect: {said}"))
    for wanted in (story["expect"], story["steps"][-1]["expect"]):
        act = wanted[0]["refused"]
        assert (act["data"]["notes"], act["as"]) == ("All there.", "officer")


CIRCLE = {
    "a": "name: a\ncontinues: {story: b}",
    "b": "name: b\nstart: {}\nsteps:\n  - {at: 2013-01-01, task: t, like: a}",
}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("name: x\n\ncontinues: {story: whol, before: decide}", 3, "no scenario “whol”.*Perhaps “whole” is meant"),
        (on("before: decied"), 2, "“whole” has no step “decied”. Perhaps “decide” is meant."),
        (on("after: decied"), 2, "“whole” has no step “decied”"),
        (on("before: application_received"), 2, "no step “application_received”"),
        (on("before: decide, time: 3"), 2, "“whole” has only 2 of the steps “decide”, not 3."),
        (on("before: decide, time: 0"), 2, "1, 2, 3"),
        (on("before: decide, item: ash"), 2, "no step “decide” of ash"),
        (on("before: decide, after: decide"), 2, "“before” or “after”"),
        ("name: x\ncontinues: whole", 1, "needs a “story”"),
        ("name: x\ncontinues: {story: a}", 2, "circle: “a”, which builds on “b”, which builds on “a”"),
        ("name: x\nstart: {}\nsteps:\n  - {task: publish, like: whole}", 4, "“whole” has no step “publish”"),
        ("name: x\nstart: {}\nsteps:\n  - {task: check, like: nowhere}", 4, "no scenario “nowhere”"),
        ("name: x\nstart: {}\nsteps:\n  - {task: check, like: whole, data: [1]}", 4, "keys of their fields"),
        ("name: x\nstart: {}\nsteps: [hello]", 1, "“hello” is not a step"),
        ("name: x\nstart: {}\nsteps: hello", 1, "its steps are a list"),
        ("name: x\nstart: {}\ncontinues: {story: whole}", 1, "cannot do both"),
        ("name: x", 1, "needs a name, a start"),
    ],
)
def test_what_cannot_be_told_says_where_and_why(text, line, says):
    with pytest.raises(ScenarioUnreadable, match=says) as wrong:
        told(text, texts(**CIRCLE))
    assert wrong.value.line == line


FILES = read_folder(MINI)


def bundled(**stories):
    more = {f"processes/scenarios/{name}.yaml": text for name, text in texts(**stories).items()}
    return definition_of({**FILES, **more})


def play(text, **stories):
    return scenarios.play(bundled(**stories), text)


def test_a_story_that_builds_on_another_is_played():
    report = play(on("before: decide, time: 2", "proves: [T01, T02]", "steps:",
                     "  - {at: 2013-06-05, task: decide, like: {story: whole, time: 2}, data: {decision: refuse}}",
                     "expect: [{ended: refused}]"))  # fmt: skip
    assert report.failures == []
    assert (report.outcome, report.proves) == ("refused", ("T01", "T02"))


def test_a_failing_step_of_the_other_story_is_named():
    broken = WHOLE.replace("data: {complete: 'yes', notes: All there.}", "data: {}")
    report = play("name: x\n\n\ncontinues: {story: broken}\n", broken=broken)
    (failure,) = report.failures
    assert failure.line == 4
    assert failure.text.startswith("In “broken”, which this continues, line 5: This was refused")


def test_a_failing_expectation_of_the_other_story_is_named():
    broken = WHOLE.replace("  - {until: 2013-05-31T09:00}", "  - expect: {open: [check]}")
    (failure,) = play("name: x\n\n\ncontinues: {story: broken}\n", broken=broken).failures
    assert (failure.line, failure.text[:59]) == (4, "In “broken”, which this continues, line 6: check should be ")


def test_what_stories_share_is_played_once_and_gives_the_same():
    broken = WHOLE.replace("  - {until: 2013-05-31T09:00}", "  - expect: {open: [check]}")
    ends = [f"  - {{at: 2013-06-05, task: decide, like: {{story: broken, time: 2}}, data: {{decision: {d}}}}}"
            for d in ("refuse", "grant")]  # fmt: skip
    tellers = {
        "a": "name: a\ncontinues: {story: broken, before: decide}\nsteps:\n" + ends[0],
        "b": "name: b\n\n\ncontinues: {story: broken, before: decide, time: 2}\nsteps:\n" + ends[1],
        "c": "name: c\ncontinues: {story: b}\nexpect: [{ended: granted}]",
        "d": "name: d\ncontinues: {story: a}\nexpect: [{ended: granted}]",
    }
    definition, prefixes = bundled(broken=broken, **tellers), Prefixes()
    for text in [*tellers.values(), *tellers.values()]:
        shared, alone = scenarios.play(definition, text, prefixes), scenarios.play(definition, text)
        assert shared == alone
    assert [f.line for f in scenarios.play(definition, tellers["b"], prefixes).failures] == [4]
    acts = told(tellers["c"], texts_of(definition.files))
    keys = list(keys_of(definition.hash, [acts["start"], *acts["steps"]]))
    done, player, noted = prefixes.taken_up(keys)
    assert (done, player.outcome, [n for n, _ in noted]) == (5, "granted", [2])
    assert prefixes.taken_up(["other"]) is None


def test_only_so_much_is_kept(monkeypatch):
    monkeypatch.setattr("service.core.prefixes.MOST", 2)
    kept, player = Prefixes(), Watched(definition_of(FILES), "x")
    for key in "abc":
        kept.keep(key, player, ())
    assert list(kept.kept) == ["b", "c"]


def test_what_cannot_be_told_is_a_failure():
    (failure,) = play("name: x\ncontinues: {story: nowhere}").failures
    assert failure.line == 2
    assert "nowhere" in failure.text


def test_a_start_says_when_who_and_by_what():
    (failure,) = play("name: x\nstart: {at: 2013-05-29, as: clerk}").failures
    assert (failure.line, failure.text) == (2, "A start needs “at”, “as” and “message”.")


def test_a_practice_case_may_build_on_a_story():
    (case,) = practice.scenarios(bundled(x=on("after: check", "practice: {today: 2013-06-09}")))
    assert [s.get("task") for s in case["steps"]] == ["check"]
    assert case["start"]["message"] == "application_received"


def test_only_stories_are_stories():
    assert texts_of({"processes/a.bpmn": "", "processes/scenarios/b-c_d.yaml": "t"}) == {"b-c_d": "t"}
