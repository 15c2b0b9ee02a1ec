"""A running case moves to another version of its definition: nothing done twice or lost, and all reasons told."""

import json
from dataclasses import replace

import pytest

from build import BEGIN, Played, a_definition, at, each, end, flow, script, timer, user, when
from service.core.commands import ClaimUserTask, DeliverMessage, FireTimers
from service.core.engine.markers import markers
from service.core.errors import CannotMove, NotFound, NothingToDo, NotWaiting
from service.core.events import (
    ClockBreached,
    ClockMet,
    ClockMoved,
    ClockStarted,
    ReminderFell,
    TimerFired,
    TimerMoved,
    UserTaskReleased,
)
from service.core.events_beside import ClockChanged, ClockWithdrawn, InstanceMigrated, TimerRenamed, UserTaskChanged
from versions import GATE, LIMIT, branches, edged, kinds, line, repeated, started


def reasons(case: Played, new, **plan: str) -> list[str]:
    before = case.state
    with pytest.raises(CannotMove) as refused:
        case.migrate(new, "2026-03-03T09:00", **plan)
    assert case.state == before
    return [p.message for p in refused.value.problems]


def test_a_case_goes_on_at_the_same_task_and_reaches_the_end_of_the_new_version():
    case = started(line("one", "two"))
    task = case.task("one")
    moved = case.migrate(line("one", "between", "two"), "2026-03-03T09:00")
    assert kinds(moved) == ["InstanceMigrated"]
    assert case.task("one") == task
    for element in ("one", "between", "two"):
        case.complete(element, "2026-03-04T09:00")
    assert case.outcome == "end"


def test_a_task_that_now_comes_before_is_not_asked_and_one_that_is_gone_leaves_no_hole():
    case = started(line("one", "two", "three"))
    case.complete("one", "2026-03-02T10:00")
    case.migrate(line("zero", "two", "three"), "2026-03-03T09:00")
    assert case.waiting == ["two"]
    case.complete("two", "2026-03-04T09:00")
    case.complete("three", "2026-03-04T09:00")
    assert case.outcome == "end"


def test_moving_twice_and_back_again_leaves_the_case_whole():
    first, second = line("one", "two", "three"), line("two", "three")
    case = started(first)
    case.complete("one", "2026-03-02T10:00")
    case.migrate(second, "2026-03-03T09:00")
    case.migrate(first, "2026-03-03T10:00")
    case.complete("two", "2026-03-04T09:00")
    case.migrate(line("three", "four"), "2026-03-05T09:00")
    case.complete("three", "2026-03-06T09:00")
    case.complete("four", "2026-03-06T09:00")
    assert (case.outcome, len(case.all(InstanceMigrated))) == ("end", 3)


def test_a_task_that_waits_and_is_gone_refuses_the_move_and_the_plan_names_what_takes_its_place():
    case = started(line("one", "two"))
    assert reasons(case, line("first", "two")) == [
        "“one” is waiting, and the new version has no such step here. Name the step that takes its place."
    ]
    task = case.task("one")
    moved = case.migrate(line("first", "two"), "2026-03-03T09:00", one="first")
    assert case.task("first") == task
    (changed,) = [e for e in moved.events if isinstance(e, UserTaskChanged)]
    assert changed.changed == {"element_id": "first", "name": "first"}
    case.complete("first", "2026-03-04T09:00")
    assert case.waiting == ["two"]


def test_the_plan_may_name_the_diagram_too():
    case = started(line("one", "two"))
    case.migrate(line("first", "two"), "2026-03-03T09:00", main__one="first")
    assert case.waiting == ["first"]


def test_another_kind_of_step_refuses_the_move():
    case = started(line("one", "two"))
    new = line("one", "two", one=script("one", "n = 1"))
    assert reasons(case, new) == [
        "“one” is waiting, and in the new version it is of another kind: a calculation instead of a user task."
    ]


def test_every_reason_is_told_not_only_the_first():
    both = a_definition(
        BEGIN, '<bpmn:parallelGateway id="split"/>', user("a"), user("b"), '<bpmn:parallelGateway id="join"/>', end(),
        flow("begin", "split", "a", "join", "end"), flow("split", "b", "join"),
    )  # fmt: skip
    assert len(reasons(started(both), line("c"))) == 2


def test_a_case_is_not_moved_to_the_version_it_is_on_nor_after_its_end_nor_from_another():
    case = started(line("one"))
    with pytest.raises(NothingToDo):
        case.migrate(line("one"), "2026-03-03T09:00")
    case.complete("one", "2026-03-03T09:00")
    with pytest.raises(NotWaiting):
        case.migrate(line("one", "two"), "2026-03-03T09:00")


