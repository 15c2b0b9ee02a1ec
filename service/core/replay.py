"""Run the steps of an instance again from nothing and compare every hash.

Three verdicts, never blurred: the chain is intact and the replay equal; the chain is intact and the replay differs
at a step; the chain is broken at a step. Pure: the same code answers in the service and on a laptop.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from service.core import chain, commands, events, values
from service.core.chain import ChainBroken, Step
from service.core.commands import MigrateInstance
from service.core.definitions import ProcessDefinition
from service.core.engine.step import Outcome, step
from service.core.errors import Defect, Rejection

CANNOT = (Rejection, Defect, KeyError, TypeError, ValueError, AttributeError, SyntaxError, RecursionError)
"""What running a step again may raise when a history, or a definition in it, was made up by hand."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a history found. ``kind`` is ``equal``, ``differs`` or ``broken``."""

    kind: str
    steps: int
    at_seq: int | None
    text: str


class ReplayDiffers(Exception):
    """Running step ``seq`` again gave something else than the history keeps."""

    def __init__(self, seq: int, message: str) -> None:
        super().__init__(message)
        self.seq = seq


def replay(
    definition_of: Callable[[str], ProcessDefinition], steps: Sequence[Step], take: Callable[..., Outcome] = step
) -> Iterator[tuple[Step, Outcome]]:
    """Run ``steps`` again and yield each with its outcome. Raises ``ReplayDiffers`` at the first difference.

    ``definition_of`` gives the definition a hash names; ``take`` is ``step``, or a caller's memory of it.
    """
    state: bytes | None = None
    for kept in steps:
        outcome = _again(definition_of, state, kept, take)
        state = outcome.state
        yield kept, outcome


def _again(
    definition_of: Callable[[str], ProcessDefinition], state: bytes | None, kept: Step, take: Callable[..., Outcome]
) -> Outcome:
    try:
        definition = definition_of(kept.definition)
        command = commands.from_json(kept.command)
        former = definition_of(command.former) if isinstance(command, MigrateInstance) else None
        named = {"instance_id": kept.instance_id, "at": kept.at, "seq": kept.seq, "former": former}
        outcome = take(definition, state, command, **named)
    except CANNOT as failure:
        raise ReplayDiffers(kept.seq, f"Step {kept.seq} cannot be taken again: {failure}") from failure
    if [events.to_json(e) for e in outcome.events] != [dict(e) for e in kept.events]:
        raise ReplayDiffers(kept.seq, f"Running step {kept.seq} again, other things happen than the history says.")
    if values.sha256(outcome.state) != kept.state_hash:
        raise ReplayDiffers(kept.seq, f"Running step {kept.seq} again leaves the case in another state.")
    return outcome


def examine(
    definition_of: Callable[[str], ProcessDefinition],
    steps: Sequence[Step],
    stored_state: bytes | None = None,
    take: Callable[..., Outcome] = step,
) -> Verdict:
    """Check the chain, run it again, and compare the end with ``stored_state`` if that is given."""
    try:
        count = chain.verify(steps)
    except ChainBroken as broken:
        return Verdict("broken", len(steps), broken.seq, f"The chain is broken at step {broken.seq}. {broken}")
    try:
        outcomes = [outcome for _, outcome in replay(definition_of, steps, take)]
    except ReplayDiffers as other:
        return Verdict("differs", count, other.seq, f"The chain of {count} steps is intact, but {_lower(str(other))}")
    if stored_state is not None and (not outcomes or outcomes[-1].state != stored_state):
        text = f"The chain of {count} steps is intact, but the case as it is stored now is not what they lead to."
        return Verdict("differs", count, count, text)
    text = f"The chain of {count} steps is intact, and running them again gives the same result at every step."
    return Verdict("equal", count, None, text)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
