"""A step is pure, puts time first, and never leaves a case half done or silently dead."""

import json

import pytest

from build import BEGIN, Played, a_definition, at, each, end, flow, script, timer, user, when
from service.core.commands import ClaimUserTask, CompleteUserTask, DeliverMessage, FireTimers, ReleaseUserTask
from service.core.engine.markers import markers, waiting_messages
from service.core.errors import NothingToDo, NotWaiting, StepFailed, TaskClosed, TaskHeld
from service.core.events import (
    ClockBreached,
    ClockMet,
    ClockMoved,
    ClockStarted,
    DecisionEvaluated,
    ElementCompleted,
    ReminderFell,
    TimerFired,
    UserTaskCancelled,
)

LINE = a_definition(BEGIN, user("one"), user("two"), end(), flow("begin", "one", "two", "end"))
LIMIT = a_definition(
    BEGIN, script("prepare", "moved_to = None"), user("decide", due="clocks.limit.due"),
    timer("limit", "decide", "timeDate", "end_of_day(moved_to) if moved_to else months_after(came_at, 1)",
          clock="limit", name="Limit", **{"from": "came_at"}, remind="7 1"),
    user("why"), end("why_end"), end(),
    '<bpmn:subProcess id="more" triggeredByEvent="true"><bpmn:startEvent id="more_start" isInterrupting="false">'
    '<bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent><bpmn:endEvent id="more_end"/>'
    '<bpmn:sequenceFlow id="mf" sourceRef="more_start" targetRef="more_end"/></bpmn:subProcess>',
    flow("begin", "prepare", "decide", "end"), flow("limit", "why", "why_end"),
)  # fmt: skip


def limited(came_at: str = "2026-01-31T10:00", started: str = "2026-01-31T10:00") -> Played:
    case = Played(LIMIT)
    case.start(started, came_at=at(came_at))
    return case


def test_completing_the_last_task_ends_the_case():
    case = Played(LINE)
    case.start()
    case.complete("one", "2026-03-03T09:00")
    assert case.waiting == ["two"]
    case.complete("two", "2026-03-04T09:00")
    assert (case.waiting, case.outcome) == ([], "end")


def test_the_same_commands_give_the_same_bytes():
    def run() -> bytes:
        case = limited()
        case.complete("decide", "2026-02-03T09:00")
        return case.state

    assert run() == run()


def test_instances_sharing_a_specification_do_not_see_each_other():
    """Interleaved with others, one of which started an event sub-process, a case is what it is alone."""
    alone = limited()
    alone.complete("decide", "2026-02-05T09:00")
    first, second = limited(), limited()
    second.name = "other"
    second.take(DeliverMessage("more", {"moved_to": at("2026-05-01").date()}), "2026-02-02T09:00")
    third = limited()
    assert third.state == first.state
    first.complete("decide", "2026-02-05T09:00")
    assert first.state == alone.state


def test_a_completed_task_cannot_be_completed_again():
    case = Played(LINE)
    case.start()
    task = case.task("one")
    case.complete("one", "2026-03-03T09:00")
    before = case.state
    with pytest.raises(TaskClosed):
        case.take(CompleteUserTask(task), "2026-03-03T09:01")
    assert case.state == before


@pytest.mark.parametrize("task", ["", "two", "00000000-0000-0000-0000-000000000000", "not a uuid"])
def test_only_an_open_task_can_be_completed(task):
    case = Played(LINE)
    case.start()
    with pytest.raises(TaskClosed):
        case.take(CompleteUserTask(task), "2026-03-03T09:00")


def test_a_task_that_lies_ahead_cannot_be_completed():
    case = Played(LINE)
    case.start()
    ahead = [t for t, kept in json.loads(case.state)["workflow"]["tasks"].items() if kept["task_spec"] == "two"]
    with pytest.raises(TaskClosed):
        case.take(CompleteUserTask(ahead[0]), "2026-03-03T09:00")


def test_nothing_to_do_is_refused_and_writes_nothing():
    case = Played(LINE)
    case.start()
    with pytest.raises(NothingToDo):
        case.take(FireTimers(), "2026-04-01T09:00")


def test_a_limit_starts_with_its_activity_and_is_met_with_it():
    case = limited()
    (started,) = case.all(ClockStarted)
    assert started.due_at == at("2026-02-28T23:59:59")
    case.complete("decide", "2026-02-28T23:59:59")
    assert [e.in_time for e in case.all(ClockMet)] == [True]


