"""A case as it stood after each of its steps: for the slider, the list beside it, and the live diagram.

Frames come from running the steps again, so what an auditor sees is what happened and not what was noted of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.core import replay
from service.core.chain import Step
from service.core.definitions import ProcessDefinition
from service.core.engine.markers import Markers
from service.core.engine.memory import names_seen
from service.core.replay import Verdict
from service.runtime.remembering import picture, take

TITLES = {
    "ClaimUserTask": "Took the task: {task}",
    "ReleaseUserTask": "Gave back the task: {task}",
    "AssignUserTask": "Gave somebody the task: {task}",
    "DelegateUserTask": "Delegated the task: {task}",
    "FireTimers": "A date was reached",
    "SuspendInstance": "Put on hold",
    "ResumeInstance": "Taken off hold",
    "CancelInstance": "Cancelled",
    "CorrectVariables": "Values were put right",
    "MigrateInstance": "Moved to another version of the process",
    "MigrateState": "The stored state was brought into today’s form",
    "ApproveDeparture": "Approved a departure",
    "ObjectToDeparture": "Objected to a departure",
    "ResolveIncident": "Something that had gone wrong was put right",
    "GrantAccess": "Somebody was named for this",
    "EndAccess": "Somebody is no longer named for this",
    "ShutOut": "Somebody was shut out",
    "LetIn": "Somebody is no longer shut out",
    "Elsewhere": "The process went on",
}
"""What a step is called after its command, unless the diagram has a name for it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One step: its number, when, by whom, a title in words, its events, and the diagrams as they then stood.

    ``markers`` maps a process id to lists of element ids (``done``, ``current``, ``overdue``) and flow ids (``taken``);
    ``definition`` is the hash of the version it then was on.
    """

    seq: int
    at: datetime
    actor: str
    title: str
    events: tuple[Mapping[str, Any], ...]
    variables: Mapping[str, Any]
    markers: Markers
    definition: str = ""


def frames(definition_of: Callable[[str], ProcessDefinition], steps: Sequence[Step]) -> list[Frame]:
    """Run ``steps`` again and return a frame for each. Raises ``ReplayDiffers`` where they no longer agree."""
    made = []
    names: dict[str, str] = {}
    for kept, outcome in replay.replay(definition_of, steps, take):
        definition = definition_of(kept.definition)
        names |= {e["task_id"]: e["name"] for e in kept.events if e["type"] == "UserTaskCreated"}
        variables = names_seen({}, outcome.state, None)
        made.append(Frame(
            kept.seq, kept.at, kept.actor, title(definition, kept, names), kept.events, variables,
            picture(definition, outcome.state), definition.hash,
        ))  # fmt: skip
    return made


def title(definition: ProcessDefinition, kept: Step, task_names: Mapping[str, str]) -> str:
    """What a step was, in a few words."""
    command = kept.command
    kind = str(command["type"])
    if "message" in command:
        return definition.message_element(command["message"]).name
    if kind == "CompleteUserTask":
        return task_names.get(command["task_id"], "A task was completed")
    return TITLES.get(kind, kind).format(task=task_names.get(command.get("task_id", ""), ""))


def verdict(
    definition_of: Callable[[str], ProcessDefinition], steps: Sequence[Step], state: bytes | None = None
) -> Verdict:
    """Whether the chain holds and running it again gives the same, in one of three verdicts."""
    return replay.examine(definition_of, steps, state, take)


WAITED_FOR = frozenset({"userTask", "manualTask", "intermediateCatchEvent", "eventBasedGateway"})


def waited_for(definition: ProcessDefinition, found: Markers) -> list[str]:
    """The names of the tasks and events that are waited for, not of the processes and joins around them."""
    elements = (
        definition.processes[process].elements[key] for process, marks in found.items() for key in marks["current"]
    )
    return sorted({element.name or element.id for element in elements if element.kind in WAITED_FOR})


def live(definition: ProcessDefinition, state: bytes) -> Markers:
    """The diagrams as they stand now."""
    return picture(definition, state)