# --- what a task is called, who does it, when it is due ---------------------------------------------------------------


def test_a_task_for_another_role_is_told_and_given_back_by_whoever_holds_it():
    case = started(line("one"))
    case.take(ClaimUserTask(case.task("one"), "ann"), "2026-03-02T10:00")
    moved = case.migrate(line("one", one=user("one", role="officer", form="f")), "2026-03-03T09:00")
    (changed,) = [e for e in moved.events if isinstance(e, UserTaskChanged)]
    assert changed.changed == {"role": "officer", "form": "f"}
    assert UserTaskReleased(case.task("one")) in moved.events
    case.take(ClaimUserTask(case.task("one"), "ben"), "2026-03-03T10:00")


def test_another_form_leaves_the_task_with_whoever_holds_it():
    case = started(line("one"))
    case.take(ClaimUserTask(case.task("one"), "ann"), "2026-03-02T10:00")
    moved = case.migrate(line("one", one=user("one", form="f")), "2026-03-03T09:00")
    assert kinds(moved) == ["InstanceMigrated", "UserTaskChanged"]
    with pytest.raises(NothingToDo):
        case.take(ClaimUserTask(case.task("one"), "ann"), "2026-03-03T10:00")


def test_the_agency_is_worked_out_when_its_rule_changed():
    case = started(line("one", one=user("one", agency="who")), who="north", whom="south")
    moved = case.migrate(line("one", one=user("one", agency="whom")), "2026-03-03T09:00")
    assert UserTaskChanged(case.task("one"), {"agency": "south"}) in moved.events


def test_a_due_date_is_counted_anew_from_when_the_task_was_opened_with_new_reminders():
    case = started(line("one", one=user("one", due="opened_at + days(20)", remind="7")))
    case.migrate(line("one", one=user("one", due="opened_at + days(10)", remind="2")), "2026-03-03T09:00")
    case.take(FireTimers(), "2026-03-11T09:00")
    assert [(e.due_at, e.days) for e in case.all(ReminderFell)] == [(at("2026-03-12T09:00"), 2)]


def test_reminders_alone_change_too():
    case = started(line("one", one=user("one", due="opened_at + days(10)", remind="7")))
    case.migrate(line("one", one=user("one", due="opened_at + days(10)", remind="3")), "2026-03-03T09:00")
    case.take(FireTimers(), "2026-03-10T09:00")
    assert [e.days for e in case.all(ReminderFell)] == [3]


# --- events on the edge of a step, and time limits --------------------------------------------------------------------


def test_a_time_limit_added_to_a_step_at_work_that_had_none_starts_passes_and_is_met():
    case = started(edged(), came_at=at("2026-03-02T09:00"))
    new = edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT))
    task = case.task("decide")
    moved = case.migrate(new, "2026-03-03T09:00")
    (clock,) = [e for e in moved.events if isinstance(e, ClockStarted)]
    assert (clock.due_at, case.task("decide")) == (at("2026-04-02T22:59:59"), task)
    case.take(FireTimers(), "2026-04-03T09:00")
    assert (case.waiting, len(case.all(ClockBreached))) == (["decide", "why"], 1)
    case.complete("decide", "2026-04-04T09:00")
    assert [e.in_time for e in case.all(ClockMet)] == [False]
    case.complete("why", "2026-04-04T09:00")
    assert case.outcome == "why_end"


def test_a_second_time_limit_beside_the_first():
    old = edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT))
    new = edged(
        timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT),
        timer("soft", "decide", "timeDuration", '"P5D"', clock="soft"),
    )
    case = started(old, came_at=at("2026-03-02T09:00"))
    moved = case.migrate(new, "2026-03-03T09:00")
    assert kinds(moved) == ["InstanceMigrated", "TimerScheduled", "ClockStarted"]
    assert case.all(ClockStarted)[-1].due_at == at("2026-03-08T09:00")
    case.complete("decide", "2026-03-04T09:00")
    assert ([e.clock for e in case.all(ClockMet)], case.outcome) == (["limit", "soft"], "end")


def test_a_limit_that_has_passed_already_is_breached_by_the_move():
    case = started(edged(), came_at=at("2026-01-02T09:00"))
    case.migrate(edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT)), "2026-03-03T09:00")
    assert [e.due_at for e in case.all(ClockBreached)] == [at("2026-02-02T23:59:59")]
    assert case.waiting == ["decide", "why"]


