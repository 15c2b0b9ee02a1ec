"""What a move would do is told in words before it is made; what is moved can be continued, and replays equal."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from build import BEGIN, Played, a_definition, at, end, flow, script, timer, user, when
from service.core.commands import ClaimUserTask
from service.core.definitions import ProcessDefinition
from service.core.migrations import UNCHANGED, Migration, Preview
from service.core.replay import examine, replay
from versions import GATE, LIMIT, branches, edged, line, repeated, started


def preview(case: Played, new: ProcessDefinition, when: str = "2026-03-03T09:00", **plan: str) -> Preview:
    before = case.state
    found = Migration(new, plan).preview(
        case.definition, case.state, instance_id=case.name, at=at(when), seq=case.seq + 1
    )
    assert case.state == before
    return found


def told(case: Played, new: ProcessDefinition, when: str = "2026-03-03T09:00", **plan: str) -> list[str]:
    found = preview(case, new, when, **plan)
    assert found.moves, found.problems
    return list(found.sentences)


def refused(case: Played, new: ProcessDefinition, when: str = "2026-03-03T09:00", **plan: str) -> list[str]:
    return [p.message for p in preview(case, new, when, **plan).problems]


def test_what_lies_ahead_or_behind_may_change_and_the_case_moves_unchanged():
    case = started(line("one", "two"))
    case.complete("one", "2026-03-02T10:00")
    assert told(case, line("zero", "two", "three")) == [UNCHANGED]


def test_every_reason_is_in_the_preview():
    assert len(refused(started(branches("a", "b")), line("c"))) == 2


def test_a_move_that_fails_is_told_and_not_raised():
    case = started(edged())
    new = edged(timer("limit", "decide", "timeDate", "nothing_here", **LIMIT))
    assert "nothing_here" in refused(case, new)[0]


def test_an_ended_case_is_told_too():
    case = started(line("one"))
    case.complete("one", "2026-03-03T09:00")
    assert refused(case, line("two")) == ["The case has ended; it stays on the version it ended on."]


def test_limits_are_told_with_their_dates():
    one = edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", remind="7", **LIMIT))
    two = edged(timer("limit", "decide", "timeDate", "months_after(came_at, 2)", remind="3 1", **LIMIT))
    past = edged(timer("limit", "decide", "timeDate", "came_at", **LIMIT))
    case = started(one, came_at=at("2026-03-02T09:00"))
    assert told(case, two) == [
        "“Limit” moves from 2 April 2026 to 2 May 2026",
        "Reminders of “Limit”: 3 and 1 days before instead of 7 days before",
    ]  # fmt: skip
    assert told(case, edged()) == ["The time limit “Limit” no longer applies"]
    none = started(edged(), came_at=at("2026-03-02T09:00"))
    assert told(none, one) == ["The time limit “Limit” is added to “decide”: 2 April 2026"]
    assert told(none, past) == [
        "The time limit “Limit” is added to “decide”: 2 March 2026", "“Limit” has passed: it was 2 March 2026",
        "The time limit “Limit” will be missed at once: it was 2 March 2026", "Will be asked: “why” (Clerk)",
    ]  # fmt: skip


def test_dates_that_are_no_limits_are_told():
    one, two = (edged(timer("t", "decide", "timeDuration", f'"P{n}D"')) for n in (9, 20))
    case = started(one)
    assert told(case, two) == ["“t” moves from 11 March 2026 to 22 March 2026"]
    assert told(case, edged()) == ["The date “t” is taken away from “decide”"]
    assert told(started(edged()), one) == ["A date, “t” is added to “decide”: 12 March 2026"]


def test_tasks_are_told_with_what_is_different():
    case = started(line("one", one=user("one", due="opened_at + days(20)")))
    case.take(ClaimUserTask(case.task("one"), "ann"), "2026-03-02T10:00")
    new = line(
        "one", one=user("one", role="officer", due="opened_at + days(10)", remind="3", form="f", due_basis="rule")
    )
    assert told(case, new) == [
        "“one” goes to Officer instead of Clerk", "“one” is asked with another form: “f”",
        "The reason for the date of “one” is now “rule”", "“one” goes back to its group: somebody holds it now",
        "“one” is due 12 March 2026 instead of 22 March 2026", "A reminder is added to “one”: 3 days before",
    ]  # fmt: skip


def test_a_repeated_task_is_told_by_item():
    case = started(repeated(), agencies=[{"id": "a"}, {"id": "b"}])
    assert told(case, repeated(form="f")) == [
        "“answer” for a is asked with another form: “f”", "“answer” for b is asked with another form: “f”",
    ]  # fmt: skip


def test_what_is_due_by_then_is_said_to_come_first():
    case = started(edged(timer("t", "decide", "timeDuration", '"P2D"')))
    new = edged(timer("t", "decide", "timeDuration", '"P20D"'), form="f")
    assert told(case, new, "2026-03-09T09:00") == [
        "What has fallen due by then happens first, as the present version has it",
        "“decide” is asked with another form: “f”",
    ]  # fmt: skip


def test_a_case_is_not_moved_to_where_a_join_would_wait_for_ever():
    """Past the split, before the join: the way that is new will never be gone."""
    case = started(branches("a", "b"))
    assert refused(case, branches("a", "b", "c")) == [
        "“join” would wait for ever for the way from “c”, which this case does not go."
    ]
    case = started(line("one", "two"))
    assert told(case, branches("one", "two"), one="after") == ["“one” is called “after”"]


def test_a_case_is_not_moved_to_where_a_step_would_be_done_twice():
    """Two ways at once, where the new version goes only one of them and joins nothing."""
    new = a_definition(
        BEGIN, '<bpmn:exclusiveGateway id="split" default="split_a"/>', user("a"), user("b"), user("after"), end(),
        flow("begin", "split", "a", "after", "end"), flow("b", "after"), when("split", "b", "n == 1"),
    )  # fmt: skip
    (reason,) = refused(started(branches("a", "b")), new)
    assert reason.startswith("“after” would be done twice")


def test_a_history_with_moves_in_it_replays_equal_and_is_examined_equal():
    first, second = branches("a", "b"), branches("a", "b", last="other")
    third = edged(timer("limit", "decide", "timeDate", "months_after(came_at, 1)", **LIMIT))
    case = started(first, came_at=at("2026-03-02T09:00"))
    case.complete("a", "2026-03-02T10:00")
    case.migrate(second, "2026-03-03T09:00")
    case.complete("b", "2026-03-03T10:00")
    case.migrate(third, "2026-03-04T09:00", other="decide")
    case.complete("decide", "2026-04-20T09:00")
    definitions = {d.hash: d for d in (first, second, third)}
    assert [o.state for _, o in replay(definitions.__getitem__, case.steps)][-1] == case.state
    verdict = examine(definitions.__getitem__, case.steps, case.state)
    assert (verdict.kind, verdict.steps) == ("equal", 6)


def test_a_history_replayed_without_its_former_version_is_not_equal():
    first, second = line("one"), line("one", "two")
    case = started(first)
    case.migrate(second, "2026-03-03T09:00")
    assert examine({first.hash: first, second.hash: first}.__getitem__, case.steps).kind == "differs"


# --- property: whatever is edited, wherever the case is ---------------------------------------------------------------

TASKS = st.sampled_from(["t1", "t2", "t3", "t4", "t5", "t6"])
TIMERS = st.sampled_from(["", "limit", "span", "turns"])
TASK = st.tuples(st.just("task"), TASKS, TIMERS)
BRANCH = st.lists(TASK, min_size=1, max_size=2)
BLOCK = st.one_of(
    TASK, TASK, st.tuples(st.just("both"), BRANCH, BRANCH), st.tuples(st.just("inside"), BRANCH, st.none())
)
EDIT = st.tuples(st.sampled_from(["add", "remove", "replace", "edges"]), st.integers(0, 3), BLOCK)
SHAPE = st.lists(BLOCK, min_size=1, max_size=4)


EDGES = {
    "limit": ("timeDate", "months_after(came_at, 1)"), "span": ("timeDuration", '"P8D"'),
    "turns": ("timeCycle", '"R2/P5D"'),
}  # fmt: skip


def tasks_in(seen: set[str], entries) -> tuple[list[str], str]:
    """The ids of the tasks not drawn yet, and their drawing."""
    ids, drawing = [], ""
    for _, name, edge in entries:
        if name in seen:
            continue
        seen.add(name)
        ids.append(name)
        drawing += user(name, due="opened_at + days(9)")
        if edge:
            event, after = f"{name}_{edge}", f"{name}_{edge}_x"
            more = {**LIMIT, "clock": f"c_{name}"} if edge == "limit" else {}
            drawing += timer(event, name, *EDGES[edge], **more) + script(after, "n = 1") + end(f"{event}_e")
            drawing += flow(event, after, f"{event}_e")
    return ids, drawing


def drawn(shape) -> ProcessDefinition:
    """A definition from a shape; a task named twice is drawn once, so that ids stay unique."""
    seen: set[str] = set()
    path, drawing = ["begin"], ""
    for number, block in enumerate(shape):
        kind = block[0]
        first, parts = tasks_in(seen, [block] if kind == "task" else block[1])
        second, others = tasks_in(seen, block[2] if kind == "both" else [])
        if kind == "inside" and first:
            sub = f"s{number}"
            ends = f'<bpmn:startEvent id="{sub}_b"/><bpmn:endEvent id="{sub}_e"/>{flow(f"{sub}_b", *first, f"{sub}_e")}'
            parts, first = f'<bpmn:subProcess id="{sub}" name="{sub}">{ends}{parts}</bpmn:subProcess>', [sub]
        if first and second:
            split, join = f"p{number}", f"j{number}"
            drawing += GATE.format(split) + GATE.format(join) + flow(split, *second, join)
            first, second = [split, *first, join], []
        path += first + second
        drawing += parts + others
    return a_definition(BEGIN, drawing, end(), flow(*path, "end"))


def edited(shape, edits):
    """The shape after edits; ``edges`` keeps a task and changes what is on its edge."""
    shape = list(shape)
    for kind, where, block in edits:
        at_ = where % (len(shape) or 1)
        if kind == "add" or not shape:
            shape.insert(where, block)
        elif kind == "remove":
            shape.pop(at_)
        elif kind == "replace":
            shape[at_] = block
        elif shape[at_][0] == block[0] == "task":
            shape[at_] = ("task", shape[at_][1], block[2])
    return shape


def go_on(case: Played, pick, days: int, most: int = 40) -> None:
    """Complete what is open, in an order ``pick`` gives, until the case ends."""
    moment = max(s.at for s in case.steps)
    for _ in range(most):
        if case.outcome is not None or not case.open:
            return
        moment += timedelta(days=days)
        case.complete(pick(case.waiting), moment.isoformat())


@settings(max_examples=120, deadline=None)
@given(
    SHAPE, st.lists(EDIT, min_size=1, max_size=3), st.integers(0, 5), st.integers(0, 6),
    st.randoms(use_true_random=False), st.dictionaries(TASKS, TASKS, max_size=2),
)  # fmt: skip
def test_a_case_is_refused_with_reasons_or_goes_on_to_its_end_and_replays_equal(old, edits, steps, days, chance, plan):
    former, later = drawn(old), drawn(edited(old, edits))
    case = Played(former)
    case.start("2026-03-02T09:00", came_at=at("2026-03-02T09:00"), n=0)
    go_on(case, chance.choice, days, steps)
    if case.outcome is not None:
        return
    moment = (max(s.at for s in case.steps) + timedelta(hours=1)).isoformat()
    found = preview(case, later, moment, **plan)
    assert found.sentences if found.moves else all(p.message for p in found.problems)
    if found.moves:
        kept = {i: t.opened_at for i, t in case.open.items()}
        case.migrate(later, moment, **plan)
        assert all(case.open[i].opened_at == opened for i, opened in kept.items() if i in case.open)
        go_on(case, chance.choice, days)
        assert case.outcome is not None, case.waiting
    verdict = examine({former.hash: former, later.hash: later}.__getitem__, case.steps, case.state)
    assert verdict.kind == "equal", verdict.text
