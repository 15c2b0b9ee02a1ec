"""Commands beside the main road: who has a task, cases on hold, cancelled, corrected, and messages about one item."""

import pytest

from build import BEGIN, Played, a_definition, at, each, end, flow, timer, user
from service.core.commands import (
    AssignUserTask,
    CancelInstance,
    ClaimUserTask,
    CompleteUserTask,
    CorrectVariables,
    DelegateUserTask,
    DeliverMessage,
    FireTimers,
    ReleaseUserTask,
    ResolveIncident,
    ResumeInstance,
    SuspendInstance,
)
from service.core.engine.memory import clocks_kept, names_seen
from service.core.errors import (
    CaseEnded,
    CaseSuspended,
    NothingToDo,
    NotWaiting,
    SeveralWaiting,
    TaskClosed,
    TaskHeld,
)
from service.core.events import (
    ClockBreached,
    ClockMoved,
    InstanceEnded,
    TimerCancelled,
    TimerFired,
    UserTaskCancelled,
    UserTaskReleased,
    VariablesSet,
)
from service.core.events_beside import (
    ClockStopped,
    IncidentResolved,
    InstanceCancelled,
    InstanceResumed,
    UserTaskAssigned,
    UserTaskDelegated,
    UserTaskReturned,
    VariablesCorrected,
)

LIMITED = a_definition(
    BEGIN, user("a"), user("b"), end(),
    timer("late", "a", "timeDate", "months_after(day, 1)", clock="answer", name="Answer", remind="3"),
    user("chase"), end("chased"), flow("begin", "a", "b", "end"), flow("late", "chase", "chased"),
)  # fmt: skip
DAY = "2026-03-02T09:00"


def limited() -> Played:
    case = Played(LIMITED)
    case.start(DAY, day=at(DAY).date())
    return case


def test_a_task_is_assigned_to_somebody_and_again_to_somebody_else():
    case = limited()
    task = case.task("a")
    case.take(AssignUserTask(task, "ann", "r1"), DAY)
    case.take(AssignUserTask(task, "ben", "r2"), DAY)
    assert case.all(UserTaskAssigned) == [UserTaskAssigned(task, "ann", "r1"), UserTaskAssigned(task, "ben", "r2")]
    with pytest.raises(NothingToDo):
        case.take(AssignUserTask(task, "ben"), DAY)
    with pytest.raises(TaskHeld):
        case.take(ClaimUserTask(task, "ann"), DAY)


def test_a_delegated_task_comes_back_to_its_owner_and_not_to_the_group():
    case = limited()
    task = case.task("a")
    case.take(ClaimUserTask(task, "ann"), DAY)
    case.take(DelegateUserTask(task, "ann", "ben", "why"), DAY)
    assert case.all(UserTaskDelegated) == [UserTaskDelegated(task, "ann", "ben", "why")]
    case.take(ReleaseUserTask(task, "ben"), DAY)
    assert case.all(UserTaskReturned) == [UserTaskReturned(task, "ann")]
    case.take(ReleaseUserTask(task, "ann"), DAY)
    assert case.all(UserTaskReleased) == [UserTaskReleased(task)]


def test_an_owner_takes_a_delegated_task_back_and_a_stranger_does_not():
    case = limited()
    task = case.task("a")
    case.take(ClaimUserTask(task, "ann"), DAY)
    case.take(DelegateUserTask(task, "ann", "ben"), DAY)
    with pytest.raises(TaskHeld):
        case.take(ClaimUserTask(task, "cas"), DAY)
    case.take(ClaimUserTask(task, "ann"), DAY)
    assert case.all(UserTaskReturned) == [UserTaskReturned(task, "ann")]


def test_a_task_delegated_onwards_still_comes_back_to_its_first_owner():
    case = limited()
    task = case.task("a")
    case.take(ClaimUserTask(task, "ann"), DAY)
    case.take(DelegateUserTask(task, "ann", "ben"), DAY)
    case.take(DelegateUserTask(task, "ben", "cas"), DAY)
    case.take(ReleaseUserTask(task, "cas"), DAY)
    assert case.all(UserTaskReturned) == [UserTaskReturned(task, "ann")]


