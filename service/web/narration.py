"""The steps of a case told in sentences: who was asked, what was answered, which timers went off, what was decided.

A :class:`Narrator` is told the steps in order. It remembers the names of tasks and time limits and the last value of
each variable, so each sentence can stand alone and a changed answer is shown with the one before.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.core import values
from service.core.chain import Step
from service.core.clocks import COUNTER
from service.core.departures import clauses
from service.core.diagram_words import listed
from service.web import case_names
from service.web.case_names import Names
from service.web.changed_values import changed_values
from service.web.filters import british_time, counted

Event = Mapping[str, Any]
LATE_SECONDS = 120
"""A sweep takes a moment: only after this long is a timer said to have been carried out late."""

SENTENCES = {
    "InstanceStarted": ("done", "It began with “{message}”."),
    "MessageDelivered": ("done", "“{message}” was received."),
    "UserTaskClaimed": ("done", "{who} took {task}."),
    "UserTaskReleased": ("done", "{task} went back to its group."),
    "UserTaskAssigned": ("done", "{task} was given to {who}."),
    "UserTaskDelegated": ("done", "{task} was delegated to {who}."),
    "UserTaskReturned": ("done", "{task} came back to {who}."),
    "UserTaskCompleted": ("done", "{task} was completed."),
    "UserTaskCancelled": ("done", "{task} was no longer needed."),
    "UserTaskDueMoved": ("clock", "{task} is now due {due}."),
    "TimerScheduled": ("timer", "The timer {element} was set for {due}."),
    "TimerMoved": ("timer", "The timer {timer} moved to {due}."),
    "ReminderFell": ("timer", "Reminder {days} before the date: “{name}” is due {due}."),
    "ClockMoved": ("clock", "{clock} moved from {from_due} to {to_due}."),
    "ClockBreached": ("clock", "{clock} passed unmet: it was due {due}."),
    "ClockMet": ("clock", "{clock} was met {in_time}."),
    "ClockStopped": ("clock", "{clock} no longer applies."),
    "InstanceSuspended": ("done", "It was put on hold: nothing can be done in it, and no date passes in it."),
    "InstanceResumed": ("done", "It was taken off hold. What fell due meanwhile happened then."),
    "InstanceCancelled": ("done", "It was cancelled."),
    "VariablesCorrected": ("done", "Values of the process were put right."),
    "IncidentResolved": ("done", "What had gone wrong (reference {incident}) was put right."),
    "InstanceEnded": ("done", "It ended: {name}."),
    "InstanceRested": ("done", "It rests, and can be opened again: {name}."),
    "InstanceReopened": ("done", "It was opened again."),
    "DepartureMade": ("done", "Departure {number} from the guidance ({clause}): {text}"),
    "DepartureApproved": ("done", "Departure {number} was approved by {role}."),
    "DepartureObjected": ("done", "{role} objected to departure {number}."),
    "AccessGranted": ("done", "{account} was named for it as {role}."),
    "AccessEnded": ("done", "{account} is no longer named for it."),
    "SomebodyShutOut": ("done", "{account} may no longer know of it."),
    "SomebodyLetIn": ("done", "What step {number} had shut out is shut out no longer."),
    "StateMigrated": ("done", "The stored state was brought from form {from_form} into form {to_form}."),
    "InstanceMigrated": ("done", "It moved {versions} of the process."),
    "ClockChanged": ("clock", "{clock} is described anew ({kind})."),
    "ClockWithdrawn": ("clock", "{clock} no longer applies."),
}
"""Events that need no more than a sentence. Events found neither here nor in TELLERS are not told one by one."""

HIDDEN_WITHOUT_READING = frozenset({"answered", "computed", "decision"})
SILENT = frozenset({"userTask", "callActivity", "subProcess"})


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence. ``kind`` is answered, computed, done, asked, timer, clock, decision or passed."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Narrator:
    """Tells one case: ``people`` maps account ids to names, ``versions`` hashes of definitions to their numbers.

    The rest is what was told so far.
    """

    names: Names
    people: Mapping[str, str]
    versions: Mapping[str, int]
    tasks: dict[str, str] = field(default_factory=dict)
    timers: dict[str, str] = field(default_factory=dict)
    clocks: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)


def tell(narrator: Narrator, step: Step, *, answers: bool) -> list[Line]:
    """Return the sentences of one step; without ``answers`` neither what a person answered nor what came of it."""
    lines = [line for event in step.events for line in _lines(narrator, event, step.at)]
    values_first = [Line(kind, text) for kind, text in changed_values(narrator.names, narrator.variables, step)]
    lines = [*values_first, *lines]
    passed = [name for event in step.events for name in _passed(narrator.names, event)]
    if passed:
        lines.append(Line("passed", f"The process went through {listed(passed)}."))
    return [line for line in lines if answers or line.kind not in HIDDEN_WITHOUT_READING]


def _lines(narrator: Narrator, event: Event, at: datetime) -> Iterator[Line]:
    _remember(narrator, event)
    kind = event["type"]
    if kind in TELLERS:
        yield from TELLERS[kind](narrator, event, at)
    elif kind in SENTENCES and not _told_elsewhere(narrator, event):
        group, sentence = SENTENCES[kind]
        yield Line(group, sentence.format_map(_words(narrator, event)))


def _remember(narrator: Narrator, event: Event) -> None:
    if event["type"] == "UserTaskCreated":
        narrator.tasks[event["task_id"]] = case_names.element_name(narrator.names, event)
    elif event["type"] in {"TimerScheduled", "TimerRenamed"}:
        narrator.timers[event["timer_id"]] = case_names.element_name(narrator.names, event)
    elif event["type"] in {"ClockStarted", "ClockChanged"}:
        narrator.clocks[event["clock"]] = event["name"] or event["clock"]


def _told_elsewhere(narrator: Narrator, event: Event) -> bool:
    """A time limit's timer is told as the time limit."""
    found = case_names.element(narrator.names, event)
    return event["type"] == "TimerScheduled" and found is not None and "clock" in found.properties


