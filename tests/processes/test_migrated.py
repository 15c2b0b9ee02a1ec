"""Real cases move between versions of the real process: to and fro, and to a version that differs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from service.core import playing, scenarios
from service.core.commands import MigrateInstance
from service.core.definitions import BPMN, NS, ProcessDefinition, definition_of
from service.core.engine.step import step
from service.core.events import UserTaskCreated
from service.core.events_beside import InstanceMigrated
from service.core.migrations import UNCHANGED, Migration
from service.runtime.bundles import read_folder
from tree import ROOT

EVERY = 3  # each step takes its time, and three is no divisor of what repeats
STORIES = ["processes/scenarios/whole-review.yaml", "processes/scenarios/more_time_for_the_report.yaml"]
EARLY = datetime(1, 1, 2, tzinfo=UTC)  # a case's time never goes back: moved at its own instant, nothing falls due
FILES = read_folder(ROOT)
CASE, DECISION = "processes/P0_case.bpmn", "processes/P2_consultation.bpmn"


def with_file(path: str, *changes: tuple[str, str]):
    """The real definition with changes in one file."""
    text = FILES[path]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return definition_of({**FILES, path: text})


@pytest.mark.parametrize("story", STORIES, ids=lambda story: Path(story).stem)
def test_a_case_moved_to_and_fro_goes_as_if_it_had_never_moved(story, monkeypatch):
    versions = [definition_of(FILES), definition_of({**FILES, "processes/note.json": "{}"})]
    moves = []

    def to_and_fro(_definition, state, command, **given):
        here, there = versions
        if state is None or given["seq"] % EVERY:
            return step(here, state, command, **given)
        move = {**given, "at": EARLY, "seq": given["seq"] + 10_000}
        moved = step(there, state, MigrateInstance(here.hash), **move, former=here)
        assert moved.events == (InstanceMigrated(here.hash, there.hash),)
        outcome = step(there, moved.state, command, **given)
        versions.reverse()
        moves.append(given["seq"])
        return outcome

    monkeypatch.setattr(playing, "step", to_and_fro)
    report = scenarios.play(versions[0], (ROOT / story).read_text())
    assert report.failures == []
    assert len(moves) > 5


def redrawn(path: str, change) -> ProcessDefinition:
    """The real definition with one diagram changed as a tree."""
    root = etree.fromstring(FILES[path].encode())
    change(root.find("bpmn:process", NS))
    return definition_of({**FILES, path: etree.tostring(root, encoding="unicode")})


def without(element: str):
    """Take a step out: what led to it leads on to what came after it."""

    def change(process) -> None:
        node = process.find(f".//bpmn:userTask[@id='{element}']", NS)
        (leaving,) = process.findall(f".//bpmn:sequenceFlow[@sourceRef='{element}']", NS)
        for arriving in process.findall(f".//bpmn:sequenceFlow[@targetRef='{element}']", NS):
            arriving.set("targetRef", leaving.get("targetRef"))
        for gone in (node, leaving, *[r for r in process.iter(f"{{{BPMN}}}flowNodeRef") if r.text == element]):
            gone.getparent().remove(gone)

    return change


def with_task(flow: str, element: str):
    """Put a new task of the first lane into a way."""

    def change(process) -> None:
        way = process.find(f".//bpmn:sequenceFlow[@id='{flow}']", NS)
        task = etree.SubElement(way.getparent(), f"{{{BPMN}}}userTask", id=element, name=element.capitalize())
        after = {"id": f"{flow}_2", "sourceRef": element, "targetRef": way.get("targetRef")}
        etree.SubElement(way.getparent(), f"{{{BPMN}}}sequenceFlow", after)
        etree.SubElement(process.find(".//bpmn:lane", NS), f"{{{BPMN}}}flowNodeRef").text = element
        way.set("targetRef", task.get("id"))

    return change


def in_lane(element: str, lane: str):
    """Give a step to another lane."""

    def change(process) -> None:
        for reference in list(process.iter(f"{{{BPMN}}}flowNodeRef")):
            if reference.text == element:
                reference.getparent().remove(reference)
        found = process.find(f".//bpmn:lane[@name='{lane}']", NS)
        etree.SubElement(found, f"{{{BPMN}}}flowNodeRef").text = element

    return change


@pytest.fixture(scope="module")
def deciding():
    """A practice case that waits for the decision whether to hold a review: its state, and how to go on."""
    kept = []

    def remembered(definition, state, command, **given):
        outcome = step(definition, state, command, **given)
        kept.append((outcome, given))
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playing, "step", remembered)
        assert scenarios.play(definition_of(FILES), (ROOT / STORIES[0]).read_text()).failures == []
    at_work = next(
        n for n, (outcome, _) in enumerate(kept)
        if any(isinstance(e, UserTaskCreated) and e.element_id == "decide" for e in outcome.events)
    )  # fmt: skip
    return kept[at_work]


LIMIT_LATER = ("months_after(came_to_attention_at, 1)", "months_after(came_to_attention_at, 2)")
CHANGES = {
    "a deadline changed": (lambda: with_file(CASE, LIMIT_LATER), "moves from"),
    "a reminder changed": (
        lambda: with_file(CASE, ('"14 7 3 1"', '"10 2"')),
        "10 and 2 days before instead of 14, 7, 3",
    ),
    "a task added after": (lambda: redrawn(DECISION, with_task("decide_to_chair_conflicted", "reflect")), UNCHANGED),
    "a passed task removed": (lambda: redrawn(DECISION, without("request_scoping")), UNCHANGED),
    "a lane changed": (lambda: redrawn(DECISION, in_lane("decide", "SSP vice-chair")), "goes to"),
    "the task itself removed": (lambda: redrawn(DECISION, without("decide")), None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_practice_case_moves_to_a_version_that_differs(change, deciding):
    drawn, said = CHANGES[change]
    outcome, given = deciding
    former, new = definition_of(FILES), drawn()
    where = {"instance_id": given["instance_id"], "at": given["at"], "seq": given["seq"] + 1}
    found = Migration(new, {}).preview(former, outcome.state, **where)
    if said is None:
        assert [p.field for p in found.problems] == ["P2_consultation:decide"]
        return
    assert found.moves, found.problems
    assert any(said in sentence for sentence in found.sentences), found.sentences
    moved = step(new, outcome.state, MigrateInstance(former.hash), **where, former=former)
    again = step(definition_of(new.files), outcome.state, MigrateInstance(former.hash), **where, former=former)
    assert (moved.state, moved.events) == (again.state, again.events)
