"""One case played in memory: the engine, the forms and the access rule, with a clock that is told the time.

What a scenario does here goes through exactly the rules a person meets on a page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from service.core import access, forms, forms_filled
from service.core.access import Actor, Membership
from service.core.clock_course import Course
from service.core.clock_courses import followed
from service.core.clocks import Clock
from service.core.commands import (
    ApproveDeparture,
    Command,
    CompleteUserTask,
    DeliverMessage,
    FireTimers,
    ObjectToDeparture,
    StartInstance,
)
from service.core.definitions import ProcessDefinition
from service.core.departures import PARTS
from service.core.documents.facts import Facts, Record, Taken, case_facts
from service.core.engine.memory import clocks_kept, names_seen
from service.core.engine.step import step
from service.core.errors import DepartureRefused, NotAllowed, NothingToDo, TaskClosed
from service.core.events import (
    ClockMoved,
    ClockStarted,
    Event,
    UserTaskCancelled,
    UserTaskCompleted,
    UserTaskCreated,
)
from service.core.events_beside import DepartureMade
from service.core.forms import Submission

Judged = TypeVar("Judged")


@dataclass(slots=True)
class Player:
    """A case and everything that has happened to it.

    ``dues`` are (instant, clock key, due) in order; ``departed`` says who made each departure;
    ``steps`` and ``records`` are what happened and what was written, in order.
    """

    definition: ProcessDefinition
    name: str
    state: bytes | None = None
    seq: int = 0
    outcome: str | None = None
    open: dict[str, UserTaskCreated] = field(default_factory=dict)
    happened: list[Event] = field(default_factory=list)
    dues: list[tuple[datetime, str, datetime]] = field(default_factory=list)
    departed: dict[int, str] = field(default_factory=dict)
    steps: list[Taken] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    next_due: datetime | None = None
    _written: Record | None = None

    def start(self, message: str, who: str, data: Mapping[str, Any], at: datetime, departs: Any = None) -> Submission:
        """Start the case by a message; ``departs`` as ``departures_said`` reads it. Raises a ``Rejection``."""
        if not access.may_start(self.definition, actor(who), message):
            raise NotAllowed(f"{who} may not start a case by {message}.")
        form = self.definition.message_element(message).properties.get("form")
        sent = self._submit(form, data, at, None, departs)
        self._take(StartInstance(message, sent.variables, departures=sent.departed), at, who)
        return sent

    def send(
        self, message: str, who: str, data: Mapping[str, Any], at: datetime, item: str | None = None,
        departs: Any = None,
    ) -> Submission:  # fmt: skip
        """Send the case a message, about one ``item`` where several wait for it. Raises a ``Rejection``."""
        element = self.definition.message_element(message)
        if not access.may_send(self.definition, actor(who), message, item):
            raise NotAllowed(f"{who} may not send {message}.")
        self.let_pass(at)
        sent = self._submit(element.properties.get("form"), data, at, item, departs)
        self._take(DeliverMessage(message, sent.variables, item=item, departures=sent.departed), at, who)
        return sent

    def complete(
        self, element: str, item: str | None, who: str, data: Mapping[str, Any], at: datetime, departs: Any = None
    ) -> Submission:
        """Complete an open task of an element. Raises a ``Rejection``."""
        self.let_pass(at)
        task = self.task(element, item, actor(who))
        if not access.may_do(actor(who), task.role, task.agency):
            raise NotAllowed(f"{who} may not do this: it is for {task.role}{'@' + task.agency if task.agency else ''}.")
        sent = self._submit(task.form, data, at, task.item, departs, task.agency)
        self._take(CompleteUserTask(task.task_id, sent.variables, departures=sent.departed), at, who)
        return sent

    def let_pass(self, at: datetime) -> None:
        """Let time pass until ``at``; where nothing is due by then, nothing has to be run to know it."""
        if self.next_due is None or at < self.next_due:
            return
        try:
            self._take(FireTimers(), at)
        except NothingToDo:
            return

    def task(self, element: str, item: str | None, who: Actor) -> UserTaskCreated:
        """The open task of an element (and item); the actor's own comes first. Raises ``TaskClosed``."""
        found = [t for t in self.open.values() if t.element_id == element and item in {None, t.item}]
        if not found:
            now = ", ".join(sorted({t.element_id for t in self.open.values()})) or "nothing"
            raise TaskClosed(f"The task {element} is not open. Open now: {now}.")
        return min(found, key=lambda t: (not access.may_do(who, t.role, t.agency), t.task_id))

    def clocks(self) -> dict[str, Clock]:
        """The clocks as they stand."""
        return clocks_kept(self.state) if self.state is not None else {}

    def course(self, key: str, upto: datetime) -> Course | None:
        """The latest run of a time limit, as it stood at the instant ``upto``."""
        known = followed((self.definition, t.at, t.events) for t in self.steps if t.at <= upto)
        return next((course for course in reversed(known) if course.key == key), None)

    def names(self) -> dict[str, Any]:
        """The process variables as they stand."""
        return names_seen({}, self.state, None) if self.state is not None else {}

    def facts(self, who: Actor | None = None) -> Facts:
        """The case as its documents are made from it, for ``who`` or for somebody who may read everything."""
        case = case_facts(self.name, self.definition, self.steps, self.names())
        who = replace(who, passed=self._passed()) if who is not None else None
        return Facts(case, self.definition, "", self.steps, [self._seen(record, who) for record in self.records])

    def _passed(self) -> frozenset[tuple[str, str | None]]:
        """The tasks that were done, as ``access.Actor`` holds them."""
        asked = {e.task_id: (e.element_id, e.agency) for e in self.happened if isinstance(e, UserTaskCreated)}
        return frozenset(asked[e.task_id] for e in self.happened if isinstance(e, UserTaskCompleted))

    def _seen(self, record: Record, who: Actor | None) -> Record:
        of_class = str(self.definition.forms.get(record.form, {}).get("access", "case"))
        may = who is None or access.may_read(self.definition, who, of_class, record.agency)
        judges = who is not None and access.approving_role(self.definition, who) is not None
        return replace(record, readable=may, reasons_open=judges)

    def judge_departure(self, number: int, who: str, at: datetime, *, approved: bool) -> None:
        """Agree or object to a departure of the case. Raises a ``Rejection``."""
        role = access.approving_role(self.definition, actor(who))
        if role is None:
            raise NotAllowed(f"{who} may not approve departures.")
        self.let_pass(at)
        if self.departed.get(number) == who:
            raise NotAllowed(f"{who} made this departure: somebody else has to look at it.")
        self._take((ApproveDeparture if approved else ObjectToDeparture)(number, role), at)

    def _submit(
        self, form: str | None, data: Mapping[str, Any], at: datetime, item: str | None, departs: Any,
        agency: str | None = None,
    ) -> Submission:  # fmt: skip
        names = names_seen(self.definition.specification.lists, self.state, item)
        schema = forms_filled.asked(self.definition, form, names)
        seen = {**names, **self.definition.supplied}
        judge = partial(forms.submit, schema, data, at=at, variables=seen, directories=self.definition.directories)
        sent = judged_with(judge, departs)
        self._written = Record(self.seq + 1, at, form, agency, sent.kept) if form else None
        return sent

    def _take(self, command: Command, at: datetime, who: str = "") -> None:
        outcome = step(self.definition, self.state, command, instance_id=self.name, at=at, seq=self.seq + 1)
        self.state, self.seq, self.outcome = outcome.state, self.seq + 1, outcome.outcome
        self.next_due = outcome.next_due
        self.happened.extend(outcome.events)
        self._keep(command, Taken(self.seq, at, outcome.events))
        for event in outcome.events:
            match event:
                case UserTaskCreated():
                    self.open[event.task_id] = event
                case UserTaskCompleted() | UserTaskCancelled():
                    self.open.pop(event.task_id, None)
                case ClockStarted():
                    self.dues.append((at, event.clock, event.due_at))
                case DepartureMade():
                    self.departed[event.number] = who
                case ClockMoved():
                    self.dues.append((at, event.clock, event.to_due))


    def _keep(self, command: Command, taken: Taken) -> None:
        """Keep a step that was taken; what was written goes with it, but not with time that passed before it."""
        self.steps.append(taken)
        if self._written is not None and not isinstance(command, FireTimers):
            self.records.append(self._written)
            self._written = None