def test_a_time_limit_taken_away_ends_and_the_step_goes_on():
    case = started(
        edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT)), came_at=at("2026-03-02T09:00")
    )
    moved = case.migrate(edged(), "2026-03-03T09:00")
    assert kinds(moved) == ["InstanceMigrated", "ClockWithdrawn", "TimerCancelled"]
    with pytest.raises(NothingToDo):
        case.take(FireTimers(), "2026-06-03T09:00")
    case.complete("decide", "2026-06-04T09:00")
    assert (case.outcome, case.all(ClockMet)) == ("end", [])


def test_one_of_two_time_limits_taken_away_leaves_the_other_and_the_step():
    """The join of a step with events on its edge must not take what is left of the first for the step itself."""
    soft = timer("soft", "decide", "timeDate", "came_at + days(3)", clock="soft")
    limit = timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT)
    for fired in (False, True):
        case = started(edged(limit, soft), came_at=at("2026-03-02T09:00"))
        if fired:
            case.take(FireTimers(), "2026-03-06T09:00")
        case.migrate(edged(limit), "2026-03-07T09:00" if fired else "2026-03-03T09:00")
        assert "decide" in case.waiting
        case.take(FireTimers(), "2026-04-03T09:00")
        assert [e.clock for e in case.all(ClockBreached)][-1] == "limit"
        assert case.waiting == ["decide", *["why"] * (1 + fired)]
        case.complete("decide", "2026-04-04T09:00")
        while case.waiting:
            case.complete("why", "2026-04-04T09:00")
        assert case.outcome == "why_end"


def test_a_changed_date_moves_the_limit_and_its_reminders():
    case = started(
        edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", remind="7", **LIMIT)),
        came_at=at("2026-03-02T09:00"),
    )
    new = edged(
        timer("limit", "decide", "timeDate", "months_after(came_at, 2)", remind="3", **{**LIMIT, "name": "Later"})
    )
    moved = case.migrate(new, "2026-03-03T09:00")
    (clock,) = [e for e in moved.events if isinstance(e, ClockMoved)]
    assert (clock.from_due, clock.to_due) == (at("2026-04-02T22:59:59"), at("2026-05-02T22:59:59"))
    assert [e.name for e in moved.events if isinstance(e, ClockChanged)] == ["Later"]
    case.take(FireTimers(), "2026-04-30T09:00")
    assert [(e.name, e.days) for e in case.all(ReminderFell)] == [("Later", 3)]


def test_a_breach_stays_when_the_limit_moves_ahead_again():
    case = started(
        edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT)), came_at=at("2026-03-02T09:00")
    )
    case.take(FireTimers(), "2026-04-03T09:00")
    moved = case.migrate(
        edged(timer("limit", "decide", "timeDate", "months_after(came_at, 3)", **LIMIT)), "2026-04-04T09:00"
    )
    assert [e.to_due for e in moved.events if isinstance(e, ClockMoved)] == [at("2026-06-02T22:59:59")]
    case.complete("decide", "2026-04-05T09:00")
    assert [e.in_time for e in case.all(ClockMet)] == [True]
    assert json.loads(case.state)["clocks"]["limit"]["breaches"] == [{"$instant": "2026-04-02T22:59:59.000000+00:00"}]


def test_a_limit_moved_into_the_past_is_breached_at_its_new_instant():
    case = started(
        edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT)), came_at=at("2026-03-02T09:00")
    )
    case.migrate(edged(timer("limit", "decide", "timeDate", "came_at + days(2)", **LIMIT)), "2026-03-20T09:00")
    assert [e.due_at for e in case.all(ClockBreached)] == [at("2026-03-04T09:00")]
    assert [e.due_at for e in case.all(TimerFired)] == [at("2026-03-04T09:00")]


def test_a_breached_limit_taken_away_keeps_its_breach_in_the_history():
    case = started(
        edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT)), came_at=at("2026-03-02T09:00")
    )
    case.take(FireTimers(), "2026-04-03T09:00")
    case.complete("why", "2026-04-03T10:00")
    moved = case.migrate(edged(), "2026-04-04T09:00")
    assert ClockWithdrawn("limit") in moved.events
    case.complete("decide", "2026-04-05T09:00")
    assert (case.outcome, len(case.all(ClockBreached)), case.all(ClockMet)) == ("end", 1, [])


