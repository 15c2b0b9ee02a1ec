"""Why a command is refused, and what counts as a defect.

A *rejection* is an ordinary answer: nothing has changed, and its text is written for the person who asked.
A *defect* means the diagram or the stored state is wrong: the step is undone as a whole and an incident is kept.
Nothing here knows HTTP; ``web.errors`` maps each class to a page once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class Rejection(Exception):
    """The request was understood and refused; nothing has changed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(Rejection):
    """There is no such thing, or this person may not know of it: the two are never told apart."""


class NotAllowed(Rejection):
    """The person may know of it but may not do this."""


class TaskClosed(Rejection):
    """The task was completed or withdrawn before this request arrived.

    ``closed_by`` is an account id or ``None`` (the process closed it), ``closed_at`` an instant.
    """

    def __init__(self, message: str, *, closed_by: str | None = None, closed_at: datetime | None = None) -> None:
        super().__init__(message)
        self.closed_by = closed_by
        self.closed_at = closed_at


class TaskHeld(Rejection):
    """Somebody else has claimed the task. ``assignee`` is an account id."""

    def __init__(self, message: str, *, assignee: str) -> None:
        super().__init__(message)
        self.assignee = assignee


class NotWaiting(Rejection):
    """The process is not waiting for this message now."""


class NotOffered(NotWaiting):
    """The process waits for this message, but takes it only while a condition of its diagram holds."""


class SeveralWaiting(Rejection):
    """The process waits for this message in several places, and the request names none of them.

    ``items`` are the ids of the multi-instance items that wait.
    """

    def __init__(self, message: str, *, items: tuple[str, ...]) -> None:
        super().__init__(message)
        self.items = items


class CaseSuspended(Rejection):
    """The case is held still: nothing can be done in it until it is resumed."""


class CaseEnded(Rejection):
    """The case has ended, so there is nothing left to hold still, to cancel or to correct."""


class NothingToDo(Rejection):
    """The command would change nothing, so nothing is written."""


class ReadingOnly(Rejection):
    """The database contradicts a checkpoint from outside: it can be looked at, and no step is taken in it."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing is done in this database: it is older than, or other than, a checkpoint of it says. Put the right "
            "database back, or accept this one: service accept-restore --reason “…”, and start the service again."
        )


class KeyMissing(Rejection):
    """A request that writes came without an idempotency key, so a repeat of it could not be told."""


class KeyReused(Rejection):
    """An idempotency key came back with another request."""


class DocumentNotReady(Rejection):
    """The document can be made of the case, but not yet."""


class DocumentBroken(Rejection):
    """An expression of a document cannot be worked out; the definition has to be mended."""


class BrokenRule(Rejection):
    """Several named problems at once; see ``problems``."""

    def __init__(self, message: str, problems: "tuple[Problem, ...]" = ()) -> None:
        super().__init__(message)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what was sent: the field's key, a sentence, and the clause it serves if any."""

    field: str
    message: str
    clause: str | None = None


class FormRefused(BrokenRule):
    """The answers to a form break its rules; ``problems`` names each field."""


@dataclass(frozen=True, slots=True)
class Departing:
    """A rule that answers depart from: its id, the question it speaks of, its message and its clauses."""

    rule: str
    field: str
    message: str
    clause: str


class DepartureRefused(FormRefused):
    """The answers depart from the guidance without what that needs, or reasons were given where nothing departs.

    ``departures`` are the rules that hold: the answers are accepted only together with reasons for each.
    """

    def __init__(self, message: str, problems: "tuple[Problem, ...]", departures: "tuple[Departing, ...]") -> None:
        super().__init__(message, problems)
        self.departures = departures


class NeedsConfirmation(BrokenRule):
    """The answers are allowed but unusual: the person must say they are meant. ``problems`` are the warnings."""


class DefinitionRefused(BrokenRule):
    """A deployment does not pass the gate; ``problems`` carries one entry per finding."""


class CannotMove(BrokenRule):
    """A case cannot be moved to another version; ``problems`` names each place (``process:element``) and why."""


class Defect(Exception):
    """The diagram, the stored state or the engine is wrong; never the person's fault.

    ``instance_id`` names the instance it happened in, once one exists; ``command`` is the JSON of what was asked.
    """

    instance_id: str | None = None
    command: Mapping[str, Any] | None = None


class StepFailed(Defect):
    """The engine could not finish a step. ``element`` is the BPMN id where it stopped, if known."""

    def __init__(self, message: str, *, element: str | None = None) -> None:
        super().__init__(message)
        self.element = element


class StateDamaged(Defect):
    """A stored state is not the one that was written: it is never parsed."""