def test_a_limit_is_breached_one_instant_after_it_is_due_and_cancels_nothing():
    case = limited()
    case.take(FireTimers(), "2026-02-28T23:59:59.000001")
    assert (case.waiting, len(case.all(ClockBreached))) == (["decide", "why"], 1)


def test_time_comes_first_when_nobody_swept():
    """Completed a week late with the worker stopped: the breach happened before the completion did."""
    case = limited()
    case.complete("decide", "2026-03-07T09:00")
    assert case.waiting == ["why"]
    assert [e.in_time for e in case.all(ClockMet)] == [False]
    kinds = [type(e).__name__ for e in case.happened]
    assert kinds.index("ClockBreached") < kinds.index("UserTaskCompleted")


def test_a_limit_already_past_at_its_start_is_breached_and_sends_no_reminders():
    case = limited(came_at="2025-06-01T10:00")
    assert [e.due_at for e in case.all(ClockBreached)] == [at("2025-07-01T22:59:59")]
    assert (case.waiting, case.all(ReminderFell)) == (["decide", "why"], [])


def test_reminders_fall_at_nine_in_the_morning_each_once():
    case = limited()
    case.take(FireTimers(), "2026-02-21T09:00:01")
    assert [e.days for e in case.all(ReminderFell)] == [7]
    case.take(FireTimers(), "2026-02-28T12:00")
    assert [e.days for e in case.all(ReminderFell)] == [7, 1]


def test_an_extension_moves_the_limit_and_its_reminders():
    case = limited()
    case.take(DeliverMessage("more", {"moved_to": at("2026-04-30").date()}), "2026-02-10T09:00")
    assert [e.to_due for e in case.all(ClockMoved)] == [at("2026-04-30T22:59:59")]
    case.take(FireTimers(), "2026-04-29T12:00")
    assert [e.days for e in case.all(ReminderFell)] == [7, 1]
    assert case.all(ClockBreached) == []


def test_an_extension_after_expiry_keeps_the_breach_and_can_be_breached_again():
    case = limited()
    case.take(FireTimers(), "2026-03-02T09:00")
    case.take(DeliverMessage("more", {"moved_to": at("2026-04-30").date()}), "2026-03-10T09:00")
    case.take(FireTimers(), "2026-05-01T09:00")
    assert [e.due_at for e in case.all(ClockBreached)] == [at("2026-02-28T23:59:59"), at("2026-04-30T22:59:59")]
    assert case.waiting == ["decide", "why", "why"]
    case.complete("decide", "2026-05-02T09:00")
    assert [e.in_time for e in case.all(ClockMet)] == [False]


def test_work_started_beside_the_flow_goes_on_over_many_steps_and_many_times():
    """The end of the case waits for it; each is ended in another step than the one it was started in."""
    beside = (
        '<bpmn:subProcess id="more" triggeredByEvent="true"><bpmn:startEvent id="more_start" isInterrupting="false">'
        f'<bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent>{user("agree")}'
        f'<bpmn:endEvent id="more_end"/>{flow("more_start", "agree", "more_end")}</bpmn:subProcess>'
    )
    definition = a_definition(BEGIN, user("work"), end(), beside, flow("begin", "work", "end"))
    case = Played(definition)
    case.start()
    for day in ("03", "04"):
        case.take(DeliverMessage("more"), f"2026-03-{day}T09:00")
        case.complete("agree", f"2026-03-{day}T10:00")
    case.take(DeliverMessage("more"), "2026-03-05T09:00")
    case.complete("work", "2026-03-05T10:00")
    assert (case.waiting, case.outcome) == (["agree"], None)
    case.complete("agree", "2026-03-05T11:00")
    assert case.outcome == "end"


def test_a_message_nobody_waits_for_is_refused():
    case = limited()
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("begin"), "2026-02-01T09:00")
    assert waiting_messages(LIMIT, case.state) == [("more", None)]


