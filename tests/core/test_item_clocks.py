"""Clocks of repeated steps: each item its own, each started, breached, met, moved and stopped by itself."""

import json

import pytest

from build import BEGIN, Played, a_definition, at, each, end, flow, script, timer, user, when
from service.core import events, scenarios
from service.core.clocks import clock_from, written
from service.core.commands import CancelInstance, DeliverMessage, FireTimers
from service.core.engine.memory import clocks_kept, names_seen
from service.core.events import ClockBreached, ClockMet, ClockMoved, ClockStarted, ReminderFell
from service.core.events_beside import ClockChanged, ClockStopped, ClockWithdrawn

AGENCIES = json.dumps([{"id": "police", "name": "The police"}, {"id": "gp", "name": "The surgery"}])
IN_TURN = each("agencies", "agency").replace('isSequential="false"', 'isSequential="true"')
SIDE_BY_SIDE = each("agencies", "agency")
MORE = (
    '<bpmn:subProcess id="more" triggeredByEvent="true"><bpmn:startEvent id="more_start" isInterrupting="false">'
    '<bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent><bpmn:endEvent id="more_end"/>'
    '<bpmn:sequenceFlow id="mf" sourceRef="more_start" targetRef="more_end"/></bpmn:subProcess>'
)
DUE = "agency.get('until') or working_days_after(came_on, 2)"
DIRECTORY = {"tables": {"processes/agencies.json": AGENCIES}}


def late(expression: str = DUE, *, name: str = "Secured", key: str = "secured", **properties: str) -> str:
    return timer("late", "secure", "timeDate", expression, clock=key, name=name,
                 **{"from": "came_on", "remind": "1", **properties})  # fmt: skip


def within(repeat: str, clock: str = "", *, due: str = "") -> str:
    task = user("secure", role="officer", agency="agency.id", **({"due": due} if due else {}))
    return (
        f'<bpmn:subProcess id="within">{repeat}<bpmn:startEvent id="ws"/>{task}{end("we")}{clock or late()}'
        f'{user("why")}{end("why_end")}{flow("ws", "secure", "we")}{flow("late", "why", "why_end")}</bpmn:subProcess>'
    )


def inside(repeat: str, clock: str = "", **given: str):
    return a_definition(
        BEGIN, within(repeat, clock, **given), user("last"), end(), MORE, flow("begin", "within", "last", "end"),
        **DIRECTORY,
    )  # fmt: skip


def called(repeat: str):
    process = (
        f'<bpmn:process id="other" isExecutable="true"><bpmn:startEvent id="os"/>'
        f'{user("secure", role="officer", agency="agency.id")}{late()}{end("oe")}{user("why")}{end("why_end")}'
        f'{flow("os", "secure", "oe")}{flow("late", "why", "why_end")}</bpmn:process>'
    )
    call = f'<bpmn:callActivity id="call" calledElement="other">{repeat}</bpmn:callActivity>'
    return a_definition(
        BEGIN, call, user("last"), end(), MORE, flow("begin", "call", "last", "end"), called=process, **DIRECTORY
    )


def started(definition, *ids: str, **variables: object) -> Played:
    case = Played(definition)
    rows = [{"id": i} for i in ids or ("police", "gp")]
    case.start("2026-03-02T09:00", agencies=rows, came_on=at("2026-03-02").date(), **variables)
    return case


def clocks(case: Played) -> dict:
    return clocks_kept(case.state)


def days(found: list) -> list[tuple[str, str]]:
    return [(e.clock, f"{e.due_at:%d %B}") for e in found]


@pytest.mark.parametrize("definition", [inside(SIDE_BY_SIDE), called(SIDE_BY_SIDE)], ids=["sub-process", "called"])
def test_each_item_has_a_clock_of_its_own_side_by_side(definition):
    case = started(definition)
    assert [(e.clock, e.name, e.item) for e in case.all(ClockStarted)] == [
        ("secured:police", "Secured: The police", "police"), ("secured:gp", "Secured: The surgery", "gp"),
    ]  # fmt: skip
    case.complete("secure", "2026-03-03T12:00", item="gp")
    assert [(e.clock, e.in_time) for e in case.all(ClockMet)] == [("secured:gp", True)]
    case.take(FireTimers(), "2026-03-05T09:00")
    assert days(case.all(ClockBreached)) == [("secured:police", "04 March")]
    assert [(e.key, e.name) for e in case.all(ReminderFell)] == [
        ("secured:gp", "Secured: The surgery"), ("secured:police", "Secured: The police"),
    ]  # fmt: skip
    case.complete("secure", "2026-03-06T12:00", item="police")
    assert [(e.clock, e.in_time) for e in case.all(ClockMet)][1:] == [("secured:police", False)]


