"""Each step of a case may be taken by another server process: what one has seen before must make no difference."""

import os
from pathlib import Path

import pytest

from service.core import playing, scenarios
from service.core.definitions import definition_of
from service.core.engine.step import step
from service.runtime.bundles import read_folder
from tree import ROOT

STORIES = ["processes/scenarios/whole-review.yaml", "tests/e2e/first_month.yaml"]
EVERY = 2  # a process costs a fifth of a second: one step in so many is taken elsewhere as well


def in_a_process_of_its_own(true) -> bool:
    """Whether it holds in a process that begins as this one is now, and leaves nothing behind."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            code = 0 if true() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


@pytest.mark.parametrize("story", STORIES, ids=lambda story: Path(story).stem)
def test_a_fresh_process_takes_the_same_step(story, monkeypatch):
    files = read_folder(ROOT)
    untouched = definition_of(files)
    assert untouched.specification  # read once; no step is ever taken on it in this process
    compared = []

    def both(definition, state, command, **given):
        here = step(definition, state, command, **given)
        if given["seq"] % EVERY:
            return here
        elsewhere = in_a_process_of_its_own(lambda: step(untouched, state, command, **given) == here)
        assert elsewhere, f"step {given['seq']}, {type(command).__name__}"
        compared.append(given["seq"])
        return here

    monkeypatch.setattr(playing, "step", both)
    report = scenarios.play(definition_of(files), (ROOT / story).read_text())
    assert report.failures == []
    assert compared