def test_timers_fire_in_due_order_at_their_own_instants_after_a_pause():
    """Declared the other way round in the diagram; the earlier one interrupts, so the later never happens."""
    definition = a_definition(
        BEGIN, user("work"), timer("late", "work", "timeDuration", '"P40D"', interrupting=True),
        timer("early", "work", "timeDuration", '"P28D"', interrupting=True), user("chase"), user("escalate"),
        end(), end("e2"), end("e3"),
        flow("begin", "work", "end"), flow("early", "chase", "e2"), flow("late", "escalate", "e3"),
    )  # fmt: skip
    case = Played(definition)
    case.start("2026-01-01T09:00")
    case.take(FireTimers(), "2026-02-11T09:00")
    assert case.waiting == ["chase"]
    assert [e.due_at for e in case.all(TimerFired)] == [at("2026-01-29T09:00")]
    assert len(case.all(UserTaskCancelled)) == 1


def test_a_cycle_fires_each_missed_turn_in_order():
    definition = a_definition(
        BEGIN, user("work"), timer("weekly", "work", "timeCycle", '"R3/P7D"'), script("count", "n = n + 1"),
        end("e2"), end(), flow("begin", "work", "end"), flow("weekly", "count", "e2"),
    )  # fmt: skip
    case = Played(definition)
    case.start("2026-01-01T09:00", n=0)
    case.take(FireTimers(), "2026-03-01T09:00")
    assert [e.due_at.day for e in case.all(TimerFired)] == [8, 15, 22]
    assert json.loads(case.state)["variables"]["n"] == 3


def test_a_wait_that_lies_ahead_does_not_begin_early():
    """After a save, the engine's converter would arm events that the case has not reached."""
    wait = (
        '<bpmn:eventBasedGateway id="gate"/><bpmn:intermediateCatchEvent id="ten_days"><bpmn:timerEventDefinition '
        'id="td"><bpmn:timeDuration>"P10D"</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>'
        '<bpmn:intermediateCatchEvent id="told"><bpmn:messageEventDefinition id="tm" messageRef="m_more"/>'
        "</bpmn:intermediateCatchEvent>"
    )
    definition = a_definition(
        BEGIN, user("one"), wait, end(), end("e2"),
        flow("begin", "one", "gate", "ten_days", "end"), flow("gate", "told", "e2"),
    )  # fmt: skip
    case = Played(definition)
    case.start("2026-01-01T09:00")
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("more"), "2026-01-02T09:00")
    case.complete("one", "2026-02-01T09:00")
    with pytest.raises(NothingToDo):
        case.take(FireTimers(), "2026-02-11T09:00")
    case.take(FireTimers(), "2026-02-11T09:01")
    assert (case.outcome, [e.due_at for e in case.all(TimerFired)]) == ("end", [at("2026-02-11T09:00")])


def test_a_date_that_counts_from_now_is_worked_out_once():
    definition = a_definition(
        BEGIN, user("work"), timer("soon", "work", "timeDate", "now() + days(3)"), user("other"), user("chase"), end(),
        end("e2"), flow("begin", "work", "end"), flow("soon", "chase", "e2"),
    )  # fmt: skip
    case = Played(definition)
    case.start("2026-01-01T09:00")
    case.take(ClaimUserTask(case.task("work"), "ann"), "2026-01-03T09:00")
    case.take(FireTimers(), "2026-01-04T10:00")
    assert case.waiting == ["chase", "work"]


def test_a_cases_time_never_goes_back():
    case = limited()
    case.take(FireTimers(), "2026-03-02T09:00")
    case.complete("decide", "2026-02-01T09:00")
    assert [e.in_time for e in case.all(ClockMet)] == [False]


AGENCIES = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
BRANCHES = a_definition(
    BEGIN, user("answer", each("agencies", "agency"), agency="agency.id", role="officer"),
    script("count", "n = len([a for a in agencies if a.said == 'yes'])"), user("read"), end(),
    flow("begin", "answer", "count", "read", "end"),
)  # fmt: skip


def test_each_item_keeps_its_own_answer_in_any_order():
    case = Played(BRANCHES)
    case.start(agencies=AGENCIES)
    assert sorted(t.agency for t in case.open.values()) == ["a", "b", "c"]
    for item, said in (("c", "yes"), ("a", "no"), ("b", "yes")):
        case.complete("answer", "2026-03-03T09:00", item=item, **{"agency.said": said})
    kept = json.loads(case.state)["variables"]
    assert [a["said"] for a in kept["agencies"]] == ["no", "yes", "yes"]
    assert kept["n"] == 2


