"""Every changed file gives at least one sentence, and the sentence says what a process owner would look for."""

import json
import re
from pathlib import Path

import pytest

from service.core.differences import differences

MINI = Path(__file__).parents[1] / "data" / "mini"
DIAGRAM = "processes/application.bpmn"


@pytest.fixture
def files():
    return {str(p.relative_to(MINI)): p.read_text() for p in MINI.rglob("*") if p.is_file()}


def changed(files, path, old, new):
    assert old in files[path], f"{old} is not in {path}"
    return files | {path: files[path].replace(old, new)}


def sentences(before, after):
    return [difference.sentence for difference in differences(before, after)]


def test_equal_files_have_no_differences(files):
    assert differences(files, dict(files)) == []


def test_a_moved_reminder_is_said_with_both_numbers(files):
    before = changed(files, DIAGRAM, 'name="remind" value="7 1"', 'name="remind" value="7"')
    after = changed(files, DIAGRAM, 'name="remind" value="7 1"', 'name="remind" value="10"')
    assert sentences(before, after) == ["The reminder before “Decision is late” moves from 7 to 10 days."]


def test_several_reminders_are_listed(files):
    after = changed(files, DIAGRAM, 'name="remind" value="7 1"', 'name="remind" value="14 7 1"')
    assert sentences(files, after) == [
        "The reminder of “Decision is late” changes from 7 and 1 days before to 14, 7 and 1 days before."
    ]


def test_a_due_date_is_said_in_words_and_names_the_element(files):
    after = changed(files, DIAGRAM, "working_days_after(opened_at, 5)", "working_days_after(opened_at, 6)")
    (difference,) = differences(files, after)
    assert difference.element == "check"
    assert difference.sentence == (
        "The due date of “Check the application” changes"
        " from 5 working days after it opens to 6 working days after it opens."
    )


def test_a_lane_and_a_timer_are_seen(files):
    moved = changed(files, DIAGRAM, "<bpmn:flowNodeRef>check</bpmn:flowNodeRef>", "")
    moved = changed(moved, DIAGRAM, '<bpmn:lane id="lane_officer" name="Tree officer">',
                    '<bpmn:lane id="lane_officer" name="Tree officer"><bpmn:flowNodeRef>check</bpmn:flowNodeRef>')
    assert "The lane of “Check the application” changes from “Clerk” to “Tree officer”." in sentences(files, moved)
    timed = changed(files, DIAGRAM, "months_after(received_on, 1)", "months_after(received_on, 2)")
    assert any("date of “Decision is late”" in sentence for sentence in sentences(files, timed))


def test_a_removed_task_and_a_new_one_are_said(files):
    renamed = changed(files, DIAGRAM, 'id="check"', 'id="look"')
    assert sentences(files, renamed)[:2] == [
        "The user task “Check the application” is new.", "The user task “Check the application” is taken away.",
    ]


def test_moving_a_shape_is_one_sentence(files):
    x = re.search(r'bpmnElement="check"[^>]*><dc:Bounds x="(\d+)"', files[DIAGRAM])
    after = files | {DIAGRAM: files[DIAGRAM].replace(x[0], x[0].replace(x[1], str(int(x[1]) + 5)))}
    assert sentences(files, after) == ["1 element of the drawing moved; what happens is not affected by that."]


def test_questions_of_a_form_are_named(files):
    form = json.loads(files["forms/check.json"])
    form["components"][1]["validate"]["maxLength"] = 900
    form["components"].append({"type": "textfield", "key": "plan", "label": "Which plan?"})
    found = sentences(files, files | {"forms/check.json": json.dumps(form)})
    assert "The question “Which plan?” is new." in found
    assert any("of the question “What did you find?” changes from" in sentence for sentence in found)


def test_a_file_that_cannot_be_read_is_still_named(files):
    (difference,) = differences(files, files | {DIAGRAM: "<not xml"})
    assert "no words here" in difference.sentence


def test_new_and_lost_files_are_named(files):
    new = files | {"forms/extra.json": "{}"}
    assert sentences(files, new) == ["This file is new."]
    assert sentences(new, files) == ["This file is taken away."]


def test_a_file_only_written_down_otherwise_says_so(files):
    after = files | {DIAGRAM: files[DIAGRAM].replace("><bpmn:flowNodeRef>", ">\n <bpmn:flowNodeRef>", 1)}
    assert sentences(files, after) == ["Only the way the drawing is written down changes; what happens stays the same."]


def test_a_change_that_has_no_words_is_never_passed_over(files):
    after = changed(files, DIAGRAM, 'targetNamespace="urn:mini"', 'targetNamespace="urn:other"')
    assert sentences(files, after) == ["It changes in a way that has no words here; compare the two texts."]