def test_a_timer_that_becomes_a_limit_and_a_limit_that_becomes_a_timer():
    plain, limit = (
        timer("t", "decide", "timeDuration", '"P9D"'),
        timer("t", "decide", "timeDuration", '"P9D"', clock="c"),
    )
    case = started(edged(plain))
    moved = case.migrate(edged(limit), "2026-03-03T09:00")
    assert [e.due_at for e in moved.events if isinstance(e, ClockStarted)] == [at("2026-03-11T09:00")]
    assert kinds(case.migrate(edged(plain), "2026-03-04T09:00")) == ["InstanceMigrated", "ClockWithdrawn"]
    case.take(FireTimers(), "2026-03-12T09:00")
    assert case.waiting == ["decide", "why"]


def test_a_duration_is_counted_again_from_when_the_timer_was_armed():
    case = started(edged(timer("t", "decide", "timeDuration", '"P9D"')))
    moved = case.migrate(edged(timer("t", "decide", "timeDuration", '"P20D"')), "2026-03-05T09:00")
    assert [e.due_at for e in moved.events if isinstance(e, TimerMoved)] == [at("2026-03-22T09:00")]
    case.migrate(edged(timer("t", "decide", "timeDate", "now() + days(2)")), "2026-03-06T09:00")
    assert case.all(TimerFired)[0].due_at == at("2026-03-04T09:00")


def test_a_duration_that_says_the_same_keeps_its_instant():
    case = started(edged(timer("t", "decide", "timeDuration", '"P9D"')))
    assert kinds(case.migrate(edged(timer("t", "decide", "timeDuration", '"P9D"'), form="f"), "2026-03-05T09:00")) == [
        "InstanceMigrated", "UserTaskChanged",
    ]  # fmt: skip


def test_a_repetition_keeps_its_turn():
    case = started(edged(timer("t", "decide", "timeCycle", '"R3/P7D"')))
    case.take(FireTimers(), "2026-03-10T09:00")
    moved = case.migrate(edged(timer("t", "decide", "timeCycle", '"R4/P2D"')), "2026-03-10T10:00")
    assert kinds(moved) == ["InstanceMigrated", "TimerMoved"]
    case.take(FireTimers(), "2026-04-10T09:00")
    assert [e.due_at.day for e in case.all(TimerFired)][:4] == [9, 11, 13, 15]
    assert case.waiting == ["decide", *["why"] * 4]


def test_a_timer_renamed_by_the_plan_stays_armed():
    case = started(edged(timer("t", "decide", "timeDuration", '"P9D"')))
    moved = case.migrate(edged(timer("u", "decide", "timeDuration", '"P9D"')), "2026-03-05T09:00", t="u")
    assert [(e.process_id, e.element_id) for e in moved.events if isinstance(e, TimerRenamed)] == [("main", "u")]
    case.take(FireTimers(), "2026-03-12T09:00")
    assert [e.element_id for e in case.all(TimerFired)] == ["u"]


def test_an_event_moved_to_another_step_goes_with_it():
    two = [
        user("a"),
        user("b"),
        user("why"),
        end("why_end"),
        end(),
        flow("begin", "a", "b", "end"),
        flow("t", "why", "why_end"),
    ]
    case = started(a_definition(BEGIN, *two, timer("t", "a", "timeDuration", '"P9D"')))
    moved = case.migrate(a_definition(BEGIN, *two, timer("t", "b", "timeDuration", '"P9D"')), "2026-03-05T09:00")
    assert kinds(moved) == ["InstanceMigrated", "TimerCancelled"]
    case.complete("a", "2026-03-06T09:00")
    case.take(FireTimers(), "2026-03-16T09:00")
    assert case.waiting == ["b", "why"]


def test_an_interrupting_timer_added_to_a_step_at_work_interrupts_it():
    case = started(edged())
    case.migrate(edged(timer("t", "decide", "timeDuration", '"P3D"', interrupting=True)), "2026-03-03T09:00")
    case.take(FireTimers(), "2026-03-07T09:00")
    assert case.waiting == ["why"]
    case.complete("why", "2026-03-07T10:00")
    assert case.outcome == "why_end"


def test_time_comes_first_under_the_former_version():
    """What was due before the move happened before it, as it was drawn then."""
    case = started(edged(timer("t", "decide", "timeDuration", '"P3D"')))
    with pytest.raises(CannotMove) as refused:
        case.migrate(edged(), "2026-03-07T09:00")
    assert [p.field for p in refused.value.problems] == ["main:why"]
    moved = case.migrate(edged(timer("t", "decide", "timeDuration", '"P30D"')), "2026-03-07T09:00")
    assert kinds(moved)[:2] == ["TimerFired", "ElementCompleted"]
    assert kinds(moved).index("InstanceMigrated") > kinds(moved).index("UserTaskCreated")


