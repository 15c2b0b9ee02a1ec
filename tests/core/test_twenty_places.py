"""Every place of a diagram or table that takes an expression: the gate refuses an attack there, and so does the engine.

The engine is given the diagram past the gate, once as a case just begun and once as a case restored without a word
about expressions. Nothing is run, nothing is written, and only the engine's own error comes out.
"""

import json
from datetime import UTC, datetime
from html import escape

import pytest
from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState

import gate_models as gm
from past_gate import begun, played, restored
from service.core import determinism, gate
from service.core.expressions import RESERVED, ExprError
from service.core.expressions_hooks import SafeEngine

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
EXTENSIONS = "<bpmn:extensionElements>{}</bpmn:extensionElements>"


def spiff(name, text):
    return f"<spiffworkflow:{name}>{escape(text)}</spiffworkflow:{name}>"


def extended(*inside):
    return EXTENSIONS.format("".join(inside))


def line(place, roots=""):
    """start > wait > place > end, as a file."""
    arrows = "start>wait wait>place place>end"
    return {"main.bpmn": gm.diagram("start start", "user wait", place, "end end", arrows=arrows, roots=roots)}


def repeated(inside):
    return line(gm.node("script", "place", "<bpmn:script>done = 1</bpmn:script>" + inside))


def cardinality(attack):
    return repeated(
        "<bpmn:multiInstanceLoopCharacteristics isSequential='true'>"
        f"<bpmn:loopCardinality>{escape(attack)}</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>"
    )


def completion(attack):
    return repeated(
        "<bpmn:multiInstanceLoopCharacteristics isSequential='true'><bpmn:loopCardinality>3</bpmn:loopCardinality>"
        f"<bpmn:completionCondition>{escape(attack)}</bpmn:completionCondition>"
        "</bpmn:multiInstanceLoopCharacteristics>"
    )


def loop(attack):
    return repeated(
        f'<bpmn:standardLoopCharacteristics loopMaximum="3"><bpmn:loopCondition>{escape(attack)}</bpmn:loopCondition>'
        "</bpmn:standardLoopCharacteristics>"
    )


def gateway(attack):
    arrows = f"start>wait\nwait>place\nplace>end:{attack}\nplace>other"
    which = gm.node("xor", "place", default="place_to_other")
    return {"main.bpmn": gm.diagram("start start", "user wait", which, "end end", "end other", arrows=arrows)}


def catching(definition):
    return line(gm.node("catch", "place", definition))


def message(inside, roots=""):
    definition = gm.event("message", extended(inside), messageRef="m")
    return line(gm.node("throw", "place", definition), roots='<bpmn:message id="m" name="m"/>' + roots)


def correlation(attack):
    roots = (
        '<bpmn:correlationProperty id="key" name="key"><bpmn:correlationPropertyRetrievalExpression messageRef="m">'
        f"<bpmn:messagePath>{escape(attack)}</bpmn:messagePath></bpmn:correlationPropertyRetrievalExpression>"
        "</bpmn:correlationProperty>"
    )
    return message(spiff("messagePayload", '{"a": 1}'), roots)


def own_correlation(attack):
    inside = f"<spiffworkflow:propertyId>key</spiffworkflow:propertyId>{spiff('expression', attack)}"
    definition = gm.event(
        "message",
        extended(f"<spiffworkflow:processVariableCorrelation>{inside}</spiffworkflow:processVariableCorrelation>"),
        messageRef="m",
    )
    return line(gm.node("catch", "place", definition), roots='<bpmn:message id="m" name="m"/>')


def thrown(kind):
    def build(attack):
        root = f'<bpmn:{kind} id="thrown" name="thrown">{extended(spiff("payloadExpression", attack))}</bpmn:{kind}>'
        return line(gm.node("throw", "place", gm.event(kind, **{f"{kind}Ref": "thrown"})), roots=root)

    return build


def error(attack):
    root = f'<bpmn:error id="thrown" name="thrown" errorCode="e">{extended(spiff("payloadExpression", attack))}'
    arrows = "start>wait wait>place"
    place = gm.node("end", "place", gm.event("error", errorRef="thrown"))
    return {"main.bpmn": gm.diagram("start start", "user wait", place, arrows=arrows, roots=root + "</bpmn:error>")}


def service(attack):
    parameter = f'<spiffworkflow:parameter id="a" type="str" value="{escape(attack)}"/>'
    inside = f"<spiffworkflow:parameters>{parameter}</spiffworkflow:parameters>"
    operator = f'<spiffworkflow:serviceTaskOperator id="http/get" resultVariable="r">{inside}'
    return line(gm.node("service", "place", extended(operator + "</spiffworkflow:serviceTaskOperator>")))


def ad_hoc(condition, inside):
    done = f"<bpmn:completionCondition>{escape(condition)}</bpmn:completionCondition>"
    return line(f'<bpmn:adHocSubProcess id="place" name="place">{inside}{done}</bpmn:adHocSubProcess>')


def ad_hoc_path(attack):
    again = f"<bpmn:loopCondition>{escape(attack)}</bpmn:loopCondition>"
    again = f'<bpmn:standardLoopCharacteristics loopMaximum="3">{again}</bpmn:standardLoopCharacteristics>'
    looped = gm.node("script", "inside", f"<bpmn:script>x = 1</bpmn:script>{again}")
    kept = '<bpmn:dataObject id="kept"/>'  # without one the engine fails by itself before it asks for a path
    return ad_hoc("False", kept + looped + gm.script("c", "c = 1"))


def decided(*rules, asks="n"):
    rule = gm.node("rule", "place", extended(spiff("calledDecisionId", "D1")))
    return line(rule) | {"table.dmn": gm.table([asks], ["outcome"], *rules)}


