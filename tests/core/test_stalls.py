"""No case stops without a word: every way we know of to stall one either works or fails the step that would do it."""

from datetime import timedelta

import pytest

from build import BEGIN, Played, a_definition, at, each, end, flow, script, user, when
from service.core.commands import CompleteUserTask, FireTimers
from service.core.errors import NothingToDo, StepFailed

AGAIN = '<bpmn:exclusiveGateway id="again" name="Answered?" default="again_end"/>'
A_DAY = (
    '<bpmn:intermediateCatchEvent id="wait" name="wait"><bpmn:timerEventDefinition id="wt">'
    '<bpmn:timeDuration>"P1D"</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>'
)
FILLING = [f"so{n}" for n in range(88)]  # makes a turn deep: ten turns are as deep as five hundred of a lean loop


def chase_loop() -> Played:
    """A loop that waits for a day and goes round until ``answered``."""
    parts = [script(name, f"counted = {n}") for n, name in enumerate(FILLING)]
    path = flow("begin", "wait", *FILLING, "again", "end")
    case = Played(a_definition(BEGIN, A_DAY, *parts, AGAIN, end(), path, when("again", "wait", "not answered")))
    case.start("2026-03-02T09:00", answered=False)
    return case


def test_a_chase_loop_of_the_clock_fails_aloud_before_the_engine_loses_sight_of_it():
    case, now, turns = chase_loop(), at("2026-03-02T10:00"), 0
    with pytest.raises(StepFailed, match="gone round too often"):  # noqa: PT012 - whichever turn it is
        for turns in range(2_000):  # noqa: B007 - how far it got is asserted below
            now += timedelta(days=1)
            case.take(FireTimers(), now.isoformat())
    assert turns >= 8
    before = case.state
    with pytest.raises(StepFailed, match="gone round too often"):  # and again, rather than being silent from then on
        case.take(FireTimers(), now.isoformat())
    assert case.state == before


def over(sequential: str) -> Played:
    repeated = user("answer", each("bodies", "body").replace('"false"', f'"{sequential}"'))
    path = flow("begin", "one", "answer", "last", "end")
    return Played(a_definition(BEGIN, user("one"), repeated, user("last"), end(), path))


@pytest.mark.parametrize("sequential", ["true", "false"])
@pytest.mark.parametrize("bodies", [None, "police", 3, 2.5, True, {"id": "police"}, "missing"], ids=repr)
def test_what_is_no_list_is_never_repeated_over(sequential, bodies):
    case = over(sequential)
    case.start(**({} if bodies == "missing" else {"bodies": bodies}))
    before = case.state
    with pytest.raises(StepFailed):
        case.complete("one", "2026-03-03T09:00")
    assert case.state == before


@pytest.mark.parametrize("sequential", ["true", "false"])
@pytest.mark.parametrize(
    "bodies",
    [
        [],
        ["a"],
        ["a", "b", "c"],
        [{"id": "a"}, {"id": "b"}],
        [None, "b"],
        ["a", None],
        ["a", None, "b"],
        [0, False, ""],
    ],
    ids=repr,
)
def test_a_list_is_gone_through_whole_or_refused(sequential, bodies):
    case = over(sequential)
    case.start(bodies=bodies)
    done = 0
    try:
        case.complete("one", "2026-03-03T09:00")
        for done in range(1, len(bodies) + 1):
            assert "answer" in case.waiting, f"of {len(bodies)} turns {done} are done and nobody is asked"
            case.complete("answer", f"2026-03-04T09:{done:02}")
    except StepFailed:
        assert None in bodies, f"turn {done} failed"
        assert case.waiting
        return
    assert case.waiting == ["last"]
    case.complete("last", "2026-03-05T09:00")
    assert case.outcome == "end"


def test_a_script_that_fails_undoes_the_whole_step():
    path = flow("begin", "one", "first", "second", "end")
    case = Played(
        a_definition(BEGIN, user("one"), script("first", "x = 1"), script("second", "y = nothing + 1"), end(), path)
    )
    case.start()
    before = case.state
    for _ in range(2):
        with pytest.raises(StepFailed) as failed:
            case.take(CompleteUserTask(case.task("one"), {"z": 1}), "2026-03-03T09:00")
        assert failed.value.element == "second"
        assert (case.state, case.waiting) == (before, ["one"])
    with pytest.raises(NothingToDo):
        case.take(FireTimers(), "2036-03-03T09:00")
