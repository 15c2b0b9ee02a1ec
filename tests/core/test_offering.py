"""A message that is offered only at times: judged over the case as it is, told in the diagram's own words, replayed."""

import json

import pytest

from at_rest import files
from build import BEGIN, Played, a_definition, end, flow, script, user
from gate_models import diagram, event, node, properties
from service.core import local_rules
from service.core.commands import DeliverMessage, FireTimers, StartInstance
from service.core.definitions import ProcessDefinition, definition_of
from service.core.engine.markers import awaited, waiting_messages
from service.core.errors import NotOffered, NotWaiting, StepFailed
from service.core.gate import check
from service.core.replay import examine
from service.core.scenarios import play

WHEN = {"when": "ready == True", "when_not": "{who} is not ready: {local.wait.words}."}
RULES = [{"id": "wait", "value": 1, "unit": "weeks", "name": "Wait", "about": "A wait."}]
FILE = {local_rules.FILE: json.dumps(RULES)}


def extension(**given: str) -> str:
    written = "".join(f'<spiffworkflow:property name="{k}" value="{v}"/>' for k, v in given.items())
    inner = f"<spiffworkflow:properties>{written}</spiffworkflow:properties>"
    return f"<bpmn:extensionElements>{inner}</bpmn:extensionElements>"


def catching(kind: str, element: str, more: str = "", **given: str) -> str:
    message = f'<bpmn:messageEventDefinition id="{element}_m" messageRef="m_more"/>'
    return f'<bpmn:{kind} id="{element}" name="{element}"{more}>{extension(**given)}{message}</bpmn:{kind}>'


def alone(**given: str) -> ProcessDefinition:
    return a_definition(
        BEGIN, catching("intermediateCatchEvent", "more", **given), user("one"), end(),
        flow("begin", "more", "one", "end"), tables=FILE,
    )  # fmt: skip


def behind_a_gateway(**given: str) -> ProcessDefinition:
    return a_definition(
        BEGIN, '<bpmn:eventBasedGateway id="first"/>', catching("intermediateCatchEvent", "more", **given),
        '<bpmn:intermediateCatchEvent id="later"><bpmn:timerEventDefinition id="lt"><bpmn:timeDuration>"P7D"'
        "</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>", user("one"), end(),
        end("over"), flow("begin", "first", "more", "one", "end"), flow("first", "later", "over"), tables=FILE,
    )  # fmt: skip


def at_the_edge(**given: str) -> ProcessDefinition:
    return a_definition(
        BEGIN, user("work"), catching("boundaryEvent", "more", ' attachedToRef="work" cancelActivity="true"', **given),
        user("one"), end(), end("over"), flow("begin", "work", "end"), flow("more", "one", "over"), tables=FILE,
    )  # fmt: skip


def beside(**given: str) -> ProcessDefinition:
    start = catching("startEvent", "more", ' isInterrupting="false"', **given)
    inner = f'{start}{user("one")}<bpmn:endEvent id="b_end"/>{flow("more", "one", "b_end")}'
    return a_definition(
        BEGIN, user("work"), end(), f'<bpmn:subProcess id="aside" triggeredByEvent="true">{inner}</bpmn:subProcess>',
        flow("begin", "work", "end"), tables=FILE,
    )  # fmt: skip


PLACES = {"alone": alone, "behind a gateway": behind_a_gateway, "at the edge": at_the_edge, "beside": beside}


@pytest.mark.parametrize("place", PLACES)
def test_it_is_refused_in_its_own_words_until_it_holds(place):
    case = Played(PLACES[place](**WHEN))
    case.start(ready=False, who="Ann")
    before = case.state
    with pytest.raises(NotOffered, match=r"^Ann is not ready: 1 week\.$"):
        case.take(DeliverMessage("more", {}), "2026-03-02T10:00")
    assert case.state == before
    assert waiting_messages(case.definition, case.state) == []
    assert awaited(case.definition, case.state) == {("more", None): "Ann is not ready: 1 week."}

    ready = Played(PLACES[place](**WHEN))
    ready.start(ready=True, who="Ann")
    assert waiting_messages(ready.definition, ready.state) == [("more", None)]
    ready.take(DeliverMessage("more", {}), "2026-03-02T10:00")
    assert "one" in ready.waiting
    assert examine(lambda _: ready.definition, ready.steps, ready.state).kind == "equal"