PLACES = {
    "script": lambda attack: line(gm.script("place", f"x = {attack}")),
    "script before": lambda attack: line(gm.node("manual", "place", extended(spiff("preScript", f"x = {attack}")))),
    "script after": lambda attack: line(gm.node("manual", "place", extended(spiff("postScript", f"x = {attack}")))),
    "condition of a gateway": gateway,
    "date of a timer": lambda attack: catching(gm.timer("Date", attack)),
    "duration of a timer": lambda attack: catching(gm.timer("Duration", attack)),
    "cycle of a timer": lambda attack: catching(gm.timer("Cycle", attack)),
    "number of instances": cardinality,
    "completion of instances": completion,
    "condition of a loop": loop,
    "conditional event": lambda attack: catching(
        gm.event("conditional", f'<bpmn:condition xsi:type="bpmn:tFormalExpression">{escape(attack)}</bpmn:condition>')
    ),
    "parameter of a service": service,
    "payload of a message": lambda attack: message(spiff("messagePayload", attack)),
    "payload of a signal": thrown("signal"),
    "payload of an error": error,
    "payload of an escalation": thrown("escalation"),
    "correlation of a message": correlation,
    "correlation of a process": own_correlation,
    "completion of an ad hoc process": lambda attack: ad_hoc(attack, gm.script("inside", "x = 1")),
    "path of an ad hoc process": ad_hoc_path,
    "input of a table": lambda attack: decided(("1", '"a"'), ("", '"b"'), asks=attack.replace(":", " ")),
    "cell of a table": lambda attack: decided((attack, '"a"'), ("", '"b"')),
    "cell with a mark": lambda attack: decided((f"? == {attack}", '"a"'), ("", '"b"')),
    "output of a table": lambda attack: decided(("1", attack), ("", '"b"')),
}
NEVER_STORED = "path of an ad hoc process"
ATTACKS = (
    "__import__('os').system('touch escaped')",
    "().__class__.__base__.__subclasses__()",
    "open('escaped', 'w')",
    "9**9**9",
    "'{0.__class__}'.format(n)",
    "[x for x in n for y in n]",
)
NAMED_BADLY = ("len", "now", "clocks", "__builtins__", "self", "typename", "days", "opened_at", "dmninputexpr")


@pytest.fixture(autouse=True)
def _a_step(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with determinism.seams("case", 1, NOW):
        yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", PLACES)
def test_the_gate_refuses_an_attack(place):
    for attack in ATTACKS:
        assert [f for f in gate.check(PLACES[place](attack)) if f.level == "error"], attack


# A case with an ad hoc process that keeps a data object cannot be stored by the engine, so it never comes back.
WAYS = [(place, how) for place in PLACES for how in ("fresh", "restored") if (place, how) != (NEVER_STORED, "restored")]


@pytest.mark.parametrize(("place", "how"), WAYS)
def test_the_engine_contains_an_attack(place, how):
    for attack in ATTACKS:
        case = begun(PLACES[place](attack), n=1)
        case = restored(case) if how == "restored" else case
        assert type(case.script_engine) is SafeEngine
        with pytest.raises((WorkflowTaskException, ExprError)) as caught:
            played(case)
        assert "is not allowed" in str(caught.value) or "there is no" in str(caught.value) or _told(caught.value)
        assert case.script_engine.environment.variables.keys() <= {"n", "done", "x", "c"}


def _told(error):
    told = str(error)
    words = ("name starts", "only one", "one plain {}", "not made", "method", "function")
    return any(word in told for word in words)


@pytest.mark.parametrize("place", PLACES)
def test_the_place_is_really_asked(place):
    """A harmless expression that cannot be known at the gate reaches the engine from there: the tests above mean it."""
    case = begun(PLACES[place]("missing_from_the_case"), n=1)
    with pytest.raises((WorkflowTaskException, ExprError), match="missing_from_the_case"):
        played(case)


@pytest.mark.parametrize("how", ["fresh", "restored"])
def test_what_the_engine_supplies_wins_over_answers(how):
    expression = "len([1, 2]) == 2 and days(1) > days(0) and clocks.limit == 1 and now().year == 2026"
    answers = dict.fromkeys(NAMED_BADLY, "an answer")
    case = begun(gateway(expression), **answers)
    case = restored(case) if how == "restored" else case
    environment = case.script_engine.environment
    environment.extra, environment.at = {"clocks": {"limit": 1}}, NOW
    for task in case.get_tasks(state=TaskState.READY):
        task.data.update({name: "an answer" for name in NAMED_BADLY if name != "self"})
    played(case)
    assert {t.task_spec.name for t in case.get_tasks(state=TaskState.COMPLETED)} >= {"place", "end"}
    assert environment.evaluate("dmninputexpr", {"dmninputexpr": 1}, {"dmninputexpr": 2}) == 2
    assert environment.variables == answers


@pytest.mark.parametrize("name", NAMED_BADLY)
def test_no_script_writes_what_the_engine_supplies(name):
    case = begun(line(gm.script("place", f"{name} = 1")))
    with pytest.raises(WorkflowTaskException):
        played(case)
    assert case.script_engine.environment.variables == {}
    assert name in RESERVED or name.startswith("_")


def test_a_restored_case_has_no_other_engine_than_the_safe_one():
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    text = serializer.serialize_json(begun(line(gm.script("place", "x = 1"))))
    assert json.loads(text)
    for back in (serializer.deserialize_json(text), serializer.from_dict(serializer.to_dict(begun(gateway("True"))))):
        assert type(back.script_engine) is SafeEngine
    assert type(begun(gateway("True"), engine=None).script_engine) is SafeEngine
