"""A case at rest counts as ended, and a message or a timer opens it again under its own history."""

import json

import pytest

from build import BEGIN, Played, a_definition, at, end, flow, user
from gate_models import diagram, event, node, properties
from service.core.commands import (
    CancelInstance,
    CorrectVariables,
    DeliverMessage,
    FireTimers,
    ResolveIncident,
    SuspendInstance,
)
from service.core.definitions import ProcessDefinition, definition_of
from service.core.engine import memory
from service.core.engine.markers import reopening_messages, waiting_messages
from service.core.errors import CaseEnded, NothingToDo, NotWaiting, StateDamaged
from service.core.events import InstanceEnded, TimerFired
from service.core.events_beside import InstanceReopened, InstanceRested
from service.core.gate import check
from service.core.replay import examine
from service.core.scenarios import play


def waiting(element: str, definition: str, **given: str) -> str:
    """A catching event with properties."""
    written = "".join(f'<spiffworkflow:property name="{k}" value="{v}"/>' for k, v in given.items())
    return (
        f'<bpmn:intermediateCatchEvent id="{element}" name="{element} comes"><bpmn:extensionElements>'
        f"<spiffworkflow:properties>{written}</spiffworkflow:properties></bpmn:extensionElements>{definition}"
        "</bpmn:intermediateCatchEvent>"
    )


def gateway(element: str, **given: str) -> str:
    written = "".join(f'<spiffworkflow:property name="{k}" value="{v}"/>' for k, v in given.items())
    return (
        f'<bpmn:eventBasedGateway id="{element}" name="Closed: nothing to do"><bpmn:extensionElements>'
        f"<spiffworkflow:properties>{written}</spiffworkflow:properties></bpmn:extensionElements>"
        "</bpmn:eventBasedGateway>"
    )


MORE = '<bpmn:messageEventDefinition id="more_m" messageRef="m_more"/>'
LATER = (
    '<bpmn:timerEventDefinition id="later_t"><bpmn:timeDuration>"P84D"</bpmn:timeDuration></bpmn:timerEventDefinition>'
)
BESIDE = (
    '<bpmn:subProcess id="beside" triggeredByEvent="true"><bpmn:startEvent id="b_start" isInterrupting="false">'
    '<bpmn:messageEventDefinition id="bm" messageRef="m_aside"/></bpmn:startEvent>{}<bpmn:endEvent id="b_end"/>{}'
    "</bpmn:subProcess>"
)


def resting(rests: str = "closed", *, after: str = "", beside: str = "") -> ProcessDefinition:
    """Decide, then rest until more comes or twelve weeks pass."""
    given = {"rests": rests} if rests else {}
    return a_definition(
        BEGIN, user("decide"), gateway("wait", **given), waiting("more", MORE), waiting("later", LATER),
        user("again"), end("done"), end("over", "upheld"), beside,
        flow("begin", "decide", "wait", "more", "again", *([after] if after else ["done"])),
        flow("wait", "later", "over"), called="" if not beside else '<bpmn:message id="m_aside" name="aside"/>',
    )  # fmt: skip


def rested(**given: str) -> Played:
    case = Played(resting(**given))
    case.start("2026-03-02T09:00")
    case.complete("decide", "2026-03-03T09:00")
    return case


def replayed(case: Played) -> None:
    """Replay gives every step again, and the state as it stands."""
    found = examine(lambda _: case.definition, case.steps, case.state)
    assert found.kind == "equal", found


def test_a_case_that_waits_only_at_such_a_place_has_its_outcome():
    case = rested()
    assert case.outcome == "closed"
    assert case.all(InstanceRested) == [InstanceRested("closed", "Closed: nothing to do")]
    assert case.all(InstanceEnded) == []
    assert reopening_messages(case.definition, case.state) == ["more"]
    replayed(case)


def test_without_the_property_it_only_waits():
    case = rested(rests="")
    assert (case.outcome, case.all(InstanceRested)) == (None, [])
    assert b'"rests"' not in case.state
    assert reopening_messages(case.definition, case.state) == []


def test_a_message_opens_it_again_and_it_can_end_or_rest_once_more():
    case = rested(after="wait")
    for day in ("10", "20"):
        case.take(DeliverMessage("more", {}), f"2026-03-{day}T09:00")
        assert (case.outcome, case.waiting) == (None, ["again"])
        case.complete("again", f"2026-03-{day}T10:00")
        assert case.outcome == "closed"
    assert len(case.all(InstanceRested)) == 3
    assert len(case.all(InstanceReopened)) == 2
    replayed(case)