# --- branches, repetitions, processes within the process --------------------------------------------------------------


def test_a_join_some_ways_have_reached_goes_on_waiting_for_the_others():
    case = started(branches("a", "b", "c"))
    case.complete("a", "2026-03-02T10:00")
    case.migrate(branches("a", "b", "c", last="other"), "2026-03-03T09:00")
    case.complete("c", "2026-03-03T10:00")
    assert case.waiting == ["b"]
    case.complete("b", "2026-03-03T10:00")
    assert case.waiting == ["other"]


def test_a_join_some_ways_have_reached_is_refused_when_other_ways_meet_there():
    case = started(branches("a", "b"))
    case.complete("a", "2026-03-02T10:00")
    assert reasons(case, branches("a", "b", "c")) == [
        "some ways have reached “join” already, and in the new version other ways meet there: a way from “c” is new."
    ]
    assert "the way from “b” is gone; a way from “d” is new" in reasons(case, branches("a", "b", b="d"))[0]


def test_a_join_nobody_has_reached_may_change():
    case = started(branches("a", "b"))
    case.migrate(branches("a", "b", b="d"), "2026-03-03T09:00")
    for element in ("b", "a", "d"):
        case.complete(element, "2026-03-03T10:00")
    assert case.waiting == ["after"]


def test_branches_renamed_by_the_plan_still_meet():
    case = started(branches("a", "b"))
    case.complete("a", "2026-03-02T10:00")
    case.migrate(branches("x", "y"), "2026-03-03T09:00", a="x", b="y")
    case.complete("y", "2026-03-03T10:00")
    assert case.waiting == ["after"]


def test_a_repeated_task_goes_on_for_the_items_that_are_left():
    case = started(repeated(), agencies=[{"id": "a"}, {"id": "b"}])
    case.complete("answer", "2026-03-02T10:00", item="a")
    case.migrate(repeated("read", form="f"), "2026-03-03T09:00")
    assert [(t.item, t.form) for t in case.open.values()] == [("b", "f")]
    case.complete("answer", "2026-03-03T10:00", item="b")
    assert case.waiting == ["read"]


def test_a_repeated_task_that_is_repeated_otherwise_refuses_the_move():
    case = started(repeated(), agencies=[{"id": "a"}], others=[{"id": "a"}])
    for new in (repeated(over="others"), repeated(item="one")):
        assert "the new version repeats it otherwise" in reasons(case, new)[0]
    once = a_definition(BEGIN, user("answer"), end(), flow("begin", "answer", "end"))
    assert "another kind" in reasons(case, once)[0]


def test_a_limit_added_to_a_repeated_task_holds_for_all_of_it():
    case = started(repeated(), agencies=[{"id": "a"}, {"id": "b"}])
    new = a_definition(
        BEGIN, user("answer", each("agencies", "agency"), role="officer", agency="agency.id"), end(), user("why"),
        timer("t", "answer", "timeDuration", '"P3D"', clock="c"), flow("begin", "answer", "end"), end("e2"),
        flow("t", "why", "e2"),
    )  # fmt: skip
    case.migrate(new, "2026-03-03T09:00")
    case.take(FireTimers(), "2026-03-07T09:00")
    assert case.waiting == ["answer", "answer", "why"]
    for item in "ab":
        case.complete("answer", "2026-03-07T10:00", item=item)
    assert ([e.in_time for e in case.all(ClockMet)], case.waiting) == ([False], ["why"])


def calling(*inner: str, call: str = "call", process: str = "sub", before: str = "", boundary: str = ""):
    """The main process calls another, made of these tasks."""
    called = (
        f'<bpmn:process id="{process}" name="Sub" isExecutable="true"><bpmn:startEvent id="s_begin"/>'
        f'{"".join(user(i) for i in inner)}<bpmn:endEvent id="s_end"/>{flow("s_begin", *inner, "s_end")}</bpmn:process>'
    )
    activity = f'<bpmn:callActivity id="{call}" name="Call" calledElement="{process}"/>'
    path = [before] if before else []
    return a_definition(
        BEGIN, *(user(b) for b in path), activity, boundary, user("after"), end(),
        flow("begin", *path, call, "after", "end"), called=called,
    )  # fmt: skip


