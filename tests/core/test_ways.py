"""Which flows a case took: gateways, edges, sub-processes, repetitions, withdrawn work, doubled flows."""

import pytest

from build import BEGIN, MINI, Played, a_definition, at, each, end, flow, timer, user, when
from service.core import scenarios
from service.core.commands import DeliverMessage, FireTimers
from service.core.coverage import coverage, percentage
from service.core.definitions import definition_of
from service.core.diagram_picture import svg
from service.core.engine.ways import taken
from service.runtime.bundles import read_folder

GATEWAY = '<bpmn:exclusiveGateway id="{0}" name="{0}?" default="{0}_{1}"/>'
SPLIT = '<bpmn:parallelGateway id="{0}"/>'


def took(case: Played) -> set[str]:
    return {f for _, f in taken(case.definition, case.state, case.happened)}


def every(definition) -> set[str]:
    return {f for p in definition.processes.values() for ids in p.flows.values() for f in ids}


def test_only_the_way_that_was_chosen_is_taken():
    case = Played(a_definition(
        BEGIN, GATEWAY.format("how", "b"), user("a"), user("b"), end(), flow("begin", "how", "b", "end"),
        when("how", "a", "n == 1"), flow("a", "end"),
    ))  # fmt: skip
    case.start(n=2)
    assert took(case) == {"begin_how", "how_b"}
    case.complete("b", "2026-03-03T09:00")
    assert took(case) == {"begin_how", "how_b", "b_end"}


def test_all_ways_of_a_split_and_a_join_are_taken_and_those_that_arrive_count_at_once():
    case = Played(a_definition(
        BEGIN, SPLIT.format("s"), user("a"), user("b"), SPLIT.format("j"), end(), flow("begin", "s", "a", "j", "end"),
        flow("s", "b", "j"),
    ))  # fmt: skip
    case.start()
    case.complete("b", "2026-03-03T09:00")
    assert took(case) == every(case.definition) - {"a_j", "j_end"}
    case.complete("a", "2026-03-04T09:00")
    assert took(case) == every(case.definition)


def edged(kind, expression, *, interrupting):
    return a_definition(
        BEGIN, user("a"), timer("t", "a", kind, expression, interrupting=interrupting), user("late"), end(), end("e2"),
        flow("begin", "a", "end"), flow("t", "late", "e2"),
    )  # fmt: skip


def test_an_event_on_an_edge_is_a_way_of_its_own():
    case = Played(edged("timeDate", "came_at", interrupting=True))
    case.start(came_at=at("2026-03-05"))
    assert took(case) == {"begin_a"}
    case.take(FireTimers(), "2026-03-06")
    assert took(case) == {"begin_a", "t_late"}
    case.complete("late", "2026-03-07")
    assert took(case) == {"begin_a", "t_late", "late_e2"}


def test_what_a_repeated_timer_began_counts_also_when_it_is_withdrawn():
    case = Played(edged("timeCycle", "'R3/P7D'", interrupting=False))
    case.start()
    assert took(case) == {"begin_a"}
    case.take(FireTimers(), "2026-03-20")
    assert took(case) == {"begin_a", "t_late"}
    case.complete("a", "2026-03-21")
    assert took(case) == {"begin_a", "t_late", "a_end"}


def test_ways_in_what_is_ended_from_outside_stay_taken():
    inside = f'<bpmn:subProcess id="sub"><bpmn:startEvent id="i"/>{user("x")}{user("y")}{end("z")}{flow("i", "x", "y", "z")}</bpmn:subProcess>'  # noqa: E501
    case = Played(a_definition(
        BEGIN, inside, timer("t", "sub", "timeDate", "came_at", interrupting=True), end(), end("e2"),
        flow("begin", "sub", "end"), flow("t", "e2"),
    ))  # fmt: skip
    case.start(came_at=at("2026-03-05"))
    case.complete("x", "2026-03-03")
    case.take(FireTimers(), "2026-03-06")
    assert case.outcome == "e2"
    assert took(case) == {"begin_sub", "i_x", "x_y", "t_e2"}


def test_called_processes_and_repetitions_count():
    other = (
        f'<bpmn:process id="other" isExecutable="true"><bpmn:startEvent id="o"/>{user("x")}{end("oe")}'
        f'{flow("o", "x", "oe")}</bpmn:process>'
    )  # fmt: skip
    call = f'<bpmn:callActivity id="call" calledElement="other">{each("rows", "row")}</bpmn:callActivity>'
    case = Played(a_definition(BEGIN, call, end(), flow("begin", "call", "end"), called=other))
    case.start(rows=[{"id": "a"}, {"id": "b"}])
    assert took(case) == {"begin_call", "o_x"}
    case.complete("x", "2026-03-03", item="a")
    assert taken(case.definition, case.state, ()) == {("main", "begin_call"), ("other", "o_x"), ("other", "x_oe")}
    case.complete("x", "2026-03-03", item="b")
    assert took(case) == every(case.definition)


