"""Old cases survive upgrades: what a release wrote is read, goes the same way and ends in the same state.

The files below tests/golden/states are never made again to let a test pass. If one of these tests turns red, cases
that are at work now would go another way: that is a decision (raise ``chain.LOGIC`` and keep the old behaviour, or a
conversion for ``service migrate-state``), not a file to be refreshed. See tests/golden_cases.py.
"""

import gzip
import json
from functools import cache

import pytest

from golden_cases import GOLDEN, REVIEWS, SHAPES
from service.core import commands, determinism, events, values
from service.core.chain import Step
from service.core.definitions import ProcessDefinition, definition_of
from service.core.engine import memory, state_conversion, state_form
from service.core.engine.state_form import Form
from service.core.engine.step import step
from service.core.errors import StateDamaged
from service.core.replay import examine

WRITTEN = sorted(p.relative_to(GOLDEN / "states").as_posix() for p in (GOLDEN / "states").rglob("*.json"))
CURRENT = [p for p in WRITTEN if not p.startswith("engine-")]
LONG = 12
OLDER = [p for p in WRITTEN if p.startswith("engine-")]


@cache
def definition(named: str) -> ProcessDefinition:
    found = definition_of(json.loads(gzip.decompress((GOLDEN / "definitions" / f"{named}.json.gz").read_bytes())))
    assert found.hash == named
    return found


def kept(path: str) -> tuple[dict, list[Step]]:
    found = json.loads((GOLDEN / "states" / path).read_text(encoding="utf-8"))
    steps = [Step(**{**s, "at": values.decode({"$instant": s["at"]}), "events": tuple(s["events"])})
             for s in found["steps"]]  # fmt: skip
    return found, steps


def test_a_case_of_every_shape_is_kept():
    assert {p.removeprefix("0.1.0/").removesuffix(".json") for p in CURRENT if p.startswith("0.1.0/")} >= {
        *SHAPES, *REVIEWS,
    }  # fmt: skip
    assert len(OLDER) == 14


@pytest.mark.parametrize("path", CURRENT)
def test_a_kept_history_replays_equal(path):
    found, steps = kept(path)
    last = found["states"][str(len(steps))].encode()
    verdict = examine(definition, steps, last)
    assert (verdict.kind, verdict.steps) == ("equal", len(steps)), verdict.text


@pytest.mark.parametrize("path", CURRENT)
def test_a_kept_state_is_read_and_goes_the_same_way_to_the_same_end(path):
    found, steps = kept(path)
    state_form.require_current(found["form"])
    model = definition(found["definition"])
    for seq, text in found["states"].items():
        state = text.encode()
        assert values.sha256(state) == steps[int(seq) - 1].state_hash
        model.specification.fresh()
        with determinism.seams("x", 1, steps[int(seq) - 1].at):
            assert memory.dump(*memory.load(model.specification, state)) == state
        if len(steps) < LONG or seq == min(found["states"], key=int):
            assert go_on(model, state, steps[int(seq) :]) == [s.state_hash for s in steps[int(seq) :]]


def go_on(model: ProcessDefinition, state: bytes, steps: list[Step]) -> list[str]:
    """Take the rest of the steps, each telling what it told then; the hashes of the states they leave."""
    hashes = []
    for taken in steps:
        outcome = step(model, state, commands.from_json(taken.command), instance_id=taken.instance_id, at=taken.at,
                       seq=taken.seq)  # fmt: skip
        assert [events.to_json(e) for e in outcome.events] == list(taken.events), f"step {taken.seq}"
        state = outcome.state
        hashes.append(values.sha256(state))
    return hashes


@pytest.mark.parametrize("path", OLDER)
def test_what_an_older_engine_wrote_is_refused_with_the_command_that_helps(path):
    found, _ = kept(path)
    with pytest.raises(StateDamaged, match="migrate-state"):
        state_form.require_current(found["form"])


@pytest.mark.parametrize("path", OLDER)
def test_what_an_older_engine_wrote_goes_the_same_way_once_it_is_converted(path):
    found, steps = kept(path)
    form, model = Form.read(found["form"]), definition(found["definition"])
    for seq, text in found["states"].items():
        state = state_conversion.convert(model.specification, form, text.encode())
        go_on(model, state, steps[int(seq) :])