def test_only_who_has_a_task_delegates_it():
    case = limited()
    task = case.task("a")
    with pytest.raises(TaskHeld):
        case.take(DelegateUserTask(task, "ann", "ben"), DAY)
    case.take(ClaimUserTask(task, "ann"), DAY)
    with pytest.raises(NothingToDo):
        case.take(DelegateUserTask(task, "ann", "ann"), DAY)
    with pytest.raises(TaskHeld):
        case.take(DelegateUserTask(task, "ben", "cas"), DAY)


def test_a_task_done_cannot_be_given_to_anybody():
    case = limited()
    task = case.task("a")
    case.complete("a", DAY)
    with pytest.raises(TaskClosed):
        case.take(AssignUserTask(task, "ann"), DAY)


def test_a_case_on_hold_takes_nothing_and_fires_nothing_and_catches_up_in_order():
    case = limited()
    held = case.take(SuspendInstance("why"), DAY)
    assert (held.suspended, held.next_due) == (True, None)
    task = case.task("a")
    for command in (CompleteUserTask(task), ClaimUserTask(task, "ann"), FireTimers(), DeliverMessage("more"),
                    SuspendInstance(), ResolveIncident("x")):  # fmt: skip
        with pytest.raises(CaseSuspended):
            case.take(command, "2026-06-01T09:00")
    assert case.all(ClockBreached) == []
    goes_on = case.take(ResumeInstance("now"), "2026-06-01T09:00")
    assert not goes_on.suspended
    kinds = [type(e) for e in goes_on.events]
    assert kinds.index(TimerFired) < kinds.index(InstanceResumed), "what fell due meanwhile comes first"
    assert [e.due_at.date().isoformat() for e in case.all(TimerFired)] == ["2026-04-02"]
    assert case.waiting == ["a", "chase"]
    case.complete("a", "2026-06-02T09:00")


def test_letting_go_on_what_goes_on_is_nothing_to_do():
    with pytest.raises(NothingToDo):
        limited().take(ResumeInstance(), DAY)


def test_a_cancelled_case_closes_everything_and_stops_its_limits():
    case = limited()
    ended = case.take(CancelInstance("why"), "2026-03-10T09:00")
    kinds = [type(e) for e in ended.events]
    assert kinds[0] is InstanceCancelled
    assert kinds[-1] is InstanceEnded
    assert {ClockStopped, UserTaskCancelled, TimerCancelled} <= set(kinds)
    assert (case.outcome, ended.next_due, case.waiting) == ("cancelled", None, [])
    clock = clocks_kept(ended.state)["answer"]
    assert (clock.stopped, clock.met, clock.running) == (True, False, False)
    for command in (CancelInstance(), SuspendInstance(), CorrectVariables({"day": at(DAY).date()})):
        with pytest.raises(CaseEnded):
            case.take(command, "2026-07-10T09:00")
    with pytest.raises(NothingToDo):
        case.take(FireTimers(), "2026-07-10T09:00")


def test_a_case_on_hold_may_be_cancelled_without_catching_up():
    case = limited()
    case.take(SuspendInstance(), DAY)
    case.take(CancelInstance(), "2026-09-01T09:00")
    assert case.all(TimerFired) == []
    assert case.outcome == "cancelled"


def test_a_corrected_value_moves_the_limit_computed_from_it_and_keeps_what_it_was():
    case = limited()
    case.take(CorrectVariables({"day": at("2026-03-20T09:00").date()}, "why"), "2026-03-21T09:00")
    (corrected,) = case.all(VariablesCorrected)
    assert corrected.variables == {"day": [at(DAY).date(), at("2026-03-20").date()]}
    assert [e.to_due.date().isoformat() for e in case.all(ClockMoved)] == ["2026-04-20"]
    assert case.all(VariablesSet)[-1].variables == {"day": at("2026-03-20").date()}
    with pytest.raises(NothingToDo):
        case.take(CorrectVariables({"day": at("2026-03-20T09:00").date()}), "2026-03-21T09:00")


def test_correcting_a_truth_value_to_a_number_is_a_change():
    case = Played(LIMITED)
    case.start(DAY, day=at(DAY).date(), fee=0)
    case.take(CorrectVariables({"fee": False}), DAY)
    assert names_seen({}, case.state, None)["fee"] is False