def test_what_a_message_begins_beside_the_flow_counts():
    beside = (
        '<bpmn:subProcess id="more" triggeredByEvent="true"><bpmn:startEvent id="m" isInterrupting="false">'
        '<bpmn:messageEventDefinition id="md" messageRef="m_more"/></bpmn:startEvent>'
        f'{user("x")}{end("me")}{flow("m", "x", "me")}</bpmn:subProcess>'
    )
    case = Played(a_definition(BEGIN, user("a"), end(), beside, flow("begin", "a", "end")))
    case.start()
    assert took(case) == {"begin_a"}
    case.take(DeliverMessage("more", {}), "2026-03-03")
    assert took(case) == {"begin_a", "m_x"}


def test_of_what_comes_first_only_that_is_taken():
    wait = "".join(
        f'<bpmn:intermediateCatchEvent id="{n}"><bpmn:timerEventDefinition id="{n}_t"><bpmn:timeDate>{t}'
        "</bpmn:timeDate></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>"
        for n, t in (("soon", "came_at"), ("far", "came_at + days(9)"))
    )
    case = Played(a_definition(
        BEGIN, '<bpmn:eventBasedGateway id="first"/>', wait, end(), end("e2"),
        flow("begin", "first", "soon", "end"), flow("first", "far", "e2"),
    ))  # fmt: skip
    case.start(came_at=at("2026-03-05"))
    assert took(case) == {"begin_first"}
    case.take(FireTimers(), "2026-03-06")
    assert took(case) == {"begin_first", "first_soon", "soon_end"}


TWICE = (
    '<bpmn:sequenceFlow id="yes" name="yes" sourceRef="how" targetRef="a"><bpmn:conditionExpression>n == 1'
    '</bpmn:conditionExpression></bpmn:sequenceFlow><bpmn:sequenceFlow id="other" sourceRef="how" targetRef="a"/>'
)


@pytest.mark.parametrize(("n", "way"), [(1, "yes"), (2, "other")])
def test_two_flows_between_the_same_two_nodes_are_told_apart(n, way):
    definition = a_definition(
        BEGIN, '<bpmn:exclusiveGateway id="how" default="other"/>', user("a"), end(), flow("begin", "how"), TWICE,
        flow("a", "end"),
    )  # fmt: skip
    assert definition.apart is not definition
    case = Played(definition.apart)
    case.start(n=n)
    assert took(case) & every(definition) == {"begin_how", way}
    (found,) = coverage(definition, taken(definition.apart, case.state, ()))
    assert [w.flow for w in found.missing] == [{"yes": "other", "other": "yes"}[way], "a_end"]
    assert found.missing[0].words.startswith("choice how – " + ("otherwise" if way == "yes" else "yes"))


def test_a_definition_without_doubled_flows_is_left_alone():
    definition = definition_of(read_folder(MINI))
    assert definition.apart is definition


FILES = read_folder(MINI)
(STORY,) = (t for p, t in FILES.items() if p.startswith("processes/scenarios/"))


def test_the_flows_no_story_takes_are_told_in_words_and_drawn_red():
    definition = definition_of(FILES)
    report = scenarios.play(definition, STORY)
    assert report.failures == []
    (found,) = coverage(definition, report.flows)
    assert {w.flow: w.words for w in found.missing} == {
        "f7": "“More time allowed” → “Noted”", "refuse": "“Granted?” – no → “Refused”",
    }  # fmt: skip
    assert percentage([found]) == 100 * (len(found.ways) - len(found.missing)) / len(found.ways) < 100
    picture = svg(definition.diagram("application"), {w.flow for w in found.missing}, found.name)
    assert picture.count('class="m"') == len(found.missing)
    assert picture.count('class="f"') + picture.count('class="m"') == picture.count("<polyline")
    assert all(f"<title>{w.flow}: never taken</title>" in picture for w in found.missing)


def test_a_picture_says_nothing_as_code():
    name = "&lt;script&gt;alert(1)&lt;/script&gt;"
    text = FILES["processes/application.bpmn"].replace('name="Refused"', f'name="{name}"')
    assert "<script" not in svg(text, (), "<script>")


def expecting(flow_id):
    return scenarios.play(definition_of(FILES), f"{STORY}\n  - {{flow: {flow_id}}}\n").failures


def test_a_story_may_expect_a_flow():
    (found,) = coverage(definition_of(FILES), scenarios.play(definition_of(FILES), STORY).flows)
    missing = found.missing[0].flow
    one = next(w.flow for w in found.ways if w not in found.missing)
    assert expecting(one) == []
    assert [f.text for f in expecting(missing)] == [f"the flow {missing} was not taken"]


def test_a_diagram_that_is_not_executed_needs_no_story():
    other = f'<bpmn:process id="other" isExecutable="false">{user("x")}{user("y")}{flow("x", "y")}</bpmn:process>'
    definition = a_definition(BEGIN, end(), flow("begin", "end"), called=other)
    assert [c.process for c in coverage(definition, ())] == ["main"]
    assert percentage(coverage(definition, {("main", "begin_end")})) == 100
    assert percentage([]) == 100