def test_a_timer_at_rest_still_fires_and_may_end_the_case():
    case = rested()
    outcome = case.take(FireTimers(), "2026-05-26T10:00")
    assert [e.due_at for e in case.all(TimerFired)] == [at("2026-05-26T09:00:00.000000")]
    assert (outcome.outcome, outcome.rests, outcome.next_due) == ("upheld", False, None)
    assert [type(e) for e in case.happened if isinstance(e, InstanceRested | InstanceReopened | InstanceEnded)] == [
        InstanceRested, InstanceEnded,
    ]  # fmt: skip
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("more", {}), "2026-06-01T09:00")
    replayed(case)


def test_the_sweep_is_told_when_a_case_at_rest_falls_due():
    case = Played(resting())
    case.start("2026-03-02T09:00")
    outcome = case.complete("decide", "2026-03-03T09:00")
    assert (outcome.rests, outcome.next_due) == (True, at("2026-05-26T09:00"))
    with pytest.raises(NothingToDo):
        case.take(FireTimers(), "2026-05-26T08:00")


def test_work_beside_keeps_it_open_and_its_listening_does_not():
    inner = BESIDE.format(user("aside_task"), flow("b_start", "aside_task", "b_end"))
    definition = resting(beside=inner)
    case = Played(definition)
    case.start("2026-03-02T09:00")
    case.complete("decide", "2026-03-03T09:00")
    assert case.outcome == "closed"
    case.take(DeliverMessage("aside", {}), "2026-03-04T09:00")
    assert (case.outcome, case.waiting) == (None, ["aside_task"])
    case.complete("aside_task", "2026-03-05T09:00")
    assert case.outcome == "closed"
    assert [n for n, _ in waiting_messages(case.definition, case.state)] == ["aside", "more"]
    assert reopening_messages(case.definition, case.state) == ["more"]
    replayed(case)


def test_one_branch_at_work_keeps_the_case_open():
    definition = a_definition(
        BEGIN, '<bpmn:parallelGateway id="both"/>', waiting("more", MORE, rests="closed"), user("work"),
        '<bpmn:parallelGateway id="joined"/>', end(), flow("begin", "both", "more", "joined", "end"),
        flow("both", "work", "joined"),
    )  # fmt: skip
    case = Played(definition)
    case.start()
    assert case.outcome is None
    case.complete("work", "2026-03-03T09:00")
    assert case.outcome == "closed"
    assert case.all(InstanceRested) == [InstanceRested("closed", "more comes")]


def test_one_ordinary_wait_keeps_the_case_open():
    definition = a_definition(
        BEGIN, '<bpmn:parallelGateway id="both"/>', waiting("more", MORE, rests="closed"), waiting("later", LATER),
        '<bpmn:parallelGateway id="joined"/>', end(), flow("begin", "both", "more", "joined", "end"),
        flow("both", "later", "joined"),
    )  # fmt: skip
    case = Played(definition)
    case.start("2026-03-02T09:00")
    assert case.outcome is None
    case.take(FireTimers(), "2026-05-25T10:00")
    assert case.outcome == "closed"


def test_a_place_in_a_called_process_rests_though_events_hang_on_the_call():
    called = (
        '<bpmn:process id="inner" isExecutable="true"><bpmn:startEvent id="i_start"/>'
        f'{waiting("more", MORE, rests="closed")}<bpmn:endEvent id="i_end"/>{flow("i_start", "more", "i_end")}'
        "</bpmn:process>"
    )
    definition = a_definition(
        BEGIN, '<bpmn:callActivity id="call" name="call" calledElement="inner"/>', end(), user("late"), end("late_end"),
        '<bpmn:boundaryEvent id="hangs" attachedToRef="call" cancelActivity="false"><bpmn:timerEventDefinition id="ht">'
        '<bpmn:timeDuration>"P7D"</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>',
        flow("begin", "call", "end"), flow("hangs", "late", "late_end"), called=called,
    )  # fmt: skip
    case = Played(definition)
    outcome = case.start("2026-03-02T09:00")
    assert (case.outcome, outcome.next_due) == ("closed", at("2026-03-09T09:00"))
    case.take(FireTimers(), "2026-03-10T09:00")
    assert (case.outcome, case.waiting) == (None, ["late"])
    case.complete("late", "2026-03-11T09:00")
    assert case.outcome == "closed"
    case.take(DeliverMessage("more", {}), "2026-03-12T09:00")
    assert case.outcome == "end"
    replayed(case)


