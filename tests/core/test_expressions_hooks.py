"""The engine's hooks in a real workflow: variables outside task data, items of lists, timers, decision tables."""

from datetime import UTC, date, datetime, timedelta
from html import escape
from itertools import pairwise

import pytest
import SpiffWorkflow.bpmn.workflow
from lxml import etree
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState

from service.core import determinism, expressions_timers
from service.core.expressions import ExprError
from service.core.expressions_hooks import SafeEngine, SafeEnvironment

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _a_step():
    """Whatever else has been imported, the engine gets its time here as it does in a step."""
    with determinism.seams("case", 1, NOW):
        yield


BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"


def flow(*steps: str) -> str:
    pairs = pairwise(steps)
    return "".join(f'<bpmn:sequenceFlow id="{a}_{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in pairs)


def workflow(inside: str, table: str = "", **variables) -> BpmnWorkflow:
    parser = SpiffBpmnParser()
    text = f'<bpmn:definitions xmlns:bpmn="{BPMN}" xmlns:spiffworkflow="{SPIFF}">'
    text += '<bpmn:process id="p" isExecutable="true"><bpmn:startEvent id="begin"/>'
    text += f'{inside}<bpmn:endEvent id="end"/></bpmn:process></bpmn:definitions>'
    parser.add_bpmn_xml(etree.fromstring(text), filename="p.bpmn")
    if table:
        parser.add_dmn_xml(etree.fromstring(table), filename="d.dmn")
    made = BpmnWorkflow(parser.get_spec("p"), parser.get_subprocess_specs("p"), script_engine=SafeEngine())
    made.script_engine.environment.variables.update(variables)
    made.script_engine.environment.at = datetime(2013, 6, 1, 12, tzinfo=UTC)
    return made


def script(text: str) -> str:
    return f'<bpmn:scriptTask id="work"><bpmn:script>{text}</bpmn:script></bpmn:scriptTask>' + flow(
        "begin", "work", "end"
    )


def test_a_script_writes_variables_and_leaves_task_data_alone():
    case = workflow(script("y = x + 1\nz = y * 2"), x=1)
    case.do_engine_steps()
    assert case.completed
    assert case.script_engine.environment.variables == {"x": 1, "y": 2, "z": 4}
    assert all(task.data == {} for task in case.get_tasks())


def test_a_script_that_fails_writes_nothing_and_tells_no_values():
    case = workflow(script("y = 1\nz = x.foo"), x="secret value", other_name=1)
    with pytest.raises(WorkflowTaskException) as caught:
        case.do_engine_steps()
    assert case.script_engine.environment.variables == {"x": "secret value", "other_name": 1}
    assert "assignment 2" in str(caught.value)
    assert not any(word in str(caught.value) for word in ("secret", "other_name"))


@pytest.mark.parametrize(
    "text", ["import os", "x = __import__('os').system('true')", "x = open('/etc/passwd')", "x = 9**9**9"]
)
def test_a_script_cannot_reach_python(text):
    case = workflow(script(text))
    with pytest.raises(WorkflowTaskException):
        case.do_engine_steps()


@pytest.mark.parametrize(("n", "reached"), [(1, "small"), (9, "big")])
def test_a_condition_sees_variables(n, reached):
    case = workflow(
        '<bpmn:exclusiveGateway id="which" default="which_small"/><bpmn:userTask id="small"/><bpmn:userTask id="big"/>'
        '<bpmn:sequenceFlow id="which_big" sourceRef="which" targetRef="big"><bpmn:conditionExpression>n &gt; 5'
        "</bpmn:conditionExpression></bpmn:sequenceFlow>"
        + flow("begin", "which") + flow("which", "small", "end") + flow("big", "end"), n=n,
    )  # fmt: skip
    case.do_engine_steps()
    assert [task.task_spec.name for task in case.get_tasks(state=TaskState.READY)] == [reached]


def test_a_restored_workflow_is_safe_by_default():
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    restored = serializer.deserialize_json(serializer.serialize_json(workflow(script("x = 1"))))
    assert type(restored.script_engine) is SafeEngine
    assert SpiffWorkflow.bpmn.workflow.PythonScriptEngine is SafeEngine


# --- names, and items of lists ---


@pytest.fixture
def seen() -> SafeEnvironment:
    made = SafeEnvironment()
    made.variables = {
        "agencies": [{"id": "gp", "state": None}, {"id": "police", "state": None}],
        "towns": ["a", "b"],
        "x": "variable",
    }
    made.lists = {"agency": "agencies", "town": "towns"}
    made.extra = {"clocks": {"limit": {"due": date(2013, 6, 29)}}}
    return made


def test_what_wins(seen):
    assert seen.evaluate("x", {"x": "task data"}) == "variable"
    assert seen.evaluate("y", {"y": "task data"}) == "task data"
    assert seen.evaluate("y", {"y": "task data"}, {"y": "engine"}) == "engine"
    seen.variables["clocks"] = None
    assert seen.evaluate("clocks.limit.due", {"clocks": {}}) == date(2013, 6, 29)
    assert seen.evaluate("len(towns)", {"len": 5, "__builtins__": {}}) == 2


def test_an_item_is_the_element_of_its_list_now(seen):
    stale = {"agency": {"id": "police", "state": "stale"}, "town": "b"}
    assert seen.evaluate("agency.state", stale) is None
    assert seen.evaluate("town + agency.id", stale) == "bpolice"
    assert seen.evaluate("agency.id", {"agency": "gp"}) == "gp"


def test_setting_a_field_of_an_item_replaces_its_element(seen):
    agencies, police = seen.variables["agencies"], seen.variables["agencies"][1]
    context = {"agency": {"id": "police", "state": "stale"}}
    all_nil = "all([a.state == 'nil' for a in agencies])"
    seen.execute(f"agency.state = 'nil'\nnone_left = {all_nil}\nx = agency.state", context)
    assert seen.variables["agencies"] == [{"id": "gp", "state": None}, {"id": "police", "state": "nil"}]
    assert (seen.variables["none_left"], seen.variables["x"]) == (False, "nil")
    assert seen.variables["agencies"] is not agencies
    assert police == {"id": "police", "state": None}
    assert context == {"agency": {"id": "police", "state": "stale"}}
    seen.set_item({"agency": "gp"}, "agency", "state", "includable")
    assert seen.evaluate("[a.state for a in agencies]", {}) == ["includable", "nil"]


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("agency.state = 1", {}),
        ("agency.state = 1", {"agency": "nobody"}),
        ("town.name = 1", {"town": "a"}),
        ("x.name = 1", {"x": {"id": "gp"}}),
        ("agency = 1", {"agency": "gp"}),
        ("agency.id = 'other'", {"agency": "gp"}),
        ("new = 1\nagency.state = missing", {"agency": "gp"}),
    ],
)
def test_what_cannot_be_written(seen, text, context):
    before = {**seen.variables}
    with pytest.raises(ExprError):
        seen.execute(text, context)
    assert seen.variables == before