@pytest.mark.parametrize("definition", [inside(IN_TURN), called(IN_TURN)], ids=["sub-process", "called"])
def test_each_item_has_a_clock_of_its_own_one_after_the_other(definition):
    case = started(definition)
    assert list(clocks(case)) == ["secured:police"]
    case.complete("secure", "2026-03-03T12:00", item="police")
    assert [(k, c.met) for k, c in clocks(case).items()] == [("secured:gp", False), ("secured:police", True)]
    case.complete("secure", "2026-03-03T13:00", item="gp")
    assert [e.clock for e in case.all(ClockMet)] == ["secured:police", "secured:gp"]
    assert case.waiting == ["last"]


def test_the_clock_of_one_item_moves_and_the_others_stay():
    case = started(inside(SIDE_BY_SIDE))
    later = [{"id": "police", "until": at("2026-03-20").date()}, {"id": "gp"}]
    case.take(DeliverMessage("more", {"agencies": later}), "2026-03-03T09:00")
    (moved,) = case.all(ClockMoved)
    assert (moved.clock, f"{moved.to_due:%d %B}") == ("secured:police", "20 March")
    case.take(FireTimers(), "2026-03-05T09:00")
    assert days(case.all(ClockBreached)) == [("secured:gp", "04 March")]


def test_a_clock_of_an_item_that_passed_and_is_extended_keeps_its_breach():
    case = started(inside(SIDE_BY_SIDE))
    case.take(FireTimers(), "2026-03-05T09:00")
    later = [{"id": "police", "until": at("2026-03-20").date()}, {"id": "gp"}]
    case.take(DeliverMessage("more", {"agencies": later}), "2026-03-06T09:00")
    case.take(FireTimers(), "2026-03-25T09:00")
    kept = clocks(case)
    assert [len(kept[k].breaches) for k in ("secured:gp", "secured:police")] == [1, 2]
    assert days(case.all(ClockBreached))[-1] == ("secured:police", "20 March")


def test_a_cancelled_case_stops_the_clock_of_each_item():
    case = started(inside(SIDE_BY_SIDE))
    case.complete("secure", "2026-03-03T12:00", item="gp")
    case.take(CancelInstance("r"), "2026-03-03T13:00")
    assert [e.clock for e in case.all(ClockStopped)] == ["secured:police"]


def test_inside_an_item_expressions_see_its_own_clock_and_outside_all_by_their_keys():
    case = started(inside(SIDE_BY_SIDE, late("working_days_after(came_on, 2 if agency.id == 'gp' else 9)"),
                          due="clocks.secured.due"))  # fmt: skip
    dues = {t.item: t.due_at for t in case.open.values()}
    kept = clocks(case)
    assert dues == {i: kept[f"secured:{i}"].due for i in ("gp", "police")}
    assert len(set(dues.values())) == 2
    assert names_seen({}, case.state, "gp")["clocks"]["secured"]["due"] == dues["gp"]
    assert sorted(names_seen({}, case.state, None)["clocks"]) == ["secured:gp", "secured:police"]


def test_a_clock_outside_is_seen_inside_unless_the_item_has_its_own():
    outer = timer("whole", "within", "timeDate", "came_on + days(30)", clock="whole", name="Whole",
                  **{"from": "came_on"})  # fmt: skip
    case = started(a_definition(
        BEGIN, within(SIDE_BY_SIDE, due="earlier(clocks.whole.due, clocks.secured.due)"), outer, user("last"), end(),
        end("e2"), flow("begin", "within", "last", "end"), flow("whole", "e2"), **DIRECTORY,
    ))  # fmt: skip
    assert sorted(clocks(case)) == ["secured:gp", "secured:police", "whole"]
    assert {t.due_at for t in case.open.values()} == {clocks(case)["secured:gp"].due}


def test_what_an_items_clock_counts_from_may_be_a_field_of_the_item():
    fields = [{"id": "police", "told_on": at("2026-02-27").date()}, {"id": "gp"}]
    case = Played(inside(SIDE_BY_SIDE, late("came_on + days(9)", **{"from": "agency.told_on"})))
    case.start("2026-03-02T09:00", agencies=fields, came_on=at("2026-03-02").date())
    assert [e.started_from for e in case.all(ClockStarted)] == [at("2026-02-27").date(), None]


LOOP = a_definition(
    BEGIN, user("secure"), late("came_on + days(9)"), user("why"), end("why_end"),
    '<bpmn:exclusiveGateway id="again" default="again_end"/>', end(),
    flow("begin", "secure", "again", "end"), when("again", "secure", "more"), flow("late", "why", "why_end"),
)  # fmt: skip