def test_a_loop_may_pass_a_repetition_twice():
    definition = a_definition(
        BEGIN, user("answer", each("agencies", "agency")), user("look"),
        '<bpmn:exclusiveGateway id="again" default="again_end"/>', end(),
        flow("begin", "answer", "look", "again", "end"), when("again", "answer", "more"),
    )  # fmt: skip
    case = Played(definition)
    case.start(agencies=["x", "y"])
    for more in (True, False):
        case.complete("answer", "2026-03-03T09:00", item="x")
        case.complete("answer", "2026-03-03T09:00", item="y")
        case.complete("look", "2026-03-03T09:00", more=more)
    assert case.outcome == "end"


@pytest.mark.parametrize("wrong", [None, "text", 7])
def test_repeating_over_something_that_is_no_list_fails_loudly(wrong):
    with pytest.raises(StepFailed):
        Played(BRANCHES).start(agencies=wrong)


def test_a_failing_script_undoes_the_whole_step():
    definition = a_definition(
        BEGIN, user("one"), script("bad", "x = nothing_here + 1"), end(), flow("begin", "one", "bad", "end")
    )
    case = Played(definition)
    case.start()
    before = case.state
    with pytest.raises(StepFailed) as failed:
        case.complete("one", "2026-03-03T09:00")
    assert failed.value.element == "bad"
    assert str(failed.value).startswith("Assignment 1 (x): there is no variable"), "in words, no class of the engine's"
    assert case.state == before


def test_a_diagram_that_goes_round_for_ever_is_stopped():
    definition = a_definition(
        BEGIN, script("turn", "n = 1"), '<bpmn:exclusiveGateway id="g" default="g_turn"/>', end(),
        flow("begin", "turn", "g", "turn"), when("g", "end", "n == 2"),
    )  # fmt: skip
    with pytest.raises(StepFailed):
        Played(definition).start()


def test_a_case_that_goes_round_too_often_says_so_before_it_dies():
    """The engine stops seeing ready tasks 1,000 deep, without a word."""
    long = [f"s{n}" for n in range(40)]  # a long way round, so that few turns reach the depth
    definition = a_definition(
        BEGIN, user("turn"), *(script(s, "n = 1") for s in long),
        '<bpmn:exclusiveGateway id="g" default="g_turn"/>', end(),
        flow("begin", "turn", *long, "g", "turn"), when("g", "end", "enough"),
    )  # fmt: skip
    case = Played(definition)
    case.start()
    with pytest.raises(StepFailed, match="too often"):
        [case.complete("turn", "2026-03-03T09:00", enough=False) for _ in range(40)]
    assert case.waiting == ["turn"]


def test_claiming_holds_a_task_for_one_person():
    case = Played(LINE)
    case.start()
    task = case.task("one")
    case.take(ClaimUserTask(task, "ann"), "2026-03-02T10:00")
    with pytest.raises(TaskHeld):
        case.take(ClaimUserTask(task, "ben"), "2026-03-02T10:01")
    with pytest.raises(TaskHeld):
        case.take(ReleaseUserTask(task, "ben"), "2026-03-02T10:02")
    case.take(ReleaseUserTask(task, "ann"), "2026-03-02T10:03")
    case.take(ClaimUserTask(task, "ben"), "2026-03-02T10:04")