def test_two_elements_with_one_id_are_not_written(seen):
    seen.variables["agencies"] = [{"id": "gp"}, {"id": "gp"}]
    with pytest.raises(ExprError):
        seen.execute("agency.state = 1", {"agency": "gp"})


def test_no_services(seen):
    with pytest.raises(ExprError):
        seen.call_service({}, operation_name="http/get")


# --- timers ---


def waiting(kind: str, expression: str, **variables) -> object:
    """What the engine keeps of a timer while it waits."""
    case = workflow(
        f'<bpmn:intermediateCatchEvent id="wait"><bpmn:timerEventDefinition id="t">'
        f"<bpmn:{kind}>{expression}</bpmn:{kind}>"
        f"</bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>{flow('begin', 'wait', 'end')}", **variables,
    )  # fmt: skip
    case.do_engine_steps()
    (task,) = case.get_tasks(state=TaskState.WAITING)
    return task.internal_data["event_value"]


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("months_after(came_at, 1)", "2113-06-29T22:59:59+00:00"),
        ("came_at", "2113-05-29T22:59:59+00:00"),
        ("date(2113, 1, 31)", "2113-01-31T23:59:59+00:00"),
        ('"2113-06-29T23:59:59+01:00"', "2113-06-29T22:59:59+00:00"),
        ('"2113-06-29T23:59Z"', "2113-06-29T23:59:00+00:00"),
    ],
)
def test_date_timers(expression, kept):
    assert waiting("timeDate", expression, came_at=date(2113, 5, 29)) == kept


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ('"P10D"', timedelta(days=10)),
        ('"P2W"', timedelta(days=14)),
        ("days(10)", timedelta(days=10)),
        ('"PT36H"', timedelta(hours=36)),
        ('"P1DT2H3M4S"', timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_duration_timers(expression, passes):
    assert datetime.fromisoformat(waiting("timeDuration", expression)) == NOW + passes


def test_cycle_timers():
    kept = waiting("timeCycle", '"R3/P7D"')
    assert (kept["cycles"], kept["duration"]) == (3, 7 * 86400)


@pytest.mark.parametrize(
    ("kind", "expression"),
    [
        ("timeDate", "None"), ("timeDate", "5"), ("timeDate", '"P10D"'), ("timeDate", '"2013-06-29T23:59:59"'),
        ("timeDate", '"2013-06-29"'),
        ("timeDate", '"2013-13-29T00:00Z"'), ("timeDate", '"2013-W05-1T00:00Z"'),
        ("timeDuration", '"P9999999999Y"'), ("timeDuration", '"P1M"'),
        ("timeDuration", '"P1Y"'), ("timeDuration", '"P"'), ("timeDuration", '"PT"'), ("timeDuration", '"P1DT"'),
        ("timeDuration", '"P1W1D"'),
        ("timeDuration", '"P4000D"'), ("timeDuration", '"-P1D"'), ("timeDuration", '"P1.5D"'),
        ("timeDuration", "date(2013, 1, 1)"),
        ("timeDuration", "days(-1)"), ("timeDuration", '"p10d"'), ("timeDuration", "None"),
        ("timeCycle", '"R99999999/PT0S"'), ("timeCycle", '"R/P7D"'),
        ("timeCycle", '"R201/P7D"'), ("timeCycle", '"R0/P7D"'), ("timeCycle", '"R3/PT59M"'),
        ("timeCycle", '"R3/P1M"'), ("timeCycle", '"P7D"'),
        ("timeCycle", '"R3/P7D/2013-01-01"'), ("timeCycle", "5"), ("timeDuration", '"P1D\\n"'),
        ("timeDuration", '"P\u0661D"'),
    ],
)  # fmt: skip
def test_timers_refused(kind, expression):
    with pytest.raises(WorkflowTaskException):
        waiting(kind, expression)


def test_lengths_of_timers():
    assert expressions_timers.length_of("P1DT2H") == timedelta(days=1, hours=2)
    assert expressions_timers.duration(timedelta(0)) == "PT0S"
    assert expressions_timers.duration("P3653D") == "P3653D"


# --- decision tables ---


def table(*rules: tuple[str, str]) -> str:
    rows = "".join(
        f'<rule id="r{n}"><inputEntry id="i{n}"><text>{escape(cell)}</text></inputEntry>'
        f'<outputEntry id="o{n}"><text>"{out}"</text></outputEntry></rule>'
        for n, (cell, out) in enumerate([*rules, ("", "none")])
    )
    return (
        f'<definitions xmlns="{DMN}" id="ds" name="ds" namespace="x"><decision id="d" name="d">'
        '<decisionTable id="dt" hitPolicy="FIRST"><input id="i" label="i">'
        '<inputExpression id="ie" typeRef="string"><text>x</text></inputExpression></input>'
        f'<output id="o" label="out" name="out" typeRef="string"/>{rows}</decisionTable></decision></definitions>'
    )


@pytest.mark.parametrize(
    ("cell", "x", "hit"),
    [
        ('"a"', "a", True), ('"a"', "b", False), ("> 20", 21, True), ("> 20", 20, False),
        ('? in ("a", "b")', "b", True),
        ('? in ("a", "b")', "c", False), ("True", True, True), ("True", False, False), ("None", None, True),
        ("5", 5, True), ("4 < ? < 6", 5, True),
        ("date(2013, 5, 29)", date(2013, 5, 29), True), ("< date(2013, 5, 29)", date(2013, 5, 28), True),
        ('!= "a"', "b", True),
        ("? is None or ? > 3", None, True), ("-", "anything", True), ('"what?"', "what?", True), ("limit", 7, True),
        ("? >= today()", date(2013, 6, 1), True), ("in (1, 2)", 3, None), ("   ", 3, None),
        ("not in (1, 2)", 3, None),
    ],
)  # fmt: skip
def test_cells_of_a_decision_table(cell, x, hit):
    task = '<bpmn:businessRuleTask id="decide"><bpmn:extensionElements><spiffworkflow:calledDecisionId>d'
    task += "</spiffworkflow:calledDecisionId></bpmn:extensionElements></bpmn:businessRuleTask>"
    case = workflow(task + flow("begin", "decide", "end"), table((cell, "hit")), x=x, limit=7)
    if hit is None:
        with pytest.raises(WorkflowTaskException):
            case.do_engine_steps()
        return
    case.do_engine_steps()
    assert case.last_task.data["out"] == ("hit" if hit else "none")


@pytest.mark.parametrize(
    "cell", ["().__class__", '? or open("/etc/passwd")', "__import__('os')", "[y for y in x for z in x]", "lambda: 1"]
)
def test_cells_cannot_reach_python(cell):
    task = '<bpmn:businessRuleTask id="decide"><bpmn:extensionElements><spiffworkflow:calledDecisionId>d'
    task += "</spiffworkflow:calledDecisionId></bpmn:extensionElements></bpmn:businessRuleTask>"
    case = workflow(task + flow("begin", "decide", "end"), table((cell, "hit")), x=1)
    with pytest.raises(WorkflowTaskException):
        case.do_engine_steps()