def test_a_called_process_at_work_changes_with_the_version():
    case = started(calling("i1", "i2"))
    case.complete("i1", "2026-03-02T10:00")
    case.migrate(calling("i0", "i2", "i3", before="early"), "2026-03-03T09:00")
    for element in ("i2", "i3", "after"):
        case.complete(element, "2026-03-03T10:00")
    assert case.outcome == "end"


def test_another_called_process_must_be_named_and_then_its_steps_follow():
    case = started(calling("i1"))
    new = calling("j1", process="other")
    (reason,) = reasons(case, new)
    assert reason.startswith("“Call” is at work, and in the new version it runs another process: “other”.")
    assert reason.endswith("Name the process that takes the place of “sub”.")
    case.migrate(new, "2026-03-03T09:00", sub="other", sub__i1="j1")
    case.complete("j1", "2026-03-03T10:00")
    assert case.waiting == ["after"]


def test_a_called_process_that_has_ended_may_go():
    case = started(calling("i1"))
    case.complete("i1", "2026-03-02T10:00")
    case.migrate(line("after"), "2026-03-03T09:00")
    assert markers(case.definition, case.state)["main"]["current"] == ["after"]
    case.complete("after", "2026-03-03T10:00")
    assert case.outcome == "end"


def test_a_step_inside_a_called_process_that_is_gone_is_the_reason_and_not_the_call():
    case = started(calling("i1"))
    assert reasons(case, calling("other")) == [
        "“i1” is waiting, and the new version has no such step here. Name the step that takes its place."
    ]
    assert len(reasons(case, line("one"))) == 1


def inside(*inner: str, sub: str = "part"):
    part = (
        f'<bpmn:subProcess id="{sub}" name="Part"><bpmn:startEvent id="p_begin"/>{"".join(user(i) for i in inner)}'
        f'<bpmn:endEvent id="p_end"/>{flow("p_begin", *inner, "p_end")}</bpmn:subProcess>'
    )
    return a_definition(BEGIN, part, user("after"), end(), flow("begin", sub, "after", "end"))


def test_a_sub_process_at_work_changes_and_may_be_renamed():
    case = started(inside("i1", "i2"))
    case.complete("i1", "2026-03-02T10:00")
    case.migrate(inside("i2", "i3"), "2026-03-03T09:00")
    case.migrate(inside("i2", "i4", sub="portion"), "2026-03-03T10:00", part="portion")
    for element in ("i2", "i4", "after"):
        case.complete(element, "2026-03-03T10:00")
    assert case.outcome == "end"


def test_a_step_moved_into_a_sub_process_is_not_where_it_was():
    case = started(a_definition(BEGIN, user("i1"), user("after"), end(), flow("begin", "i1", "after", "end")))
    assert "has no such step here" in reasons(case, inside("i1"))[0]


def test_a_limit_added_around_a_called_process_at_work():
    case = started(calling("i1"))
    edge = timer("t", "call", "timeDuration", '"P3D"') + user("why") + end("e2") + flow("t", "why", "e2")
    case.migrate(calling("i1", boundary=edge), "2026-03-03T09:00")
    case.take(FireTimers(), "2026-03-07T09:00")
    assert case.waiting == ["i1", "why"]
    case.complete("i1", "2026-03-07T10:00")
    assert case.waiting == ["after", "why"]


def beside(*inner: str, name: str = "more", **main: str):
    """A task, and an event sub-process of these tasks that the message ``more`` starts."""
    part = (
        f'<bpmn:subProcess id="{name}" name="More" triggeredByEvent="true"><bpmn:startEvent id="m_begin" '
        'isInterrupting="false"><bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent>'
        f'{"".join(user(i) for i in inner)}<bpmn:endEvent id="m_end"/>{flow("m_begin", *inner, "m_end")}'
        "</bpmn:subProcess>"
    )
    task = main.get("task", "work")
    return a_definition(BEGIN, user(task), end(), part, flow("begin", task, "end"))


def test_work_beside_the_flow_goes_on_and_can_be_started_again():
    case = started(beside("agree"))
    case.take(DeliverMessage("more"), "2026-03-02T10:00")
    case.migrate(beside("agree", "note"), "2026-03-03T09:00")
    case.take(DeliverMessage("more"), "2026-03-03T10:00")
    assert case.waiting == ["agree", "agree", "work"]
    for element in ("agree", "work", "note", "agree", "note"):
        case.complete(element, "2026-03-03T11:00")
    assert (case.outcome, case.waiting) == ("end", [])


