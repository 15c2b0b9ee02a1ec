"""Every story of the deployment is told as it should be, and no expected date in it is there for show."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from service.core import gate, scenarios
from service.core.definitions import definition_of
from service.core.prefixes import Prefixes
from service.runtime.bundles import read_folder
from tree import ROOT

pytestmark = pytest.mark.timeout(900)  # one may wait until all the stories are played
FILES = read_folder(ROOT)
DEFINITION = definition_of(FILES)
STORIES = {path: text for path, text in FILES.items() if path.startswith("processes/scenarios/")}
SHORT = [path for path, text in STORIES.items() if len(yaml.safe_load(text).get("steps") or []) <= 12]
PREFIXES = Prefixes()
DATED = ("due", "act_by")


@pytest.mark.parametrize("path", STORIES)
def test_the_story_comes_out_as_told(path, reports):
    assert reports[Path(path).stem].failures == []


def a_day_later(value):
    """The same story with every expected date moved by a day, and how many were moved."""
    if isinstance(value, list):
        moved = [a_day_later(v) for v in value]
        return [v for v, _ in moved], sum(n for _, n in moved)
    if not isinstance(value, dict):
        return value, 0
    count, changed = 0, {}
    for key, inner in value.items():
        if "clock" in value and key in DATED and isinstance(inner, date):
            changed[key], found = inner + timedelta(days=1), 1
        else:
            changed[key], found = a_day_later(inner)
        count += found
    return changed, count


def test_there_are_short_stories_with_dates():
    assert sum(a_day_later(yaml.safe_load(STORIES[path]))[1] for path in SHORT) >= 8


@pytest.mark.parametrize("path", SHORT)
def test_any_expected_date_a_day_off_fails(path):
    story, count = a_day_later(yaml.safe_load(STORIES[path]))
    report = scenarios.play(DEFINITION, yaml.safe_dump(story), PREFIXES)
    wrong = [f for f in report.failures if ": due should be" in f.text or ": act_by should be" in f.text]
    assert len(wrong) == count


def test_the_gate_finds_nothing_in_what_is_deployed():
    assert gate.check(FILES) == []


def test_every_task_tells_a_newcomer_what_to_do():
    """Form, until when and why, which clause, who asked, what comes next, how long, and guidance."""
    wanted = ("form", "due_basis", "clause", "asks", "next", "takes")
    silent = [
        f"{e.process}.{e.id}: {missing}"
        for p in DEFINITION.processes.values()
        for e in p.elements.values()
        if e.kind == "userTask"
        for missing in [*(w for w in wanted if not e.properties.get(w)), *([] if e.guidance else ["guidance"])]
    ]
    assert silent == []


def test_only_what_others_answer_for_has_no_date():
    open_ended = [
        e.id
        for p in DEFINITION.processes.values()
        for e in p.elements.values()
        if e.kind == "userTask" and not e.properties.get("due")
    ]
    assert open_ended == ["record_qa_response"]


def test_nothing_is_drawn_without_its_place_on_the_page():
    undrawn = [
        f"{p.id}.{thing}"
        for p in DEFINITION.processes.values()
        for thing in [*p.elements, *(f for flows in p.flows.values() for f in flows)]
        if f'bpmnElement="{thing}"' not in DEFINITION.files[p.file]
    ]
    assert undrawn == []


def test_the_clauses_that_are_named_are_explained():
    named = {
        clause
        for p in DEFINITION.processes.values()
        for e in p.elements.values()
        for clause in e.properties.get("clause", "").split()
    }
    assert named - set(DEFINITION.clauses) == set()