@pytest.mark.parametrize("place", PLACES)
def test_what_the_message_brings_does_not_open_the_way_for_it(place):
    case = Played(PLACES[place](**WHEN))
    case.start(ready=False, who="Ann")
    with pytest.raises(NotOffered):
        case.take(DeliverMessage("more", {"ready": True}), "2026-03-02T10:00")


def test_time_passes_first_and_the_condition_sees_it():
    case = Played(a_definition(
        BEGIN, script("note", "asked_at = now()"), catching("intermediateCatchEvent", "more",
        when="now() &gt;= asked_at + days(local.wait)", when_not="Too early."), end(),
        flow("begin", "note", "more", "end"), tables=FILE,
    ))  # fmt: skip
    case.start("2026-03-02T09:00")
    with pytest.raises(NotOffered, match="Too early"):
        case.take(DeliverMessage("more", {}), "2026-03-03T08:59")
    assert case.take(DeliverMessage("more", {}), "2026-03-03T09:00").outcome == "end"


def test_a_condition_about_an_item_is_judged_for_that_item():
    each = (
        '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loopDataInputRef>things'
        '</bpmn:loopDataInputRef><bpmn:inputDataItem id="thing" name="thing"/></bpmn:multiInstanceLoopCharacteristics>'
    )
    message = catching("intermediateCatchEvent", "more", when="thing.ready", when_not="{thing.name} is not ready.")
    inner = f'<bpmn:startEvent id="s"/>{message}<bpmn:endEvent id="e"/>{flow("s", "more", "e")}'
    case = Played(a_definition(
        BEGIN, f'<bpmn:subProcess id="for_each">{each}{inner}</bpmn:subProcess>', end(),
        flow("begin", "for_each", "end"), tables=FILE,
    ))  # fmt: skip
    things = [{"id": "a", "name": "Oak", "ready": False}, {"id": "b", "name": "Elm", "ready": True}]
    case.start(things=things)
    assert waiting_messages(case.definition, case.state) == [("more", "b")]
    with pytest.raises(NotOffered, match="Oak is not ready"):
        case.take(DeliverMessage("more", {}, item="a"), "2026-03-02T10:00")
    case.take(DeliverMessage("more", {}), "2026-03-02T10:00")  # only one place takes it, so it need not be named
    assert awaited(case.definition, case.state) == {("more", "a"): "Oak is not ready."}


def test_a_condition_that_cannot_be_worked_out_is_a_defect_and_keeps_nothing():
    case = Played(alone(when="missing &gt; 1", when_not="Not now."))
    case.start()
    before = case.state
    with pytest.raises(StepFailed, match="missing"):
        case.take(DeliverMessage("more", {}), "2026-03-02T10:00")
    assert case.state == before
    assert waiting_messages(case.definition, case.state) == [("more", None)]


def test_a_start_is_offered_only_while_its_condition_holds():
    start = (
        f'<bpmn:startEvent id="begin" name="Begin">{extension(when="local.wait &gt; 1", when_not="Not begun yet.")}'
        '<bpmn:messageEventDefinition id="b_m" messageRef="m_begin"/></bpmn:startEvent>'
    )
    parts = (start, user("one"), end(), flow("begin", "one", "end"))
    case = Played(a_definition(*parts, tables=FILE))
    with pytest.raises(NotOffered, match="Not begun yet"):
        case.take(StartInstance("begin", {"local": {"wait": 9}}), "2026-03-02T10:00")
    longer = {local_rules.FILE: json.dumps([{**RULES[0], "value": 2}])}
    Played(a_definition(*parts, tables=longer)).start()


