"""What is told to who sees only their own holds nothing of others, whatever kind of step it was."""

from datetime import UTC, datetime

import pytest

from service.core.chain import Step
from service.core.narrowing import narrowed

AT = datetime(2013, 5, 29, 9, 0, tzinfo=UTC)
MINE = {"type": "UserTaskCreated", "task_id": "mine"}
BEGUN = {"type": "InstanceStarted", "message": "received"}
OTHERS = [
    {"type": "UserTaskCreated", "task_id": "theirs"}, {"type": "UserTaskCompleted", "task_id": "theirs"},
    {"type": "MessageDelivered", "message": "m"}, {"type": "DepartureMade", "number": 1, "message": "m"},
    {"type": "DepartureApproved", "number": 1}, {"type": "VariablesSet", "variables": {"x": 1}},
    {"type": "ClockStarted", "clock": "c:theirs"}, {"type": "TimerFired", "timer_id": "t"},
    {"type": "DecisionEvaluated", "decision": "d"}, {"type": "ElementCompleted", "element_id": "e"},
    {"type": "ReminderFell", "subject": "task", "key": "theirs"}, {"type": "SomebodyShutOut", "account": "x"},
    {"type": "AccessGranted", "account": "x"}, {"type": "VariablesCorrected", "variables": {}},
]  # fmt: skip


def step(seq, actor, command, *events):
    return Step("case", seq, AT, actor, "d", command, events, "s", 1, "p", f"h{seq}")


@pytest.mark.parametrize("event", OTHERS, ids=lambda event: event["type"])
def test_a_step_of_somebody_else_leaves_nothing_not_even_a_number(event):
    first = step(1, "clerk", {"type": "StartInstance", "message": "received", "variables": {"secret": 1}}, BEGUN)
    other = step(2, "them", {"type": "CompleteUserTask", "task_id": "theirs", "variables": {"secret": 1}}, event)
    asked = step(3, "them", {"type": "CompleteUserTask", "task_id": "theirs", "variables": {"secret": 1}}, event, MINE)
    told = narrowed([first, other, asked], {"mine"}, "me")
    assert [(one.seq, one.actor, one.events, one.hash, one.prev_hash, one.state_hash) for one in told] == [
        (1, "", (BEGUN,), "", "", ""), (2, "", (MINE,), "", "", ""),
    ]  # fmt: skip
    assert "secret" not in str(told)
    assert "them" not in str(told)
    assert "theirs" not in str(told)


def test_ones_own_departure_has_its_number_among_ones_own():
    other = step(1, "them", {"type": "DeliverMessage"}, {"type": "DepartureMade", "number": 1, "message": "m"})
    own = step(2, "me", {"type": "DeliverMessage"}, {"type": "DepartureMade", "number": 2, "message": "m"})
    (told,) = narrowed([other, own], set(), "me")
    assert told.events[0]["number"] == 1