@pytest.mark.parametrize("command", [SuspendInstance("0" * 64), CancelInstance("0" * 64)])
def test_it_is_neither_held_nor_cancelled_until_it_is_open_again(command):
    case = rested()
    with pytest.raises(CaseEnded, match="closed"):
        case.take(command, "2026-03-10T09:00")
    case.take(DeliverMessage("more", {}), "2026-03-10T09:00")
    case.take(command, "2026-03-10T10:00")


def test_it_is_put_right_and_its_incidents_are_tended():
    case = rested()
    case.take(CorrectVariables({"x": 1}, "0" * 64), "2026-03-10T09:00")
    case.take(ResolveIncident("some", "0" * 64), "2026-03-10T10:00")
    assert case.outcome == "closed"


def test_a_command_meets_the_case_as_its_timers_leave_it():
    """What fell due opens it first: then there is something to hold."""
    case = Played(a_definition(
        BEGIN, waiting("later", LATER, rests="closed"), user("again"), end(), flow("begin", "later", "again", "end")
    ))  # fmt: skip
    case.start("2026-03-02T09:00")
    assert case.outcome == "closed"
    outcome = case.take(SuspendInstance("0" * 64), "2026-06-01T09:00")
    assert (outcome.suspended, outcome.rests, outcome.outcome, case.waiting) == (True, False, None, ["again"])


def test_a_case_at_rest_moves_and_the_new_version_says_whether_it_rests():
    case = rested()
    case.migrate(resting("shut"), "2026-03-10T09:00")
    assert case.outcome == "shut"
    case.migrate(resting(""), "2026-03-11T09:00")
    assert (case.outcome, len(case.all(InstanceReopened))) == (None, 1)
    case.migrate(resting(), "2026-03-12T09:00")
    assert case.outcome == "closed"
    case.take(DeliverMessage("more", {}), "2026-03-13T09:00")
    assert case.waiting == ["again"]


def test_a_state_with_a_rest_that_is_no_outcome_is_refused():
    case = rested()
    state = json.loads(case.state)
    for wrong in (5, ["closed"], None):
        with pytest.raises(StateDamaged):
            memory.load(case.definition.specification, json.dumps(state | {"rests": wrong}).encode())


STORY = """
name: at rest
start: {at: 2026-03-02T09:00, as: clerk, message: begin, data: {}}
steps:
  - {at: 2026-03-03T09:00, as: clerk, task: decide}
  - {expect: {ended: closed}}
  - {at: 2026-03-04T09:00, as: clerk, message: more}
expect:
  - {open: [again]}
"""


def test_a_scenario_says_ended_of_a_case_at_rest():
    files = dict(resting().files)
    text, after = files["processes/main.bpmn"], f"</bpmn:extensionElements>{MORE}"
    role = '<spiffworkflow:property name="role" value="clerk"/></spiffworkflow:properties>'
    files["processes/main.bpmn"] = text.replace(f"</spiffworkflow:properties>{after}", f"{role}{after}")
    assert play(definition_of(files), STORY).failures == []


@pytest.mark.parametrize(("step", "said"), [
    (node("event", "g", properties(rests="closed"), name="Closed"), None),
    (node("event", "g", properties(rests="closed", rests_name="Closed"), name=" "), None),
    (node("event", "g", properties(rests="closed"), name=" "), "has no name"),
    (node("event", "g", properties(rests="Closed for ever"), name="Closed"), "is no key"),
    (node("event", "g", properties(rests_name="Closed"), name="Closed"), "but not its outcome"),
    (node("xor", "g", properties(rests="closed"), name="Closed"), "nothing is waited for"),
    (node("user", "g", properties(rests="closed"), name="Closed"), "nothing is waited for"),
])  # fmt: skip
def test_the_gate_lets_a_case_rest_only_where_it_waits(step, said):
    catch = node("catch", "c", event("message", messageRef="m"))
    message = '<bpmn:message id="m" name="m"/>'
    text = diagram("start start", step, catch, "end end", arrows="start>g g>c c>end", roots=message)
    found = [f.message for f in check({"x.bpmn": text}) if f.rule == "rests"]
    assert (not found) if said is None else (said in found[0])