def test_work_beside_the_flow_that_is_gone_refuses_the_move_until_it_has_ended():
    case = started(beside("agree"))
    case.take(DeliverMessage("more"), "2026-03-02T10:00")
    assert reasons(case, line("work"))[0].startswith("“More” is at work")
    case.complete("agree", "2026-03-02T11:00")
    case.migrate(line("work"), "2026-03-03T09:00")
    with pytest.raises(NotFound):
        case.take(DeliverMessage("more"), "2026-03-03T10:00")
    case.complete("work", "2026-03-03T11:00")
    assert case.outcome == "end"


def test_work_beside_the_flow_that_is_new_can_be_started():
    case = started(line("work"))
    case.migrate(beside("agree"), "2026-03-03T09:00")
    case.take(DeliverMessage("more"), "2026-03-03T10:00")
    assert case.waiting == ["agree", "work"]


def test_the_end_that_was_reached_must_still_be_one_while_only_work_beside_it_goes_on():
    case = started(beside("agree"))
    case.take(DeliverMessage("more"), "2026-03-02T10:00")
    case.complete("work", "2026-03-02T11:00")
    new = a_definition(*[p.replace('id="end"', 'id="fin"').replace('"end"', '"fin"') for p in PARTS])
    assert reasons(case, new) == ["“end” has been reached, and the new version has no such end."]
    case.migrate(new, "2026-03-03T09:00", end="fin")
    case.complete("agree", "2026-03-03T10:00")
    assert case.outcome == "fin"


MORE = (
    '<bpmn:subProcess id="more" name="More" triggeredByEvent="true"><bpmn:startEvent id="m_begin" isInterrupting='
    '"false"><bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent>'
)
PARTS = (
    BEGIN, user("work"), end(), flow("begin", "work", "end"), MORE, user("agree"), '<bpmn:endEvent id="m_end"/>',
    flow("m_begin", "agree", "m_end"), "</bpmn:subProcess>",
)  # fmt: skip


def dated(*inner: str, wait: str = '"P3D"'):
    """An event sub-process that a date starts, if it has any tasks."""
    part = (
        '<bpmn:subProcess id="later" name="Later" triggeredByEvent="true"><bpmn:startEvent id="l_begin" '
        f'isInterrupting="false"><bpmn:timerEventDefinition id="lt"><bpmn:timeDuration>{wait}</bpmn:timeDuration>'
        f'</bpmn:timerEventDefinition></bpmn:startEvent>{"".join(user(i) for i in inner)}<bpmn:endEvent id="l_end"/>'
        f"{flow('l_begin', *inner, 'l_end')}</bpmn:subProcess>"
    )
    return a_definition(BEGIN, user("work"), end(), part if inner else "", flow("begin", "work", "end"))


def test_work_that_a_date_starts_comes_goes_and_moves_with_the_version():
    case = started(dated())
    case.migrate(dated("chase"), "2026-03-03T09:00")
    moved = case.migrate(dated("chase", wait='"P9D"'), "2026-03-04T09:00")
    assert [e.due_at for e in moved.events if isinstance(e, TimerMoved)] == [at("2026-03-12T09:00")]
    assert "TimerCancelled" in kinds(case.migrate(dated(), "2026-03-05T09:00"))
    case.migrate(dated("chase"), "2026-03-06T09:00")
    case.take(FireTimers(), "2026-03-10T09:00")
    assert case.waiting == ["chase", "work"]
    assert reasons(case, dated())[0].startswith("“Later” is at work")
    case.complete("chase", "2026-03-10T10:00")
    case.complete("work", "2026-03-10T10:00")
    assert case.outcome == "end"


def waiting_for(kind: str, *after: str, gate: bool = False):
    """A wait in the flow: for a length of time (ISO text) or for the message ``more``; at a gateway for both."""
    span = f'<bpmn:timeDuration>"{kind}"</bpmn:timeDuration>'
    span = f'<bpmn:timerEventDefinition id="td">{span}</bpmn:timerEventDefinition>'
    told = '<bpmn:messageEventDefinition id="tm" messageRef="m_more"/>'
    what = told if kind == "more" else span
    first = f'<bpmn:intermediateCatchEvent id="wait" name="Wait">{what}</bpmn:intermediateCatchEvent>'
    other = f'<bpmn:intermediateCatchEvent id="told">{told}</bpmn:intermediateCatchEvent>' + end("e2")
    start = ["begin", "gate", "wait"] if gate else ["begin", "wait"]
    parts = ['<bpmn:eventBasedGateway id="gate"/>', other, flow("gate", "told", "e2")] if gate else []
    return a_definition(BEGIN, first, *parts, *(user(a) for a in after), end(), flow(*start, *after, "end"))


