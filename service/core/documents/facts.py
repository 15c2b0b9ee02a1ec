"""What a document is made from: one case as it stood after a step, and what people wrote in it.

Promises: everything here is taken from the history (events with their instants) and from records; nobody's name is in
it but where a record's own answers hold one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.core import clock_courses
from service.core.clock_course import Course
from service.core.definitions import ProcessDefinition
from service.core.departures import KEPT, PARTS
from service.core.events import DecisionEvaluated, ElementCompleted, Event, InstanceEnded
from service.core.events_beside import DepartureMade, InstanceReopened, InstanceRested


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of the history: its number, instant and events, and the definition it was taken on, if that is known."""

    seq: int
    at: datetime
    events: tuple[Event, ...]
    definition: ProcessDefinition | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What somebody wrote. ``readable`` says whether the person the document is for may read it.

    ``reasons_open`` says that they may read at least why it departs from a rule.
    """

    seq: int
    at: datetime
    form: str
    agency: str | None
    answers: Mapping[str, Any]
    readable: bool = True
    reasons_open: bool = False


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
    limits: tuple[Course, ...]

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
    closed: frozenset[str] = frozenset()

    @property
    def departures(self) -> list[Departure]:
        """The departures that were made, in the order of their numbers."""
        return departures_of(self.steps, self.records)

    def passed(self) -> list[tuple[datetime, ElementCompleted]]:
        """The elements that were passed, each with its instant, in order."""
        return [(t.at, e) for t in self.steps for e in t.events if isinstance(e, ElementCompleted)]

    def decisions(self) -> list[tuple[datetime, DecisionEvaluated]]:
        """The tables that were asked, each with its instant, in order."""
        return [(t.at, e) for t in self.steps for e in t.events if isinstance(e, DecisionEvaluated)]


def case_facts(
    code: str, definition: ProcessDefinition, steps: Sequence[Taken], variables: Mapping[str, Any],
    *, status: str | None = None,
) -> CaseFacts:  # fmt: skip
    """A case in short from its history. ``status`` is worked out where none is given. Needs at least one step.

    Each step is read by the definition it was taken on; where that is not said, by ``definition``.
    """
    ended_at, end = _end(steps)
    followed = clock_courses.followed((t.definition or definition, t.at, t.events) for t in steps)
    return CaseFacts(
        code=code, step=steps[-1].seq, at=steps[-1].at, status=status or ("ended" if end else "running"),
        outcome=end.outcome if end else None, outcome_name=end.name if end else None, started_at=steps[0].at,
        ended_at=ended_at, variables=variables, limits=tuple(followed),
    )  # fmt: skip


def _end(steps: Sequence[Taken]) -> tuple[datetime | None, InstanceEnded | InstanceRested | None]:
    """How and when the case ended, or came to rest and was not opened again."""
    told = ((t.at, e) for t in steps for e in t.events)
    ends = [(at, e) for at, e in told if isinstance(e, InstanceEnded | InstanceRested | InstanceReopened)]
    if not ends or isinstance(ends[-1][1], InstanceReopened):
        return None, None
    return ends[-1][0], ends[-1][1]


def departures_of(steps: Sequence[Taken], records: Sequence[Record]) -> list[Departure]:
    """The departures a history tells of; their words are in the record of the same step, if that may be read."""
    written = {record.seq: record for record in records if record.readable or record.reasons_open}
    made = ((t, e) for t in steps for e in t.events if isinstance(e, DepartureMade))
    return [_departure(taken, event, written.get(taken.seq)) for taken, event in made]


def _departure(taken: Taken, event: DepartureMade, record: Record | None) -> Departure:
    kept = record.answers.get(KEPT, ()) if record is not None else ()
    said = next((each for each in kept if each["rule"] == event.rule), None)
    words = said or dict.fromkeys(PARTS)
    return Departure(
        event.number, taken.at, event.clause, event.message, str(words["reasons"] or ""), str(words["effect"] or ""),
        words["until"], readable=said is not None,
    )  # fmt: skip