TABLE = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="t" name="t" namespace="urn:t">
<decision id="size" name="Size"><decisionTable id="size_table" hitPolicy="FIRST">
<input id="i1" label="Amount"><inputExpression id="ie1" typeRef="number"><text>amount</text></inputExpression></input>
<output id="o1" label="Size" name="size" typeRef="string"/>
<rule id="r1"><inputEntry id="u1"><text>&gt; 100</text></inputEntry>
<outputEntry id="oe1"><text>"large"</text></outputEntry></rule>
<rule id="r2"><inputEntry id="u2"><text></text></inputEntry>
<outputEntry id="oe2"><text>"small"</text></outputEntry></rule>
</decisionTable></decision></definitions>"""


@pytest.mark.parametrize(("amount", "size", "rule"), [(101, "large", "r1"), (100, "small", "r2")])
def test_a_decision_is_told_and_becomes_a_variable(amount, size, rule):
    rule_task = (
        '<bpmn:businessRuleTask id="judge"><bpmn:extensionElements><spiffworkflow:calledDecisionId>size'
        "</spiffworkflow:calledDecisionId></bpmn:extensionElements></bpmn:businessRuleTask>"
    )
    definition = a_definition(BEGIN, rule_task, user("one"), end(), flow("begin", "judge", "one", "end"),
                              tables={"processes/size.dmn": TABLE})  # fmt: skip
    case = Played(definition)
    case.start(amount=amount)
    (decided,) = case.all(DecisionEvaluated)
    assert (decided.inputs, decided.rules[0], decided.outputs) == ({"Amount": amount}, rule, {"size": size})
    assert json.loads(case.state)["variables"]["size"] == size


def test_the_diagram_shows_what_is_done_taken_and_current():
    case = Played(LINE)
    case.start()
    case.complete("one", "2026-03-03T09:00")
    assert markers(LINE, case.state)["main"] == {
        "done": ["begin", "one"], "current": ["two"], "taken": ["begin_one", "one_two"], "overdue": []
    }  # fmt: skip


def test_the_state_does_not_grow_with_what_people_write_elsewhere():
    case = Played(LINE)
    case.start(a=1)
    small = len(case.state)
    case.complete("one", "2026-03-03T09:00")
    assert len(case.state) < small * 2
    assert [e.element_id for e in case.all(ElementCompleted)] == ["begin", "one"]


def test_a_boundary_message_that_does_not_interrupt_is_heard_again_and_only_for_its_item():
    listening = (
        '<bpmn:boundaryEvent id="said" attachedToRef="work" cancelActivity="false">'
        '<bpmn:messageEventDefinition id="s_m" messageRef="m_more"/></bpmn:boundaryEvent>'
    )
    called = (
        '<bpmn:process id="part" isExecutable="true"><bpmn:startEvent id="part_begin"/>'
        f"{user('work')}{listening}{user('answer')}{end('answered')}{end('part_end')}"
        f"{flow('part_begin', 'work', 'part_end')}{flow('said', 'answer', 'answered')}</bpmn:process>"
    )
    definition = a_definition(
        BEGIN, script("list", 'agencies = [{"id": "a"}, {"id": "b"}]'),
        f'<bpmn:callActivity id="parts" calledElement="part">{each("agencies", "agency")}</bpmn:callActivity>', end(),
        flow("begin", "list", "parts", "end"), called=called,
    )  # fmt: skip
    case = Played(definition)
    case.start()
    for day in ("03", "04"):
        case.take(DeliverMessage("more", {}, item="a"), f"2026-03-{day}T09:00")
    assert case.waiting == ["answer", "answer", "work", "work"]
    case.complete("work", "2026-03-05T09:00", item="a")
    with pytest.raises(NotWaiting):
        case.take(DeliverMessage("more", {}, item="a"), "2026-03-06T09:00")
    case.take(DeliverMessage("more", {}, item="b"), "2026-03-06T09:00")
    for _ in range(3):
        case.complete("answer", "2026-03-07T09:00")
    case.complete("work", "2026-03-08T09:00", item="b")
    assert (case.waiting, case.outcome) == ([], "end")


def test_a_repeated_call_that_is_cancelled_leaves_nothing_behind():
    called = (
        '<bpmn:process id="part" isExecutable="true"><bpmn:startEvent id="part_begun"/>'
        f"{user('work')}{end('part_end')}{flow('part_begun', 'work', 'part_end')}</bpmn:process>"
    )
    inside = (
        '<bpmn:startEvent id="inside"/><bpmn:callActivity id="call" name="call" calledElement="part">'
        f"{each('parts', 'one')}</bpmn:callActivity>{end('inside_end')}{flow('inside', 'call', 'inside_end')}"
    )
    case = Played(
        a_definition(
            BEGIN, script("name", 'parts = [{"id": "a"}, {"id": "b"}]'),
            f'<bpmn:subProcess id="whole" name="whole">{inside}</bpmn:subProcess>',
            timer("over", "whole", "timeDuration", '"P10D"', interrupting=True), user("after"), end(),
            flow("begin", "name", "whole", "end"), flow("over", "after", "end"), called=called,
        )
    )  # fmt: skip
    case.start()
    assert len(case.open) == 2
    case.take(FireTimers(), "2026-03-20T10:00")
    assert case.waiting == ["after"]
    case.complete("after", "2026-03-21T10:00")  # the state as it was written can be read again
    assert case.outcome == "end"