def test_an_activity_that_runs_again_gives_a_fresh_clock_and_the_history_keeps_the_former():
    case = started(LOOP)
    case.take(FireTimers(), "2026-03-12T09:00")
    outcome = case.complete("secure", "2026-03-13T09:00", more=True, came_on=at("2026-03-13").date())
    told = [type(e).__name__ for e in outcome.events if isinstance(e, ClockMet | ClockStarted)]
    assert told == ["ClockMet", "ClockStarted"], "the former run ends before the next begins"
    again = clocks(case)["secured"]
    assert (again.breaches, again.breached, again.met, again.due) == ((), False, False, again.first_due)
    assert f"{again.due:%d %B}" == "22 March"
    case.complete("secure", "2026-03-14T09:00", more=False)
    assert [(e.clock, e.in_time) for e in case.all(ClockMet)] == [("secured", False), ("secured", True)]
    assert days(case.all(ClockBreached)) == [("secured", "11 March")]


def test_a_clock_never_takes_the_place_of_one_that_still_runs():
    both = (
        '<bpmn:parallelGateway id="fork"/><bpmn:parallelGateway id="join"/>'
        '<bpmn:callActivity id="one" calledElement="other"/><bpmn:callActivity id="two" calledElement="other"/>'
    )
    process = (
        f'<bpmn:process id="other" isExecutable="true"><bpmn:startEvent id="os"/>{user("secure")}'
        f'{late("came_on + days(3)")}{end("oe")}{end("late_end")}{flow("os", "secure", "oe")}'
        f'{flow("late", "late_end")}</bpmn:process>'
    )
    ways = flow("begin", "fork") + flow("fork", "one", "join", "end") + flow("fork", "two", "join")
    case = started(a_definition(BEGIN, both, end(), ways, called=process))
    assert sorted(clocks(case)) == ["secured", "secured#2"]
    case.take(FireTimers(), "2026-03-12T09:00")
    assert sorted(e.clock for e in case.all(ClockBreached)) == ["secured", "secured#2"]
    case.complete("secure", "2026-03-12T10:00")
    case.complete("secure", "2026-03-12T11:00")
    assert sorted(e.clock for e in case.all(ClockMet)) == ["secured", "secured#2"]


def test_a_move_to_another_version_keeps_the_clocks_of_items():
    case = started(inside(SIDE_BY_SIDE))
    case.take(FireTimers(), "2026-03-05T09:00")
    case.migrate(inside(SIDE_BY_SIDE, late(name="Records secured")), "2026-03-06T09:00")
    assert [(e.clock, e.name) for e in case.all(ClockChanged)] == [
        ("secured:gp", "Records secured: The surgery"), ("secured:police", "Records secured: The police"),
    ]  # fmt: skip
    assert {k: (c.item, len(c.breaches)) for k, c in clocks(case).items()} == {
        "secured:gp": ("gp", 1), "secured:police": ("police", 1),
    }  # fmt: skip
    assert len(case.all(ClockStarted)) == 2
    case.migrate(inside(SIDE_BY_SIDE, late(key="kept")), "2026-03-06T10:00")
    assert sorted(e.clock for e in case.all(ClockWithdrawn)) == ["secured:gp", "secured:police"]


def test_a_clock_added_by_a_new_version_begins_for_each_item():
    plain = timer("late", "secure", "timeDate", DUE)
    case = started(inside(SIDE_BY_SIDE, plain))
    assert clocks(case) == {}
    case.migrate(inside(SIDE_BY_SIDE), "2026-03-02T10:00")
    assert [e.clock for e in case.all(ClockStarted)] == ["secured:police", "secured:gp"]


def test_a_clock_on_the_whole_repetition_stays_one_clock():
    whole = a_definition(
        BEGIN, user("secure", each("agencies", "agency"), role="officer", agency="agency.id"),
        timer("late", "secure", "timeDate", "came_on + days(9)", clock="all", name="All"), end("e2"), end(),
        flow("begin", "secure", "end"), flow("late", "e2"),
    )  # fmt: skip
    case = started(whole)
    assert [(e.clock, e.item) for e in case.all(ClockStarted)] == [("all", None)]
    case.complete("secure", "2026-03-03T09:00", item="gp")
    assert case.all(ClockMet) == []
    case.complete("secure", "2026-03-03T09:00", item="police")
    assert [e.clock for e in case.all(ClockMet)] == ["all"]


def test_what_is_written_of_a_clock_without_an_item_is_what_was_always_written():
    case = started(LOOP)
    kept = written(clocks(case)["secured"])
    assert "item" not in kept
    assert clock_from(kept) == clocks(case)["secured"]
    (begun,) = case.all(ClockStarted)
    assert "item" not in events.to_json(begun)
    assert events.from_json(events.to_json(begun)) == begun
    of_item = started(inside(SIDE_BY_SIDE))
    assert events.from_json(events.to_json(of_item.all(ClockStarted)[0])).item == "police"


