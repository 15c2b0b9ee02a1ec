"""A running case moves to another version of its definition: nothing is done twice, nothing is lost, all reasons told."""

import json

import pytest

from build import BEGIN, Played, a_definition, at, each, end, flow, script, timer, user, when
from service.core.commands import ClaimUserTask, DeliverMessage, FireTimers
from service.core.engine.markers import markers
from service.core.errors import CannotMove, NothingToDo, NotWaiting
from service.core.events import (
    ClockBreached,
    ClockChanged,
    ClockMet,
    ClockMoved,
    ClockStarted,
    ClockWithdrawn,
    InstanceMigrated,
    ReminderFell,
    TimerCancelled,
    TimerFired,
    TimerMoved,
    TimerRenamed,
    TimerScheduled,
    UserTaskChanged,
    UserTaskCreated,
    UserTaskReleased,
)


def line(*tasks: str, **changed: str):
    """A definition of user tasks one after another; ``changed`` replaces a task's element."""
    parts = [changed.get(t, user(t)) for t in tasks]
    return a_definition(BEGIN, *parts, end(), flow("begin", *tasks, "end"))


def started(definition, **variables: object) -> Played:
    case = Played(definition)
    case.start("2026-03-02T09:00", **variables)
    return case


def kinds(outcome) -> list[str]:
    return [type(e).__name__ for e in outcome.events]


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


def edged(*timers: str, after: str = "", **properties: str):
    """One task with these timers on its edge; each leads to the task ``why``."""
    ids = [t.split('id="')[1].split('"')[0] for t in timers]
    ways = "".join(flow(i, "why") for i in ids)
    beside = [user("why"), end("why_end"), flow("why", "why_end")] if ids else []
    return a_definition(
        BEGIN, user("decide", **properties), *timers, *beside, ways, end(), flow("begin", "decide", "end")
    )


LIMIT = {"clock": "limit", "name": "Limit", "from": "came_at"}


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
