"""What a document is made from: one case as it stood after a step, and what people wrote in it.

Promises: everything here is taken from the history (events with their instants) and from records; nobody's name is in
it but where a record's own answers hold one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from service.core.definitions import ProcessDefinition
from service.core.events import (
    ClockBreached,
    ClockMet,
    ClockMoved,
    ClockStarted,
    DecisionEvaluated,
    ElementCompleted,
    Event,
    InstanceEnded,
    InstanceStarted,
)
from service.core.events_beside import ClockChanged, ClockStopped, ClockWithdrawn


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of the history: its number, instant and events."""

    seq: int
    at: datetime
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit as the history tells it. ``extensions`` counts its moves; ``moves`` are (when, from, to)."""

    key: str
    name: str
    clause: str
    kind: str
    basis: str
    started_from: Any
    first_due: datetime
    due: datetime
    extensions: int = 0
    moves: tuple[tuple[datetime, datetime, datetime], ...] = ()
    breached_at: datetime | None = None
    met_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def running(self) -> bool:
        """Whether it can still be met."""
        return self.met_at is None and self.stopped_at is None

    @property
    def breached(self) -> bool:
        """Whether it was ever missed; a later date does not undo that."""
        return self.breached_at is not None

    @property
    def overdue(self) -> bool:
        """Whether it is missed and still waits."""
        return self.running and self.breached_at is not None and self.breached_at >= self.due


@dataclass(frozen=True, slots=True)
class Record:
    """What somebody wrote. ``readable`` says whether the person the document is for may read it."""

    seq: int
    at: datetime
    form: str
    agency: str | None
    answers: Mapping[str, Any]
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Departure:
    """A rule that was departed from, with reasons. ``until`` is a date or ``None``."""

    number: int
    at: datetime
    clause: str
    asks: str
    reasons: str
    instead: str
    until: Any = None
    readable: bool = True


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case in short, as returns over all cases need it. ``status`` is that of ``CaseRow``."""

    code: str
    step: int
    at: datetime
    status: str
    outcome: str | None
    outcome_name: str | None
    started_at: datetime
    ended_at: datetime | None
    variables: Mapping[str, Any]
    limits: tuple[Limit, ...]

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.status == "ended"


@dataclass(frozen=True, slots=True)
class Facts:
    """A case in full. ``head`` is the hash of its last step, empty where none was kept.

    ``closed`` are the process variables that only forms set whose answers the reader may not read.
    """

    case: CaseFacts
    definition: ProcessDefinition
    head: str
    steps: Sequence[Taken]
    records: Sequence[Record]
    departures: Sequence[Departure] = field(default_factory=tuple)
    closed: frozenset[str] = frozenset()

    def passed(self) -> list[tuple[datetime, ElementCompleted]]:
        """The elements that were passed, each with its instant, in order."""
        return [(t.at, e) for t in self.steps for e in t.events if isinstance(e, ElementCompleted)]

    def decisions(self) -> list[tuple[datetime, DecisionEvaluated]]:
        """The tables that were asked, each with its instant, in order."""
        return [(t.at, e) for t in self.steps for e in t.events if isinstance(e, DecisionEvaluated)]


def case_facts(
    code: str, steps: Sequence[Taken], variables: Mapping[str, Any], *, status: str | None = None
) -> CaseFacts:
    """A case in short from its history. ``status`` is worked out where none is given. Needs at least one step."""
    ends = [(t.at, e) for t in steps for e in t.events if isinstance(e, InstanceEnded)]
    ended_at, end = ends[-1] if ends else (None, None)
    started = next((t.at for t in steps for e in t.events if isinstance(e, InstanceStarted)), steps[0].at)
    return CaseFacts(
        code=code, step=steps[-1].seq, at=steps[-1].at, status=status or ("ended" if end else "running"),
        outcome=end.outcome if end else None, outcome_name=end.name if end else None, started_at=started,
        ended_at=ended_at, variables=variables, limits=limits_of(steps),
    )  # fmt: skip


def limits_of(steps: Iterable[Taken]) -> tuple[Limit, ...]:
    """The time limits a history tells of, in the order they began."""
    found: dict[str, Limit] = {}
    for taken in steps:
        for event in taken.events:
            if isinstance(event, ClockStarted):
                found[event.clock] = _begun(event)
            elif isinstance(event, ClockWithdrawn) and event.clock in found:
                if not found[event.clock].breached:
                    del found[event.clock]
            elif getattr(event, "clock", None) in found:
                found[event.clock] = _after(found[event.clock], event, taken.at)  # type: ignore[union-attr]
    return tuple(found.values())


def _begun(event: ClockStarted) -> Limit:
    return Limit(
        event.clock, event.name, event.clause, event.kind, event.basis, event.started_from, event.due_at, event.due_at
    )


def _after(before: Limit, event: Event, at: datetime) -> Limit:
    match event:
        case ClockMoved():
            moves = (*before.moves, (at, event.from_due, event.to_due))
            return replace(before, due=event.to_due, moves=moves, extensions=len(moves))
        case ClockBreached():
            return replace(before, breached_at=event.due_at)
        case ClockMet():
            return replace(before, met_at=at)
        case ClockStopped():
            return replace(before, stopped_at=at)
        case ClockChanged():
            return replace(before, name=event.name, clause=event.clause, kind=event.kind, basis=event.basis)
    return before
