"""Steps told in sentences, from events alone."""

from datetime import UTC, datetime

import pytest

from build import MINI
from service.core.chain import Step
from service.core.definitions import definition_of
from service.runtime.bundles import read_folder
from service.web.case_names import names_of
from service.web.narration import Narrator, tell

TABLE = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="urn:d">
<decision id="fee" name="Which fee?"><decisionTable id="table_fee" hitPolicy="{policy}">
<input id="i" label="Trees"><inputExpression id="e"><text>trees</text></inputExpression></input>
<output id="o" name="fee_due"/>
<rule id="r1"><description>more than ten trees</description><inputEntry id="a"><text>&gt; 10</text></inputEntry>
<outputEntry id="b"><text>"full_fee"</text></outputEntry></rule>
<rule id="r2"><inputEntry id="c"><text></text></inputEntry>
<outputEntry id="f"><text>"small_fee"</text></outputEntry></rule>
</decisionTable></decision></definitions>"""


@pytest.fixture
def narrator():
    return narrator_of()


def narrator_of(policy="FIRST"):
    files = read_folder(MINI) | {"processes/fee.dmn": TABLE.format(policy=policy)}
    return Narrator(names_of(definition_of(files)), {"ann": "Ann"}, {"old": 2, "new": 3})


def told(narrator, *events, answers=True, **variables):
    at = datetime(2013, 5, 30, 9, tzinfo=UTC)
    command = {"type": "CompleteUserTask", "task_id": "t", "variables": variables}
    step = Step("case", 1, at, "ann", "hash", command, events, "", 1, "")
    return [line.text for line in tell(narrator, step, answers=answers)]


def variables_set(**values):
    return {"type": "VariablesSet", "variables": values}


def decided(*rules):
    return {
        "type": "DecisionEvaluated", "decision": "table_fee", "process_id": "application", "element_id": "x",
        "inputs": {"Trees": 12}, "rules": list(rules), "outputs": {"fee_due": "full_fee"},
    }  # fmt: skip


def test_an_answer_is_told_with_its_question_and_the_answer_before(narrator):
    assert told(narrator, variables_set(work="pruning"), work="pruning") == ["What work is asked for? Pruning"]
    assert told(narrator, variables_set(work="felling"), work="felling") == [
        "What work is asked for? Felling (before: Pruning)"
    ]


def test_what_a_diagram_works_out_is_told_apart_and_preparation_is_not_told(narrator):
    assert told(narrator, variables_set(extended_to=None, rounds=0, late=False, days=[])) == []
    assert told(narrator, variables_set(late=True, last_day={"$date": "2013-06-29"})) == [
        "Worked out: Late: yes (before: no)", "Worked out: Last day: 29 June 2013",
    ]  # fmt: skip


def test_of_a_list_only_the_item_that_changed_is_told(narrator):
    first = [{"id": "parks", "seen": False}, {"id": "roads", "seen": False}]
    told(narrator, variables_set(checked_by=first))
    later = [{"id": "parks", "seen": True}, {"id": "roads", "seen": False}]
    sentences = told(narrator, variables_set(checked_by=later))
    assert sentences == ["Worked out: Checked by, Parks service, seen: yes (before: no)"]


def test_an_answer_about_an_item_is_told_once(narrator):
    told(narrator, variables_set(checked_by=[{"id": "parks"}]))
    after = variables_set(checked_by=[{"id": "parks", "seen": True}])
    assert told(narrator, after, **{"one.seen": True}) == ["Seen: yes"]


@pytest.mark.parametrize(
    ("policy", "because"),
    [("FIRST", "row 1 (“more than ten trees”)"), ("COLLECT", "row 1 (“more than ten trees”) and row 2")],
)
def test_a_decision_names_the_rows_that_decided(policy, because):
    assert told(narrator_of(policy), decided("r1", "r2")) == [
        f"“Which fee?” was given Trees: 12 and gave fee due: full fee, because of {because}."
    ]


def test_those_who_may_not_read_answers_see_neither_them_nor_what_came_of_them(narrator):
    events = (variables_set(work="pruning", late=True), decided("r1"), {"type": "UserTaskCompleted", "task_id": "t"})
    assert told(narrator, *events, answers=False, work="pruning") == ["A task was completed."]


def test_an_event_of_a_later_version_is_passed_over(narrator):
    assert told(narrator, {"type": "SomethingNew", "process_id": "application"}) == []


@pytest.mark.parametrize(
    ("former", "said"), [("old", "It moved from version 2 to version 3"), ("gone", "It moved to another version")]
)
def test_a_move_names_both_versions_where_they_are_known(narrator, former, said):
    event = {"type": "InstanceMigrated", "former": former, "definition": "new"}
    assert told(narrator, event) == [f"{said} of the process."]