def judged_with(judge: Callable[..., Judged], departs: Any) -> Judged:
    """Send answers by ``judge``, which takes ``departures``, with what a scenario's step says of departures.

    Raises what ``judge`` raises, and ``DepartureRefused`` for a step that ``departs`` where nothing departs.
    """
    try:
        sent = judge()
    except DepartureRefused as needed:
        if departs is None:
            raise
        return judge(departures=departures_said(departs, [one.rule for one in needed.departures]))
    if departs is not None:
        raise DepartureRefused("These answers depart from nothing, and the step says “departs”.", (), ())
    return sent


def departures_said(departs: Any, rules: Sequence[str]) -> dict[str, Any]:
    """What a scenario's step says of departures, by rule id.

    It is one mapping for all ``rules`` that hold, a mapping by rule id, or a list of mappings each with its ``rule``.
    """
    if isinstance(departs, list):
        rows = [row for row in departs if isinstance(row, Mapping)]
        return {str(row.get("rule")): {k: v for k, v in row.items() if k != "rule"} for row in rows}
    if isinstance(departs, Mapping) and not set(departs) <= set(PARTS):
        return dict(departs)
    return dict.fromkeys(rules, departs)


def actor(who: str) -> Actor:
    """The person a scenario means by ``role`` or ``role@agency``."""
    role, _, agency = who.partition("@")
    return Actor(who, who, "", (Membership(role, agency or None, "scenario"),))
