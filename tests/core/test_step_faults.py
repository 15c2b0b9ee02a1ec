"""What a step tells, and what it does with faults nobody foresaw."""

import pytest

from build import BEGIN, Played, a_definition, at, end, flow, script, user
from service.core import chain, commands, events, values
from service.core.chain import Step
from service.core.commands import DeliverMessage, FireTimers
from service.core.errors import NotFound, NothingToDo, NotWaiting, TaskClosed
from service.core.events import VariablesSet
from service.core.replay import examine


def test_a_value_that_changes_only_its_type_is_told():
    case = Played(a_definition(BEGIN, user("one"), script("so", "consent = False"), user("two"), end(),
                               flow("begin", "one", "so", "two", "end")))  # fmt: skip
    case.start(consent=0)
    case.complete("one", "2026-03-03T09:00")
    assert [e.variables for e in case.all(VariablesSet)][-1] == {"consent": False}
    assert case.all(VariablesSet)[-1].variables["consent"] is False


BESIDE = (
    '<bpmn:subProcess id="more" triggeredByEvent="true"><bpmn:startEvent id="more_start" isInterrupting="false">'
    '<bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent><bpmn:endEvent id="more_end"/>'
    '<bpmn:sequenceFlow id="mf" sourceRef="more_start" targetRef="more_end"/></bpmn:subProcess>'
)


def test_nothing_can_be_done_to_a_case_that_has_ended():
    case = Played(a_definition(BEGIN, user("one"), end(), BESIDE, flow("begin", "one", "end")))
    case.start()
    task = case.task("one")
    case.complete("one", "2026-03-03T09:00")
    assert case.outcome == "end"
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("more"), "2026-03-04T09:00")
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("begin"), "2026-03-04T09:00")
    with pytest.raises(TaskClosed):
        case.take(commands.CompleteUserTask(task), "2026-03-04T09:00")
    with pytest.raises(NothingToDo):
        case.take(FireTimers(), "2036-03-04T09:00")


def the_step(case: Played, outcome, command, when: str) -> Step:
    taken = Step(
        instance_id=case.name, seq=1, at=at(when), actor="x", definition=case.definition.hash,
        command=commands.to_json(command), events=tuple(events.to_json(e) for e in outcome.events),
        state_hash=values.sha256(outcome.state), logic=chain.LOGIC, prev_hash=chain.START,
    )  # fmt: skip
    return Step(**{**{n: getattr(taken, n) for n in Step.__slots__}, "hash": chain.seal(taken)})


@pytest.mark.parametrize("missing", [KeyError("no such definition"), NotFound("There is no such version.")])
def test_a_history_whose_definition_is_gone_is_told_as_such(missing):
    case = Played(a_definition(BEGIN, user("one"), end(), flow("begin", "one", "end")))
    outcome = case.start()
    kept = the_step(case, outcome, commands.StartInstance("begin"), "2026-03-02T09:00")

    def gone(_hash):
        raise missing

    verdict = examine(gone, [kept])
    assert (verdict.kind, verdict.at_seq) == ("differs", 1)
    assert examine(lambda _: case.definition, [kept]).kind == "equal"
