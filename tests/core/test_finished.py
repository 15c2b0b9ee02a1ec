"""What has finished stays as it was written: fewer things are built, and the bytes are those of before."""

from datetime import date

from build import BEGIN, Played, a_definition, each, end, flow, timer, user
from service.core import determinism
from service.core.commands import FireTimers
from service.core.engine import memory
from service.core.engine.markers import NEVER

DAY = "2026-03-02T09:00"
INNER = (
    '<bpmn:process id="inner" isExecutable="true"><bpmn:startEvent id="inner_s"/>' + user("sign") + end("inner_e")
    + flow("inner_s", "sign", "inner_e") + "</bpmn:process>"
)  # fmt: skip
OUTER = (
    '<bpmn:process id="outer" isExecutable="true"><bpmn:startEvent id="outer_s"/>'
    '<bpmn:callActivity id="deep" name="deep" calledElement="inner"/>' + user("answer") + end("outer_e")
    + flow("outer_s", "deep", "answer", "outer_e") + "</bpmn:process>"
)  # fmt: skip
EACH = f'<bpmn:callActivity id="each" calledElement="outer">{each("agencies", "agency")}</bpmn:callActivity>'
CASE = a_definition(
    BEGIN, EACH, user("after"), end(), flow("begin", "each", "after", "end"),
    timer("over", "each", "timeDate", "months_after(day, 1)", interrupting=True), user("instead"), end("over_end"),
    flow("over", "instead", "over_end"), called=OUTER + INNER,
)  # fmt: skip


def begun() -> Played:
    case = Played(CASE)
    case.start(DAY, agencies=[{"id": "a"}, {"id": "b"}], day=date(2030, 1, 1))
    return case


def levels(case: Played, *, whole: bool) -> tuple[int, bytes]:
    """How many sub-processes are built for a step, and what would be kept if nothing happened in it."""
    with CASE.lock, determinism.seams("case", 0, NEVER):
        CASE.specification.fresh()
        workflow, kept = memory.load(CASE.specification, case.state, whole=whole)
        return len(workflow.subprocesses), memory.dump(workflow, kept)


def test_only_what_goes_on_is_built_and_the_bytes_are_the_same():
    case = begun()
    assert levels(case, whole=False)[0] == 4
    case.complete("sign", DAY, "a")
    assert (levels(case, whole=True)[0], levels(case, whole=False)[0]) == (4, 3)
    case.complete("answer", DAY, "a")
    assert (levels(case, whole=True)[0], levels(case, whole=False)[0]) == (4, 2)
    assert levels(case, whole=False)[1] == levels(case, whole=True)[1] == case.state


def test_what_hangs_in_work_that_goes_on_comes_back_with_it():
    case = begun()
    for item in ("a", "b"):
        case.complete("sign", DAY, item)
        case.complete("answer", DAY, item)
    case.complete("after", DAY)
    assert case.outcome is not None
    assert levels(case, whole=True)[0] == 4
    assert levels(case, whole=False)[1] == case.state


def test_what_a_cancelled_repetition_had_finished_goes_with_it():
    case = Played(CASE)
    case.start(DAY, agencies=[{"id": "a"}, {"id": "b"}], day=date(2026, 3, 2))
    case.complete("sign", DAY, "a")
    case.complete("answer", DAY, "a")
    case.complete("sign", DAY, "b")
    case.take(FireTimers(), "2026-05-01T09:00")
    assert levels(case, whole=True)[0] == 2, "what the first had done stays, what the second had begun is let go of"
    case.complete("instead", "2026-05-01T09:00")
    assert case.outcome is not None
    assert levels(case, whole=True)[1] == case.state
