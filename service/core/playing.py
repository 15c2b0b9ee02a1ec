"""One case played in memory: the engine, the forms and the access rule, with a clock that is told the time.

What a scenario does here goes through exactly the rules a person meets on a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from service.core import access, forms
from service.core.access import Actor, Membership
from service.core.clocks import Clock
from service.core.commands import Command, CompleteUserTask, DeliverMessage, FireTimers, StartInstance
from service.core.definitions import ProcessDefinition
from service.core.documents.facts import Facts, Record, Taken, case_facts
from service.core.engine.memory import clocks_kept, names_seen
from service.core.engine.step import step
from service.core.errors import NotAllowed, NothingToDo, TaskClosed
from service.core.events import (
    ClockMoved,
    ClockStarted,
    Event,
    UserTaskCancelled,
    UserTaskCompleted,
    UserTaskCreated,
)
from service.core.forms import Submission


@dataclass(slots=True)
class Player:
    """A case and everything that has happened to it. ``dues`` are (instant, clock key, due) in order."""

    definition: ProcessDefinition
    name: str
    state: bytes | None = None
    seq: int = 0
    outcome: str | None = None
    open: dict[str, UserTaskCreated] = field(default_factory=dict)
    happened: list[Event] = field(default_factory=list)
    dues: list[tuple[datetime, str, datetime]] = field(default_factory=list)
    steps: list[Taken] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    _written: Record | None = None

    def start(self, message: str, who: str, data: Mapping[str, Any], at: datetime) -> Submission:
        """Start the case by a message. Raises a ``Rejection``."""
        if not access.may_start(self.definition, actor(who), message):
            raise NotAllowed(f"{who} may not start a case by {message}.")
        sent = self._submit(self.definition.message_element(message).properties.get("form"), data, at, None)
        self._take(StartInstance(message, sent.variables), at)
        return sent

    def send(self, message: str, who: str, data: Mapping[str, Any], at: datetime) -> Submission:
        """Send the case a message. Raises a ``Rejection``."""
        element = self.definition.message_element(message)
        if not access.may_send(self.definition, actor(who), message):
            raise NotAllowed(f"{who} may not send {message}.")
        self.let_pass(at)
        sent = self._submit(element.properties.get("form"), data, at, None)
        self._take(DeliverMessage(message, sent.variables), at)
        return sent

    def complete(self, element: str, item: str | None, who: str, data: Mapping[str, Any], at: datetime) -> Submission:
        """Complete an open task of an element. Raises a ``Rejection``."""
        self.let_pass(at)
        task = self.task(element, item, actor(who))
        if not access.may_do(actor(who), task.role, task.agency):
            raise NotAllowed(f"{who} may not do this: it is for {task.role}{'@' + task.agency if task.agency else ''}.")
        sent = self._submit(task.form, data, at, task.item, task.agency)
        self._take(CompleteUserTask(task.task_id, sent.variables), at)
        return sent

    def let_pass(self, at: datetime) -> None:
        """Let time pass until ``at``."""
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

    def names(self) -> dict[str, Any]:
        """The process variables as they stand."""
        return names_seen({}, self.state, None) if self.state is not None else {}

    def facts(self, who: Actor | None = None) -> Facts:
        """The case as its documents are made from it, for ``who`` or for somebody who may read everything."""
        case = case_facts(self.name, self.steps, self.names())
        return Facts(case, self.definition, "", self.steps, [self._seen(record, who) for record in self.records])

    def _seen(self, record: Record, who: Actor | None) -> Record:
        of_class = str(self.definition.forms.get(record.form, {}).get("access", "case"))
        may = who is None or access.may_read(self.definition, who, of_class, record.agency)
        return replace(record, readable=may)

    def _submit(
        self, form: str | None, data: Mapping[str, Any], at: datetime, item: str | None, agency: str | None = None
    ) -> Submission:
        schema = self.definition.forms.get(form or "", {"components": []})
        lists = self.definition.specification.lists
        names = names_seen(lists, self.state, item) if self.state is not None else {}
        sent = forms.submit(schema, data, at=at, variables=names, directories=self.definition.directories)
        self._written = Record(self.seq + 1, at, form, agency, sent.answers) if form else None
        return sent

    def _take(self, command: Command, at: datetime) -> None:
        outcome = step(self.definition, self.state, command, instance_id=self.name, at=at, seq=self.seq + 1)
        self.state, self.seq, self.outcome = outcome.state, self.seq + 1, outcome.outcome
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
                case ClockMoved():
                    self.dues.append((at, event.clock, event.to_due))


    def _keep(self, command: Command, taken: Taken) -> None:
        """Keep a step that was taken; what was written goes with it, but not with time that passed before it."""
        self.steps.append(taken)
        if self._written is not None and not isinstance(command, FireTimers):
            self.records.append(self._written)
            self._written = None


def actor(who: str) -> Actor:
    """The person a scenario means by ``role`` or ``role@agency``."""
    role, _, agency = who.partition("@")
    return Actor(who, who, "", (Membership(role, agency or None, "scenario"),))
