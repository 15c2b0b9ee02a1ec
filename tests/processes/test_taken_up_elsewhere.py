"""Each step of a case may be taken by another server process: what one has seen before must make no difference."""

from pathlib import Path

import pytest

from service.core import playing, scenarios
from service.core.definitions import definition_of
from service.core.engine.step import step
from service.runtime.bundles import read_folder
from tree import ROOT

STORIES = ["processes/scenarios/whole-review.yaml", "tests/e2e/first_month.yaml"]
EVERY = 6  # reading the whole definition anew takes a second: one step in so many is taken elsewhere as well


@pytest.mark.parametrize("story", STORIES, ids=lambda story: Path(story).stem)
def test_a_fresh_process_takes_the_same_step(story, monkeypatch):
    files = read_folder(ROOT)
    compared = []

    def both(definition, state, command, **given):
        here = step(definition, state, command, **given)
        if given["seq"] % EVERY:
            return here
        elsewhere = step(definition_of(files), state, command, **given)
        assert elsewhere == here, f"step {given['seq']}, {type(command).__name__}"
        compared.append(given["seq"])
        return here

    monkeypatch.setattr(playing, "step", both)
    report = scenarios.play(definition_of(files), (ROOT / story).read_text())
    assert report.failures == []
    assert compared