def test_values_put_right_while_on_hold_fire_nothing_yet():
    case = limited()
    case.take(SuspendInstance(), DAY)
    case.take(CorrectVariables({"day": at("2026-01-01").date()}), "2026-03-05T09:00")
    assert case.all(TimerFired) == []
    case.take(ResumeInstance(), "2026-03-06T09:00")
    assert len(case.all(TimerFired)) == 1


def test_resolving_an_incident_does_what_is_due_and_is_told():
    case = limited()
    done = case.take(ResolveIncident("abc", "why"), "2026-05-01T09:00")
    kinds = [type(e) for e in done.events]
    assert kinds.index(TimerFired) < kinds.index(IncidentResolved)


def _catch(element: str) -> str:
    return (
        f'<bpmn:intermediateCatchEvent id="{element}" name="{element}"><bpmn:messageEventDefinition id="{element}_m" '
        'messageRef="m_more"/></bpmn:intermediateCatchEvent>'
    )


CALLED = (
    '<bpmn:process id="one" isExecutable="true"><bpmn:startEvent id="one_s"/>' + _catch("news")
    + '<bpmn:scriptTask id="note" name="note"><bpmn:script>agency.heard = True</bpmn:script></bpmn:scriptTask>'
    + user("answer") + end("one_e") + flow("one_s", "news", "note", "answer", "one_e") + "</bpmn:process>"
)  # fmt: skip
EACH = f'<bpmn:callActivity id="each" name="each" calledElement="one">{each("agencies", "agency")}</bpmn:callActivity>'
PER_AGENCY = a_definition(
    BEGIN, EACH, end(), flow("begin", "each", "end"), called=CALLED,
)  # fmt: skip
AGENCIES = [{"id": "police"}, {"id": "school"}, {"id": "gp"}]


def test_a_message_about_one_item_reaches_that_item_alone():
    case = Played(PER_AGENCY)
    case.start(DAY, agencies=AGENCIES)
    with pytest.raises(SeveralWaiting) as refused:
        case.take(DeliverMessage("more"), DAY)
    assert refused.value.items == ("gp", "police", "school")
    case.take(DeliverMessage("more", {"agency.words": "ours"}, None, "school"), DAY)
    assert [(t.element_id, t.item) for t in case.open.values()] == [("answer", "school")]
    rows = names_seen({}, case.state, None)["agencies"]
    assert rows == [{"id": "police"}, {"id": "school", "words": "ours", "heard": True}, {"id": "gp"}]
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("more", {}, None, "school"), DAY)
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("more", {}, None, "fire"), DAY)


def test_the_last_item_that_waits_need_not_be_named():
    case = Played(PER_AGENCY)
    case.start(DAY, agencies=AGENCIES)
    for item in ("gp", "police", None):
        case.take(DeliverMessage("more", {"agency.words": "ours"}, None, item), DAY)
    assert sorted(t.item for t in case.open.values()) == ["gp", "police", "school"]
    assert all(row["words"] == "ours" for row in names_seen({}, case.state, None)["agencies"])


def test_what_is_said_of_an_item_is_refused_where_nobody_waits_for_it():
    case = Played(PER_AGENCY)
    case.start(DAY, agencies=[{"id": "gp"}])
    case.take(DeliverMessage("more"), DAY)
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("more", {"agency.words": "ours"}), DAY)


TWICE = a_definition(
    BEGIN, '<bpmn:parallelGateway id="split"/>', _catch("first"), _catch("second"), user("after_first"),
    user("after_second"), '<bpmn:parallelGateway id="join"/>', end(),
    flow("begin", "split", "first", "after_first", "join", "end"), flow("split", "second", "after_second", "join"),
)  # fmt: skip


def test_of_two_places_that_wait_for_the_same_one_receives_it():
    case = Played(TWICE)
    case.start(DAY)
    case.take(DeliverMessage("more"), DAY)
    assert case.waiting == ["after_first"]
    case.take(DeliverMessage("more"), DAY)
    assert case.waiting == ["after_first", "after_second"]