def _words(narrator: Narrator, event: Event) -> dict[str, str]:
    clock = event.get("clock", "")
    kind = [event.get("kind") or "time limit", f"clause {event['clause']}" if event.get("clause") else ""]
    return {
        "element": case_names.element_name(narrator.names, event),
        "message": case_names.message_name(narrator.names, event.get("message", "")),
        "task": narrator.tasks.get(event.get("task_id", ""), "A task"),
        "timer": narrator.timers.get(event.get("timer_id", ""), ""),
        "clock": f"The time limit “{narrator.clocks.get(clock, clock)}”",
        "who": narrator.people.get(event.get("assignee", ""), "Somebody"),
        "account": _who(narrator, event),
        "name": event.get("name") or event.get("outcome", ""),
        "incident": event.get("incident", ""),
        "versions": _versions(narrator, event),
        "days": counted(event.get("days", 0), "day"),
        "kind": ", ".join(filter(None, kind)),
        "number": str(event.get("number", "")),
        "clause": clauses(event.get("clause", "")),
        "text": event.get("message", ""),
        "role": narrator.names.definition.role_name(event.get("role")) or "somebody",
        "in_time": "in time" if event.get("in_time") else "late",
        "start": _moment(event.get("started_from")),
        "due": _moment(event.get("due_at")) or "no longer",
        "from_due": _moment(event.get("from_due")),
        "to_due": _moment(event.get("to_due")),
    }


def _who(narrator: Narrator, event: Event) -> str:
    """A person, or everybody of an agency."""
    account, agency = event.get("account"), event.get("agency")
    if account:
        return narrator.people.get(account, "Somebody")
    return f"Everybody of {narrator.names.directory.get(agency, agency)}" if agency else "Somebody"


def _versions(narrator: Narrator, event: Event) -> str:
    former, new = (narrator.versions.get(event.get(side, "")) for side in ("former", "definition"))
    return f"from version {former} to version {new}" if former and new else "to another version"


