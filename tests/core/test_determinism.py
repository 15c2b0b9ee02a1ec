"""The same history gives the same bytes: after a save, in another process, zone and hash seed, on any legal walk."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build import MINI, Played, at
from service.core import chain, commands, determinism, events, replay, values
from service.core.chain import Step
from service.core.commands import ClaimUserTask, CompleteUserTask, DeliverMessage, FireTimers, StartInstance
from service.core.definitions import definition_of
from service.core.engine import memory
from service.core.engine.step import step
from service.core.errors import Rejection
from service.runtime.bundles import read_folder

DEFINITION = definition_of(read_folder(MINI))
START = StartInstance(
    "application_received", {"address": "x", "work": "felling", "received_on": at("2013-05-29").date()}
)


def walked() -> str:
    """The hash of a case after a start, a completion, a breach and an extension."""
    case = Played(DEFINITION)
    case.take(START, "2013-05-29T10:00")
    case.complete("check", "2013-05-30T10:00", complete="yes")
    case.take(FireTimers(), "2013-07-01T00:00")
    case.take(DeliverMessage("more_time_allowed", {"extended_to": at("2013-09-01").date()}), "2013-07-02T00:00")
    return values.sha256(case.state)


@pytest.mark.parametrize("env", [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "42"}, {"TZ": "Asia/Tokyo"}])
def test_another_process_gives_the_same_bytes(env):
    code = (
        "import sys; sys.path[:0] = ['tests', 'tests/core', '.']; from test_determinism import walked; print(walked())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert there.stdout.strip() == walked()


def test_loading_and_saving_changes_no_byte():
    case = Played(DEFINITION)
    case.take(START, "2013-05-29T10:00")
    case.complete("check", "2013-05-30T10:00", complete="yes")
    with determinism.seams("x", 1, at("2013-05-30T10:00")):
        assert memory.dump(*memory.load(DEFINITION.specification, case.state)) == case.state


def test_the_engine_has_no_time_outside_a_step():
    case = Played(DEFINITION)
    case.take(START, "2013-05-29T10:00")
    with pytest.raises(RuntimeError, match="no time outside"):
        memory.load(DEFINITION.specification, case.state)


ACTS = st.lists(
    st.tuples(st.sampled_from(["check", "decide", "late_reason", "more", "fire", "claim", "back"]), st.integers(0, 60)),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(ACTS)
def test_every_legal_walk_replays_equal(acts):
    """Random requests and clock jumps, the refused ones left out: the history replays to the stored state."""
    steps: list[Step] = []
    state, now, head = None, at("2013-05-29T10:00"), chain.START
    open_tasks: dict[str, str] = {}
    for act, hours in [("start", 0), *acts]:
        now += timedelta(hours=hours * 12) * (-1 if act == "back" else 1)
        command = _command(act, open_tasks)
        if command is None:
            continue
        try:
            outcome = step(DEFINITION, state, command, instance_id="case", at=now, seq=len(steps) + 1)
        except Rejection:
            continue
        state = outcome.state
        for event in outcome.events:
            if isinstance(event, events.UserTaskCreated):
                open_tasks[event.element_id] = event.task_id
        told = tuple(events.to_json(e) for e in outcome.events)
        unsealed = Step("case", len(steps) + 1, now, "a", DEFINITION.hash, commands.to_json(command), told,
                        values.sha256(state), chain.LOGIC, head)  # fmt: skip
        head = chain.seal(unsealed)
        steps.append(Step(**{**{n: getattr(unsealed, n) for n in Step.__slots__}, "hash": head}))
    found = replay.examine(lambda _: DEFINITION, steps, state)
    assert found.kind == "equal", found.text


def _command(act: str, open_tasks: dict[str, str]) -> commands.Command | None:
    match act:
        case "start":
            return START
        case "fire" | "back":
            return FireTimers()
        case "more":
            return DeliverMessage("more_time_allowed", {"extended_to": at("2013-09-01").date()})
        case "claim":
            return ClaimUserTask(open_tasks.get("check", ""), "ann")
    answers = {"check": {"complete": "yes"}, "decide": {"decision": "grant"}, "late_reason": {}}
    return CompleteUserTask(open_tasks[act], answers[act]) if act in open_tasks else None