COUNTING = a_definition(
    BEGIN, user("secure"), timer("ask", "secure", "timeCycle", '"R3/P28D"', clock="answer", name="Answer",
                                 kind="counter", remind="1"),
    user("enquire"), end("asked"), end(), flow("begin", "secure", "end"), flow("ask", "enquire", "asked"),
)  # fmt: skip


def test_a_counter_asks_again_and_again_and_is_never_breached_nor_moved():
    case = started(COUNTING)
    (begun,) = case.all(ClockStarted)
    assert (begun.kind, f"{begun.due_at:%d %B}") == ("counter", "30 March")
    case.take(FireTimers(), "2026-04-01T09:00")
    assert f"{clocks(case)['answer'].due:%d %B}" == "27 April"
    case.take(FireTimers(), "2026-08-01T09:00")
    assert case.waiting == ["enquire"] * 3 + ["secure"]
    assert (case.all(ClockBreached), case.all(ClockMoved), clocks(case)["answer"].running) == ([], [], True)
    case.complete("secure", "2026-08-02T09:00")
    assert [e.in_time for e in case.all(ClockMet)] == [True]


def test_back_dated_beyond_its_limit_a_clock_is_breached_at_once_without_reminders():
    case = started(LOOP)
    fresh = Played(LOOP)
    fresh.start("2026-05-02T09:00", came_on=at("2026-03-02").date(), agencies=[])
    assert case.all(ClockBreached) == []
    assert days(fresh.all(ClockBreached)) == [("secured", "11 March")]
    assert (fresh.waiting, fresh.all(ReminderFell)) == (["secure", "why"], [])
    assert json.loads(fresh.state)["reminders"] == []


SCENARIO = """
name: items
start: {message: begin, at: 2026-03-02T09:00, as: clerk, data: {}}
steps:
  - {until: 2026-03-05T09:00}
expect:
  - {clock: secured, item: police, due: 2026-03-04, breached: true}
  - {clock: "secured:gp", breached: true, met: false}
  - {clock: secured, item: gp, breached: false}
  - {clock: secured, item: nobody, breached: true}
"""


def test_a_scenario_speaks_of_the_clock_of_an_item():
    prepare = script("prepare", "agencies = [{'id': 'police'}, {'id': 'gp'}]\ncame_on = date(2026, 3, 2)")
    definition = a_definition(
        BEGIN, prepare, within(SIDE_BY_SIDE), user("last"), end(), flow("begin", "prepare", "within", "last", "end"),
        **DIRECTORY,
    )  # fmt: skip
    assert [f.text for f in scenarios.play(definition, SCENARIO).failures] == [
        "clock secured:gp: breached should be False; it is True",
        "there is no clock secured:nobody; there are: ['secured:gp', 'secured:police']",
    ]


EXPLAINED = """
name: explained
start: {message: begin, at: 2013-05-29T09:00, as: clerk, data: {}}
steps:
  - {until: 2013-07-10T09:00}
expect:
  - {clock: limit, says: "29 June", elapsed: 42, elapsed_working: 30, elapsed_less_holds: 35, over: 11}
  - {clock: limit, at: 2013-06-10T09:00, elapsed: 12, over: 0, breached: false}
  - {clock: limit, says: "30 June"}
  - {clock: limit, elapsed: 1, over: 2}
  - {clock: limit, elapsed: 42, elapsd: 1}
  - {clock: limit, at: 2013-05-01T09:00, elapsed: 1}
"""


def test_a_scenario_asks_how_long_a_clock_ran_and_what_its_sum_says():
    prepare = script("prepare", "came_on = date(2013, 5, 29)\nholds = [{'from': '2013-06-03', 'to': '2013-06-10'}]")
    definition = a_definition(
        BEGIN, prepare, user("secure"), late("months_after(came_on, 1)", key="limit", held="holds"), end("e2"), end(),
        flow("begin", "prepare", "secure", "end"), flow("late", "e2"),
    )  # fmt: skip
    wrong = [f.text for f in scenarios.play(definition, EXPLAINED).failures]
    assert wrong[0].startswith("clock limit should say “30 June”; it says: 29 May 2013 + 1 calendar month = 29 June")
    assert wrong[1:3] == ["clock limit: elapsed should be 1; it is 42", "clock limit: over should be 2; it is 11"]
    assert wrong[3].startswith("clock limit: nothing is known of ['elapsd']")
    assert wrong[4:] == ["clock limit had not begun by then"]