@pytest.mark.parametrize("gate", [False, True])
def test_a_wait_in_the_flow_is_counted_from_when_it_began(gate):
    case = started(waiting_for("P9D", gate=gate))
    moved = case.migrate(waiting_for("P20D", "next", gate=gate), "2026-03-05T09:00")
    assert [e.due_at for e in moved.events if isinstance(e, TimerMoved)] == [at("2026-03-22T09:00")]
    case.take(FireTimers(), "2026-03-23T09:00")
    assert case.waiting == ["next"]


def test_a_wait_at_a_gateway_still_hears_the_message():
    case = started(waiting_for("P9D", gate=True))
    case.migrate(waiting_for("P9D", "next", gate=True), "2026-03-05T09:00")
    case.take(DeliverMessage("more"), "2026-03-06T09:00")
    assert case.outcome == "e2"


def test_a_wait_for_something_else_refuses_the_move():
    assert "waits for something else" in reasons(started(waiting_for("P9D")), waiting_for("more"))[0]


def looping(*more: str):
    return a_definition(
        BEGIN, user("work"), *(user(m) for m in more), '<bpmn:exclusiveGateway id="g" default="g_end"/>', end(),
        flow("begin", "work", *more, "g", "end"), when("g", "work", "again"),
    )  # fmt: skip


def test_a_loop_is_gone_round_in_the_new_version_too():
    case = started(looping())
    case.complete("work", "2026-03-02T10:00", again=True)
    case.migrate(looping("look"), "2026-03-03T09:00")
    for again in (True, False):
        case.complete("work", "2026-03-03T10:00")
        case.complete("look", "2026-03-03T10:00", again=again)
    assert case.outcome == "end"


def test_a_join_in_a_loop_counts_only_its_own_turn():
    def definition(last: str):
        return a_definition(
            BEGIN, GATE.format("split"), user("a"), user("b"), GATE.format("join"), user(last), end(),
            '<bpmn:exclusiveGateway id="g" default="g_end"/>', '<bpmn:exclusiveGateway id="turn"/>',
            flow("begin", "turn", "split", "a", "join", last, "g", "end"),
            flow("split", "b", "join"), when("g", "turn", "again"),
        )  # fmt: skip

    case = started(definition("look"))
    for element in ("a", "b"):
        case.complete(element, "2026-03-02T10:00")
    case.complete("look", "2026-03-02T10:00", again=True)
    case.complete("a", "2026-03-02T11:00")
    case.migrate(definition("see"), "2026-03-03T09:00")
    assert case.waiting == ["b"]
    case.complete("b", "2026-03-03T10:00")
    assert case.waiting == ["see"]
    case.complete("see", "2026-03-03T10:00", again=False)
    assert case.outcome == "end"


def test_a_repetition_taken_away_leaves_what_it_started():
    case = started(edged(timer("t", "decide", "timeCycle", '"R3/P7D"')))
    case.take(FireTimers(), "2026-03-10T09:00")
    new = edged(timer("other", "decide", "timeDuration", '"P90D"'))
    case.migrate(new, "2026-03-11T09:00")
    assert case.waiting == ["decide", "why"]
    case.complete("why", "2026-03-12T09:00")
    case.complete("decide", "2026-03-12T09:00")
    assert case.outcome == "end"


class Noted:
    """A lock that notes when it is taken."""

    def __init__(self, name: str, taken: list[str]) -> None:
        self.name, self.taken = name, taken

    def __enter__(self) -> None:
        self.taken.append(self.name)

    def __exit__(self, *_raised: object) -> None:
        pass


def test_two_migrations_that_cross_take_the_locks_in_one_order():
    """In two orders, each would hold what the other waits for."""
    taken: list[str] = []
    one, two = (replace(d, lock=Noted(d.hash, taken)) for d in (line("one", "two"), line("one", "three")))
    for here, there in ((one, two), (two, one)):
        case = started(here)
        taken.clear()
        case.migrate(there, "2026-03-03T09:00")
        assert taken == sorted([one.hash, two.hash])


def test_a_case_that_only_waited_for_what_is_gone_ends_with_the_move():
    case = started(dated("chase"))
    case.complete("work", "2026-03-02T10:00")
    assert (case.outcome, case.waiting) == (None, [])
    assert kinds(case.migrate(dated(), "2026-03-03T09:00"))[-1] == "InstanceEnded"
    assert case.outcome == "end"
