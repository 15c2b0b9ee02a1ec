"""The history of a case as pages show it: each step told, what each step left waiting, and what may be shown to whom.

Reads only what it is given. Answers are shown to auditors, and to others where they may read the record class of the
form that asked for them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.core.access import Actor, audits, may_read
from service.core.chain import Step
from service.core.definitions import Element, ProcessDefinition
from service.core.diagram_words import listed
from service.core.engine.markers import Markers
from service.core.replay import ReplayDiffers
from service.runtime import history
from service.runtime.history import Frame
from service.web.case_names import Names, element_name, names_of
from service.web.narration import Line, Narrator, tell

INNER = frozenset({"callActivity", "subProcess"})
"""What waits only because something inside it waits."""


@dataclass(frozen=True, slots=True)
class ToldStep:
    """One step of the history: number, instant, who, a title, and its sentences. Hashes are SHA-256, hex."""

    seq: int
    at: datetime
    who: str
    title: str
    lines: tuple[Line, ...]
    hash: str
    prev_hash: str
    state_hash: str


@dataclass(frozen=True, slots=True)
class Place:
    """How one diagram stood after a step, by names: what was passed, what waited, what was overdue."""

    process_id: str
    name: str
    done: tuple[str, ...]
    current: tuple[str, ...]
    overdue: tuple[str, ...]


def frames_as_far_as_possible(definition_of: Callable[[str], ProcessDefinition], steps: Sequence[Step]) -> list[Frame]:
    """Return a frame for each step that can be run again to the same result, up to the first that cannot."""
    try:
        return history.frames(definition_of, steps)
    except ReplayDiffers as other:
        return frames_as_far_as_possible(definition_of, steps[: other.seq - 1])


def told_steps(
    definition_of: Callable[[str], ProcessDefinition],
    actor: Actor,
    people: Mapping[str, str],
    versions: Mapping[str, int],
    steps: Sequence[Step],
) -> list[ToldStep]:
    """Return every step told to ``actor`` in the words of the version it was taken on.

    ``people`` maps account ids to names, ``versions`` hashes of definitions to their numbers. Who sees only what is
    their own is given narrowed steps, in which others have no name.
    """
    people = {"": "Somebody else", **people}
    if not steps:
        return []
    definition = definition_of(steps[0].definition)
    narrator = Narrator(names_of(definition), people, versions)
    asked: dict[str, tuple[str | None, str | None]] = {}
    titles: dict[str, str] = {}
    told = []
    for step in steps:
        if step.definition != definition.hash:
            definition = definition_of(step.definition)
            narrator = replace(narrator, names=names_of(definition))  # what it was told so far stays with it
        for event in step.events:
            if event["type"] == "UserTaskCreated":
                asked[event["task_id"]] = (event["form"], event["agency"])
                titles[event["task_id"]] = _with_item(narrator.names, event)
        lines = tell(narrator, step, answers=_may_see_answers(definition, actor, step.command, asked))
        title = _dates_reached(narrator, step) or history.title(definition, step, titles)
        told.append(ToldStep(
            step.seq, step.at, people.get(step.actor, "The clock"), title, tuple(lines),
            step.hash, step.prev_hash, step.state_hash,
        ))  # fmt: skip
    return told


def _dates_reached(narrator: Narrator, step: Step) -> str:
    """Return the title of a step that only the passing of time brought about: which limit, timer or reminder it was."""
    if step.command["type"] != "FireTimers":
        return ""
    limits = [narrator.clocks.get(e["clock"], e["clock"]) for e in step.events if e["type"] == "ClockBreached"]
    if limits:
        return f"Time limit passed: {listed(limits)}"
    timers = dict.fromkeys(element_name(narrator.names, e) for e in step.events if e["type"] == "TimerFired")
    if timers:
        return f"A date was reached: {listed(list(timers))}"
    reminders = dict.fromkeys(f"“{e['name']}”" for e in step.events if e["type"] == "ReminderFell")
    return f"Reminder: {listed(list(reminders))}" if reminders else ""


def _with_item(names: Names, event: Mapping[str, Any]) -> str:
    item = event["item"]
    return f"{event['name']} for {names.directory.get(item, item)}" if item else str(event["name"])


def _may_see_answers(
    definition: ProcessDefinition,
    actor: Actor,
    command: Mapping[str, Any],
    asked: Mapping[str, tuple[str | None, str | None]],
) -> bool:
    if audits(definition, actor):
        return True
    form, agency = asked.get(command.get("task_id", ""), (None, None))
    if "message" in command:
        form = definition.message_element(command["message"]).properties.get("form")
    access = definition.forms.get(form or "", {}).get("access")
    return access is None or may_read(definition, actor, str(access), agency)


def places(definition: ProcessDefinition, frame: Frame) -> list[Place]:
    """Return the diagrams a frame marks, in names."""
    return [
        Place(
            process_id,
            definition.processes[process_id].name,
            *(
                tuple(element.name for element in _named(definition, process_id, markers[kind]))
                for kind in ("done", "current", "overdue")
            ),
        )
        for process_id, markers in frame.markers.items()
    ]


def waiting_sentence(definition: ProcessDefinition, frame: Frame) -> str:
    """Say which tasks and events waited after a step, and what was overdue; not the processes they belong to.

    A case that had come to rest waited for nobody: it is said where it rested.
    """
    current, overdue = (
        [
            element
            for process, marks in frame.markers.items()
            for element in _named(definition, process, marks[kind])
            if element.kind not in INNER
        ]
        for kind in ("current", "overdue")
    )
    rested = "".join(f"{element.name}. " for element in current if "rests" in element.properties)
    waited_for = [element.name for element in current if "rests" not in element.properties]
    waiting = f"Waiting: {listed(waited_for)}." if waited_for else "Nothing was waiting."
    return rested + waiting + (f" Overdue: {listed([element.name for element in overdue])}." if overdue else "")


def shown_processes(definition: ProcessDefinition, frames: Sequence[Frame]) -> list[dict[str, str]]:
    """Return the diagrams the case went through, ``id`` and ``name``, in the order it reached them."""
    reached = dict.fromkeys(process_id for frame in frames for process_id in frame.markers)
    return [{"id": key, "name": definition.processes[key].name} for key in reached if key in definition.processes]


def drawable(definition: ProcessDefinition, markers: Markers) -> dict[str, dict[str, list[str]]]:
    """Return of markers what a version's diagrams can show: a case may have stood elsewhere on a version before."""
    shown: dict[str, dict[str, list[str]]] = {}
    for key in markers.keys() & definition.processes.keys():
        process = definition.processes[key]
        known = {*process.elements, *(flow for flows in process.flows.values() for flow in flows)}
        shown[key] = {kind: [i for i in ids if i in known] for kind, ids in markers[key].items()}
    return shown


def _named(definition: ProcessDefinition, process_id: str, ids: Sequence[str]) -> list[Element]:
    elements = definition.processes[process_id].elements
    return [elements[key] for key in ids if key in elements and elements[key].name]