def test_one_that_waits_for_nothing_of_the_kind_is_told_so():
    case = Played(alone(**WHEN))
    case.start(ready=True, who="Ann")
    case.take(DeliverMessage("more", {}), "2026-03-02T10:00")
    with pytest.raises(NotWaiting) as refused:
        case.take(DeliverMessage("more", {}), "2026-03-02T11:00")
    assert not isinstance(refused.value, NotOffered)


STORY = """
name: an appeal too early
start: {at: 2013-05-29T10:00, as: clerk, message: application_received, data: {address: x, work: felling, received_on: 2013-05-29}}
steps:
  - {at: 2013-06-03T10:00, as: clerk, task: check, data: {complete: "yes", notes: all}}
  - {at: 2013-06-04T10:00, as: officer, task: decide, data: {decision: refuse, reasons: It is sound}}
  - {at: 2013-06-04T11:00, as: clerk, message: appealed, refused: "An appeal about Felling may come from 5 June"}
  - {at: 2013-06-05T11:00, as: clerk, message: appealed}
expect:
  - {open: [decide]}
"""  # noqa: E501


def test_a_scenario_is_refused_with_the_sentence():
    told = {"when": "today() &gt; date(2013, 6, 4)", "when_not": "An appeal about {work} may come from 5 June."}
    assert play(definition_of(files(**told)), STORY).failures == []


def test_the_gate_accepts_the_definition_of_that_scenario():
    told = {"when": "decision == 'refuse'", "when_not": "An appeal about {work} may come after a refusal."}
    assert [f.message for f in check(files(**told)) if f.level == "error"] == []


@pytest.mark.parametrize(("given", "said"), [
    ({"when": "decision == 'refuse'"}, "does not say why not"),
    ({"when": "decision == 'refuse'", "when_not": " "}, "does not say why not"),
    ({"when_not": "Not now."}, "it is empty"),
    ({"when": "decision ==", "when_not": "Not now."}, "cannot be worked out"),
    ({"when": "open('x')", "when_not": "Not now."}, "cannot be worked out"),
    ({"when": "local.nothing &gt; 1", "when_not": "Not now."}, "no local rule of that id"),
    ({"when": "decision == 'x'", "when_not": "Not {local.nothing}."}, "no such local rule"),
    ({"when": "decision == 'x'", "when_not": "Not {nothing}."}, "sets “nothing”"),
])  # fmt: skip
def test_the_gate_checks_condition_and_sentence(given, said):
    found = [f for f in check(files(**given)) if f.level == "error"]
    assert [f.element for f in found] == ["appeal"]
    assert said in found[0].message


@pytest.mark.parametrize(("step", "said"), [
    (node("user", "a", properties(when="1 == 1", when_not="No.")), "receives no message"),
    (node("catch", "a", properties(when="1 == 1", when_not="No.") + event("timer", "<bpmn:timeDuration>'P1D'"
          "</bpmn:timeDuration>")), "receives no message"),
])  # fmt: skip
def test_only_what_receives_a_message_is_offered_at_times(step, said):
    found = check({"x.bpmn": diagram("start start", step, "end end", arrows="start>a a>end")})
    assert [f.message for f in found if f.rule == "when" and said in f.message]


def test_a_start_of_the_main_process_may_not_look_at_a_case():
    files_ = files()
    text = files_["processes/application.bpmn"].replace(
        '<spiffworkflow:property name="form" value="application"/>',
        '<spiffworkflow:property name="form" value="application"/>'
        '<spiffworkflow:property name="when" value="work == 1"/><spiffworkflow:property name="when_not" value="No."/>',
    )
    found = [f for f in check(files_ | {"processes/application.bpmn": text}) if f.level == "error"]
    assert [(f.element, f.rule) for f in found] == [("received", "when")]
    assert "before there is a case" in found[0].message


def test_letting_time_pass_asks_no_condition():
    case = Played(behind_a_gateway(when="missing", when_not="Not now."))
    case.start("2026-03-02T09:00")
    assert case.take(FireTimers(), "2026-03-10T09:00").outcome == "over"
