"""Joins: parallel and inclusive ways inside loops are joined in every turn; what is still at work is waited for."""

import pytest

from build import BEGIN, Played, a_definition, each, end, flow, user, when
from service.core.errors import StepFailed


def gate(element: str, kind: str, default: str = "") -> str:
    """A gateway."""
    named = f' default="{default}"' if default else ""
    return f'<bpmn:{kind}Gateway id="{element}"{named}/>'


AND_IN_LOOP = a_definition(
    BEGIN, gate("m", "exclusive"), gate("f", "parallel"), user("a"), user("b"), gate("j", "parallel"),
    gate("g", "exclusive", "g_end"), end(),
    flow("begin", "m", "f", "a", "j", "g", "end"), flow("f", "b", "j"), when("g", "m", "again"),
)  # fmt: skip
OR_IN_LOOP = a_definition(
    BEGIN, gate("m", "exclusive"), user("q"), gate("f", "inclusive", "f_j"), user("a"), user("b"),
    gate("j", "inclusive"), gate("g", "exclusive", "g_end"), end(),
    flow("begin", "m", "q", "f", "j", "g", "end"), when("f", "a", "x"), when("f", "b", "y"), flow("a", "j"),
    flow("b", "j"), when("g", "m", "again"),
)  # fmt: skip


def test_parallel_ways_in_a_loop_are_joined_in_every_turn():
    case = Played(AND_IN_LOOP)
    case.start(again=True)
    for turn, (first, second) in enumerate([("a", "b"), ("b", "a"), ("a", "b"), ("b", "a")]):
        case.complete(first, "2026-03-03T09:00")
        assert case.waiting == [second], f"turn {turn}: the join must wait"
        case.complete(second, "2026-03-03T10:00", again=turn < 3)
    assert (case.waiting, case.outcome) == ([], "end")


def test_inclusive_ways_in_a_loop_are_joined_in_every_turn():
    case = Played(OR_IN_LOOP)
    case.start(again=True)
    for x, y in [(True, True), (True, False), (False, False), (True, True)]:
        case.complete("q", "2026-03-03T09:00", x=x, y=y)
        assert case.waiting == (["a"] if x else []) + (["b"] if y else []) or ["q"]
        for element in list(case.waiting if x or y else ()):
            assert "q" not in case.waiting
            case.complete(element, "2026-03-03T10:00")
        assert case.waiting == ["q"]
    case.complete("q", "2026-03-04T09:00", x=False, y=False, again=False)
    assert (case.waiting, case.outcome) == ([], "end")


def test_an_inclusive_join_waits_for_a_sub_process_that_is_not_next_to_it():
    inner = (
        '<bpmn:startEvent id="s2"/>' + user("inside") + '<bpmn:endEvent id="e2"/>' + flow("s2", "inside", "e2")
    )  # fmt: skip
    definition = a_definition(
        BEGIN, gate("f", "parallel"), f'<bpmn:subProcess id="p">{inner}</bpmn:subProcess>', user("then"), user("b"),
        gate("j", "inclusive"), user("z"), end(),
        flow("begin", "f", "p", "then", "j", "z", "end"), flow("f", "b", "j"),
    )  # fmt: skip
    case = Played(definition)
    case.start()
    case.complete("b", "2026-03-03T09:00")
    assert case.waiting == ["inside"]
    case.complete("inside", "2026-03-03T10:00")
    assert case.waiting == ["then"]
    case.complete("then", "2026-03-03T11:00")
    assert case.waiting == ["z"]


def test_a_join_that_two_tokens_reach_on_each_way_fires_once_for_each_pair():
    definition = a_definition(
        BEGIN, gate("f", "parallel"), gate("x", "exclusive"), user("one"), user("two"), gate("f2", "parallel"),
        user("a"), user("b"), gate("j", "parallel"), user("z"), end(),
        flow("begin", "f", "one", "x", "f2", "a", "j", "z", "end"), flow("f", "two", "x"), flow("f2", "b", "j"),
    )  # fmt: skip
    case = Played(definition)
    case.start()
    for element in ("one", "two", "a"):
        case.complete(element, "2026-03-03T09:00")
    assert case.waiting == ["a", "b", "b"]
    case.complete("b", "2026-03-03T10:00")
    assert case.waiting == ["a", "b", "z"]
    case.complete("a", "2026-03-03T11:00")
    case.complete("b", "2026-03-03T12:00")
    assert case.waiting == ["z", "z"]


def test_flows_without_an_id_are_followed():
    nameless = '<bpmn:sequenceFlow sourceRef="{}" targetRef="{}"/>'
    case = Played(a_definition(BEGIN, user("a"), end(), nameless.format("begin", "a"), nameless.format("a", "end")))
    case.start()
    case.complete("a", "2026-03-03T09:00")
    assert case.outcome == "end"


def test_no_true_way_out_of_an_inclusive_gateway_is_a_defect_that_names_it():
    definition = a_definition(
        BEGIN, user("q"), gate("choose", "inclusive"), end(), end("other"), flow("begin", "q", "choose"),
        when("choose", "end", "x == 1"), when("choose", "other", "x == 2"),
    )  # fmt: skip
    case = Played(definition)
    case.start()
    with pytest.raises(StepFailed, match="choose"):
        case.complete("q", "2026-03-03T09:00", x=3)


def test_one_after_the_other_over_a_list_takes_every_turn():
    sequence = each("people", "person").replace('isSequential="false"', 'isSequential="true"')
    case = Played(a_definition(BEGIN, user("a", sequence), end(), flow("begin", "a", "end")))
    case.start(people=[{"id": "p1"}, {"id": "p2"}, {"id": "p3"}])
    for item in ("p1", "p2", "p3"):
        assert [t.item for t in case.open.values()] == [item]
        case.complete("a", "2026-03-03T09:00")
    assert case.outcome == "end"


def test_a_list_cut_short_while_it_is_gone_through_is_a_defect_and_no_crash():
    sequence = each("people", "person").replace('isSequential="false"', 'isSequential="true"')
    case = Played(a_definition(BEGIN, user("a", sequence), end(), flow("begin", "a", "end")))
    case.start(people=[{"id": "p1"}, {"id": "p2"}])
    with pytest.raises(StepFailed):
        case.complete("a", "2026-03-03T09:00", people=[])