def _moment(written: Any) -> str:
    value = values.decode(written)
    return british_time(value) if hasattr(value, "isoformat") else str(value or "")


def _passed(names: Names, event: Event) -> Iterator[str]:
    found = case_names.element(names, event) if event["type"] == "ElementCompleted" else None
    if found is not None and found.name and found.kind not in SILENT:
        yield case_names.element_name(names, event)


def _created(narrator: Narrator, event: Event, _at: datetime) -> Iterator[Line]:
    names = narrator.names
    who = names.definition.role_name(event["role"]) or "Somebody"
    agency = f" of {names.directory.get(event['agency'], event['agency'])}" if event["agency"] else ""
    due = f", due {_moment(event['due_at'])}" if event["due_at"] else ""
    basis = f" ({event['due_basis']})" if due and event["due_basis"] else ""
    yield Line("asked", f"{who}{agency} was asked: {case_names.element_name(names, event)}{due}{basis}.")


def _limit_began(narrator: Narrator, event: Event, at: datetime) -> Iterator[Line]:
    words = _words(narrator, event)
    start = words["start"] or _moment(values.encode(at))
    if event["kind"] == COUNTER:
        asks = f"the first time to ask is {words['due']}"
        yield Line("clock", f"{words['clock']} counts from {start}, without a limit; {asks}.")
    else:
        yield Line("clock", f"{words['clock']} ({words['kind']}) counts from {start} and is due {words['due']}.")


def _fired(narrator: Narrator, event: Event, at: datetime) -> Iterator[Line]:
    due = values.decode(event["due_at"])
    seconds = (at - due).total_seconds()
    later = f"; it was carried out {british_time(at)}, {_interval(seconds)} later" if seconds > LATE_SECONDS else ""
    timer = case_names.element_name(narrator.names, event)
    yield Line("timer", f"The timer {timer} went off at its time, {british_time(due)}{later}.")


def _interval(seconds: float) -> str:
    size, noun = next(unit for unit in ((86400, "day"), (3600, "hour"), (60, "minute")) if seconds >= unit[0])
    return counted(int(seconds // size), noun)


def _named_values(names: Names, given: Mapping[str, Any]) -> Iterator[str]:
    return (f"{key.replace('_', ' ')}: {case_names.answer(names, key, value)}" for key, value in given.items())


def _decided(narrator: Narrator, event: Event, _at: datetime) -> Iterator[Line]:
    names, decision = narrator.names, event["decision"]
    given, gave = (listed(list(_named_values(names, event[side]))) for side in ("inputs", "outputs"))
    rows = case_names.deciding_rows(names, decision, event["rules"])
    why = f", because of {rows}" if rows else ""
    yield Line("decision", f"“{case_names.decision_name(names, decision)}” was given {given} and gave {gave}{why}.")


def _changed(narrator: Narrator, event: Event, _at: datetime) -> Iterator[Line]:
    task, changed = narrator.tasks.get(event["task_id"], "A task"), event["changed"]
    if changed.get("name"):
        narrator.tasks[event["task_id"]] = f"“{changed['name']}”"
        yield Line("asked", f"{task} is now called “{changed['name']}”.")
    if "role" in changed:
        role = narrator.names.definition.role_name(changed["role"])
        yield Line("asked", f"{task} went to {role or 'nobody in particular'}.")
    if changed.get("agency"):
        yield Line("asked", f"{task} went to {narrator.names.directory.get(changed['agency'], changed['agency'])}.")
    if "form" in changed:
        yield Line("asked", f"{task} is now asked with another form.")


TELLERS: dict[str, Callable[[Narrator, Event, datetime], Iterator[Line]]] = {
    "UserTaskCreated": _created,
    "ClockStarted": _limit_began,
    "UserTaskChanged": _changed,
    "TimerFired": _fired,
    "DecisionEvaluated": _decided,
}
"""Events whose sentence depends on more than its words."""
